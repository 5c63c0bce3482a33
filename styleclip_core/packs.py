"""Packs: sets of networks that together can edit a face, behind the same interfaces."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import latents, weights
from styleclip_core.checkpoints.mobile_stylegan import load_mobile_stylegan
from styleclip_core.checkpoints.text import load_minilm, load_tokenizer
from styleclip_core.errors import UnknownPack, UnsupportedByPack, WeightsUnavailable
from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.networks.mobile_stylegan import MobileStyleGAN


@dataclass(frozen=True)
class Gallery:
    """Random faces that the pack knows: what is usual, against which a text is judged, and where texts point in W.

    Attributes:
        w: their codes ``[M,512]``.
        embeddings: their image embeddings ``[M,D]``.
    """

    w: Tensor
    embeddings: Tensor


@dataclass(frozen=True)
class Pack:
    """The networks of one pack, all on one device, in eval mode and frozen. A role that a pack lacks is None.

    Attributes:
        name: "compact".
        device: where everything lies.
        generator: W+ -> pictures.
        clip: text-image model, ``encode_text(list[str])`` and ``encode_image(images)``, unit vectors ``[N,D]``.
        encoder: photo -> W+, or None.
        parser: face parsing, or None.
        identity: images -> unit vectors ``[N,E]`` that are close for the same person; differentiable.
        perceptual: network with ``taps(images)`` for LPIPS-like distances.
        space: W's principal directions.
        gallery: random faces with their codes and embeddings.
        domain: "face".
    """

    name: str
    device: torch.device
    generator: MobileStyleGAN
    clip: FaceCLIP
    encoder: Any | None
    parser: Any | None
    identity: Callable[[Tensor], Tensor]
    perceptual: EfficientNetLite0
    space: latents.WSpace
    gallery: Gallery
    domain: str = "face"


def compact_generator() -> MobileStyleGAN:
    """MobileStyleGAN FFHQ-1024 with its preview heads, on the CPU. Raises WeightsUnavailable."""
    files = weights.fetch([name for name in weights.CHECKPOINTS if name.startswith("mobile_stylegan/")])
    generator = load_mobile_stylegan(files[0].parent)
    if "mobile_stylegan_heads.safetensors" in weights.CHECKPOINTS:
        heads = load_file(weights.path("mobile_stylegan_heads.safetensors"))
        generator.add_heads({name: value.float() for name, value in heads.items()})
    return generator


def perceptual_network() -> EfficientNetLite0:
    """EfficientNet-Lite0 trained on ImageNet, for perceptual losses, on the CPU. Raises WeightsUnavailable."""
    network = EfficientNetLite0()
    network.load_published(torch.load(weights.path("efficientnet_lite0.pth"), weights_only=True))
    return network.eval().requires_grad_(False)


def face_clip() -> tuple[FaceCLIP, Gallery]:
    """FaceCLIP and its gallery, on the CPU. Raises WeightsUnavailable."""
    state = {name: value.float() for name, value in load_file(weights.path("face_clip.safetensors")).items()}
    gallery = Gallery(state.pop("gallery_w"), state.pop("gallery"))
    model = FaceCLIP()
    model.sentence_encoder = load_minilm(weights.path("minilm/model.safetensors"))
    result = model.load_state_dict(state, strict=False)
    wrong = [*result.unexpected_keys, *(k for k in result.missing_keys if not k.startswith("sentence_encoder."))]
    if any(not name.endswith("num_batches_tracked") for name in wrong):
        raise WeightsUnavailable(f"pretrained/face_clip.safetensors does not fit this version: {', '.join(wrong)}.")
    model.tokenize = load_tokenizer(weights.path("minilm/tokenizer.json"))
    return model.eval().requires_grad_(False), gallery


def choose_device(device: str = "auto") -> torch.device:
    """The device for a name; "auto" is CUDA if there is one, else the CPU. Raises UnsupportedByPack if it is absent."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise UnsupportedByPack(f"The device {device!r} cannot be used here; choose cpu, cuda or auto.") from error


def load_pack(name: str = "auto", device: str = "auto") -> Pack:
    """Load a pack, fetching its weights if need be.

    Args:
        name: "compact", or "auto", which is the same as long as there is one pack.
        device: "auto", "cpu", "cuda", "cuda:1", ...
    Raises:
        UnknownPack, WeightsUnavailable, UnsupportedByPack, DiskFull.
    """
    if name not in ("auto", "compact"):
        raise UnknownPack(f"No pack is called {name!r}; choose compact or auto.")
    place = choose_device(device)
    if place.type == "cpu":
        keep_freed_memory()
    weights.fetch("compact")
    generator, network = compact_generator().to(place), perceptual_network().to(place)
    clip, gallery = face_clip()
    clip = clip.to(place)
    space = latents.w_space(generator)
    gallery = Gallery(gallery.w.to(place), gallery.embeddings.to(place))
    return Pack("compact", place, generator, clip, None, None, clip.encode_identity, network, space, gallery)


@functools.cache
def keep_freed_memory() -> None:
    """Tell glibc's malloc to keep large freed blocks.

    By default each large tensor is mapped from the system and given back, page faults and all: on CPUs that costs
    up to half of the time of convolutions on megapixel feature maps.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mmap_threshold, trim_threshold = -3, -1
            mallopt(mmap_threshold, 1 << 30)
            mallopt(trim_threshold, 2**31 - 1)
