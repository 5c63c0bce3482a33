"""The first picture of an edit by a prompt: composed of known sliders, else guided by the reference faces.

It is measured at once. What is not plainly there is drawn again, stronger, and is what path A goes on from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from styleclip_core import latents
from styleclip_core.edits import sliders, text
from styleclip_core.edits.hair_color import CONCEPTS, HOLD, recolored
from styleclip_core.edits.local import Confine, EditMask
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
# The last of them for concepts that change the whole face: beyond, it is another one, or none.
LAST_RAISED: dict[str, int] = {"old": 1, "sad": 1, "angry": 1, "chubby": 1, "narrow face": 1, "male": 1}
# Deviations over random faces by which a reading must move for a concept to be plainly there.
PLAIN = 1.1
PLAIN_BY_CONCEPT = {"eyeglasses": 2.3, "lipstick": 1.6, "bald": 1.6, "curly hair": 0.7, "makeup": 0.8}
# Readings from which on a concept is plainly there, however little it moved: a broad smile cannot become much broader.
ABSENT = {"smile": 0.05}  # and up to which nothing is left to be taken away
PRESENT = {
    "smile": 0.85,
    "jaw_open": 0.3,
    "lip_redness": 40.0,
    "brow_down": 0.6,
    "jaw_dark": 24.0,
    "moustache_dark": 24.0,
}


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
        """How far each wanted concept moved since another picture, in deviations, by the reading that is surest.

        Where no reading tells of it, by the similarity to the prompt.
        """
        moved = {change.key: change.deviations for change in changes(before.readings, self.readings)}
        told = {c: [moved[key] * way for key, way in ways.items() if key in moved] for c, ways in asked(wanted).items()}
        rise = self.similarity - before.similarity
        return {concept: (told.get(concept) or [rise])[0] for concept, wish in wanted.items() if wish}

    def lacking(self, before: Look, wanted: Mapping[str, float], strength: float = 1.0) -> list[str]:
        """The wanted concepts that are not plainly there, and did not move as far as it takes."""
        gains = self.gains(before, wanted)
        least = {concept: PLAIN_BY_CONCEPT.get(concept, PLAIN) * abs(wanted[concept]) * strength for concept in gains}
        there = {c for c, ways in asked(wanted).items() for key, way in ways.items() if self._plain(key, way)}
        return [concept for concept, gain in gains.items() if gain < least[concept] and concept not in there]

    def _plain(self, key: str, way: int) -> bool:
        if key not in self.readings:
            return False
        if way < 0:
            return self.readings[key] <= ABSENT.get(key, float("-inf"))
        return self.readings[key] >= PRESENT.get(key, float("inf"))


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
        confined: whether that will be in the region that the prompt speaks of, see `edits.text.recipes`.
    """
    wanted, before = text.wishes(pack, prompt), look_at(pack, draw(w_plus), prompt)
    color = text.named_hair_color(pack, prompt) if settings.strength >= 1 else None
    recipes = text.recipes(pack, prompt, confined)
    if color:  # is painted, so that sliders need not bring it
        wanted = {concept: wish for concept, wish in wanted.items() if concept not in CONCEPTS}
        recipes = {concept: recipe for concept, recipe in recipes.items() if concept not in CONCEPTS}
    if not recipes and not color:
        return _drawn(pack, w_plus, prompt, guided_start(pack, w_plus, prompt, settings, draw), draw, confine, before)
    raised = dict.fromkeys(recipes, 0)  # index of RAISED for each concept
    while True:
        start = _moved(pack, w_plus, recipes, {c: _amount(c, i, settings.strength) for c, i in raised.items()})
        tight = not recipes  # paint changes no outline
        if color:
            hold = 0.0 if confined and tight else HOLD
            start = Start(recolored(pack, start.w_plus, start.offsets, color, draw, hold), start.offsets)
        first = _drawn(pack, w_plus, prompt, start, draw, confine, before, wanted, settings.strength, tight)
        lacking = first.after.lacking(before, wanted, settings.strength)
        weak = [c for c in lacking if c in raised and _can_rise(c, raised[c], settings.strength)]
        if not weak:
            return first
        raised |= {concept: raised[concept] + 1 for concept in weak}


def _amount(concept: str, index: int, strength: float) -> float:
    """How much of a concept's step is taken. A strength above 1 raises no further than 1 may: beyond, faces break."""
    return min(RAISED[index] * strength, max(RAISED[_last_raised(concept)], strength))


def _can_rise(concept: str, index: int, strength: float) -> bool:
    return index < _last_raised(concept) and _amount(concept, index + 1, strength) > _amount(concept, index, strength)


def _last_raised(concept: str) -> int:
    return LAST_RAISED.get(concept, len(RAISED) - 1)


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
    tight: bool = False,
) -> First:
    latent = start.latent(pack.generator)
    picture = draw(latent)
    mask = confine(picture, tight)
    if mask:
        picture = draw(latent, mask.blend(pack.generator, w_plus))
    after = look_at(pack, picture, prompt)
    shown = wanted is not None and not after.lacking(before, wanted, strength)
    return First(start, mask, picture, before, after, wanted or {}, shown)


def _moved(
    pack: Pack, w_plus: Tensor, recipes: Mapping[str, Mapping[str, float]], strengths: Mapping[str, float]
) -> Start:
    """The edit that the recipes of concepts make at some strengths, each slider within the range that it may have."""
    limit, values = sliders.MAX_STRENGTH, dict[str, float]()
    for concept, recipe in recipes.items():
        for key, share in recipe.items():
            values[key] = values.get(key, 0.0) + share * strengths[concept]
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
