"""The steps that the studio's verbs are made of: draw a state, judge and paste back an edit, work with less memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core import losses
from styleclip_core.devices import memory_errors
from styleclip_core.errors import OutOfMemory, UnsupportedByPack
from styleclip_core.faces.crop import put_back
from styleclip_core.images import to_image, to_tensor
from styleclip_core.networks.adapted import adapted
from styleclip_core.packs.base import Latent, Pack
from styleclip_core.progress import Progress
from styleclip_core.rendering import Renderer
from styleclip_core.results import DrawnState, Edit, Face
from styleclip_core.settings import Settings

LOW_MEMORY_LIMITS = {"views": 1, "resolution": 128, "tune": 0}  # the most that is tried again when memory ran out
REGION_SHARED = 4  # px below which an edit in a region may share features with its surroundings, to be taken up
DISTANCE_SIZE = 256  # px at which pictures are compared

S = TypeVar("S", bound=Settings)


def adapted_pack(pack: Pack, weights: Mapping[str, Tensor]) -> Pack:
    """The pack; with a generator of its own for a face whose generator was adapted."""
    return replace(pack, generator=adapted(pack.generator, weights)) if weights else pack


def kept_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as a Face keeps them: in half precision, on the CPU."""
    return {name: value.half().cpu() for name, value in weights.items()}


@torch.no_grad()
def draw_state(pack: Pack, state: DrawnState, renderer: Renderer | None = None) -> Image.Image:
    """The picture of a state, at full size: the same again, bit for bit on the same machine.

    Args:
        renderer: of the pack's own generator, if it should draw whatever it can.
    """
    own = adapted_pack(pack, state.weights)
    latent = state_latent(state, pack.device)
    if state.mask is None or state.start is None:
        draw = renderer if renderer and own is pack else own.generator.synthesize
        return to_image(draw(latent))
    blend = state.mask.blend(own.generator, state_latent(state.start, pack.device))
    drawn = to_image(own.generator.synthesize(latent, blend=blend))
    return state.mask.compose(drawn, draw_state(pack, state.start, renderer))


def state_latent(state: DrawnState, device: torch.device) -> Latent:
    """What the generator is given: the style vectors where there are any, else the code ``[1,L,512]``."""
    if state.styles is not None:
        return [style.to(device) for style in state.styles]
    return state.w_plus[None].to(device)


@torch.no_grad()
def as_start(pack: Pack, state: DrawnState) -> DrawnState:
    """The same picture as a code and weights alone, so that edits can go on from it.

    Style vectors become style residuals of the generator, and a region becomes a region residual.
    Raises UnsupportedByPack for a region on top of another: there is one region residual.
    """
    weights, generator = dict(state.weights), adapted(pack.generator, state.weights)
    if state.mask is None or state.start is None:
        if state.styles is not None:
            own = generator.styles(state.w_plus[None].to(pack.device))
            weights |= _offsets("style_residual", state.styles, own, weights)
        return DrawnState(state.w_plus, weights=weights)
    start = as_start(pack, state.start)
    if "region_residual.mask" in start.weights or state.mask.shared > REGION_SHARED:
        raise UnsupportedByPack("An edit in a region on top of another cannot be taken up as it is.")
    inside = state.styles or generator.styles(state.w_plus[None].to(pack.device))
    outside = adapted(pack.generator, start.weights).styles(start.w_plus[None].to(pack.device))
    weights = (
        start.weights | _offsets("region_residual", inside, outside, {}) | {"region_residual.mask": state.mask.mask}
    )
    return DrawnState(start.w_plus, weights=weights)


def _offsets(
    name: str, styles: Sequence[Tensor], others: Sequence[Tensor], weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The residuals that lead from other style vectors to these, added to those that there are."""
    found = {f"{name}.offset_{i}": (a.cpu() - b.cpu()) for i, (a, b) in enumerate(zip(styles, others, strict=True))}
    return {key: value + weights.get(key, 0) for key, value in found.items()}


def finish_edit(pack: Pack, face: Face, state: DrawnState, renderer: Renderer, prompt: str | None = None) -> Edit:
    """Draw an edited state, paste it back into the face's photo, and judge it. `Edit.scores` lacks the seconds.

    Args:
        prompt: what the edit was asked for; without one, similarity is not judged.
    """
    image = draw_state(pack, state, renderer)
    mask = state.mask.picture() if state.mask else None
    photo = image
    if face.photo is not None and face.alignment is not None:
        photo = put_back(face.photo, image, face.alignment, pack.domain, face.image, mask)
    return Edit(image, photo, state, mask, judge(pack, face.image, image, prompt), face)


@torch.no_grad()
def judge(pack: Pack, before: Image.Image, after: Image.Image, prompt: str | None = None) -> dict[str, float]:
    """How two pictures differ: similarity to a prompt, identity, distance. See `Edit.scores`."""
    pictures = torch.cat([to_tensor(before, pack.device), to_tensor(after, pack.device)])
    scores = {} if prompt is None else _similarity(pack, pictures, prompt)
    scores["distance"] = distance(pack, pictures[:1], pictures[1:])
    if pack.identity:
        people = pack.identity(pictures)
        scores["identity"] = (people[0] @ people[1]).item()
    return scores


def _similarity(pack: Pack, pictures: Tensor, prompt: str) -> dict[str, float]:
    """How much two pictures, before and after, look like a prompt."""
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
    """Yield the Progress of a run and return the last. If memory runs out, start once more, coarser."""
    modest = _at_most(settings, LOW_MEMORY_LIMITS)
    if settings != modest:
        try:
            with memory_errors(device):
                return (yield from passed_on(run(settings)))
        except OutOfMemory:
            pass  # what the failed steps held is let go of only past this handler
        return (yield from passed_on(run(modest), " (coarser, since memory ran out)"))
    return (yield from passed_on(run(settings)))


def passed_on(steps: Iterator[Progress], remark: str = "") -> Generator[Progress, None, Progress]:
    """Yield the Progress of a run, with a remark behind its stage, and return the last."""
    last = None
    for last in steps:
        yield replace(last, stage=last.stage + remark) if remark else last
    assert last is not None, "a run reports at least once"
    return last


def _at_most(settings: S, limits: dict[str, int]) -> S:
    """The same settings with those that have a limit cut down to it."""
    known = {field.name for field in fields(settings)} & limits.keys()  # type: ignore[arg-type]
    return replace(settings, **{name: min(getattr(settings, name), limits[name]) for name in known})  # type: ignore
