"""What edits made, as the page keeps it: files, the state they were drawn from, and how they were asked for."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from styleclip_app.session import InvertedFace
from styleclip_app.theme import numbers_html
from styleclip_core import Edit
from styleclip_core.edits.recipe import Recipe
from styleclip_core.faces import load_photo
from styleclip_core.provenance import save_picture
from styleclip_core.results import load_state, save_state

KEEP_SECONDS = 3600  # how long uploads and results stay on disk, and an idle session's face and results in memory
KEPT = 24  # results of a session that stay within reach; their files go when gradio's cache is cleared
VIEW = 1400  # px of the longer side of a whole photo as the page shows it
SMALL = 120  # px of the pictures in the history


@dataclass(frozen=True, eq=False)
class Result:
    """An edit that was made. It stands in a tree: undo leads to the result that was shown when it was made.

    Attributes:
        start: the face that was edited.
        state: file of what the picture was drawn from (`save_state`), which may be megabytes.
        recipe: how the edit was asked for.
        before, face: files of the face before (JPEG) and after (PNG).
        photo: file of the whole photo with the edit in it (PNG).
        views: files of the whole photo before and after, as large as they are shown (JPEG).
        numbers: the numbers, as the page shows them (HTML).
        small: a small picture of it.
        source: the photo's file.
        number, parent: of the result and of the one that was shown then, 0 if none was; numbers count from 1.
    """

    start: InvertedFace
    state: str
    recipe: Recipe
    before: str
    face: str
    photo: str
    views: tuple[str, str]
    numbers: str
    small: Image.Image
    source: str | None = None
    number: int = 0
    parent: int = 0

    def is_there(self) -> bool:
        """Whether its files have not been cleared away."""
        return all(Path(file).is_file() for file in (self.state, self.before, self.face, self.photo, *self.views))

    def edit(self) -> Edit:
        """The edit, as the next one starts from."""
        return Edit(load_photo(self.face), load_photo(self.photo), load_state(self.state), face=self.start.face)

    @property
    def mask(self) -> Image.Image | None:
        """Where the edit shows ("L"), or None: everywhere."""
        mask = load_state(self.state).mask
        return mask and mask.picture()


def write(edit: Edit, start: InvertedFace, recipe: Recipe, domain: str) -> Result:
    """Write an edit's files into gradio's cache, under names that depend on what is in them."""
    source, photo = start.face.source, edit.photo
    with tempfile.TemporaryDirectory() as folder:

        def put(name: str, picture: Image.Image) -> str:
            save_picture(picture, Path(folder, name), source)
            return keep(Path(folder, name))

        def put_unedited(name: str, picture: Image.Image) -> str:
            picture.convert("RGB").save(Path(folder, name), "JPEG", quality=92)
            return keep(Path(folder, name))

        save_state(edit.state, Path(folder, "state.npz"))
        state = keep(Path(folder, "state.npz"))
        picture = edit.face_in_photo if domain == "face" else edit.image
        face, whole = put(f"edited-{domain}.png", picture), put("edited-photo.png", photo)
        before = put_unedited("before.jpg", start.picture)
        views = before, face
        if start.face.photo is not None:
            views = put_unedited("photo.jpg", _view(start.face.photo)), put("edited-view.jpg", _view(photo))
    numbers = numbers_html(edit.scores, start.face, edit.report)
    small = picture.resize((SMALL, SMALL))
    return Result(start, state, recipe, before, face, whole, views, numbers, small)


def keep(path: Path) -> str:
    """The file's copy in gradio's cache, where it stays for an hour and what it is called tells its content."""
    return save_file_to_cache(path, get_upload_folder())


def added(kept: list[Result], result: Result, parent: int, source: str | None) -> list[Result]:
    """The results with a new one, without the oldest if there are too many."""
    number = kept[-1].number + 1 if kept else 1
    return [*kept, replace(result, number=number, parent=parent, source=source)][-KEPT:]


def find(kept: list[Result], number: int) -> Result | None:
    return next((result for result in kept if result.number == number), None)


def newest_after(kept: list[Result], number: int) -> Result | None:
    """The newest result that was made when the one with that number was shown: where redo leads."""
    return next((result for result in reversed(kept) if result.parent == number), None)


def _view(photo: Image.Image) -> Image.Image:
    small = photo.convert("RGB")
    small.thumbnail((VIEW, VIEW))
    return small
