"""The first picture of an edit by a prompt: composed of known sliders, else guided by the reference faces.

It is measured at once. What is not plainly there is drawn again, stronger, and is what path A goes on from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from styleclip_core import latents
from styleclip_core.edits import sliders, text
from styleclip_core.edits.hair_color import recolored
from styleclip_core.edits.local import EditMask
from styleclip_core.edits.objective import Objective, guide_length, make_objective, reference_direction
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import WeightsUnavailable
from styleclip_core.faces.asked import asked
from styleclip_core.faces.changes import changes
from styleclip_core.faces.readings import Readings, read
from styleclip_core.images import to_image
from styleclip_core.packs.base import Generator, Latent, Pack
from styleclip_core.rendering import Preview
from styleclip_core.settings import OptimizeSettings

RAISED = (1.0, 1.5, 2.1)  # shares of the composed step that are tried in turn
# Deviations over random faces by which a reading must move for a concept to be plainly there.
PLAIN = 1.1
PLAIN_BY_CONCEPT = {"eyeglasses": 2.3, "lipstick": 1.6, "bald": 1.6, "blond hair": 1.3}

Confine = Callable[[Tensor], EditMask | None]  # picture [1,3,R,R] of an edit -> where it may show; None: everywhere


@dataclass(frozen=True, eq=False)
class Start:
    """An edited code to start from.

    Attributes:
        w_plus: ``[1,L,512]``.
        offsets: what is added to the style vectors of every code, one ``[1,C_i]`` each; None adds nothing.
    """

    w_plus: Tensor
    offsets: list[Tensor] | None = None

    def latent(self, generator: Generator, w_plus: Tensor | None = None) -> Latent:
        """What to draw for a code, by default for the start's own."""
        code = self.w_plus if w_plus is None else w_plus
        if self.offsets is None:
            return code
        return [style + offset for style, offset in zip(generator.styles(code), self.offsets, strict=True)]


@dataclass(frozen=True, eq=False)
class Look:
    """What is told of a picture: readings, and its similarity to the prompt in deviations."""

    readings: Readings
    similarity: float

    def gains(self, before: Look, wanted: Mapping[str, float]) -> dict[str, float]:
        """How far each wanted concept moved since another picture, in deviations, by the reading that moved most.

        Where no reading tells of it, by the similarity to the prompt.
        """
        moved = {change.key: change.deviations for change in changes(before.readings, self.readings)}
        told = {c: [moved[key] * way for key, way in ways.items() if key in moved] for c, ways in asked(wanted).items()}
        rise = self.similarity - before.similarity
        return {concept: max(told.get(concept) or [rise]) for concept, wish in wanted.items() if wish}

    def shows(self, before: Look, wanted: Mapping[str, float], strength: float = 1.0) -> bool:
        """Whether every wanted concept, at least one, moved as far as it takes to be plainly there."""
        gains = self.gains(before, wanted)
        least = {concept: PLAIN_BY_CONCEPT.get(concept, PLAIN) * abs(wanted[concept]) * strength for concept in gains}
        return bool(gains) and all(gain >= least[concept] for concept, gain in gains.items())


@torch.no_grad()
def look_at(pack: Pack, picture: Tensor, prompt: str) -> Look:
    """Read a picture ``[1,3,R,R]`` of a face."""
    readings: Readings = {}
    if pack.domain == "face":
        with contextlib.suppress(WeightsUnavailable):  # an edit is no worse for being unmeasured
            readings = read(to_image(picture), pack.parser, pack.device) or {}
    embedding = cached(pack, "embedding", prompt, lambda: pack.clip.encode_text([prompt]))
    cosine = (pack.clip.encode_image(picture) @ embedding.T)[:, 0]
    return Look(readings, pack.reference_faces.z_score(cosine, embedding).item())


