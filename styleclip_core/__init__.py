"""StyleCLIP as a library: edit face photos by prompts.

>>> from styleclip_core import load_studio
>>> studio = load_studio()
>>> face = studio.invert("photo.jpg")
>>> edit = studio.optimize(face, "a smiling person with grey hair")
>>> edit.photo.save("edited.jpg")
"""

from styleclip_core.edits.invert import InvertSettings
from styleclip_core.edits.optimize import OptimizeSettings
from styleclip_core.errors import (
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
from styleclip_core.packs import Pack, load_pack
from styleclip_core.studio import Edit, Face, Progress, Studio, load_studio

__all__ = [
    "BadImage", "BadPrompt", "BadSetting", "Cancelled", "DiskFull", "Edit", "EmptyPrompt", "Face", "InvertSettings",
    "NoFaceFound", "OptimizeSettings", "OutOfMemory", "Pack", "Progress", "Studio", "StudioError", "UnknownMapper",
    "UnknownPack", "UnknownRegion", "UnsupportedByPack", "WeightsUnavailable", "load_pack", "load_studio",
]  # fmt: skip
