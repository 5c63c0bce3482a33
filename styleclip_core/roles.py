"""What a pack is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from styleclip_core import latents
from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.networks.mobile_stylegan import MobileStyleGAN
from styleclip_core.networks.open_clip import OpenCLIP
from styleclip_core.networks.stylegan2 import StyleGAN2


@dataclass(frozen=True)
class Gallery:
    """Random faces that the pack knows: what is usual, against which a text is judged, and where texts point in W.

    A thousand or more show where texts point; fewer only what is usual.

    Attributes:
        w: their codes ``[M,512]``.
        embeddings: their image embeddings ``[M,D]``.
    """

    w: Tensor
    embeddings: Tensor

    def to(self, device: torch.device) -> Gallery:
        return Gallery(self.w.to(device), self.embeddings.to(device))

    def score(self, cosines: Tensor, text: Tensor) -> Tensor:
        """Cosines of pictures to ``text [1,D]``, in standard deviations above the gallery's."""
        usual = (self.embeddings @ text.T)[:, 0]
        return (cosines - usual.mean()) / usual.std()


@dataclass(frozen=True, eq=False)
class Pack:
    """The networks of one pack, all on one device, in eval mode and frozen. A role that a pack lacks is None.

    Attributes:
        name: "compact", "full", "car" or "church".
        device: where everything lies.
        generator: W+ -> pictures.
        clip: text-image model, ``encode_text(list[str])`` and ``encode_image(images)``, unit vectors ``[N,D]``.
        encoder: aligned pictures ``[N,3,H,W]`` in [-1,1], any size -> W+ ``[N,L,512]``.
        parser: face parsing, ``parse(images)`` -> probabilities ``[N,19,H,W]``.
        identity: images -> unit vectors ``[N,E]`` that are close for the same person; differentiable.
        perceptual: network with ``taps(images)`` for LPIPS-like distances.
        space: W's principal directions.
        gallery: random faces with their codes and embeddings.
        domain: what the generator draws: "face", "car" or "church". Only faces are looked for in photos.
        note: a sentence for the user: why this pack, and what to expect of it.
    """

    name: str
    device: torch.device
    generator: MobileStyleGAN | StyleGAN2
    clip: FaceCLIP | OpenCLIP
    encoder: Callable[[Tensor], Tensor] | None
    parser: Any | None
    identity: Callable[[Tensor], Tensor] | None
    perceptual: EfficientNetLite0
    space: latents.WSpace
    gallery: Gallery
    domain: str = "face"
    note: str = ""
