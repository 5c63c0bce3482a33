"""What the studio's verbs give: faces, edits, and reports on the way; and pictures as tensors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.faces import Alignment


@dataclass(frozen=True, eq=False)
class Face:
    """A face (or a car or a church, whatever the pack draws) that can be edited.

    Attributes:
        w_plus: its code ``[L,512]``, on the CPU.
        image: the generator's picture of it, 1024 x 1024 (512 x 512 of a car, 256 x 256 of a church).
        photo: the photo it came from, or None for a face of the generator.
        aligned: the aligned part of the photo, 1024 x 1024 (of cars and churches as large as ``image``), or None.
        alignment: how the aligned square lies in the photo, or None.
        faces: how many faces the photo has.
        distance: LPIPS-like distance of ``image`` to ``aligned`` (0 is identical), or None.
        seconds: how long the inversion took.
        weights: what the generator was adapted to the photo by (`networks.adapted`), in half precision on the CPU.
    """

    w_plus: Tensor
    image: Image.Image
    photo: Image.Image | None = None
    aligned: Image.Image | None = None
    alignment: Alignment | None = None
    faces: int = 1
    distance: float | None = None
    seconds: float = 0.0
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Edit:
    """An edited face.

    Attributes:
        image: the edited picture, aligned, as large as the face's.
        photo: the edit pasted back into the photo; ``image`` where there is no photo.
        latent: ``[L,512]``, on the CPU.
        mask: where a local edit applies ("L"), or None.
        scores: ``similarity_before``, ``similarity_after`` (standard deviations above random faces),
            ``clip_before``, ``clip_after`` (cosines), ``identity`` (cosine to the unedited face; of faces only),
            ``distance`` (LPIPS-like) and ``seconds``.
    """

    image: Image.Image
    photo: Image.Image
    latent: Tensor
    mask: Image.Image | None = None
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Progress:
    """One report of a running verb: what is being done, how far it is, and a preview every few steps."""

    stage: str
    step: int
    steps: int
    preview: Image.Image | None = None
    terms: dict[str, float] = field(default_factory=dict)


def to_tensor(image: Image.Image, device: torch.device | str = "cpu") -> Tensor:
    """RGB picture -> ``float32 [1,3,H,W]`` in [-1,1]."""
    array = np.asarray(image.convert("RGB"), np.float32) / 127.5 - 1
    return torch.from_numpy(array).permute(2, 0, 1)[None].to(device)


def to_image(tensor: Tensor) -> Image.Image:
    """``[1,3,H,W]`` or ``[3,H,W]`` in [-1,1] -> RGB picture, values outside clipped."""
    array = tensor.detach().reshape(tensor.shape[-3:]).permute(1, 2, 0).float().cpu()
    return Image.fromarray(((array.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy())
