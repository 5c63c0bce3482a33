"""StyleCLIP as a library: edit face photos by prompts.

>>> from styleclip_core import load_studio
>>> studio = load_studio()
>>> face = studio.invert("photo.jpg")
>>> edit = studio.optimize(face, "a smiling person with grey hair")
>>> edit.photo.save("edited.jpg")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from styleclip_core.errors import (
    BadCheckpoint,
    BadImage,
    BadPrompt,
    BadSetting,
    Cancelled,
    DiskFull,
    EmptyPrompt,
    NoFaceFound,
    OutOfMemory,
    StudioError,
    UnknownMapper,
    UnknownPack,
    UnknownRegion,
    UnsupportedByPack,
    WeightsUnavailable,
)

if TYPE_CHECKING:
    from styleclip_core.edits.invert import InvertSettings
    from styleclip_core.edits.official import OfficialSettings
    from styleclip_core.edits.optimize import OptimizeSettings
    from styleclip_core.packs import Pack, load_pack
    from styleclip_core.results import Edit, Face, Progress
    from styleclip_core.studio import Studio, load_studio

_MODULES = {
    "edits.invert": ["InvertSettings"],
    "edits.official": ["OfficialSettings"],
    "edits.optimize": ["OptimizeSettings"],
    "packs": ["Pack", "load_pack"],
    "results": ["Edit", "Face", "Progress"],
    "studio": ["Studio", "load_studio"],
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first used: without it the command line answers at once."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BadCheckpoint", "BadImage", "BadPrompt", "BadSetting", "Cancelled", "DiskFull", "Edit", "EmptyPrompt", "Face",
    "InvertSettings", "NoFaceFound", "OfficialSettings", "OptimizeSettings", "OutOfMemory", "Pack", "Progress",
    "Studio", "StudioError", "UnknownMapper", "UnknownPack", "UnknownRegion", "UnsupportedByPack",
    "WeightsUnavailable", "load_pack", "load_studio",
]  # fmt: skip
