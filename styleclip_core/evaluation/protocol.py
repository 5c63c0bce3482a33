"""The benchmark's protocol: every method on the same faces and prompts at several strengths, a row each.

Rows and small pictures are written as they are made, so that a run that was broken off goes on where it was.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core import steps
from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.evaluation.judges import Distance, Embed
from styleclip_core.evaluation.methods import METHODS, Edited, Task
from styleclip_core.faces.instruments import INSTRUMENTS
from styleclip_core.faces.readings import Readings, read
from styleclip_core.images import to_tensor
from styleclip_core.results import Face
from styleclip_core.studio import Studio

ROWS, SETUP, PICTURES, SMALL = "rows.jsonl", "setup.json", "pictures", 256
MOST_DRIFTING = 5.0  # times a reading's deviation that its drift counts at most, so that no lost reading rules the mean
NO_FACE = 1.0  # dlib's distance to a picture in which it finds no face any more


@dataclass(frozen=True)
class Row:
    """One edit. Figures that could not be had are None.

    Attributes:
        face, prompt, method, strength: what was edited by what.
        gain: the reading's move towards what was asked, in deviations over random faces; 0 where it is lost.
        identity: cosine of the pack's own face embeddings.
        dlib: distance of dlib's; `NO_FACE` where it finds no face any more.
        drift, most_drift: mean and maximum over groups of readings of what was not asked for, in deviations.
        lpips, lpips_outside: of the whole picture, and with the edit's region put back.
        seconds: that the edit took.
        match: the pack's text-image model's own score, in deviations over random faces.
        moved: signed changes of the readings, in deviations.
    """

    face: str
    prompt: str
    method: str
    strength: float
    gain: float
    identity: float | None
    dlib: float | None
    drift: float
    most_drift: float
    lpips: float
    lpips_outside: float
    seconds: float
    match: float
    moved: dict[str, float] = field(default_factory=dict)

    @property
    def picture(self) -> str:
        """The edited face's file."""
        return picture_name(self.face, self.prompt, self.method, self.strength)


def picture_name(face: str, prompt: str = "", method: str = "before", strength: float = 0) -> str:
    """The file of an edited face, or of the face itself, in the folder of pictures."""
    return f"{re.sub('[^a-z0-9]+', '-', f'{face} {prompt} {method} {strength:g}'.lower())}.jpg"


def moves(before: Readings, after: Readings) -> dict[str, float]:
    """Signed changes of the readings that both have, in deviations over random faces."""
    return {
        key: float(np.clip((i.scaled(after[key]) - i.scaled(before[key])) / i.deviation, -MOST_DRIFTING, MOST_DRIFTING))
        for key, i in INSTRUMENTS.items()
        if key in before and key in after
    }


def drifts(moved: Mapping[str, float], reading: str) -> tuple[float, float]:
    """Mean and maximum over the other groups of readings, each by its largest change; the most where the face is lost.

    It is StyleSpace's attribute dependency, with readings of pictures in place of classifiers' logits.
    """
    groups: dict[str, float] = {}
    for key, change in moved.items():
        group = INSTRUMENTS[key].group
        if group != INSTRUMENTS[reading].group:
            groups[group] = max(groups.get(group, 0.0), abs(change))
    if not groups:
        return MOST_DRIFTING, MOST_DRIFTING
    return float(np.mean(list(groups.values()))), max(groups.values())


@dataclass(frozen=True)
class Judges:
    """Who measures: None is not at hand; without AlexNet the pack's own perceptual network measures LPIPS."""

    embed: Embed | None = None
    lpips: Distance | None = None


@dataclass(frozen=True, eq=False)
class Unedited:
    """What is known of a face before it is edited: its picture, readings, and dlib's embedding if it has one."""

    image: Image.Image
    readings: Readings
    embedding: np.ndarray | None


def look(studio: Studio, image: Image.Image, judges: Judges) -> Unedited:
    """Measure a face before it is edited."""
    readings = read(image, studio.pack.parser, studio.pack.device) or {}
    return Unedited(image, readings, judges.embed(image) if judges.embed else None)


