"""What an edit was asked for by: texts, numbers and a mask, which travel as JSON, also inside a PNG."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image

from styleclip_core.edits.sliders import check_values
from styleclip_core.errors import BadImage, BadSetting
from styleclip_core.faces.photo import load_mask
from styleclip_core.provenance import RECIPE_KEY, SOFTWARE
from styleclip_core.settings import LocalSettings, OptimizeSettings, Settings, check_prompt

MAX_BYTES = 1_000_000  # of the JSON
MASK_SIZE = 512  # px of masks in recipes
MAX_REGION = 200  # characters
_DATA_URL = "data:image/png;base64,"


@dataclass(frozen=True)
class Recipe:
    """An edit as it was asked for: by a prompt, by sliders, or by both. Raises BadSetting, BadPrompt.

    Attributes:
        prompt: "" if the edit was made by sliders alone.
        region: where it may show, by a name that `Studio.optimize` takes.
        settings: of the edit by the prompt.
        sliders: slider -> strength, see `edits.sliders`.
        mask: where it may show, "L", white inside; it replaces the region's name.
        confine: how the mask's outline is moved and softened.
        note: what the edit was, where the rest cannot say it (hair from another photo). It does not travel.
    """

    prompt: str = ""
    region: str = "auto"
    settings: OptimizeSettings = field(default_factory=OptimizeSettings)
    sliders: Mapping[str, float] = field(default_factory=dict)
    mask: Image.Image | None = None
    confine: LocalSettings = field(default_factory=LocalSettings)
    note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or not isinstance(self.region, str) or len(self.region) > MAX_REGION:
            raise BadSetting("The prompt and the region of an edit must be texts, the region a short one.")
        object.__setattr__(self, "prompt", check_prompt(self.prompt) if self.prompt.strip() else "")
        object.__setattr__(self, "sliders", check_values(self.sliders))

    @property
    def title(self) -> str:
        """What the edit is, in a few words."""
        moved = (f"{key.partition(':')[2]} {value:+.2g}".replace("_", " ") for key, value in self.sliders.items())
        return self.note or self.prompt or ", ".join(moved) or "nothing"

    def to_json(self) -> str:
        """JSON text, which `from_json` reads. Settings that are as usual are left out."""
        content: dict[str, Any] = {"styleclip": 1, "program": SOFTWARE}
        if self.prompt:
            content |= {"prompt": self.prompt, "region": self.region, "settings": _unusual(self.settings)}
        content["sliders"] = dict(self.sliders)
        if self.mask is not None:
            buffer = io.BytesIO()
            self.mask.convert("L").resize((MASK_SIZE, MASK_SIZE)).quantize(16).save(buffer, "PNG", optimize=True)
            content["mask"] = _DATA_URL + base64.b64encode(buffer.getvalue()).decode()
            content["confine"] = _unusual(self.confine)
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def to_query(self) -> str:
        """The query string of an address, which `from_query` reads. A mask has no place in it."""
        asked = {"prompt": self.prompt, "region": self.region, **_unusual(self.settings)} if self.prompt else {}
        return urlencode(asked | dict(self.sliders))


def from_json(text: str) -> Recipe:
    """The recipe in a JSON text. Raises BadSetting, BadPrompt, BadImage."""
    try:
        content: Any = json.loads(text) if len(text) <= MAX_BYTES else None
        known = {name: content[name] for name in ("prompt", "region", "sliders") if name in content}
        settings = OptimizeSettings(**content.get("settings", {}))
        confine = LocalSettings(**content.get("confine", {}))
        mask = _read_mask(content["mask"]) if content.get("mask") else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadSetting(
            "This file is not an edit that this program saved (JSON, or a PNG with its settings)."
        ) from error
    return Recipe(settings=settings, mask=mask, confine=confine, **known)


def from_query(query: Mapping[str, str]) -> Recipe:
    """The recipe in a query string's names and values; others are passed over. Raises BadSetting, BadPrompt."""
    usual = dataclasses.asdict(OptimizeSettings())
    del usual["neutral"]
    settings: dict[str, Any] = {name: _number(name, value) for name, value in query.items() if name in usual}
    sliders = {name: _number(name, value) for name, value in query.items() if ":" in name}
    return Recipe(query.get("prompt", ""), query.get("region", "auto"), OptimizeSettings(**settings), sliders)


def read(path: str | Path) -> Recipe:
    """The recipe in a JSON file, or in a PNG saved with its settings. Raises BadSetting, BadPrompt, BadImage."""
    try:
        with Path(path).open("rb") as file:
            if not file.read(8).startswith(b"\x89PNG"):
                file.seek(0)
                return from_json(file.read(MAX_BYTES + 1).decode("utf-8", "replace"))
            file.seek(0)
            text = Image.open(file, formats=["PNG"]).info.get(RECIPE_KEY)
    except OSError as error:
        raise BadSetting("The file of the edit cannot be read; choose it again.") from error
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:  # of damaged or hostile PNGs
        raise BadSetting("This picture cannot be read.") from error
    if not isinstance(text, str):
        raise BadSetting("This picture holds no settings: save it with “Settings in the picture” on.")
    return from_json(text)


def _unusual(settings: Settings) -> dict[str, Any]:
    """The settings that are not as they are by default, by name."""
    usual = dataclasses.asdict(type(settings)())  # pyright: ignore[reportArgumentType]
    return {name: value for name, value in vars(settings).items() if value != usual[name]}


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadSetting(f"{name[:50]} must be a number, not {text[:50]!r}.") from error


def _read_mask(url: str) -> Image.Image:
    if not url.startswith(_DATA_URL):
        raise BadImage("The mask of an edit must be a PNG picture.")
    try:
        picture = base64.b64decode(url.removeprefix(_DATA_URL), validate=True)
    except binascii.Error as error:
        raise BadImage("The mask of this edit is damaged.") from error
    return load_mask(picture).resize((MASK_SIZE, MASK_SIZE))
