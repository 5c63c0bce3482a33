"""Directions in W: principal components (GANSpace) and boundaries of attributes (InterFaceGAN).

What the compact pack gets is written to pretrained/directions/.

    python -m styleclip_core train-directions FACES_DIR --measurements measurements.npz

A boundary is the ridge regression of a continuous label on codes w, each drawn towards the mean by its face's
truncation, so nothing needs to be undone for that. The ridge is as large as W's mean variance: it takes a few
thousandths of the held-out AUC, and halves the length of an edit in whitened W, where pictures do not follow far.
Regression on all faces is steadier than a separator of the extreme ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from styleclip_core.edits import ganspace, interfacegan, stored
from styleclip_core.evaluation.metrics import auc
from styleclip_core.evaluation.reports import markdown_row, markdown_table
from styleclip_core.latents import ridge_slopes
from styleclip_core.packs.base import Pack
from styleclip_core.training.attributes import derived
from styleclip_core.training.common import HELD_OUT, read_codes, save_trained, standardise

RIDGE = 1.0  # share of the mean variance of W
ENDS = 0.2  # shares of the held-out faces that count as having and as lacking an attribute

# name: what is measured, with weights on standardised sources; "log" takes the logarithm of a source with a long tail
MEASURED: dict[str, dict[str, float]] = {
    "age": {"age": 1},
    "gender": {"male": 1},  # towards masculine
    "smile": {"smile": 1},
    "pose": {"yaw": 1},  # towards the right of the picture
    "pitch": {"pitch": 1},  # downwards
    "mouth open": {"bs_jawOpen": 1, "mouth_open": 1},
    "eyes open": {"blink": -1, "eye_open": 1},
    "gaze": {"gaze": 1, "yaw": 0.76},  # towards the right of the picture, beyond where the turned head looks
    "face width": {"face_aspect": 1, "jaw_width": 0.5},
    "surprise": {"brow_height": 1, "bs_browInnerUp": 0.5, "mouth_open": 1, "smile": -0.6},
    "eyeglasses": {"log bridge_edges": 1},
    "blond hair": {"hair_L": 0.8, "hair_b": 1},
    "grey hair": {"hair_grey": 1},
    "red hair": {"hair_red": 1},
    "hair length": {"hair_length": 1, "hair_below_chin": 1},
    "beard": {"jaw_hair": 1, "jaw_dark": 0.5},
    "bangs": {"forehead_hair": 1},
    "baldness": {"hair_top": -1},
    "skin tone": {"skin_L": -1},  # towards dark
    "lipstick": {"lip_red": 1},
}
# name: texts of which the pack's text-image model tells which fits a face better, where nothing measures the attribute
READ: dict[str, tuple[str, str]] = {
    "makeup": ("a face wearing makeup", "a face without makeup"),
    "curly hair": ("a person with curly hair", "a person with straight hair"),
    "chubbiness": ("a chubby person with a round face", "a thin person with a narrow face"),
}


def labels(names: list[str], values: np.ndarray, reference: slice) -> dict[str, np.ndarray]:
    """Labels of `MEASURED` for every face, ``[N]`` in standard deviations over the rows ``reference``; NaN unknown."""
    sources = {name: values[:, i].astype(np.float64) for i, name in enumerate(names)}
    sources |= derived(sources)

    def clipped(x: np.ndarray) -> np.ndarray:
        return standardise(x, reference).clip(-4, 4)

    def source(name: str) -> np.ndarray:
        bare = name.removeprefix("log ")
        return clipped(sources[bare] if bare == name else np.log(sources[bare].clip(1)))

    return {
        name: clipped(np.sum([weight * source(s) for s, weight in recipe.items()], 0))
        for name, recipe in MEASURED.items()
    }


def fit(codes: Tensor, label: Tensor, ridge: float = RIDGE) -> Tensor:
    """Unit normal ``[512]`` along which ``label [N]`` grows over ``codes [N,512]``."""
    slopes = ridge_slopes(codes.double(), label.double()[:, None], ridge)[:, 0]
    return (slopes / slopes.norm()).float()


def judged(scores: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """AUC of ``scores [N]`` between both ends of ``label [N]``, and their correlation over all."""
    low, high = np.quantile(label, [ENDS, 1 - ENDS])
    ends = (label >= high) | (label <= low)
    return auc(scores[ends], label[ends] >= high), float(np.corrcoef(scores, label)[0, 1])


@torch.no_grad()
def boundaries(pack: Pack, folder: Path, measurements: Path, report=print) -> dict[str, Tensor]:
    """Fit all boundaries and report each one's figures on held-out faces. Returns the content of the file."""
    generator, measured = pack.generator, np.load(measurements)
    w_plus, mixed = read_codes(folder, generator)
    codes, cut = w_plus[:, 0], len(mixed) - HELD_OUT
    found = {  # name: codes, labels, how many of them to train on
        name: (codes[torch.from_numpy(use)], label[use], int(use[:cut].sum()))
        for name, label in labels([str(n) for n in measured["names"]], measured["values"], slice(0, cut)).items()
        for use in [np.isfinite(label) & ~mixed]  # a face of two seeds has no single w
    }
    reference = pack.reference_faces
    for name, texts in READ.items():
        there, not_there = pack.clip.encode_text(list(texts))
        label = (reference.embeddings @ (there - not_there)).numpy()
        found[name] = reference.w, (label - label.mean()) / label.std(), len(label) * 9 // 10
    random = ganspace.measure(generator, 20_000, seed=4, count=512)
    content = {"mean": generator.w_avg.clone()}
    report(markdown_table(["attribute", "AUC of the ends", "correlation", "trained on", "held out"], []))
    for name, (w, label, train) in sorted(found.items()):
        normal = fit(w[:train], torch.from_numpy(label[:train]))
        scores = ((w - generator.w_avg) @ normal).numpy()
        area, correlation = judged(scores[train:], label[train:])
        report(markdown_row([name, f"{area:.3f}", f"{correlation:.2f}", train, len(label) - train]))
        content[f"{name}.normal"] = normal
        content[f"{name}.deviation"] = ((random.axes @ normal) * random.deviations).norm()
        content[f"{name}.offset"] = torch.tensor(float(np.median(scores[:train])))
    return content


