"""The steps that the studio's verbs are made of: invert, draw a state, judge and paste back an edit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core import losses
from styleclip_core.devices import memory_errors
from styleclip_core.edits import text
from styleclip_core.errors import OutOfMemory, UnsupportedByPack, WeightsUnavailable
from styleclip_core.faces import asked, tones
from styleclip_core.faces.changes import Report, report
from styleclip_core.faces.crop import put_back
from styleclip_core.faces.readings import Readings, read
from styleclip_core.images import to_image, to_tensor
from styleclip_core.networks.adapted import adapted
from styleclip_core.packs.base import Latent, Pack
from styleclip_core.progress import Progress
from styleclip_core.recent import Recent
from styleclip_core.rendering import Renderer
from styleclip_core.results import DrawnState, Edit, Face
from styleclip_core.settings import Settings

LOW_MEMORY_LIMITS = {"views": 1, "resolution": 128, "tune": 0}  # upper limits of settings after memory ran out
MAX_EXACT_SHARED = 4  # px: the largest `EditMask.shared` with which an edit in a region can be the start of another
DISTANCE_SIZE = 256  # px at which pictures are compared

_readings: Recent[Face, Readings | None] = Recent(64)  # of unedited faces
_parts: Recent[Face, tuple[np.ndarray, np.ndarray]] = Recent()  # of photo and unedited picture

S = TypeVar("S", bound=Settings)
T = TypeVar("T")


def adapted_pack(pack: Pack, weights: Mapping[str, Tensor]) -> Pack:
    """The pack with its generator adapted by the weights of a face (`Face.weights`); without any, the pack itself."""
    return replace(pack, generator=adapted(pack.generator, weights)) if weights else pack


def stored_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as `Face.weights` stores them: in half precision, on the CPU."""
    return {name: value.half().cpu() for name, value in weights.items()}


@torch.no_grad()
def draw_state(
    pack: Pack, state: DrawnState, renderer: Renderer | None = None, start: Image.Image | None = None
) -> Image.Image:
    """The picture of a state, at full size: always the same, bit for bit on the same machine.

    Args:
        renderer: a renderer of the pack's own generator, to be used where no adapted generator is needed.
        start: the picture of ``state.start``, if it has been drawn already.
    """
    face_pack = adapted_pack(pack, state.weights)
    latent = state_latent(state, pack.device)
    if state.mask is None or state.start is None:
        draw = renderer if renderer and face_pack is pack else face_pack.generator.synthesize
        return to_image(draw(latent))
    blend = state.mask.blend(face_pack.generator, state_latent(state.start, pack.device))
    edited = to_image(face_pack.generator.synthesize(latent, blend=blend))
    return state.mask.compose(edited, start or draw_state(pack, state.start, renderer))


def state_latent(state: DrawnState, device: torch.device) -> Latent:
    """The generator's input: the style vectors if the state has any, else the code ``[1,L,512]``."""
    if state.styles is not None:
        return [style.to(device) for style in state.styles]
    return state.w_plus[None].to(device)


@torch.no_grad()
def editable_state(pack: Pack, state: DrawnState) -> DrawnState:
    """A state of code and weights alone with the same picture, so that further edits can start from it.

    Style vectors become style residuals of the generator, and an edit in a region becomes its region residual.

    Raises:
        UnsupportedByPack: an edit in a region on top of another, since a generator has one region residual.
    """
    weights, generator = dict(state.weights), adapted(pack.generator, state.weights)
    if state.mask is None or state.start is None:
        if state.styles is not None:
            own = generator.styles(state.w_plus[None].to(pack.device))
            weights |= _residuals("style_residual", state.styles, own, weights)
        return DrawnState(state.w_plus, weights=weights)
    start = editable_state(pack, state.start)
    if "region_residual.mask" in start.weights or state.mask.shared > MAX_EXACT_SHARED:
        raise UnsupportedByPack("An edit in a region on top of another cannot be the start of the next edit.")
    inside = state.styles or generator.styles(state.w_plus[None].to(pack.device))
    outside = adapted(pack.generator, start.weights).styles(start.w_plus[None].to(pack.device))
    weights = start.weights | _residuals("region_residual", inside, outside, {})
    return DrawnState(start.w_plus, weights=weights | {"region_residual.mask": state.mask.mask})


