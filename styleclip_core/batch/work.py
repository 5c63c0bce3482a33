"""One photo with all its edits; each face is inverted once. What comes depends on the photo and the plan alone."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from styleclip_core.batch.jobs import Plan
from styleclip_core.batch.store import Store, open_store
from styleclip_core.edits import local
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import (
    BadCheckpoint,
    BadImage,
    DiskFull,
    NoFaceFound,
    OutOfMemory,
    StudioError,
    WeightsUnavailable,
)
from styleclip_core.faces import detect_faces, load_photo
from styleclip_core.faces.photo import MAX_BYTES
from styleclip_core.packs import Pack, load_pack
from styleclip_core.provenance import save_picture
from styleclip_core.results import Edit, Face
from styleclip_core.studio import Studio

RECORDS = ".records"
THUMBNAIL = 256  # px of the longer side, in the contact sheet
MAX_STEM = 60  # characters of a photo's name in those of its results, since file systems take 255 bytes
SCORES = ("similarity_before", "similarity_after", "identity", "distance")

Row = dict[str, Any]  # of the report; one with "error" says why there is nothing, one with "busy" that others do it
PASSING = (OutOfMemory, WeightsUnavailable, BadCheckpoint, DiskFull)  # StudioErrors that another try may not meet


@dataclass(frozen=True)
class Networks:
    """What a worker loads, and how many threads it computes with (0: torch's own choice)."""

    pack: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0

    def load(self) -> Pack:
        """The pack. Changes the threads of this process. For the errors see `packs.load_pack`."""
        if self.threads:
            torch.set_num_threads(self.threads)
        return load_pack(self.pack, self.device, self.precision)


class Worker:
    """Loaded networks that edit photos by a plan.

    Attributes:
        pack: the networks.
    """

    def __init__(self, networks: Networks | Pack, plan: Plan, place: str):
        """Load the networks, if they are not.

        Args:
            place: path or URL of the results.
        Raises:
            StudioError: what the pack has against the plan, or why it cannot be loaded.
        """
        self.pack = networks.load() if isinstance(networks, Networks) else networks
        check(self.pack, plan)
        self._plan, self._fingerprint, self._store = plan, plan.fingerprint(self.pack), open_store(place)

    def do(self, photo: Path, wait: bool = False) -> Row:
        """Edit a photo and write what comes, unless that is there already or another process is at it.

        What goes wrong is in the row, never raised. Rows of what would go wrong again are kept as those of finished
        photos; a full disk and a lack of memory are not, so the next call tries again.

        Args:
            wait: for the process that is at it, instead of giving a row with "busy".
        """
        try:
            data = _read(photo)
            content, store = hashlib.sha256(data).hexdigest(), self._store
            name = f"{photo.stem[:MAX_STEM]}-{content[:12]}"
            key = hashlib.sha256(f"{self._fingerprint}\n{name}\n{content}".encode()).hexdigest()
            with store.claim(name, wait) as free:
                if not free:
                    return {"busy": True}
                if (done := _finished(store, key)) is not None:
                    return done
                row = self._edited(data, name)
                store.write(f"{RECORDS}/{key}.json", json.dumps(row, sort_keys=True).encode())
                return row
        except (StudioError, OSError, MemoryError) as error:
            return _failed(error)
        except Exception as error:  # a photo that breaks the program must not take the others with it
            logging.exception("The program failed at %s", photo)
            return {"error": f"The program failed at it ({type(error).__name__}: {error}).", "kind": "failed"}

    def _edited(self, data: bytes, name: str) -> Row:
        """Make and write the edits, as NAME-EDIT.png. Raises OSError, and StudioErrors that may pass."""
        plan, store, pack = self._plan, self._store, self.pack
        studio = Studio(pack)  # a new one remembers no other photo, which could change what comes of this one
        try:
            picture = load_photo(data)
            count = len(detect_faces(picture)) if plan.faces == "all" and pack.domain == "face" else 1
            faces = [studio.invert(picture, index, plan.inversion) for index in range(count)]
            edits = {}
            for title, asked in plan.edits.items():
                made = _edit_faces(studio, faces, asked)
                output = _write(store, f"{name}-{title}.png", made[-1].photo)
                small = _write(store, f".small/{name}-{title}.png", _thumbnail(made[-1].photo))
                edits[title] = output | {"small": small["file"], "faces": [_numbers(edit) for edit in made]}
        except PASSING:
            raise
        except StudioError as error:
            return _failed(error)
        before = _write(store, f".small/{name}.png", _thumbnail(picture))
        return {"before": before, "faces": faces[0].faces, "edits": edits}


def _finished(store: Store, key: str) -> Row | None:
    """What an earlier call wrote, if it is all there as it was written."""
    text = store.read(f"{RECORDS}/{key}.json")
    if text is None:
        return None
    try:
        row: Row = json.loads(text)
    except ValueError:  # damaged
        return None
    for file in (row["before"], *row["edits"].values()) if "edits" in row else ():
        data = store.read(file["file"])
        if data is None or hashlib.sha256(data).hexdigest() != file["sha256"]:
            return None
    return row


def _edit_faces(studio: Studio, faces: list[Face], asked: Recipe) -> list[Edit]:
    """The same edit of one face after the other, each in the photo with those before; the last has them all."""
    made: list[Edit] = []
    for face in faces:
        made.append(apply(studio, replace(face, photo=made[-1].photo) if made else face, asked))
    return made


def apply(studio: Studio, face: Face, asked: Recipe) -> Edit:
    """An edit as a recipe asks for it: by its sliders, then by its prompt."""
    mask = local.edit_mask(local.read_mask(asked.mask), asked.confine) if asked.mask is not None else None
    if not asked.sliders:
        return studio.optimize(face, asked.prompt, asked.settings, mask, asked.region)
    place = mask
    if place is None and not asked.prompt and asked.region not in ("auto", "everywhere"):
        place = studio.region(face, asked.region)
    edit = studio.slide(face, asked.sliders, mask=place)
    if not asked.prompt:
        return edit
    return studio.optimize(studio.start_from(edit), asked.prompt, asked.settings, mask, asked.region)


def check(pack: Pack, plan: Plan) -> None:
    """Raise the StudioError that the pack has against an edit, before any photo is opened."""
    studio = Studio(pack)
    for asked in plan.edits.values():
        check_edit(studio, asked, plan.anyway)


def check_edit(studio: Studio, asked: Recipe, anyway: bool) -> None:
    """Raise the StudioError that the pack has against an edit; ``anyway``: unknown prompts are tried."""
    studio.check_sliders(asked.sliders)
    if asked.mask is None:
        local.place_name(studio.pack, asked.region)
    if asked.prompt and not anyway:
        studio.check_known(asked.prompt)


def _write(store: Store, name: str, picture: Image.Image) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        save_picture(picture, path, dated=False)  # a date would make equal work unequal
        data = path.read_bytes()
    store.write(name, data)
    return {"file": name, "sha256": hashlib.sha256(data).hexdigest()}


def _thumbnail(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return small


def _numbers(edit: Edit) -> dict[str, float]:
    return {name: round(edit.scores[name], 4) for name in SCORES if name in edit.scores}


def _read(photo: Path) -> bytes:
    if not photo.is_file():
        raise BadImage("There is no such file.")
    with photo.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadImage(f"The file is larger than {MAX_BYTES >> 20} MB: use a smaller one.")
    return data


def _failed(error: BaseException) -> Row:
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"error": "There is no room left to write the result.", "kind": "disk full"}
        return {"error": f"A file cannot be read or written ({error.strerror or error}).", "kind": "unreadable"}
    if isinstance(error, (MemoryError, OutOfMemory)):
        return {"error": str(error) or "There is not enough memory for it.", "kind": "out of memory"}
    kinds = {NoFaceFound: "no face", BadImage: "unreadable"}
    return {"error": str(error), "kind": kinds.get(type(error), "refused")}
