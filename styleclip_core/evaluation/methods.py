"""What the benchmark compares: how each method edits a face by a task at several strengths."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image
from torch import Tensor

from styleclip_core.edits import ganspace, instruct_pix2pix, interfacegan, sliders
from styleclip_core.faces.instruments import INSTRUMENTS
from styleclip_core.faces.readings import Readings
from styleclip_core.packs.base import Pack
from styleclip_core.results import DrawnState, Face
from styleclip_core.settings import InstructSettings, OfficialSettings, OptimizeSettings, TediGANSettings
from styleclip_core.studio import Studio

SLIDER_STRENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0)  # the last is the most that a slider takes
PROMPT_STRENGTHS = (0.4, 0.7, 1.0, 1.4, 2.0)  # the last is the most that path A takes
BOUNDARY_STRENGTHS = (1.0, 2.0, 3.0, 4.5, 6.0)  # deviations of W; the most is twice what InterFaceGAN shows
COMPONENT_STRENGTHS = (1.5, 3.0, 5.0, 7.5, 10.0)  # deviations; weak components are shown far out in GANSpace, too

GUIDANCES = (3.0, 5.0, 7.5, 10.0, 15.0)  # InstructPix2Pix's by its instruction; 7.5 is its own


@dataclass(frozen=True)
class Edited:
    """One edit: at what strength, the picture, the seconds that it took, and the unedited picture it started from."""

    strength: float
    image: Image.Image
    seconds: float
    start: Image.Image


Pictures = Iterator[Edited]


@dataclass(frozen=True)
class Task:
    """A prompt, the reading that it should raise or lower, and the sliders of other methods that ask for the same.

    Attributes:
        reading: of `instruments.INSTRUMENTS`, which gives its deviation over random faces.
        sign: 1 or -1, which way it should move.
        absent: a face suits the task if ``sign`` times the reading is below it, so that there is room for the edit.
        mapper: the mapper's name.
        boundary: InterFaceGAN's, with the sign that asks for the task.
        component: GANSpace's, where a component has been named for it.
    """

    prompt: str
    reading: str
    sign: int
    absent: float
    mapper: str
    boundary: tuple[str, int]
    component: str | None = None

    def value(self, readings: Readings) -> float:
        """The reading towards what is asked for, in deviations over random faces; NaN where it cannot be told."""
        instrument = INSTRUMENTS[self.reading]
        value = readings.get(self.reading)
        return float("nan") if value is None else self.sign * instrument.scaled(value) / instrument.deviation

    def suits(self, readings: Readings) -> bool:
        """Whether a face lacks what is asked for."""
        value = readings.get(self.reading)
        return value is not None and self.sign * value < self.absent


TASKS = (
    Task("a smiling person", "smile", 1, 0.4, "smiling", ("smile", 1), "smile"),
    Task("a person with bangs", "forehead_hair", 1, 0.1, "bangs", ("bangs", 1), "fringe"),
    Task("a person with eyeglasses", "rim_edges", 1, 30, "eyeglasses", ("eyeglasses", 1), "glasses and curls"),
    Task("a person with long hair", "hair_length", 1, -0.2, "long_hair", ("hair length", 1), "long hair"),
    Task("a person with blond hair", "hair_blond", 1, 45, "blond_hair", ("blond hair", 1)),
    Task("a person with an open mouth", "mouth_open", 1, 0.03, "open_mouth", ("mouth open", 1)),
    Task("a person with pale skin", "skin_L", 1, 68, "pale_skin", ("skin tone", -1), "pale colours"),
    Task("a person with grey hair", "hair_grey", 1, 8, "grey_hair", ("grey hair", 1)),
)


@dataclass(frozen=True)
class Method:
    """A method of the comparison.

    Attributes:
        title: what the table calls it.
        can: whether it can do a task with a studio's pack.
        edits: the face at each strength; the last argument is the steps of an optimisation (None: the method's own).
        strengths: at which it is tried.
        ours: the studio's own, not a baseline.
        slow: takes minutes a face on a CPU.
        looks: it takes the readings that gains are of while it edits, and keeps the picture that shows most.
    """

    title: str
    can: Callable[[Studio, Task], bool]
    edits: Callable[[Studio, Face, Task, Sequence[float], int | None], Pictures]
    strengths: tuple[float, ...] = SLIDER_STRENGTHS
    ours: bool = False
    slow: bool = False
    looks: bool = False


def _has_slider(key: Callable[[Task], str]) -> Callable[[Studio, Task], bool]:
    def has(studio: Studio, task: Task) -> bool:
        return key(task).startswith(("text:", "style:")) or key(task) in {s.key for s in sliders.available(studio.pack)}

    return has


def _slider(key: Callable[[Task], str], title: str, ours: bool = False) -> Method:
    """A slider; sources that make them from prompts have one for every task."""

    def edits(studio: Studio, face: Face, task: Task, strengths: Sequence[float], steps: int | None) -> Pictures:
        for strength in strengths:
            edit = studio.slide(face, {key(task): strength})
            yield Edited(strength, edit.image, edit.scores["seconds"], face.image)

    return Method(title, _has_slider(key), edits, ours=ours)


def _path_a(region: str, title: str) -> Method:
    def edits(studio: Studio, face: Face, task: Task, strengths: Sequence[float], steps: int | None) -> Pictures:
        for strength in strengths:
            settings = OptimizeSettings(strength=strength)
            settings = settings if steps is None else replace(settings, steps=min(steps, settings.steps))
            edit = studio.optimize(face, task.prompt, settings, region=region)
            yield Edited(strength, edit.image, edit.scores["seconds"], face.image)

    return Method(title, lambda studio, task: True, edits, PROMPT_STRENGTHS, ours=True, looks=True)


def _direction(
    move: Callable[[Pack, Tensor, Task, float], Tensor],
    title: str,
    can: Callable[[Studio, Task], bool],
    strengths: tuple[float, ...],
) -> Method:
    """A published direction in W, tried further than the studio's sliders go."""

    def edits(studio: Studio, face: Face, task: Task, wanted: Sequence[float], steps: int | None) -> Pictures:
        for strength in wanted:
            began = time.perf_counter()
            code = move(studio.pack, face.w_plus[None].to(studio.pack.device), task, strength)[0].cpu()
            image = studio.render(DrawnState(code, weights=face.weights))
            yield Edited(strength, image, time.perf_counter() - began, face.image)

    return Method(title, can, edits, strengths)


def _boundary(pack: Pack, w_plus: Tensor, task: Task, strength: float) -> Tensor:
    name, sign = task.boundary
    return interfacegan.apply(pack, w_plus, name, sign * strength)


def _component(pack: Pack, w_plus: Tensor, task: Task, strength: float) -> Tensor:
    named = next(named for named in ganspace.NAMED if named.name == task.component)
    return ganspace.apply_named(pack, w_plus, named, strength)


def _published(settings: TediGANSettings | OfficialSettings, title: str, can: Callable[[Studio, Task], bool]) -> Method:
    """A published optimisation, which has no strength: the move that it finds is scaled as a slider's is."""

    def edits(studio: Studio, face: Face, task: Task, strengths: Sequence[float], steps: int | None) -> Pictures:
        chosen = settings if steps is None else replace(settings, steps=min(steps, settings.steps))
        edit = studio.optimize(face, task.prompt, chosen, region="everywhere")
        start = edit.face or face  # a photo's is inverted anew, without a residual
        for strength in strengths:
            code = start.w_plus + strength * (edit.state.w_plus - start.w_plus)
            image = studio.render(DrawnState(code, weights=start.weights))
            yield Edited(strength, image, edit.scores["seconds"], start.image)

    return Method(title, can, edits, slow=True)


def _instructed(studio: Studio, face: Face, task: Task, strengths: Sequence[float], steps: int | None) -> Pictures:
    """InstructPix2Pix on the photo itself where there is one; the strength is the guidance by the instruction."""
    start, settings = face.aligned or face.image, InstructSettings()
    for strength in strengths:
        began = time.perf_counter()
        chosen = replace(settings, text=strength, steps=min(steps or settings.steps, settings.steps))
        image = instruct_pix2pix.edit_picture(start, f"make it {task.prompt}", chosen, studio.pack.device)
        yield Edited(strength, image, time.perf_counter() - began, start)


METHODS = {
    "prompt": _path_a("everywhere", "prompt, everywhere (path A)"),
    "region": _path_a("auto", "prompt, in its region (path C)"),
    "mapper": _slider(lambda task: f"mapper:{task.mapper}", "mapper (path B)", ours=True),
    "text": _slider(lambda task: f"text:{task.prompt}", "text slider", ours=True),
    "style": _slider(lambda task: f"style:{task.prompt}", "global direction (StyleCLIP)"),
    "boundary": _direction(
        _boundary, "InterFaceGAN", _has_slider(lambda task: f"boundary:{task.boundary[0]}"), BOUNDARY_STRENGTHS
    ),
    "component": _direction(
        _component, "GANSpace", _has_slider(lambda task: f"component:{task.component}"), COMPONENT_STRENGTHS
    ),
    "tedigan": _published(TediGANSettings(start="face"), "TediGAN, from the face", lambda studio, task: True),
    "official": _published(
        OfficialSettings(),
        "StyleCLIP's optimisation",
        lambda studio, task: studio.pack.styleclip_embed is not None,
    ),
    "instruct-pix2pix": Method(
        "InstructPix2Pix", lambda studio, task: instruct_pix2pix.at_hand(), _instructed, GUIDANCES, slow=True
    ),
}
