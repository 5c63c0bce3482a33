"""What the options of the commands that edit stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from styleclip_core.errors import BadCheckpoint, BadSetting
from styleclip_core.settings import InstructSettings, OfficialSettings, OptimizeSettings, TediGANSettings

if TYPE_CHECKING:
    from styleclip_core.edits.local import EditMask
    from styleclip_core.studio import Studio


class Method(StrEnum):
    """How `edit` edits: this project's way, or as published, for comparison."""

    STUDIO = "studio"
    OFFICIAL = "official"
    TEDIGAN = "tedigan"
    INSTRUCT = "instruct-pix2pix"


SETTINGS = {
    Method.STUDIO: OptimizeSettings,
    Method.OFFICIAL: OfficialSettings,
    Method.TEDIGAN: TediGANSettings,
    Method.INSTRUCT: InstructSettings,
}
NAMES = {
    Method.STUDIO: "this optimisation",
    Method.OFFICIAL: "StyleCLIP's own optimisation",
    Method.TEDIGAN: "TediGAN's optimisation",
    Method.INSTRUCT: "InstructPix2Pix",
}


def edit_settings(
    chosen: Mapping[str, float | None], pairs: list[str], method: Method = Method.STUDIO
) -> OptimizeSettings | OfficialSettings | TediGANSettings | InstructSettings:
    """The settings that the options of `edit` stand for. Raises BadSetting.

    Args:
        chosen: those with an option of their own; None where it was not given.
        pairs: the others, NAME=VALUE.
    """
    kind = SETTINGS[method]
    kinds = {field.name: type(field.default) if field.default is not None else str for field in fields(kind)}
    values: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    if strange := [name for name in values if name not in kinds]:
        raise BadSetting(f"--{strange[0]} is not a setting of {NAMES[method]}; leave it out.")
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in kinds:
            raise BadSetting(f"--set takes NAME=VALUE with a name of {', '.join(kinds)}; not {pair!r}.")
        try:
            values[name] = kinds[name](text)
        except ValueError as error:
            raise BadSetting(f"{name} must be a number like {getattr(kind, name)}, not {text!r}.") from error
    return kind(**values)


def slider_values(saved: str | None, pairs: list[str]) -> dict[str, float]:
    """The sliders of a saved edit and of SLIDER=VALUE pairs, which override it; none at 0. Raises BadSetting."""
    from styleclip_core.edits import recipe, sliders

    known = recipe.read(saved).sliders if saved else {}
    return sliders.check_values({**known, **sliders.read_pairs(pairs)})


def read_mask(path: str | None) -> EditMask | None:
    """The mask in a picture's file. Raises BadImage, UnknownRegion."""
    from styleclip_core.edits import local

    return local.edit_mask(local.read_mask(path)) if path else None


def check_method(studio: Studio, method: Method, region: str, painted: EditMask | None) -> None:
    """Raise UnsupportedByPack or BadSetting, before the inversion, if a published method cannot do what is asked."""
    if method is Method.OFFICIAL:
        from styleclip_core.edits import styleclip_reference

        styleclip_reference.check(studio.pack)
    check_everywhere(method, region, painted)


def check_everywhere(method: Method, region: str, painted: EditMask | None) -> None:
    """Raise BadSetting if a published method is to edit a region that has no mask."""
    if method is not Method.STUDIO and painted is None and region not in ("auto", "everywhere"):
        raise BadSetting(f"{NAMES[method]} edits everywhere; confine it by a --mask.")


def use_fs3(studio: Studio, fs3: Path) -> None:
    """Let a studio's style: sliders follow StyleCLIP's own file. Raises BadCheckpoint."""
    from styleclip_core.edits import global_directions

    if not fs3.is_file():
        raise BadCheckpoint(f"There is no file {fs3}.")
    studio.pack = replace(studio.pack, fs3=fs3)
    global_directions.known_relevance(studio.pack)


def check_region(studio: Studio, region: str, painted: EditMask | None) -> str | None:
    """The region that an edit is confined to by its name; None if it is everywhere, or painted.

    Raises UnknownRegion or UnsupportedByPack, before the inversion, for a region that no face could have.
    """
    from styleclip_core.edits import local

    return None if painted else local.place_name(studio.pack, region)
