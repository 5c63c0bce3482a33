"""The benchmark's protocol: every method on the same faces and prompts at several strengths, a row each.

Rows and small pictures are written as they are made, so that a run that was broken off goes on where it was.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from styleclip_core import steps
from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.evaluation.judges import Distance, Embed
from styleclip_core.evaluation.methods import METHODS, Method, Task
from styleclip_core.faces.instruments import INSTRUMENTS
from styleclip_core.faces.readings import Readings, read
from styleclip_core.images import to_tensor
from styleclip_core.results import Face
from styleclip_core.studio import Studio

ROWS, PICTURES, SMALL = "rows.jsonl", "pictures", 256
MOST_DRIFTING = 5  # times a reading's deviation that its drift counts at most, so that no lost reading rules the mean


@dataclass(frozen=True)
class Row:
    """One edit. Figures that could not be had are None.

    Attributes:
        face, prompt, method, strength: what was edited by what.
        gain: the reading's move towards what was asked, in deviations over random faces; 0 where it is lost.
        identity: cosine of the pack's own face embeddings.
        dlib: distance of dlib's; 1 where it finds no face any more.
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


def drifts(moved: dict[str, float], reading: str) -> tuple[float, float]:
    """Mean and maximum over the other groups of readings, each by its largest change; (0, 0) of none."""
    groups: dict[str, float] = {}
    for key, change in moved.items():
        group = INSTRUMENTS[key].group
        if group != INSTRUMENTS[reading].group:
            groups[group] = max(groups.get(group, 0.0), abs(change))
    return (float(np.mean(list(groups.values()))), max(groups.values())) if groups else (0.0, 0.0)


@dataclass(frozen=True)
class Judges:
    """Who measures: None is not at hand; without AlexNet the pack's own perceptual network measures LPIPS."""

    embed: Embed | None = None
    lpips: Distance | None = None


def _rows(
    studio: Studio, name: str, face: Face, task: Task, key: str, judges: Judges, run: Callable, folder: Path
) -> Iterator[Row]:
    pack, device = studio.pack, studio.pack.device
    before = read(face.image, pack.parser, device) or {}
    original, known = to_tensor(face.image, device), judges.embed and judges.embed(face.image)
    try:
        place = studio.region(face, "auto", task.prompt)
    except UnsupportedByPack:
        place = None
    distance = judges.lpips or (lambda a, b: steps.distance(pack, a, b))
    for strength, image, seconds in run():
        after = read(image, pack.parser, device) or {}
        gain, moved = task.value(after) - task.value(before), moves(before, after)
        drift, most = drifts(moved, task.reading)
        scores = steps.judge(pack, face.image, image, task.prompt)
        edited, dlib = to_tensor(image, device), None
        if judges.embed and known is not None:
            found = judges.embed(image)
            dlib = 1.0 if found is None else float(np.linalg.norm(found - known))
        shown = 0 if place is None else (place.mask > 0.05).float().to(device)
        if place is not None and shown.shape[-1] != edited.shape[-1]:
            shown = torch.nn.functional.interpolate(shown, edited.shape[-2:])
        row = Row(
            name,
            task.prompt,
            key,
            strength,
            gain if math.isfinite(gain) else 0.0,
            scores.get("identity"),
            dlib,
            drift,
            most,
            distance(original, edited),
            distance(original, original * shown + edited * (1 - shown)),
            seconds,
            scores["similarity_after"] - scores["similarity_before"],
            moved,
        )
        image.resize((SMALL, SMALL), Image.Resampling.LANCZOS).save(folder / PICTURES / row.picture, quality=90)
        yield row


def read_rows(folder: Path) -> list[Row]:
    """The rows that a run has written so far. Raises BadSetting."""
    path = folder / ROWS
    try:
        return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{path} was written by another version; choose another folder.") from error


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
        slow_faces: TediGAN and StyleCLIP's optimisation, minutes a face, edit only the first so many faces.
    """
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    done = {(row.face, row.prompt, row.method, row.strength) for row in read_rows(folder)}
    with open(folder / ROWS, "a", encoding="utf-8") as file:
        for number, (name, face) in enumerate(faces):
            small = face.image.resize((SMALL, SMALL), Image.Resampling.LANCZOS)
            small.save(folder / PICTURES / picture_name(name), quality=90)
            readings = read(face.image, studio.pack.parser, studio.pack.device) or {}
            for task in (task for task in tasks if task.suits(readings)):
                for key in methods:
                    method = METHODS[key]
                    if (slow_faces is not None and method.slow and number >= slow_faces) or not method.can(
                        studio, task
                    ):
                        continue
                    wanted = strengths or method.strengths
                    left = [s for s in wanted if (name, task.prompt, key, s) not in done]
                    if not left:
                        continue
                    edits = _bound(method, studio, face, task, left, optimisation_steps)
                    for row in _rows(studio, name, face, task, key, judges or Judges(), edits, folder):
                        file.write(json.dumps(asdict(row)) + "\n")
                        file.flush()
                        yield row


def _bound(
    method: Method, studio: Studio, face: Face, task: Task, strengths: Sequence[float], limit: int | None
) -> Callable:
    return lambda: method.edits(studio, face, task, strengths, limit)
