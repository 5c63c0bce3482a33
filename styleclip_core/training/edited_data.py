"""Labels of edited faces, by measurements of their pixels alone: a step along a scorer in W is no evidence of anything.

Two folders are read: of `training.effects` (random faces moved by sliders) and of `training.edited_faces` (optimised
for prompts). A face and its edits are nearly the same but for what was edited, so that what the labels of such a pair
differ by tells an attribute from all that usually goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from styleclip_core.training import captions
from styleclip_core.training.attributes import RECIPES, attribute_scores
from styleclip_core.training.common import HELD_OUT, read_images
from styleclip_core.training.effects import columns
from styleclip_core.training.face_clip_data import STORED

HELD_OUT_EVERY = 4  # of the faces: with all of their edits they are for evaluation only


@dataclass(frozen=True, eq=False)
class EditedFaces:
    """N pictures of fewer faces, unedited ones among them, and what is known of A attributes of them.

    Attributes:
        images: ``uint8 [N,3,176,176]``.
        scores: ``float32 [N,A]``, columns as `captions.ATTRIBUTES`, in deviations over random faces, NaN unknown.
        before: ``int [N]``, the row of the same face unedited; an unedited face's own.
        prompts: ``str [N]``, what a picture was optimised for; "" for others.
        held_out: ``bool [N]``.
        reliability: ``[A]``, correlation of these labels with those of random faces, which W's scorers tell too.
    """

    images: Tensor
    scores: np.ndarray
    before: np.ndarray
    prompts: np.ndarray
    held_out: np.ndarray
    reliability: np.ndarray

    @property
    def edited(self) -> np.ndarray:
        """Which rows are edited, ``bool [N]``."""
        return self.before != np.arange(len(self.before))

    def rows(self, chosen: np.ndarray) -> EditedFaces:
        """Some of the pictures, by a ``bool [N]`` that takes a face with all of its edits or not at all."""
        index = np.cumsum(chosen) - 1
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {name: part[chosen] for name, part in parts.items() if name not in ("reliability", "images")}
        kept["before"] = index[kept["before"]]
        return EditedFaces(self.images[torch.from_numpy(chosen)], reliability=self.reliability, **kept)


@dataclass(frozen=True, eq=False)
class _Face:
    """One face: its pictures, the unedited one first, what they were optimised for, and the file of measurements."""

    pictures: list[Path]
    prompts: list[str]
    measured: Mapping[str, np.ndarray]
    number: int


def pixel_recipes() -> dict[str, dict[str, float]]:
    """The recipes of attributes without W's scorers; attributes that nothing else tells are left out."""
    recipes = {a: {n: w for n, w in recipe.items() if not n.startswith("w:")} for a, recipe in RECIPES.items()}
    return {attribute: recipe for attribute, recipe in recipes.items() if recipe}


def load_edited(measurements: Path, effects: Path, optimised: Path, random_scores: np.ndarray) -> EditedFaces:
    """Read both folders.

    Args:
        measurements: of the random faces; they standardise all scores.
        random_scores: the labels of those faces, ``[F,A]``.
    """
    faces = [*_effect_files(effects), *_optimised_files(optimised)]
    random = np.load(measurements)
    names = [str(n) for n in random["names"]]
    values = np.concatenate([random["values"], *(columns(face.measured, names) for face in faces)])
    count, train = len(random["values"]), slice(0, len(random["values"]) - HELD_OUT)
    found = attribute_scores(names, values, {}, train, pixel_recipes())
    scores = np.full((len(values), len(captions.ATTRIBUTES)), np.nan, np.float32)
    for name, column in found.items():
        scores[:, captions.ATTRIBUTES.index(name)] = column
    sizes = [len(face.pictures) for face in faces]
    starts = np.cumsum([0, *sizes[:-1]])
    return EditedFaces(
        images=read_images([picture for face in faces for picture in face.pictures], STORED),
        scores=scores[count:],
        before=np.repeat(starts, sizes),
        prompts=np.array([prompt for face in faces for prompt in face.prompts]),
        held_out=np.repeat([face.number % HELD_OUT_EVERY == 0 for face in faces], sizes),
        reliability=_correlations(scores[train], random_scores[train]),
    )


def _effect_files(folder: Path) -> list[_Face]:
    found = []
    for file in sorted(folder.glob("?_*.npz")):
        measured, face = np.load(file), file.stem.partition("_")[2]
        pictures = [folder / "img" / f"{face}_{expert}.webp" for expert in [-1, *measured["experts"]]]
        found.append(_Face(pictures, [""] * len(pictures), measured, int(face)))
    return found


def _optimised_files(folder: Path) -> list[_Face]:
    found = []
    for file in sorted(file for file in folder.glob("*.npz") if ".part" not in file.name):
        measured = np.load(file)
        pictures = [folder / "img" / f"{file.stem}_{row}.webp" for row in range(len(measured["values"]))]
        found.append(_Face(pictures, measured["prompts"].tolist(), measured, int(file.stem)))
    return found


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation ``[A]`` of the columns of ``a`` and ``b [N,A]`` where both are known; 0 where nothing is."""
    out = np.zeros(a.shape[1], np.float32)
    for column in range(a.shape[1]):
        known = np.isfinite(a[:, column]) & np.isfinite(b[:, column])
        if known.any():
            out[column] = np.corrcoef(a[known, column], b[known, column])[0, 1]
    return out
