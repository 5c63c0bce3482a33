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

from styleclip_core.edits import recipe
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import BadSetting
from styleclip_core.settings import InvertSettings
from styleclip_core.version import __version__
from styleclip_core.weights import CHECKPOINTS

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
        pack: name of the pack that edits.
    """

    edits: Mapping[str, Recipe]
    faces: str = "largest"
    inversion: InvertSettings = field(default_factory=InvertSettings)
    pack: str = "compact"

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

    def fingerprint(self) -> str:
        """sha256 of all that decides what becomes of a photo: edits, settings, published weights, this version."""
        sums = {each.name: each.sha256 for each in CHECKPOINTS.values() if self.pack in each.pack.split()}
        edits = {name: asked.to_json() for name, asked in self.edits.items()}
        content = [__version__, self.pack, sums, edits, self.faces, asdict(self.inversion)]
        return _sha256(json.dumps(content, sort_keys=True).encode())


def key_of(fingerprint: str, name: str, data: bytes) -> str:
    """By what a photo's work is known: sha256 of the plan's fingerprint, the file's name and its content."""
    return _sha256(f"{fingerprint}\n{name}\n{_sha256(data)}".encode())


def find_photos(sources: Iterable[str]) -> list[Path]:
    """The files that folders (with all below), patterns, lists (@FILE, a path a line) and paths stand for, sorted.

    Of folders and patterns only pictures are taken, by their endings; a path that is named is taken in any case, so
    that the report can say what is wrong with it. Raises BadSetting if there is nothing.
    """
    found: set[Path] = set()
    for source in sources:
        if source.startswith("@"):
            found.update(Path(line) for line in _lines(Path(source[1:])))
        elif Path(source).is_dir():
            found.update(path for path in Path(source).rglob("*") if _is_picture(path))
        elif glob.has_magic(source) and not Path(source).exists():
            found.update(path for path in map(Path, glob.glob(source, recursive=True)) if _is_picture(path))
        else:
            found.add(Path(source))
    if not found:
        raise BadSetting("There are no pictures there: name files, folders, patterns, or a list as @FILE.")
    return sorted(found)


def read_edits(path: str) -> dict[str, Recipe]:
    """The edits in a JSON or YAML file: one as the app saves it, or several in a mapping of their names.

    One edit is called as the file. Raises BadSetting, BadPrompt, BadImage.
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
    return {str(name): recipe.from_json(json.dumps(asked)) for name, asked in content.items()}


def name_of(prompt: str) -> str:
    """The name of an edit by a prompt alone."""
    return re.sub(r"[^\w]+", "-", prompt).strip("-_")[:60] or "edit"


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


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
