"""Edits by a prompt: the studio's own (path A; in a place, path C), and those of papers to compare with.

Both are the middle of `Studio.optimize`: they begin with a face, and end with the code that is to be drawn.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from styleclip_core import steps
from styleclip_core.edits import local
from styleclip_core.edits import optimize as path_a
from styleclip_core.edits import start as starts
from styleclip_core.edits.local import EditMask
from styleclip_core.edits.styleclip_reference import optimize_official
from styleclip_core.edits.tedigan import optimize_tedigan
from styleclip_core.images import to_preview, to_tensor
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress
from styleclip_core.remembered import InversionCache
from styleclip_core.rendering import Preview, Renderer
from styleclip_core.results import DrawnState, Face
from styleclip_core.settings import InvertSettings, OfficialSettings, OptimizeSettings, TediGANSettings

PublishedSettings = OfficialSettings | TediGANSettings


@dataclass(frozen=True, eq=False)
class Moved:
    """Where an edit ended.

    Attributes:
        face: that was edited.
        w_plus: ``[1,L,512]``.
        styles: the style vectors, where these were edited instead.
        mask: where the edit shows; None: everywhere.
    """

    face: Face
    w_plus: Tensor
    styles: list[Tensor] | None
    mask: EditMask | None


def edited(
    pack: Pack, face: Face, prompt: str, settings: OptimizeSettings, mask: EditMask | None, region: str
) -> Generator[Progress, None, Moved]:
    """A first picture, composed of sliders; then a refinement, kept if it shows more of the prompt.

    Args:
        pack: adapted to the face. For the rest and the errors see `Studio.optimize`.
    """
    code = face.w_plus[None].to(pack.device)
    place = None if mask else local.place_name(pack, region, prompt)
    draw = Preview(pack.generator, code, settings.resolution, to_tensor(face.image, pack.device))
    confine = local.confinement(pack, face.aligned or face.image, mask or place, chosen=region != "auto")
    confined = region == "auto" and mask is None and place is not None
    first = starts.first_picture(pack, code, prompt, settings, draw, confine, confined)
    yield Progress("First picture", 0, settings.steps, to_preview(first.picture), w_plus=first.start.w_plus)
    w_plus = first.start.w_plus
    if settings.steps and not first.shown:
        blend = first.mask and first.mask.blend(pack.generator, code)

        def run(settings: OptimizeSettings) -> Iterator[Progress]:
            return path_a.optimize(pack, code, prompt, settings, blend, first.start, draw)

        last = yield from steps.with_less_memory(pack.device, run, settings)
        assert last.w_plus is not None, "the last Progress of an edit holds the code"
        with torch.no_grad():
            refined = draw(first.start.latent(pack.generator, last.w_plus), blend)
        if first.beaten_by(starts.look_at(pack, refined, prompt)):
            w_plus = last.w_plus
    latent = first.start.latent(pack.generator, w_plus)
    return Moved(face, w_plus, latent if isinstance(latent, list) else None, first.mask)


def edited_as_published(
    pack: Pack,
    inversions: InversionCache,
    renderer: Renderer,
    face: Face,
    prompt: str,
    settings: PublishedSettings,
    mask: EditMask | None,
) -> Generator[Progress, None, Moved]:
    """By the method of a paper, whose losses judge the whole picture, mask or not. See `Studio.optimize`.

    Args:
        pack: with its own generator. renderer: of it.
    """
    if face.weights and face.aligned is not None:
        w_plus, weights = yield from inversions.invert(pack, face.aligned, InvertSettings(faithful=0))
        image = steps.draw_state(pack, DrawnState(w_plus, weights=weights), renderer)
        face = replace(face, w_plus=w_plus, weights=weights, image=image)
    if isinstance(settings, OfficialSettings) and settings.mode == "free_generation":
        mean = pack.generator.w_avg.expand(pack.generator.num_layers, -1).clone().cpu()
        face = Face(mean, steps.draw_state(pack, DrawnState(mean), renderer))  # it belongs into no photo
    pack = steps.adapted_pack(pack, face.weights)
    code = face.w_plus[None].to(pack.device)
    if isinstance(settings, OfficialSettings):
        run = optimize_official(pack, code, prompt, settings)
    else:
        photo = to_tensor(face.aligned or face.image, pack.device)
        run = optimize_tedigan(pack, code, photo, prompt, settings)
    last = yield from steps.relay(run)
    assert last.w_plus is not None, "the last Progress of an edit holds the code"
    return Moved(face, last.w_plus, last.styles, mask)
