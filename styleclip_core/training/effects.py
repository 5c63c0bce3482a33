"""What each slider does to a face's attributes: random faces, each moved by many sliders, drawn, measured and kept.

`edits.compose` reads the result, a table of mean effects, to make a step for a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from styleclip_core import latents, steps, weights
from styleclip_core.edits import compose, ganspace, interfacegan, sliders
from styleclip_core.evaluation import measure
from styleclip_core.images import to_image, to_tensor
from styleclip_core.packs import Pack, load_pack
from styleclip_core.rendering import Preview
from styleclip_core.training.attributes import RECIPES, attribute_scores
from styleclip_core.training.common import save_trained

FIRST_SEED, TRUNCATION, SIZE, QUARTERS = 930_000, 0.75, 256, 4
W_SHARE = 0.3  # of the weight of scorers in W beside measurements of pictures: a step along a scorer is no evidence
UNUSED = ("component:pale colours", "component:smile", "component:fringe")  # move what is measured only by such scorers
ROOM = 0.5  # deviations above the mean up to which a face has room for more of a concept
FACES_PRICED = 8  # on which the price of a slider is measured
STYLE_PROMPTS = (
    *"a smiling person;a person with eyeglasses;a person with blond hair;a person with grey hair".split(";"),
    *"a person with red hair;a person with black hair;a person with brown hair;a person with curly hair".split(";"),
    *"a person with straight hair;a person with long hair;a person with short hair;a bald person".split(";"),
    *"a person with a beard;a clean-shaven person;a person with a moustache;a person with bangs".split(";"),
    *"an old person;a young person;a person wearing red lipstick;a person wearing makeup".split(";"),
    *"a person with blue eyes;a person with pale skin;a person with dark skin;an angry person".split(";"),
    *"a sad person;a surprised person;a chubby person;a thin person;a person with a hat".split(";"),
    *"a person with an open mouth;a person with bushy eyebrows;a person with rosy cheeks".split(";"),
    *"a person with full lips;a man;a woman;a person with a receding hairline".split(";"),
    *"a person with closed eyes;a person looking to the left;a person looking to the right".split(";"),
)


def run(folder: Path, hair: str, scorers: Path, faces: int = 200, passes: int = 1) -> None:
    """Measure the compact pack's sliders, and write the table of their effects to pretrained/. Resumable."""
    pack = load_pack("compact", "cpu")
    measure_effects(pack, folder, hair, faces, passes)
    write_table(pack, folder, scorers, weights.PRETRAINED / compose.FILE)


def experts(pack: Pack) -> list[tuple[str, float]]:
    """The sliders that steps are composed of, each with the strength at which its effect is measured."""
    chosen = [(f"mapper:{name}", 1.0) for name in pack.mappers]
    chosen += [(f"boundary:{name}", sign) for name in interfacegan.names(pack) for sign in (1.5, -1.5)]
    chosen += [(f"component:{named.name}", sign) for named in ganspace.NAMED for sign in (1.5, -1.5)]
    return chosen + [(f"style:{prompt}", 1.5) for prompt in STYLE_PROMPTS]