def components(pack: Pack, report=print) -> dict[str, Tensor]:
    """Measure the principal components of W and report how they agree with those of other samples."""
    found = ganspace.measure(pack.generator, ganspace.SAMPLES)
    other = ganspace.measure(pack.generator, ganspace.SAMPLES // 3, seed=9)
    for count in (1, 3, 10, 20, 80):
        error = ganspace.subspace_error(found.axes[:count], other.axes[:count])
        report(f"first {count}: {error:.2e} of the subspace lies outside that of {ganspace.SAMPLES // 3} other samples")
    share = found.deviations[[0, 1, 2, 9, 19]].square() / found.deviations.square().sum()
    report(f"share of these components' variance, 1st, 2nd, 3rd, 10th, 20th: {share.tolist()}")
    return vars(found)


def run(pack: Pack, parts: list[str], folder: Path | None, measurements: Path | None, faces: int, report=print) -> None:
    """Compute ``parts`` for a pack and write their files.

    Args:
        parts: of "ganspace", "interfacegan" (which needs ``folder`` and ``measurements``) and "relevance".
        faces: that the relevance is averaged over.
    """
    from styleclip_core.edits import global_directions, relevance

    if "ganspace" in parts:
        save(pack, ganspace.FILE, components(pack, report))
    if "interfacegan" in parts:
        assert folder and measurements, "boundaries are fitted to measured faces"
        save(pack, interfacegan.FILE, boundaries(pack, folder, measurements, report))
    if "relevance" in parts:
        content = relevance.measure(pack, faces, report=report)
        save(pack, global_directions.FILE, content | {"changes": content["changes"].half()})


def save(pack: Pack, file: str, content: dict[str, Tensor]) -> None:
    """Write a file of directions, in single precision unless its tensors are not."""
    save_trained(content, stored.folder(pack) / file, half=False)