def _residuals(
    module: str, styles: Sequence[Tensor], others: Sequence[Tensor], weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights of a residual module that turns other style vectors into these, added to those in ``weights``."""
    pairs = enumerate(zip(styles, others, strict=True))
    offsets = {f"{module}.offset_{i}": style.cpu() - other.cpu() for i, (style, other) in pairs}
    return {name: offset + weights.get(name, 0) for name, offset in offsets.items()}


def finish_edit(
    pack: Pack,
    face: Face,
    state: DrawnState,
    renderer: Renderer,
    prompt: str | None = None,
    values: Mapping[str, float] | None = None,
) -> Edit:
    """Draw an edited state, paste it back into the face's photo, and score it. `Edit.scores` lacks the seconds.

    Args:
        prompt: of the edit; without one, similarities are not scored.
        values: the sliders of the edit, for its report.
    """
    image = draw_state(pack, state, renderer, face.image)
    mask = state.mask.picture() if state.mask else None
    names = [key.partition(":")[2] for key in values or {}] if prompt is None else [prompt]
    free = frozenset[str]().union(*map(tones.free_regions, names or [""]))
    photo = pasted(pack, face, image, mask, free)
    scores, report = judge(pack, face.image, image, prompt), measured(pack, face, image, prompt, values)
    return Edit(image, photo, state, mask, scores, face, report)


def pasted(pack: Pack, face: Face, image: Image.Image, mask: Image.Image | None, free: frozenset[str]) -> Image.Image:
    """The edited picture in the face's photo, in the photo's colours; the picture itself where there is no photo."""
    if face.photo is None or face.alignment is None:
        return image
    if face.aligned is None:
        return put_back(face.photo, image, face.alignment, pack.domain, face.image, mask)
    parts = None
    if pack.parser is not None:
        find = functools.partial(tones.parts_of, parser=pack.parser, device=pack.device)
        photo, unedited = face.aligned, face.image
        parts = (*_parts.of(face, lambda: (find(photo), find(unedited))), find(image))
        free = free | (tones.painted(mask, parts[1]) if mask else frozenset())
    new = tones.matched(face.aligned, face.image, image, parts, free)
    return put_back(face.photo, new.edited, face.alignment, pack.domain, new.base, mask, new.kept)


def measured(
    pack: Pack,
    face: Face,
    image: Image.Image,
    prompt: str | None = None,
    values: Mapping[str, float] | None = None,
) -> Report | None:
    """What measurably changed from a face's picture to an edited one, by readings that no loss sees.

    None where there is no face to read, or nothing to read it by.

    Args:
        prompt, values: what the edit was asked for: a prompt, or sliders with their strengths.
    """
    if pack.domain != "face":
        return None
    try:
        before = _readings.of(face, lambda: read(face.image, pack.parser, pack.device))
        after = read(image, pack.parser, pack.device)
        wishes = functools.partial(text.wishes, pack)
        concepts = asked.concepts_of_sliders(values or {}, wishes) if prompt is None else wishes(prompt)
    except WeightsUnavailable:  # an edit is no worse for being unmeasured
        return None
    if before is None or after is None:
        return None
    remarks = [text.unknown_part(pack, prompt), text.unread_part(pack, prompt)] if prompt else []
    return replace(report(before, after, concepts), note=" ".join(filter(None, remarks)))


@torch.no_grad()
def judge(pack: Pack, before: Image.Image, after: Image.Image, prompt: str | None = None) -> dict[str, float]:
    """How two pictures differ: similarity to a prompt, identity, distance. See `Edit.scores`."""
    pictures = torch.cat([to_tensor(before, pack.device), to_tensor(after, pack.device)])
    scores = {} if prompt is None else _similarity(pack, pictures, prompt)
    scores["distance"] = distance(pack, pictures[:1], pictures[1:])
    if pack.identity:
        identities = pack.identity(pictures)
        scores["identity"] = (identities[0] @ identities[1]).item()
    return scores


def _similarity(pack: Pack, pictures: Tensor, prompt: str) -> dict[str, float]:
    """Similarities of two pictures, before and after, to a prompt."""
    text = pack.clip.encode_text([prompt])
    cosines = (pack.clip.encode_image(pictures) @ text.T)[:, 0]
    deviations = pack.reference_faces.z_score(cosines, text)
    return {
        "similarity_before": deviations[0].item(),
        "similarity_after": deviations[1].item(),
        "clip_before": cosines[0].item(),
        "clip_after": cosines[1].item(),
    }


@torch.no_grad()
def distance(pack: Pack, a: Tensor, b: Tensor) -> float:
    """LPIPS-like distance of two pictures ``[1,3,H,H]``; 0 is identical."""
    small = [F.interpolate(x, (DISTANCE_SIZE, DISTANCE_SIZE), mode="area") for x in (a, b)]
    before, after = (losses.normalized_taps(pack.perceptual, x) for x in small)
    return losses.perceptual(before, after).item()


def with_less_memory(
    device: torch.device, run: Callable[[S], Iterator[Progress]], settings: S
) -> Generator[Progress, None, Progress]:
    """Yield the Progress of a run and return the last. If memory runs out, start again with `LOW_MEMORY_LIMITS`."""
    frugal = _limited(settings, LOW_MEMORY_LIMITS)
    if settings == frugal:
        return (yield from relay(run(settings)))
    try:
        with memory_errors(device):
            return (yield from relay(run(settings)))
    except OutOfMemory:
        pass  # the memory of the failed run is freed only after this handler
    return (yield from relay(run(frugal), " (coarser, since memory ran out)"))


def relay(run: Iterator[Progress], remark: str = "") -> Generator[Progress, None, Progress]:
    """Yield the Progress of a run, with a remark appended to its stage, and return the last."""
    last = None
    for last in run:
        yield replace(last, stage=last.stage + remark) if remark else last
    assert last is not None, "a run yields at least one Progress"
    return last


def last_of(reports: Iterator[Progress | T]) -> T:
    """The result of a verb: what its ``_steps`` form yields last, after all Progress."""
    *_, result = reports
    return cast(T, result)


def _limited(settings: S, limits: dict[str, int]) -> S:
    """The same settings, reduced to the limits where they exceed them."""
    names = {field.name for field in fields(cast(Any, settings))} & limits.keys()
    return replace(cast(Any, settings), **{name: min(getattr(settings, name), limits[name]) for name in names})
