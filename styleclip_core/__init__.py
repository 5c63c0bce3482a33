"""StyleCLIP as a library: edit face photos by prompts.

>>> from styleclip_core import load_studio
>>> studio = load_studio()
>>> face = studio.invert("photo.jpg")
>>> edit = studio.optimize(face, "a smiling person with grey hair")
>>> edit.save("edited.jpg")
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
from styleclip_core.progress import Progress
from styleclip_core.settings import (
    InvertSettings,
    LocalSettings,
    OfficialSettings,
    OptimizeSettings,
    TediGANSettings,
)
from styleclip_core.version import __version__

if TYPE_CHECKING:
    from styleclip_core.packs import Pack, load_pack
    from styleclip_core.provenance import Source, save_picture
    from styleclip_core.results import DrawnState, Edit, Face, load_state, save_state
    from styleclip_core.studio import Studio, load_studio

_MODULES = {
    "packs": ["Pack", "load_pack"],
    "provenance": ["Source", "save_picture"],
    "results": ["DrawnState", "Edit", "Face", "load_state", "save_state"],
    "studio": ["Studio", "load_studio"],
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first used: without it the command line answers at once."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BadCheckpoint",
    "BadImage",
    "BadPrompt",
    "BadSetting",
    "Cancelled",
    "DiskFull",
    "DrawnState",
    "Edit",
    "EmptyPrompt",
    "Face",
    "InvertSettings",
    "LocalSettings",
    "NoFaceFound",
    "OfficialSettings",
    "OptimizeSettings",
    "OutOfMemory",
    "Pack",
    "Progress",
    "Source",
    "Studio",
    "StudioError",
    "TediGANSettings",
    "UnknownMapper",
    "UnknownPack",
    "UnknownRegion",
    "UnsupportedByPack",
    "WeightsUnavailable",
    "__version__",
    "load_pack",
    "load_state",
    "load_studio",
    "save_picture",
    "save_state",
]
