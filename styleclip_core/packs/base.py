"""The contracts of a pack's networks as Protocols, and the `Pack` that holds them.

Editing code is written against these: it asks a pack what it has, never which it is. `tests/packs/test_contracts.py`
runs one suite over every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from styleclip_core.latents import WSpace
from styleclip_core.networks.adapted import FeatureResidual
from styleclip_core.networks.blend import Blend
from styleclip_core.networks.inverter import Inverter

INVERTER, CARRIER = "inverter.safetensors", "carrier.safetensors"  # files of what is trained for a pack's inversions
Latent = Tensor | list[Tensor]  # w [N,512], w_plus [N,L,512], or style vectors: one [N,C_i] for each modulated layer


class Generator(Protocol):
    """W+ -> pictures. A `torch.nn.Module` in eval mode, frozen.

    Attributes:
        resolution: side of the full picture in px.
        num_layers: L of ``w_plus [N,L,512]``.
        style_sizes: channels C_i of each style vector, in synthesis order.
        style_layers: the W+ layer that each style vector is made from.
        rgb_styles: for each style vector, whether it modulates a convolution to RGB.
        w_avg: mean of W, ``[512]``.
        feature_residual: what the inversion of one photo adds to the features.
    """

    resolution: int
    num_layers: int
    style_sizes: tuple[int, ...]
    style_layers: tuple[int, ...]
    rgb_styles: tuple[bool, ...]
    w_avg: Tensor
    feature_residual: FeatureResidual

    @property
    def preview_resolutions(self) -> tuple[int, ...]:
        """Sizes in px below ``resolution`` that `synthesize` can stop at, ascending."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """As every `torch.nn.Module` has it."""
        ...

    def get_submodule(self, target: str) -> nn.Module:
        """As every `torch.nn.Module` has it."""
        ...

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """z ``[N,512]`` -> w ``[N,512]``, drawn towards ``w_avg`` by ``truncation`` (1 leaves it, 0 is the mean)."""
        ...

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """w ``[N,512]`` or w_plus ``[N,L,512]`` -> one style vector ``[N,C_i]`` per modulated layer.

        Raises:
            ValueError: another shape.
        """
        ...

    def features(self, styles: list[Tensor], resolution: int, blend: Blend | None = None) -> Tensor:
        """Features ``[N,C,R,R]`` at R = ``resolution`` px: 4, 8, ... up to half of the full size at least."""
        ...

    def exit_resolution(self, resolution: int) -> int:
        """The size in px at which `synthesize` stops for pictures of ``resolution`` px, at most ``self.resolution``."""
        ...

    def visible_layers(self, resolution: int) -> int:
        """How many layers of W+, from the first, a picture of ``resolution`` px depends on."""
        ...

    def synthesize(self, latent: Latent, resolution: int | None = None, blend: Blend | None = None) -> Tensor:
        """Render pictures ``[N,3,R,R]``, nominally in [-1,1] (not clamped).

        Args:
            resolution: R in px, at most the full size; None is full size.
            blend: keep another picture outside a mask.
        """
        ...

    def fitted_head(self, styles: list[Tensor], picture: Tensor, size: int) -> nn.Module | None:
        """A layer from features of ``size`` px to RGB, fitted to one face so that small pictures match its full one.

        None where small pictures of `synthesize` need no such correction.

        Args:
            styles: the face's style vectors.
            picture: its full picture averaged down, ``[1,3,R,R]``.
            size: px, one of ``preview_resolutions``.
        """
        ...


class TextImageModel(Protocol):
    """Texts and pictures -> one space of unit vectors. A `torch.nn.Module` in eval mode, frozen."""

    def encode_text(self, texts: list[str]) -> Tensor:
        """Texts -> unit vectors ``[N,D]``; of long ones the end is not read."""
        ...

    def reads_all(self, text: str) -> bool:
        """Whether no part of a text is too far behind to be read."""
        ...

    def encode_image(self, images: Tensor) -> Tensor:
        """Pictures ``[N,3,H,W]`` in [-1,1], any size -> unit vectors ``[N,D]``; differentiable."""
        ...


class FaceParser(Protocol):
    """Semantic segmentation of aligned faces into the classes of `networks.bisenet.CLASSES`."""

    def parse(self, images: Tensor) -> Tensor:
        """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> probabilities ``[N,19,H,W]``; they sum to 1."""
        ...


class PerceptualNetwork(Protocol):
    """Features for LPIPS-like distances."""

    def taps(self, images: Tensor) -> list[Tensor]:
        """Pictures ``[N,3,H,W]`` in [-1,1] -> feature maps, the finest first; differentiable."""
        ...


class Encoder(Protocol):
    """Pictures -> W+ in one pass."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Aligned pictures ``[N,3,H,H]`` in [-1,1], any size -> W+ ``[N,L,512]``."""
        ...


