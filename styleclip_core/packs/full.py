"""The full pack, StyleGAN2 with e4e, CLIP, ArcFace and BiSeNet from the Hub, and the packs for cars and churches."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from styleclip_core import devices, latents, weights
from styleclip_core.checkpoints import load_bisenet, load_e4e, load_identity, load_open_clip
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.carrier import ResidualCarrier
from styleclip_core.networks.e4e import E4E
from styleclip_core.networks.inverter import Inverter
from styleclip_core.networks.open_clip import OpenCLIP
from styleclip_core.networks.stylegan2 import StyleGAN2
from styleclip_core.packs import templates
from styleclip_core.packs.base import CARRIER, INVERTER, Pack, ReferenceFaces
from styleclip_core.packs.compact import perceptual_network

PACKS = {  # name -> domain, and the checkpoint with encoder and generator
    "full": ("face", "e4e_ffhq_encode.pt"),
    "car": ("car", "e4e_cars_encode.pt"),
    "church": ("church", "e4e_church_encode.pt"),
}
REFERENCE_FACES_GPU, REFERENCE_FACES_CPU = 2048, 64  # drawn once; on a CPU each takes a second
REFERENCE_FACES_PX = 256


def full_pack(
    name: str, device: torch.device, dtype: torch.dtype = torch.float32, clip: OpenCLIP | None = None
) -> Pack:
    """Load all networks of a pack onto a device.

    Args:
        name: "full", "car" or "church".
        dtype: precision of the generator's last four levels.
        clip: a model of `load_open_clip` to use instead of CLIP ViT-B/32.
    Raises:
        WeightsUnavailable, DiskFull, BadCheckpoint.
    """
    domain, e4e = PACKS[name]
    weights.fetch(name)
    encoder, generator = load_e4e(weights.path(e4e))
    clip = clip or load_open_clip(checkpoint=weights.path("clip_vit_b32.safetensors"))
    space, key = latents.w_space(generator), fingerprint(generator, clip.model.visual)
    perceptual, parser, identity = perceptual_network().fold().to(device), None, None
    if domain == "face":
        parser = load_bisenet(weights.path("parsing_bisenet.pth")).to(device)
        identity = load_identity(weights.path("model_ir_se50.pth")).to(device).encode_identity
    generator.set_precision(dtype)
    count = REFERENCE_FACES_CPU
    if devices.has_gpu(device):
        count, generator, clip = REFERENCE_FACES_GPU, generator.to(device), clip.to(device)
    faces = cached_reference_faces(generator, clip, count, key)
    own = weights.cache_dir() / "directions" / name
    if (carrier := _trained(own / CARRIER)) is not None:
        generator.feature_residual.carrier = ResidualCarrier.of(carrier)
    inverter = _trained(own / INVERTER)
    return Pack(
        name=name,
        device=device,
        generator=generator.to(device),
        clip=clip.to(device),
        encoder=e4e_encoder(encoder.to(device)),
        parser=parser,
        identity=identity,
        perceptual=perceptual,
        space=latents.WSpace(*(part.to(device) for part in vars(space).values())),
        reference_faces=faces.to(device),
        domain=domain,
        templates=templates.styleclip(),
        styleclip_embed=clip.encode_image_as_styleclip,
        inverter=None if inverter is None else Inverter.of(inverter).to(device),
        directions=own,
        fingerprint=key,
        fs3=_given("fs3.npy", own),
        own_mappers=weights.cache_dir() / "mappers" / name,
        embed_raw_text=clip.encode_raw_text,
        embed_raw_image=clip.encode_raw_image,
    )


def _given(name: str, own: Path) -> Path | None:
    """A file that the user put into the pack's folder in the cache, or into $STYLECLIP_WEIGHTS."""
    folders = [own, *(Path(folder) for folder in [os.environ.get("STYLECLIP_WEIGHTS")] if folder)]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _trained(file: Path) -> dict[str, Tensor] | None:
    """What was trained on this machine, or None. Raises BadCheckpoint if the file is damaged."""
    try:
        return load_file(file) if file.is_file() else None
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{file} cannot be read ({error}); delete it, and train it again.") from error


def e4e_encoder(network: E4E) -> Callable[[Tensor], Tensor]:
    """An encoder of squares ``[N,3,H,H]`` in [-1,1] as the generator draws them, any size -> W+ ``[N,L,512]``."""
    height, width = network.input_size
    skipped = (width - height) // 2  # rows above and below cars, which the generator leaves black

    def encode(images: Tensor) -> Tensor:
        images = F.interpolate(images, (width, width), mode="bilinear", antialias=True)
        return network(images[:, :, skipped : width - skipped]) + network.latent_avg

    return encode


def fingerprint(*networks: nn.Module) -> str:
    """A hash of the weights of networks on the CPU, whatever file they came from."""
    digest = hashlib.sha256()
    for network in networks:
        for name, value in network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def cached_reference_faces(generator: StyleGAN2, clip: OpenCLIP, count: int, key: str) -> ReferenceFaces:
    """``count`` reference faces, made once on the networks' device and cached on disk under ``key``.

    A damaged file is made again. If the cache cannot be written to, the next start makes them again.
    """
    file = weights.cache_dir() / "reference_faces" / f"{key}-{count}.safetensors"
    with contextlib.suppress(SafetensorError, OSError, KeyError):
        stored = load_file(file)
        faces = ReferenceFaces(stored["w"], stored["embeddings"])
        if faces.w.shape == (count, 512) and len(faces.embeddings) == count:
            return faces
    faces = make_reference_faces(generator, clip, count)
    with contextlib.suppress(OSError, SafetensorError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        save_file({"w": faces.w, "embeddings": faces.embeddings}, temporary)
        os.replace(temporary, file)
    return faces


@torch.no_grad()
def make_reference_faces(generator: StyleGAN2, clip: OpenCLIP, count: int, seed: int = 1) -> ReferenceFaces:
    """Draw ``count`` random faces at 256 px and embed them; the result is on the CPU.

    Their truncation is uniform in [0.5, 1]: from average faces to the whole variety of W.
    """
    rng, device = np.random.default_rng(seed), generator.w_avg.device
    z = torch.from_numpy(rng.standard_normal((count, 512)).astype(np.float32)).to(device)
    truncation = torch.from_numpy(rng.uniform(0.5, 1, (count, 1)).astype(np.float32)).to(device)
    w = torch.lerp(generator.w_avg, generator.map(z), truncation)
    embeddings, batch = [], 32 if device.type == "cuda" else 2
    with tqdm(total=count, desc="Drawing random faces, once", unit="face", leave=False) as bar:
        while (done := sum(map(len, embeddings))) < count:
            try:
                faces = generator.synthesize(w[done : done + batch], REFERENCE_FACES_PX)
                embeddings.append(clip.encode_image(faces).cpu())
                bar.update(len(faces))
            except RuntimeError as error:
                if batch == 1 or not devices.is_out_of_memory(error):
                    raise
                batch //= 2
    return ReferenceFaces(w.cpu(), torch.cat(embeddings))
