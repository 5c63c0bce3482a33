"""Photo -> W+ and a per-photo feature residual for what no code can represent (`networks.adapted`).

First the encoder's code and a few learned steps (`networks.inverter`), in a second; then a refinement by gradient
descent. Both move in whitened coordinates and make the same terms small.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import latents, losses
from styleclip_core.edits.schedule import schedule
from styleclip_core.images import to_preview
from styleclip_core.networks.adapted import FEATURE_SIZE, adapted, shallow_copy
from styleclip_core.packs.base import Generator, Pack
from styleclip_core.progress import Progress, preview_due
from styleclip_core.rendering import Preview
from styleclip_core.settings import InvertSettings

REFIT_INTERVAL = 10  # steps after which the preview's correction is fitted again, to the code reached by then
# Learned steps and shares of them: in full the last overshoots on photos.
LOOKS = (0, 1.0), (1, 1.0), (2, 1.0), (3, 0.65), (3, 0.6), (3, 0.5)
FROM_AFAR = 3  # times as many steps are taken without learned steps before them, since they begin far away


def invert(pack: Pack, image: Tensor, settings: InvertSettings | None = None) -> Iterator[Progress]:
    """Find the W+ code of an aligned face, and its residual. Yields a `Progress` per step; the last holds the result.

    Args:
        image: ``[1,3,H,H]`` in [-1,1], aligned as FFHQ.
    """
    settings, last = settings or InvertSettings(), None
    for last in look(pack, image, settings):
        yield last
    assert last is not None and last.w_plus is not None, "a look ends with a code"
    if settings.steps:
        yield from refine(pack, image, last.w_plus, last.weights, settings)


def look(pack: Pack, image: Tensor, settings: InvertSettings) -> Iterator[Progress]:
    """The encoder's code, and the learned steps from it where the pack has them. As `invert`, within a second."""
    stage = f"Finding the {pack.domain}'s code"
    with torch.no_grad():
        start = pack.encoder(image)
    if pack.inverter is None or not settings.faithful:  # the learned steps need a residual
        yield Progress(stage, 1, 1, w_plus=start)
        return
    search, total = Search(pack, start, {}, settings), 1 + len(LOOKS)
    yield Progress(stage, 1, total, to_preview(search.full), w_plus=start)
    photo = Comparison(search, image, pack.inverter.picture_sizes[0])
    for i, (step, share) in enumerate(LOOKS):
        if photo.size != (size := pack.inverter.picture_sizes[step]):
            photo = Comparison(search, image, size)
        picture = search.take_learned_step(photo, step, share)
        code, weights = search.result() if i + 2 == total else (search.code().detach(), {})
        yield Progress(stage, i + 2, total, to_preview(picture), w_plus=code, weights=weights)


def refine(
    pack: Pack, image: Tensor, start: Tensor, weights: Mapping[str, Tensor], settings: InvertSettings
) -> Iterator[Progress]:
    """Refine what a look found, ``start [1,L,512]`` and its weights, by gradient descent. As `invert`."""
    stage, steps = f"Refining the {pack.domain}'s code", settings.steps
    if pack.inverter is None or not settings.faithful:
        steps *= FROM_AFAR
    search = Search(pack, start, weights, settings)
    photo, optimizer = Comparison(search, image, settings.resolution), search.optimizer()
    yield Progress(stage, 0, steps, to_preview(search.full), w_plus=start)
    for step in range(steps):
        if step and step % REFIT_INTERVAL == 0:
            photo.refit()
        for group, highest in zip(optimizer.param_groups, search.rates, strict=True):
            group["lr"] = highest * schedule(step / steps)
        picture, terms = photo(search.move, search.residual)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        values = {name: value.item() for name, value in terms.items()}
        preview = to_preview(picture) if preview_due(step + 1, steps) else None
        code, found = search.result() if step + 1 == steps else (search.code().detach(), {})
        yield Progress(stage, step + 1, steps, preview, values, code, found)


