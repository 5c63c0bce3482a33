"""Published files of weights -> our networks, on the CPU, in eval mode, frozen.

A file's format is recognised from its content, and nothing in it is run. What a file is not raises BadCheckpoint,
which names the keys that are missing or unknown. facexlib and open_clip are imported when first needed.
"""

from styleclip_core.checkpoints.bisenet import load_bisenet
from styleclip_core.checkpoints.codes import load_codes
from styleclip_core.checkpoints.e4e import load_e4e
from styleclip_core.checkpoints.identity import load_identity
from styleclip_core.checkpoints.mapper import load_mapper, save_mapper
from styleclip_core.checkpoints.open_clip import load_open_clip
from styleclip_core.checkpoints.stylegan2 import load_generator

__all__ = [
    "load_bisenet",
    "load_codes",
    "load_e4e",
    "load_generator",
    "load_identity",
    "load_mapper",
    "load_open_clip",
    "save_mapper",
]
