"""Packs: sets of networks that together can edit a picture, behind the contracts of `base`."""

from styleclip_core.packs.base import (
    Encoder,
    FaceParser,
    Generator,
    IdentityModel,
    Latent,
    Pack,
    PerceptualNetwork,
    ReferenceFaces,
    TextImageModel,
)
from styleclip_core.packs.load import NAMES, load_pack

__all__ = [
    "NAMES",
    "Encoder",
    "FaceParser",
    "Generator",
    "IdentityModel",
    "Latent",
    "Pack",
    "PerceptualNetwork",
    "ReferenceFaces",
    "TextImageModel",
    "load_pack",
]