def measured(
    studio: Studio,
    name: str,
    task: Task,
    key: str,
    before: Unedited,
    edited: Edited,
    shown: Tensor | None,
    judges: Judges,
) -> Row:
    """The row of one edit.

    Args:
        name: of the face.
        key: of the method.
        shown: where the task's changes show, ``[1,1,H,H]`` in {0,1}; None if that is not known.
    """
    pack = studio.pack
    after = read(edited.image, pack.parser, pack.device) or {}
    gain, moved = task.value(after) - task.value(before.readings), moves(before.readings, after)
    scores = steps.judge(pack, before.image, edited.image, task.prompt)
    old, new, dlib = to_tensor(before.image, pack.device), to_tensor(edited.image, pack.device), None
    if judges.embed and before.embedding is not None:
        found = judges.embed(edited.image)
        dlib = NO_FACE if found is None else float(np.linalg.norm(found - before.embedding))
    distance = judges.lpips or (lambda a, b: steps.distance(pack, a, b))
    inside = 0 if shown is None else F.interpolate(shown.to(pack.device), old.shape[-2:])
    drift, most = drifts(moved, task.reading)
    return Row(
        name,
        task.prompt,
        key,
        edited.strength,
        gain if math.isfinite(gain) else 0.0,
        scores.get("identity"),
        dlib,
        drift,
        most,
        distance(old, new),
        distance(old, old * inside + new * (1 - inside)),
        edited.seconds,
        scores["similarity_after"] - scores["similarity_before"],
        moved,
    )


def place(studio: Studio, face: Face, task: Task) -> Tensor | None:
    """Where a task's changes show in a face, ``[1,1,1024,1024]`` in {0,1}; None if the pack cannot tell."""
    try:
        return (studio.region(face, "auto", task.prompt).mask > 0.05).float()
    except UnsupportedByPack:
        return None


def read_rows(folder: Path) -> list[Row]:
    """The rows that a run has written so far; a last line that it was stopped in counts for nothing.

    Raises BadSetting.
    """
    path = folder / ROWS
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")[:-1]
    try:
        return [Row(**json.loads(line)) for line in lines]
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{path} was written by another version; choose another folder.") from error


def check_setup(folder: Path, setup: Mapping[str, Any]) -> None:
    """Write down how a folder's rows are made; raise BadSetting if those in it were made otherwise."""
    path = folder / SETUP
    if path.exists() and (found := json.loads(path.read_text("utf-8"))) != setup:
        other = ", ".join(f"{name} {found.get(name)}" for name in setup if found.get(name) != setup[name])
        raise BadSetting(f"{folder} holds a benchmark with {other}; go on with the same, or choose another folder.")
    path.write_text(json.dumps(setup, indent=2) + "\n", "utf-8")


def run(
    studio: Studio,
    faces: Sequence[tuple[str, Face]],
    tasks: Sequence[Task],
    methods: Sequence[str],
    folder: Path,
    judges: Judges | None = None,
    strengths: Sequence[float] | None = None,
    optimisation_steps: int | None = None,
    slow_faces: int | None = None,
) -> Iterator[Row]:
    """Edit all faces that lack what is asked for, by all methods that can; yields the new rows.

    Args:
        faces: name and face. All methods get the same Face, so a photo is inverted once.
        methods: of `METHODS`.
        folder: where rows and pictures go. What is there already is not made again.
        strengths: in place of the methods' own.
        optimisation_steps: at most so many in each optimisation.
        slow_faces: TediGAN and StyleCLIP's optimisation, minutes an edit, do each task on so many faces only, which
            take turns.
    Raises:
        BadSetting: the folder's rows were made with other judges, strengths or another pack.
    """
    judges = judges or Judges()
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    setup = {"pack": studio.pack.name, "dlib": judges.embed is not None, "alexnet": judges.lpips is not None}
    check_setup(folder, setup | {"strengths": strengths and list(strengths), "steps": optimisation_steps})
    rows = read_rows(folder)
    done = {(row.face, row.prompt, row.method, row.strength) for row in rows}
    whole = folder / f"{ROWS}.new"  # without a line that a run was stopped in
    whole.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), "utf-8")
    whole.replace(folder / ROWS)
    with open(folder / ROWS, "a", encoding="utf-8") as file:
        for number, (name, face) in enumerate(faces):
            _save_small(face.image, folder / PICTURES / picture_name(name))
            known = look(studio, face.image, judges)
            for turn, task in [(turn, task) for turn, task in enumerate(tasks) if task.suits(known.readings)]:
                shown = place(studio, face, task)
                for key in methods:
                    method = METHODS[key]
                    wanted = [s for s in strengths or method.strengths if (name, task.prompt, key, s) not in done]
                    left_out = method.slow and slow_faces is not None and (number - turn) % len(faces) >= slow_faces
                    if not wanted or left_out or not method.can(studio, task):
                        continue
                    for edited in method.edits(studio, face, task, wanted, optimisation_steps):
                        if edited.start is not known.image:  # a method that inverts a photo in its own way
                            known = look(studio, edited.start, judges)
                        row = measured(studio, name, task, key, known, edited, shown, judges)
                        _save_small(edited.image, folder / PICTURES / row.picture)
                        file.write(json.dumps(asdict(row)) + "\n")
                        file.flush()
                        yield row


def _save_small(image: Image.Image, path: Path) -> None:
    image.resize((SMALL, SMALL), Image.Resampling.LANCZOS).save(path, quality=90)