@dataclass(frozen=True, eq=False)
class First:
    """The first picture of an edit.

    Attributes:
        start: what it was drawn from.
        mask: where it may show; None: everywhere.
        picture: ``[1,3,R,R]``.
        before, after: what was told of the unedited face and of the picture.
        wanted: the concepts that the prompt asks for; see `edits.text.wishes`.
        shown: whether all of them are plainly there, so that there is nothing left to do.
    """

    start: Start
    mask: EditMask | None
    picture: Tensor
    before: Look
    after: Look
    wanted: dict[str, float] = field(default_factory=dict)
    shown: bool = False

    def beaten_by(self, other: Look) -> bool:
        """Whether another picture shows more of what is wanted, as far as can be told; a surplus does not count."""
        if not self.wanted:
            return True

        def sum_of(look: Look) -> float:
            gains = look.gains(self.before, self.wanted)
            return sum(min(gain, PLAIN_BY_CONCEPT.get(concept, PLAIN) * 1.5) for concept, gain in gains.items())

        return sum_of(other) > sum_of(self.after)


@torch.no_grad()
def first_picture(
    pack: Pack, w_plus: Tensor, prompt: str, settings: OptimizeSettings, draw: Preview, confine: Confine, confined: bool
) -> First:
    """Make the first picture.

    Args:
        w_plus: ``[1,L,512]``, the code of the face to edit.
        draw: of that face.
        confine: where the edit may show.
        confined: whether that will be in the region that the prompt speaks of, see `edits.text.recipe`.
    """
    wanted, before = text.wishes(pack, prompt), look_at(pack, draw(w_plus), prompt)
    color = text.named_hair_color(pack, prompt) if settings.strength >= 1 else None
    shares = text.recipe(pack, prompt, confined, painted=color is not None) if wanted else {}
    if not shares and not color:
        return _drawn(pack, w_plus, prompt, guided_start(pack, w_plus, prompt, settings, draw), draw, confine, before)
    first = None
    for raised in RAISED:
        start = _moved(pack, w_plus, {key: share * settings.strength * raised for key, share in shares.items()})
        if color:
            start = Start(recolored(pack, start.w_plus, start.offsets, color, draw), start.offsets)
        first = _drawn(pack, w_plus, prompt, start, draw, confine, before, wanted, settings.strength)
        if first.shown or not shares:
            break
    assert first
    return first


def _drawn(
    pack: Pack,
    w_plus: Tensor,
    prompt: str,
    start: Start,
    draw: Preview,
    confine: Confine,
    before: Look,
    wanted: dict[str, float] | None = None,
    strength: float = 1.0,
) -> First:
    latent = start.latent(pack.generator)
    picture = draw(latent)
    mask = confine(picture)
    if mask:
        picture = draw(latent, mask.blend(pack.generator, w_plus))
    after = look_at(pack, picture, prompt)
    return First(start, mask, picture, before, after, wanted or {}, after.shows(before, wanted or {}, strength))


def _moved(pack: Pack, w_plus: Tensor, values: dict[str, float]) -> Start:
    """The edit that sliders make, each limited to the strengths that it may have."""
    limit = sliders.MAX_STRENGTH
    moved, styles = sliders.move(pack, w_plus, {key: min(max(v, -limit), limit) for key, v in values.items()})
    if styles is None:
        return Start(moved)
    return Start(moved, [s - own for s, own in zip(styles, pack.generator.styles(moved), strict=True)])


@torch.no_grad()
def guided_start(pack: Pack, w_plus: Tensor, prompt: str, settings: OptimizeSettings, draw: Preview) -> Start:
    """The step of `guided` towards a prompt; for the arguments see `first_picture`."""
    objective = make_objective(pack, prompt, settings.neutral)
    target = settings.strength * objective.target_gain(pack.clip.encode_image(draw(w_plus)))
    return guided(pack, w_plus, objective, target, settings)


def guided(pack: Pack, w_plus: Tensor, objective: Objective, target: Tensor, settings: OptimizeSettings) -> Start:
    """A step along the reference faces' direction for the prompt, where there are enough of them to tell one.

    Args:
        target: gain of the similarity that is aimed at, in deviations, ``[1]``.
    """
    if not pack.reference_faces.can_regress:
        return Start(w_plus)
    towards, rise = reference_direction(pack, objective)
    step = guide_length(target, rise, settings.guide) * towards
    return Start(w_plus + latents.visible_layers(pack.generator, settings.resolution) * pack.space.step(step))