@torch.no_grad()
def measure_effects(pack: Pack, folder: Path, hair_model: str, faces: int, passes: int) -> None:
    """Measure random faces, and the same after each of a share of the experts; one file a face and pass.

    Args:
        folder: for the files; those that are there already are kept, so that an interrupted run goes on.
        passes: how many of the quarters of the experts each face is moved by. They differ from face to face, so that
            one pass tells of all experts already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = experts(pack)
    for part, i in tqdm([(part, i) for part in range(passes) for i in range(faces)], mininterval=30):
        file = folder / f"{part}_{i:04d}.npz"
        if file.exists():
            continue
        mine = np.random.default_rng(i).permutation(len(chosen))[part::QUARTERS]
        w_plus = latents.random_w(pack.generator, FIRST_SEED + i, TRUNCATION).expand(1, pack.generator.num_layers, -1)
        draw, codes, pictures = Preview(pack.generator, w_plus, SIZE), [], []
        for key, strength in [("", 0.0), *(chosen[j] for j in mine)]:
            moved, styles = sliders.move(pack, w_plus, {key: strength} if key else {})
            pictures.append(draw(styles or moved))
            codes.append(moved)
        names, means = [f"{i:04d}_{j}" for j in [-1, *mine]], mean_codes(pack, torch.cat(codes))
        keep_measured(file, pictures, names, hair_model, codes=means, experts=mine)


def mean_codes(pack: Pack, w_plus: Tensor) -> np.ndarray:
    """Codes ``[N,L,512]`` as one code each, ``[N,512]``: the mean over the layers that matter."""
    return w_plus[:, : latents.effective_layers(pack.generator)].mean(1).numpy()


def keep_measured(file: Path, pictures: list[Tensor], names: list[str], hair_model: str, **more: np.ndarray) -> None:
    """Measure pictures ``[1,3,R,R]`` of one face; write them to the folder ``img`` beside a file of what was measured.

    Args:
        file: ``.npz`` with ``names [M]`` of measurements and ``values [N,M]``, NaN unknown.
        names: of the pictures.
        more: arrays for the file.
    """
    images = [to_image(picture) for picture in pictures]
    rows = [measure.measure(image, hair_model) or {} for image in images]
    known = sorted({name for row in rows for name in row})
    values = np.array([[row.get(name, np.nan) for name in known] for row in rows], np.float32)
    (file.parent / "img").mkdir(exist_ok=True)
    for image, name in zip(images, names, strict=True):
        image.save(file.parent / "img" / f"{name}.webp", quality=92)
    partial = file.with_suffix(".part.npz")
    np.savez_compressed(partial, allow_pickle=False, names=np.array(known), values=values, **more)
    partial.rename(file)


@torch.no_grad()
def write_table(pack: Pack, folder: Path, scorers: Path, path: Path) -> None:
    """Average what `measure_effects` measured, and write the table that `edits.compose.read_effects` reads.

    Args:
        scorers: linear scorers of CelebA's attributes in W (.npz with ``names [A]`` and ``weights [A,512]``).
        path: of the table (.safetensors).
    """
    chosen, linear = experts(pack), np.load(scorers)
    files = sorted(file for file in folder.glob("*.npz") if ".part" not in file.name)
    measured = [np.load(file) for file in files]
    names = sorted({name for one in measured for name in one["names"].tolist()})
    values = np.concatenate([columns(one, names) for one in measured])
    codes = np.concatenate([one["codes"] for one in measured]) @ linear["weights"].T
    expert = np.concatenate([[-1, *one["experts"]] for one in measured])
    face = np.concatenate(
        [[int(file.stem[-4:])] * (1 + len(one["experts"])) for file, one in zip(files, measured, strict=True)]
    )
    # The unedited faces come first: they standardise the scores.
    order = np.argsort(expert >= 0, kind="stable")
    values, codes, expert, face = values[order], codes[order], expert[order], face[order]
    w_scores = {str(name).removeprefix("boundary_"): codes[:, i] for i, name in enumerate(linear["names"])}
    count = int((expert < 0).sum())
    scores = attribute_scores(names, values, w_scores, slice(0, count), _recipes(names, values[:count]))
    labels = np.stack(list(scores.values()), 1)
    unedited = {int(f): row for f, row in zip(face[expert < 0], labels[expert < 0], strict=True)}
    changes = np.stack([_mean_change(labels, face, expert == i, unedited) for i in range(len(chosen))])
    prices = _prices(pack, folder, len(chosen))
    used = [i for i, (key, _) in enumerate(chosen) if key not in UNUSED]
    chosen, changes, prices = [chosen[i] for i in used], changes[used], prices[used]
    tensors = {"changes": torch.from_numpy(changes), "prices": torch.from_numpy(prices / prices.mean())}
    save_trained(tensors, path, metadata={"names": json.dumps({"sliders": chosen, "concepts": list(scores)})})


def _recipes(names: list[str], unedited: np.ndarray) -> dict[str, dict[str, float]]:
    """The attributes' recipes, with less of the scorers in W where a picture is measured too.

    Measurements that are the same in all unedited faces ``[N,len(names)]`` are left out: they have no deviation.
    """
    constant = {name for name, column in zip(names, unedited.T, strict=True) if not np.nanstd(column) > 0}

    def weight(recipe: dict[str, float], name: str) -> float:
        measured = any(not other.startswith("w:") for other in recipe.keys() - constant)
        return recipe[name] * (W_SHARE if measured and name.startswith("w:") else 1)

    ordered = {
        a: sorted(recipe.keys() - constant, key=lambda n: (n.startswith("w:"), n)) for a, recipe in RECIPES.items()
    }
    return {a: {name: weight(RECIPES[a], name) for name in sources} for a, sources in ordered.items()}


def columns(measured: Mapping[str, np.ndarray], names: list[str]) -> np.ndarray:
    """The measurements ``[N,len(names)]`` of one file, NaN where it lacks one."""
    own = measured["names"].tolist()
    table = np.full((len(measured["values"]), len(names)), np.nan, np.float32)
    table[:, [names.index(name) for name in own]] = measured["values"]
    return table


def _mean_change(labels: np.ndarray, face: np.ndarray, rows: np.ndarray, unedited: dict[int, np.ndarray]) -> np.ndarray:
    """Mean change ``[C]`` of the labels in some rows since the unedited faces; outliers are cut at 5 deviations.

    Only faces with room for the change count: a man cannot become more of a man. Means that are hardly larger than
    their error are shrunk towards 0 (James-Stein): a step would otherwise be chosen by that error.
    """
    before = np.stack([unedited[int(f)] for f in face[rows]])
    changes = np.clip(labels[rows] - before, -5, 5)
    sign = np.sign(np.nanmean(changes, 0))
    changes[sign * before > ROOM] = np.nan
    known = np.isfinite(changes).sum(0)
    mean, error = np.nanmean(changes, 0), np.nanvar(changes, 0) / np.maximum(known - 1, 1)
    return np.nan_to_num(mean * np.clip(1 - error / np.maximum(mean**2, 1e-9), 0, 1))


def _prices(pack: Pack, folder: Path, count: int) -> np.ndarray:
    """What each expert costs, ``[count]``: mean loss of identity plus the LPIPS-like distance, on a few faces each."""
    totals, seen = np.zeros(count), np.zeros(count)
    for file in tqdm(sorted((folder / "img").iterdir()), mininterval=30):
        face, _, expert = file.stem.partition("_")
        if int(expert) < 0 or seen[int(expert)] >= FACES_PRICED:
            continue
        with Image.open(folder / "img" / f"{face}_-1.webp") as before, Image.open(file) as after:
            pair = [to_tensor(picture.convert("RGB"), pack.device) for picture in (before, after)]
        totals[int(expert)] += steps.distance(pack, *pair)
        if pack.identity:
            a, b = pack.identity(torch.cat(pair))
            totals[int(expert)] += 2 * (1 - float(a @ b))
        seen[int(expert)] += 1
    return totals / np.maximum(seen, 1)
