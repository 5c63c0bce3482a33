"""What a pack is made of: the contracts of its networks as Protocols, and the `Pack` that holds them.

Editing code is written against these and asks a pack what it has, never which it is. `tests/packs/test_contracts.py`
runs one suite over every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from styleclip_core.latents import WSpace
from styleclip_core.networks.blend import Blend

Latent = Tensor | list[Tensor]  # w [N,512], w_plus [N,L,512], or style vectors: one [N,C_i] for each modulated layer


class Generator(Protocol):
    """W+ -> pictures. A `torch.nn.Module` in eval mode, frozen.

    Attributes:
        resolution: side of the full picture in px.
        num_layers: L of ``w_plus [N,L,512]``.
        style_sizes: channels C_i of each style vector, in synthesis order.
        style_layers: the W+ layer that each style vector is made from.
        rgb_styles: for each style vector, whether it modulates a convolution that only paints colours.
        preview_resolutions: sizes below ``resolution`` that `synthesize` can stop at, ascending.
        w_avg: mean of W, ``[512]``.
    """

    resolution: int
    num_layers: int
    style_sizes: tuple[int, ...]
    style_layers: tuple[int, ...]
    rgb_styles: tuple[bool, ...]
    w_avg: Tensor

    @property
    def preview_resolutions(self) -> tuple[int, ...]: ...

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """z ``[N,512]`` -> w ``[N,512]``, drawn towards ``w_avg`` by ``truncation`` (1 leaves it, 0 is the mean)."""
        ...

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """w ``[N,512]`` or w_plus ``[N,L,512]`` -> one style vector ``[N,C_i]`` per modulated layer. ValueError."""
        ...

    def features(self, styles: list[Tensor], resolution: int, blend: Blend | None = None) -> Tensor:
        """Features ``[N,C,R,R]`` of the level R = ``resolution``: 4, 8, ... up to half of the full size at least."""
        ...

    def exit_resolution(self, resolution: int) -> int:
        """The size at which `synthesize` stops for pictures of ``resolution`` px; ``self.resolution`` is full size."""
        ...

    def visible_layers(self, resolution: int) -> int:
        """How many of W+'s layers, from the first, a picture of ``resolution`` px depends on."""
        ...

    def synthesize(self, latent: Latent, resolution: int | None = None, blend: Blend | None = None) -> Tensor:
        """Render pictures ``[N,3,R,R]``, nominally in [-1,1] (not clamped); R = ``resolution``, None is full size."""
        ...

    def fitted_head(self, styles: list[Tensor], picture: Tensor, size: int) -> nn.Module | None:
        """A layer that reads the colours of faces like one from their features of ``size`` px.

        None where `synthesize` paints small pictures as faithfully as the full one.

        Args:
            styles: of the face.
            picture: its full picture averaged down, ``[1,3,R,R]``.
        """
        ...


class TextImageModel(Protocol):
    """Texts and pictures -> one space of unit vectors. A `torch.nn.Module` in eval mode, frozen."""

    def encode_text(self, texts: list[str]) -> Tensor:
        """Texts -> unit vectors ``[N,D]``."""
        ...

    def encode_image(self, images: Tensor) -> Tensor:
        """Pictures ``[N,3,H,W]`` in [-1,1], any size -> unit vectors ``[N,D]``; differentiable."""
        ...


class FaceParser(Protocol):
    """Which pixel is hair, skin, an eye, ... : probabilities of the classes of `networks.bisenet.CLASSES`."""

    def parse(self, images: Tensor) -> Tensor:
        """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> probabilities ``[N,19,H,W]``; they sum to 1."""
        ...


class PerceptualNetwork(Protocol):
    """Features for LPIPS-like distances."""

    def taps(self, images: Tensor) -> list[Tensor]:
        """Pictures ``[N,3,H,W]`` in [-1,1] -> feature maps, the finest first; differentiable."""
        ...


class Encoder(Protocol):
    """A picture's code in one pass."""

    def __call__(self, images: Tensor) -> Tensor:
        """Aligned pictures ``[N,3,H,H]`` in [-1,1], any size -> W+ ``[N,L,512]``."""
        ...


class IdentityModel(Protocol):
    """Who is in a picture."""

    def __call__(self, images: Tensor) -> Tensor:
        """Aligned pictures ``[N,3,H,W]`` in [-1,1] -> unit vectors ``[N,E]``, near for one person; differentiable."""
        ...


@dataclass(frozen=True)
class ReferenceFaces:
    """Random faces that the pack knows: what is usual, against which a text is judged, and where texts point in W.

    `ENOUGH` or more show where texts point; fewer only what is usual.

    Attributes:
        w: their codes ``[M,512]``.
        embeddings: their image embeddings ``[M,D]``.
    """

    w: Tensor
    embeddings: Tensor

    ENOUGH = 1000

    def to(self, device: torch.device) -> ReferenceFaces:
        return ReferenceFaces(self.w.to(device), self.embeddings.to(device))

    @property
    def show_directions(self) -> bool:
        """Whether there are enough of them to regress a text's similarity on their codes."""
        return len(self.w) >= self.ENOUGH

    def z_score(self, cosines: Tensor, text: Tensor) -> Tensor:
        """Cosines ``[N]`` of pictures to ``text [1,D]``, in standard deviations above these faces'."""
        usual = (self.embeddings @ text.T)[:, 0]
        return (cosines - usual.mean()) / usual.std()


@dataclass(frozen=True, eq=False)
class Pack:
    """The networks of one pack, all on one device, in eval mode and frozen. A role that a pack lacks is None.

    Attributes:
        name: "compact", "full", "car" or "church"; for messages and folders, not for decisions.
        device: where everything lies.
        generator, clip, encoder, parser, identity, perceptual: see their Protocols.
        space: W's principal directions.
        reference_faces: random faces with their codes and embeddings.
        domain: what the generator draws: "face", "car" or "church". Only faces are looked for in photos.
        note: a sentence for the user: why this pack, and what to expect of it.
        templates: sentences with one ``{}``, round which embeddings of a description are averaged.
        neutral_is_mean: whether a text that asks for nothing ("a person") stands for the mean of opposites instead of
            its own embedding, since the text-image model has only learned texts that tell faces apart.
        styleclip_embed: pictures ``[N,3,H,W]`` -> unit vectors as StyleCLIP's own loss computes them, where the
            text-image model is CLIP.
        mappers: slider name -> name of the mapper's checkpoint.
        text_mapper: name of the checkpoint of the mapper for any prompt.
        directions: folder of the pack's own files of directions; None: those of pretrained/ were made for it.
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
    text_mapper: str | None = None
    directions: Path | None = None