class Search:
    """A code and a residual on their way.

    Args:
        start: the code that it begins at, ``[1,L,512]``. Moves are added to it in W+, since the principal directions
            span it only in part.
        weights: what adapts the generator to the photo there, if anything (`networks.adapted`).

    Attributes:
        whitened: the start in whitened coordinates ``[1,L,K]``.
        move: of the code, whitened, ``[1,L,K]``.
        features: the start's features without the residual, ``[1,C,R,R]``, in their standard deviations ``scale``.
        residual: likewise.
        generator: a copy of the pack's; the residual is set in it.
        rates: highest learning rates of move and residual in the refinement.
    """

    def __init__(self, pack: Pack, start: Tensor, weights: Mapping[str, Tensor], settings: InvertSettings):
        self.pack, self.settings, self.start = pack, settings, start
        self.generator = shallow_copy(adapted(pack.generator, weights))
        with torch.no_grad():
            self.whitened = pack.space.whiten(start)
            features = plain_features(pack.generator, start)
            self.scale = features.std((2, 3), keepdim=True)
            self.features = features / self.scale
            offset = self.generator.feature_residual.offset
            residual = torch.zeros_like(self.features) if offset is None else offset / self.scale
        self.generator.feature_residual.features = None  # on the way it fades nowhere
        self.move = torch.zeros_like(self.whitened).requires_grad_()
        self.residual = residual.requires_grad_()
        self.rates = settings.lr, 2 * settings.faithful * settings.detail

    @functools.cached_property
    @torch.no_grad()
    def full(self) -> Tensor:
        """The picture at the start ``[1,3,H,H]``; to be looked at before the residual moves."""
        return self.generator.synthesize(self.start)

    def code(self) -> Tensor:
        """Where the code is now, ``[1,L,512]``."""
        return self.start + self.pack.space.step(self.move)

    def result(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The code found, and the weights that adapt the generator (`networks.adapted`)."""
        code = self.code().detach()
        if not self.settings.faithful:
            return code, {}
        return code, {
            "feature_residual.offset": (self.scale * self.residual).detach(),
            "feature_residual.features": plain_features(self.pack.generator, code),
        }

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam([{"params": [self.move]}, {"params": [self.residual]}], betas=(0.9, 0.95))

    def take_learned_step(self, photo: Comparison, step: int, share: float) -> Tensor:
        """Move code and residual by a share of what the pack's inverter says. Returns the picture before it."""
        inverter = self.pack.inverter
        assert inverter is not None, "only packs with an inverter take learned steps"
        picture, terms = photo(self.move, self.residual)
        code_slope, slope = torch.autograd.grad(torch.stack(list(terms.values())).sum(), (self.move, self.residual))
        with torch.no_grad():
            seen = photo.target, picture.detach(), self.features, self.residual
            move, residual = inverter(step, *seen, slope, code_slope[:, : inverter.layers])
            self.move[:, : inverter.layers] += share * move
            self.residual += share * residual
        return picture.detach()


class Comparison:
    """A photo of one size, and pictures of a search beside it.

    Args:
        size: px.
        draw: draws pictures of the search, of that size; by default one that is fitted to its start.
    """

    def __init__(self, search: Search, image: Tensor, size: int, draw: Preview | None = None):
        self.search, self.size = search, size
        self.target = F.interpolate(image, (size, size), mode="area")
        self.weight = losses.face_weight(size, image.device)
        self.visible = latents.visible_layers(search.generator, size)
        with torch.no_grad():
            self.taps = losses.normalized_taps(search.pack.perceptual, self.target)
        self.draw = draw or Preview(search.generator, search.start, size, search.full)
        if search.move.any():
            self.refit()

    @torch.no_grad()
    def refit(self) -> None:
        """Fit what reads colours from the generator's features to the picture of the code as it is now."""
        search = self.search
        search.generator.feature_residual.offset = search.scale * search.residual
        self.draw = Preview(search.generator, search.code(), self.size)

    def __call__(self, move: Tensor, residual: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The picture ``[1,3,size,size]`` of a whitened move and a residual, and the terms to be made small."""
        search = self.search
        search.generator.feature_residual.offset = search.scale * residual
        seen = self.visible * move
        picture = self.draw(search.start + search.pack.space.step(seen))
        taps = losses.normalized_taps(search.pack.perceptual, picture)
        terms = reconstruction_terms(
            picture, self.target, taps, self.taps, search.whitened, seen, residual, search.settings, self.weight
        )
        return picture, terms


def reconstruction_terms(
    pictures: Tensor,
    photos: Tensor,
    taps: list[Tensor],
    target: list[Tensor],
    whitened: Tensor,
    move: Tensor,
    residual: Tensor,
    settings: InvertSettings,
    weight: Tensor,
) -> dict[str, Tensor]:
    """What an inversion makes small: differences of pictures ``[N,3,S,S]``, and codes and residuals that are unlikely.

    Args:
        taps, target: perceptual features of pictures and photos, of unit length.
        whitened: the encoder's codes ``[N,L,K]``. move: what is added to them.
        residual: ``[N,C,R,R]``, in standard deviations of the features.
        weight: ``[1,1,S,S]``, how much each place counts.
    """
    mean, shared = whitened.mean(1, keepdim=True), move.mean(1, keepdim=True)
    spread = settings.spread * 16 ** (0.5 - settings.faithful)
    return {
        "perceptual": settings.perceptual * losses.perceptual(taps, target, weight),
        "pixel": settings.pixel * losses.pixels(pictures, photos, weight),
        "prior": settings.prior * (mean + shared).square().mean(),
        "spread": spread * (whitened + move - mean - shared).square().mean(),
        "excess": settings.excess * residual.square().mean(),
    }


@torch.no_grad()
def plain_features(generator: Generator, w_plus: Tensor) -> Tensor:
    """Features ``[1,C,R,R]`` of a code at the size of the residual, without one."""
    return generator.features(generator.styles(w_plus), min(FEATURE_SIZE, generator.resolution))