class IdentityModel(Protocol):
    """Faces -> identity embeddings, whose cosine is high for two pictures of one person."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Aligned pictures ``[N,3,H,W]`` in [-1,1] -> unit vectors ``[N,E]``; differentiable."""
        ...


@dataclass(frozen=True)
class ReferenceFaces:
    """Random faces with known codes and embeddings: the statistics that a text's similarity is judged against.

    With `ENOUGH_TO_REGRESS` or more of them, a text's similarity is also regressed on the codes, which tells where in
    W the text points.

    Attributes:
        w: their codes ``[M,512]``.
        embeddings: their image embeddings ``[M,D]``, unit vectors.
    """

    w: Tensor
    embeddings: Tensor

    ENOUGH_TO_REGRESS = 1000

    def to(self, device: torch.device) -> ReferenceFaces:
        return ReferenceFaces(self.w.to(device), self.embeddings.to(device))

    @property
    def can_regress(self) -> bool:
        """Whether there are enough of them to regress a text's similarity on their codes."""
        return len(self.w) >= self.ENOUGH_TO_REGRESS

    def z_score(self, cosines: Tensor, text: Tensor) -> Tensor:
        """Cosines ``[N]`` of pictures to ``text [1,D]``, in standard deviations from the mean of these faces."""
        own = (self.embeddings @ text.T)[:, 0]
        return (cosines - own.mean()) / own.std()


@dataclass(frozen=True, eq=False)
class Pack:
    """The networks of one pack, all on one device, in eval mode and frozen. What a pack lacks is None.

    Attributes:
        name: "compact", "full", "car" or "church"; for messages and folder names, not for decisions.
        device: where all tensors are.
        generator, clip, encoder, parser, identity, perceptual: see their Protocols.
        space: principal directions of W.
        reference_faces: random faces with their codes and embeddings.
        domain: what the generator draws: "face", "car" or "church". Photos are searched for faces only.
        note: a sentence for the user: why this pack was chosen, and what to expect of it.
        templates: sentences with one ``{}``, which a description is put into; the embeddings are averaged.
        neutral_is_mean: whether a neutral text ("a person") stands for the mean of opposite texts instead of its own
            embedding, because the text-image model was only trained on texts that tell faces apart.
        styleclip_embed: pictures ``[N,3,H,W]`` in [-1,1] -> unit vectors ``[N,D]`` as StyleCLIP's own loss computes
            them; None where the text-image model is not CLIP.
        mappers: slider name -> name of the mapper's checkpoint.
        inverter: learned steps of inversion, made for this generator and this encoder.
        fingerprint: hash of the networks that what is measured at its first use depends on; "" where nothing is.
        fs3: StyleCLIP's ``fs3.npy`` for this generator, if the user has it; ``S_mean_std`` beside it is read too.
        own_mappers: folder whose mapper files are sliders too: trained for this pack, or official ones put there.
        embed_raw_text: texts -> CLIP's embeddings ``[N,512]``, not normalised, as HairCLIP takes them; None where the
            text-image model is not CLIP ViT-B/32.
        embed_raw_image: the same of pictures ``[N,3,H,W]`` in [-1,1].
        directions: folder of what was computed and trained for this pack; None where those of pretrained/ apply.
    """

    name: str
    device: torch.device
    generator: Generator
    clip: TextImageModel
    encoder: Encoder
    parser: FaceParser | None
    identity: IdentityModel | None
    perceptual: PerceptualNetwork
    space: WSpace
    reference_faces: ReferenceFaces
    domain: str = "face"
    note: str = ""
    templates: tuple[str, ...] = ("{}",)
    neutral_is_mean: bool = False
    styleclip_embed: Callable[[Tensor], Tensor] | None = None
    mappers: Mapping[str, str] = field(default_factory=dict)
    inverter: Inverter | None = None
    directions: Path | None = None
    fingerprint: str = ""
    fs3: Path | None = None
    own_mappers: Path | None = None
    embed_raw_text: Callable[[list[str]], Tensor] | None = None
    embed_raw_image: Callable[[Tensor], Tensor] | None = None
