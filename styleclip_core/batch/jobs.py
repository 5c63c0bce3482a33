"""What is to be done: which photos, which edits, and by what each piece of work is known again."""

from __future__ import annotations

import glob
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from styleclip_core.edits import hairclip, recipe, user_mappers
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import BadSetting
from styleclip_core.packs import Pack
from styleclip_core.settings import InvertSettings
from styleclip_core.version import __version__
from styleclip_core.weights import CHECKPOINTS
from styleclip_core.weights.checkpoint import sha256

FACES = ("largest", "all")
ENDINGS = frozenset(".jpg .jpeg .png .webp .avif .gif .bmp .tif .tiff .jp2 .ppm .heic .heif".split())
MAX_EDITS = 100


@dataclass(frozen=True)
class Plan:
    """What is done to every photo. Raises BadSetting.

    Attributes:
        edits: name -> recipe; the names become part of file names.
        faces: "largest", or "all": every edit is made of all faces of a photo.
        inversion: how the faces' codes are found, once for all edits.
        anyway: try prompts of which the model knows nothing, too.
    """

    edits: Mapping[str, Recipe]
    faces: str = "largest"
    inversion: InvertSettings = field(default_factory=InvertSettings)
    anyway: bool = False

    def __post_init__(self) -> None:
        if self.faces not in FACES:
            raise BadSetting(f"Faces must be one of {', '.join(FACES)}, not {self.faces!r}.")
        if not 0 < len(self.edits) <= MAX_EDITS:
            raise BadSetting(f"Give between 1 and {MAX_EDITS} edits, not {len(self.edits)}.")
        for name, asked in self.edits.items():
            if not re.fullmatch(r"[\w][\w .+-]{0,79}", name):
                raise BadSetting(f"The edit's name {name[:80]!r} must be short: letters, digits, spaces, . + - _.")
            if not (asked.prompt or asked.sliders):
                raise BadSetting(f"The edit {name!r} asks for nothing: give it a prompt or sliders.")

    def fingerprint(self, pack: Pack) -> str:
        """sha256 of all that decides what becomes of a photo: edits, settings, weights, this version."""
        sums = {each.name: each.sha256 for each in CHECKPOINTS.values() if pack.name in each.pack.split()}
        edits = {name: [asked.to_json(), asked.region] for name, asked in self.edits.items()}
        content = [__version__, pack.name, sums, self._own(pack), edits, self.faces, asdict(self.inversion)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _own(self, pack: Pack) -> dict[str, str]:
        """The sums of the user's own files of mappers, if an edit may need them."""
        keys = {key.partition(":")[::2] for asked in self.edits.values() for key in asked.sliders}
        hair, mappers = any(source in hairclip.NAMES for source, _ in keys), {name for s, name in keys if s == "mapper"}
        files = user_mappers.files(pack).items()
        return {name: sha256(file) for name, file in files if hair or name in mappers}


def find_photos(sources: Iterable[str], results: str | None = None) -> list[Path]:
    """The files that folders (with all below), patterns, lists (@FILE, a path a line) and paths stand for, sorted.

    Of folders and patterns only pictures are taken, by their endings; a path that is named is taken in any case, so
    that the report can say what is wrong with it.

    Args:
        results: the folder of the results; what is in there already is no photo.
    Raises:
        BadSetting: there is nothing, or the results would lie among the photos.
    """
    found: set[Path] = set()
    folder = None if results is None or "://" in results else Path(results).resolve()
    for source in sources:
        if source.startswith("@"):
            found.update(Path(line) for line in _lines(Path(source[1:])))
        elif Path(source).is_dir():
            if folder == Path(source).resolve():
                raise BadSetting("The results would lie among the photos: choose another folder for them.")
            paths = (path for path in Path(source).rglob("*") if _is_picture(path))
            found.update(path for path in paths if folder is None or folder not in path.resolve().parents)
        elif glob.has_magic(source) and not Path(source).exists():
            found.update(path for path in map(Path, glob.glob(source, recursive=True)) if _is_picture(path))
        else:
            found.add(Path(source))
    if not found:
        raise BadSetting("There are no pictures there: name files, folders, patterns, or a list as @FILE.")
    if any(folder in path.resolve().parents for path in found):
        raise BadSetting("The results would lie among the photos: choose another folder for them.")
    return sorted(found)


def read_edits(path: str) -> dict[str, Recipe]:
    """The edits in a JSON or YAML file: one as the app saves it, or several in a mapping of their names.

    One edit is called as the file. An edit may be a prompt alone. Raises BadSetting, BadPrompt, BadImage.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} cannot be read; give a JSON or YAML file of edits.") from error
    content = _parsed(path, text)
    if not isinstance(content, dict) or not content:
        raise BadSetting(f"{path} holds no edits: write names and what each of them asks for.")
    if "prompt" in content or "sliders" in content:
        content = {Path(path).stem: content}
    return {str(name): _recipe(path, asked) for name, asked in content.items()}


def name_of(prompt: str) -> str:
    """The name of an edit by a prompt alone."""
    return re.sub(r"[^\w]+", "-", prompt).strip("-_")[:60] or "edit"


def _recipe(path: str, asked: Any) -> Recipe:
    """``asked``: an edit as the app saves it, or a prompt alone."""
    if isinstance(asked, str):
        return Recipe(asked)
    try:
        return recipe.from_json(json.dumps(asked))
    except TypeError as error:  # YAML knows dates
        raise BadSetting(f"{path} holds something else than texts, numbers and names; correct it.") from error


def _parsed(path: str, text: str) -> Any:
    if Path(path).suffix.lower() not in (".yaml", ".yml"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadSetting(f"{path} is not JSON; save it again, or name it .yaml.") from error
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadSetting(f"{path} is not YAML; correct it and try again.") from error


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The list {path} cannot be read; give a text file with a path a line.") from error


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()
