"""One step of an edit for the whole clip: the mean of what the edit does to a few key frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from styleclip_core import steps
from styleclip_core.edits import text
from styleclip_core.edits.hair_color import CONCEPTS
from styleclip_core.edits.local import place_name
from styleclip_core.edits.start import PRESENT
from styleclip_core.errors import BadSetting
from styleclip_core.faces import tones
from styleclip_core.faces.asked import asked
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress
from styleclip_core.results import DrawnState, Edit, Face
from styleclip_core.settings import OptimizeSettings, VideoSettings, check_prompt
from styleclip_core.studio import Studio
from styleclip_core.video.codes import Codes, adapting, inverted_frames
from styleclip_core.video.smoothing import smoothed
from styleclip_core.video.track import EXPRESSIONS, Track

LEAST_SHARE = 0.3  # of the step, in frames that already show what is asked for


@dataclass(frozen=True)
class Wish:
    """What is asked for: a prompt, or sliders.

    Attributes:
        sliders: slider -> strength; used where there is no prompt.
        region: where the edit may show, as `Studio.optimize` takes it; of sliders, "auto" is everywhere.
        settings: of an edit by a prompt.
    """

    prompt: str | None = None
    sliders: Mapping[str, float] = field(default_factory=dict)
    region: str = "auto"
    settings: OptimizeSettings = field(default_factory=OptimizeSettings)

    def check(self, studio: Studio) -> Wish:
        """The same, tidied. Raises the StudioErrors of `Studio.optimize` and `Studio.slide` before any long work."""
        if (self.prompt is None) == (not self.sliders):
            raise BadSetting("Say what to change: either by a prompt or by sliders.")
        place_name(studio.pack, "everywhere" if self.region == "auto" else self.region)
        if self.prompt is None:
            return replace(self, sliders=studio.check_sliders(self.sliders))
        return replace(self, prompt=check_prompt(self.prompt))

    def place(self, pack: Pack) -> str | None:
        """The name of the region that it is confined to; None is everywhere."""
        if self.prompt is None and self.region == "auto":
            return None
        return place_name(pack, self.region, self.prompt or "")

    @property
    def free(self) -> frozenset[str]:
        """The parts whose colour it is about, see `tones.free_regions`."""
        names = [self.prompt] if self.prompt else [key.partition(":")[2] for key in self.sliders]
        return frozenset[str]().union(*map(tones.free_regions, names))


@dataclass(frozen=True, eq=False)
class Step:
    """What is added to every frame.

    Attributes:
        code: to its code, ``[L,512]``.
        styles: to its style vectors, ``[1,C_i]`` each, or None.
        tight: it changes no outline, see `local.edited_place`.
        said: what measurably changed in the middle key frame, in a sentence.
    """

    code: Tensor
    styles: list[Tensor] | None = None
    tight: bool = False
    said: str = ""


def key_frames(track: Track, settings: VideoSettings) -> list[int]:
    """Frames spread over the runs, each the one nearby that is seen most from the front."""
    frames = [frame for run in track.runs for frame in inverted_frames(run, settings.stride)]
    parts = np.array_split(np.array(frames), min(settings.key_frames, len(frames)))
    turned = np.nan_to_num(track.readings[:, -1], nan=90.0)
    return [int(part[np.argmin(turned[part])]) for part in parts]


def find_step(studio: Studio, wish: Wish, faces: list[Face]) -> Iterator[Progress | Step]:
    """Edit the key frames' faces: Progress on the way, the Step at the end."""
    edits: list[Edit] = []
    for number, face in enumerate(faces):
        yield Progress("Finding the edit", number, len(faces), face.image.resize((256, 256)))
        if wish.prompt is None:
            edits.append(studio.slide(face, wish.sliders))
            continue
        for step in studio.optimize_steps(face, wish.prompt, wish.settings, region=wish.region):
            if isinstance(step, Edit):
                edits.append(step)
            else:
                yield replace(step, stage="Finding the edit", step=number, steps=len(faces))
    pairs = list(zip(edits, faces, strict=True))
    code = torch.stack([edit.state.w_plus - face.w_plus for edit, face in pairs]).mean(0)
    styles = [_offsets(studio.pack, edit.state) for edit in edits]
    mean = None
    if any(each is not None for each in styles):
        zero = [torch.zeros(1, size) for size in studio.pack.generator.style_sizes]
        mean = [torch.stack(parts).mean(0) for parts in zip(*(each or zero for each in styles), strict=True)]
    report = edits[len(edits) // 2].report
    yield Step(code, mean, _is_paint(studio.pack, wish), report.sentence() if report else "")


def key_face(studio: Studio, codes: Codes, track: Track, frame: int) -> Face:
    """A frame's face as the clip's edit begins from it."""
    run = track.run_of(frame)
    assert run, "key frames are frames of runs"
    code, residual = codes.at(frame, run)
    weights = steps.stored_weights(adapting(studio.pack, code, residual))
    image = studio.render(DrawnState(code[0], weights=weights))
    return Face(code[0], image, weights=weights)


def _offsets(pack: Pack, state: DrawnState) -> list[Tensor] | None:
    if state.styles is None:
        return None
    own = pack.generator.styles(state.w_plus[None].to(pack.device))
    return [style - each.cpu() for style, each in zip(state.styles, own, strict=True)]


def _is_paint(pack: Pack, wish: Wish) -> bool:
    """Whether a prompt asks for a colour of hair only, which is painted within its outline."""
    if wish.prompt is None or text.named_hair_color(pack, wish.prompt) is None:
        return False
    return not set(text.recipes(pack, wish.prompt, True)) - set(CONCEPTS)


def shares(pack: Pack, wish: Wish, track: Track) -> np.ndarray:
    """How much of the step each frame takes, ``[T]``: less where it shows already what a prompt asks for.

    Told by the expressions that were read when the face was followed; smooth over time.
    """
    wanted = asked(text.wishes(pack, wish.prompt)) if wish.prompt else {}
    share = np.ones(len(track))
    for ways in wanted.values():
        for key, way in ways.items():
            if key not in EXPRESSIONS or way < 0:
                continue
            read = track.readings[:, list(EXPRESSIONS).index(key)]
            left = np.clip((PRESENT[key] - read) / (PRESENT[key] / 2), LEAST_SHARE, 1)  # all of it up to the half
            share = np.minimum(share, np.nan_to_num(left, nan=1.0))
    for run in track.runs:
        part = slice(run.first, run.last + 1)
        share[part] = smoothed(share[part], 3.0)
    return share
