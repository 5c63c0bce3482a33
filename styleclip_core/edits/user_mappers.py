"""Mapper files in the user's folder for a pack: sliders as soon as they are there, and HairCLIP's among them."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from styleclip_core.checkpoints.mapper import load_mapper
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.hairclip import HairMapper
from styleclip_core.networks.mapper import Mapper
from styleclip_core.packs.base import Pack

SUFFIXES = (".pt", ".pth", ".safetensors")


def files(pack: Pack) -> dict[str, Path]:
    """The files in the pack's folder of mappers, by the names of their sliders."""
    folder = pack.own_mappers
    if folder is None or not folder.is_dir():
        return {}
    found = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES and ".resume" not in file.name)
    return {file.stem: file for file in found}


def names(pack: Pack) -> list[str]:
    """The names of those that are sliders by themselves, without HairCLIP's and files that are no mappers."""
    return [name for name in files(pack) if isinstance(_known(pack, name), Mapper) and not _is_hair(pack, name)]


def load(pack: Pack, name: str) -> Mapper:
    """A mapper of the folder, on the pack's device. Raises BadCheckpoint; KeyError: no such file."""
    file = files(pack)[name]
    return _load(file, file.stat().st_mtime_ns, pack.device)


def hair_mapper(pack: Pack) -> HairMapper | None:
    """HairCLIP's mapper, if its file is in the folder and the pack has CLIP's raw embeddings for it."""
    if pack.embed_raw_text is None:
        return None
    found = (_known(pack, name) for name in files(pack))
    return next((mapper for mapper in found if isinstance(mapper, HairMapper)), None)


def _is_hair(pack: Pack, name: str) -> bool:
    return isinstance(_known(pack, name), HairMapper)


def _known(pack: Pack, name: str) -> Mapper | None:
    try:
        return load(pack, name)
    except BadCheckpoint:
        return None  # who asks for it by name is told why


@functools.lru_cache(maxsize=32)
def _load(file: Path, modified_ns: int, device: torch.device) -> Mapper:
    return load_mapper(file).to(device)
