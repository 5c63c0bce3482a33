"""Fit FaceCLIP's identity head: what of a face stays when hair colour, expression, pose, light and framing change.

Linear discriminant analysis on the tower's features: pictures of one face, recoloured, edited and augmented, say what
may change of a person, different faces what tells people apart; the head keeps the directions where the second is
largest beside the first.

    python -m styleclip_core fit-identity FACES_DIR
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import latents, weights
from styleclip_core.edits import sliders
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.packs import Pack, TextImageModel, load_pack
from styleclip_core.rendering import Preview
from styleclip_core.training.augment import augment
from styleclip_core.training.common import HELD_OUT, image_files, read_images, read_table, save_trained
from styleclip_core.training.face_clip import FILE

STORED = 256  # px of the faces
FIRST_SEED = 700_000  # of the faces that are edited
EDITS = (
    {"boundary:smile": 1.5},
    {"boundary:smile": -1.5},
    {"boundary:pose": 1.0},
    {"boundary:pose": -1.0},
    {"boundary:mouth open": 1.5},
)
HAIR = torch.tensor(
    [  # RGB in [0,1] of well lit hair: black, browns, blonds, greys, reds, dyed
        [0.10, 0.09, 0.09],
        [0.25, 0.17, 0.12],
        [0.42, 0.30, 0.20],
        [0.80, 0.65, 0.42],
        [0.92, 0.82, 0.62],
        [0.62, 0.62, 0.62],
        [0.88, 0.88, 0.88],
        [0.62, 0.26, 0.12],
        [0.45, 0.12, 0.10],
        [0.45, 0.25, 0.60],
    ]
)


def recolour(images: Tensor, hair: Tensor, generator: torch.Generator) -> Tensor:
    """Images ``[N,3,H,W]`` in [-1,1] with hair (``[N,1,H,W]``, its mask) of random colours."""
    n, light = len(images), (images + 1) / 2
    grey = light.mean(1, keepdim=True)
    usual = (grey * hair).sum((2, 3), keepdim=True) / hair.sum((2, 3), keepdim=True).clamp(min=1)
    pair = HAIR[torch.randint(len(HAIR), (n, 2), generator=generator)]
    colour = torch.lerp(pair[:, 0], pair[:, 1], torch.rand(n, 1, generator=generator))[:, :, None, None]
    contrast = 0.4 + 0.5 * torch.rand(n, 1, 1, 1, generator=generator)
    dyed = colour * (1 + contrast * (grey / usual.clamp(min=0.05) - 1))
    return torch.lerp(light, dyed.clamp(0, 1), hair) * 2 - 1


def augmented_features(clip: TextImageModel, images: Tensor, flipped: Tensor, generator: torch.Generator) -> Tensor:
    """The tower's features ``[N,1280]`` of pictures ``[N,3,H,W]``, augmented; ``flipped bool [N]``."""
    assert isinstance(clip, FaceCLIP), "the head that is fitted here belongs to FaceCLIP"
    return clip.features(augment(images, flipped, clip.size, generator))


@torch.no_grad()
def features_of_faces(pack: Pack, images: Tensor, generator: torch.Generator, views: int = 5) -> Tensor:
    """Features ``[N,views,1280]`` of faces ``uint8 [N,3,H,W]``, augmented; from the third view on with dyed hair."""
    assert pack.parser, "hair is found by the pack's parser"
    found = []
    for part in images.split(32):
        part = part.float() / 127.5 - 1
        hair = pack.parser.parse(part)[:, [CLASSES.index("hair")]]
        row = []
        for view in range(views):
            pictures = part if view < 2 else recolour(part, hair, generator)
            flipped = torch.full([len(part)], view % 2 == 1)
            row.append(augmented_features(pack.clip, pictures, flipped, generator))
        found.append(torch.stack(row, 1))
    return torch.cat(found)


@torch.no_grad()
def features_of_edits(pack: Pack, count: int, generator: torch.Generator) -> Tensor:
    """Features ``[count,1+E,1280]`` of random faces, unedited and edited, augmented."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        w_plus = latents.random_w(pack.generator, seed, 0.8).expand(1, pack.generator.num_layers, 512)
        draw = Preview(pack.generator, w_plus, STORED)
        pictures = torch.cat([draw(sliders.move(pack, w_plus, values)[0]) for values in ({}, *EDITS)])
        flipped = torch.zeros(len(pictures), dtype=torch.bool)
        found.append(augmented_features(pack.clip, pictures, flipped, generator))
    return torch.stack(found)


def discriminant(groups: list[Tensor], width: int, ridge: float = 0.3) -> tuple[Tensor, Tensor]:
    """The ``width`` directions of best separation, as a linear layer's weight ``[width,D]`` and bias ``[width]``.

    Args:
        groups: features ``[N,V,D]``, V pictures of each of N faces.
        ridge: added to the scatter within faces, as a share of its mean variance.
    """
    groups = [group.double() for group in groups]
    scatters = [(g - g.mean(1, keepdim=True)).flatten(0, 1).T.cov() for g in groups]
    within = torch.stack(scatters).sum(0) / len(groups)
    people = torch.cat([group.mean(1) for group in groups])
    within = within + ridge * within.diagonal().mean() * torch.eye(len(within))
    half = torch.linalg.cholesky(within)
    whitened = torch.linalg.solve_triangular(half, people.T.cov(), upper=False)
    whitened = torch.linalg.solve_triangular(half, whitened.T, upper=False)
    axes = torch.linalg.eigh((whitened + whitened.T) / 2)[1].flip(1)[:, :width]
    weight = torch.linalg.solve_triangular(half.T, axes, upper=True).T
    return weight.float(), -(weight @ people.mean(0)).float()


def run(folder: Path, faces: int = 1500, edited: int = 160, seed: int = 0) -> None:
    """Fit the head and write it into ``pretrained/face_clip.safetensors``."""
    pack, generator = load_pack("compact", "cpu"), torch.Generator().manual_seed(seed)
    files, table = image_files(folder), read_table(folder)
    not_mixed = [file for file, row in zip(files[:-HELD_OUT], table, strict=False) if not row["seed_b"]]
    images = read_images(not_mixed[:faces], STORED)
    groups = [features_of_faces(pack, images, generator), features_of_edits(pack, edited, generator)]
    weight, bias = discriminant(groups, FaceCLIP.identity_width)
    path = weights.PRETRAINED / FILE
    state = load_file(path) | {"identity_head.weight": weight.half(), "identity_head.bias": bias.half()}
    save_trained(state, path)
