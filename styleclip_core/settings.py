"""The settings of every verb, checked when they are made, and the checks of single values. Imports no torch.

A settings object that exists is valid: numbers are finite, in range and of the right kind, texts are not empty.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from dataclasses import dataclass
from typing import Any, cast

from styleclip_core.errors import BadPrompt, BadSetting, EmptyPrompt

MAX_PROMPT = 500  # characters; the text towers read 64 to 77 tokens
MAX_SEED = 2**63 - 1
MAX_STEPS = 1000


def check_range(name: str, value: Any, low: float, high: float) -> float:
    """Return ``value`` as a float; raise BadSetting unless it is a finite number from low to high."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadSetting(f"{name} must be a number from {low:g} to {high:g}, not {value!r}.") from error
    if not low <= number <= high:  # also refuses NaN
        raise BadSetting(f"{name} must be from {low:g} to {high:g}, not {number:g}.")
    return number


def check_prompt(prompt: Any) -> str:
    """Return the prompt without surrounding or repeated space; raise EmptyPrompt or BadPrompt."""
    readable = str(prompt or "").encode("utf-8", "ignore").decode()  # lone surrogates come from broken shells
    text = " ".join(readable.split())
    if not text:
        raise EmptyPrompt("Type what to change, for example: a smiling person with grey hair.")
    if len(text) > MAX_PROMPT:
        raise BadPrompt(f"The prompt has {len(text)} characters; shorten it to {MAX_PROMPT} or fewer.")
    return text


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise BadSetting unless ``value`` is one of the choices."""
    if value not in choices:
        raise BadSetting(f"{name} must be one of {', '.join(choices)}; not {value!r}.")


class Settings:
    """Base of frozen dataclasses of settings: numbers are checked, and converted to int where the default is an int.

    A number without an entry in ``RANGES`` must be finite and 0 or more.
    """

    RANGES = {"steps": (1, MAX_STEPS), "seed": (0, MAX_SEED)}  # name -> minimum and maximum

    def __post_init__(self) -> None:
        for field in dataclasses.fields(cast(Any, self)):  # all subclasses are dataclasses
            value = getattr(self, field.name)
            if isinstance(field.default, bool) or not isinstance(field.default, (int, float)):
                continue
            low, high = self.RANGES.get(field.name, (0, math.inf))
            if low >= 0 and not (isinstance(value, numbers.Real) and 0 <= cast(Any, value) < math.inf):
                raise BadSetting(f"{field.name} must be a number from 0 up, not {value!r}.")
            number = check_range(field.name, value, low, high)
            whole = isinstance(field.default, int)
            object.__setattr__(self, field.name, int(cast(Any, value)) if whole else number)


@dataclass(frozen=True)
class InvertSettings(Settings):
    """How to find the code of a photo (`edits.invert`).

    Attributes:
        steps: Adam steps from what the encoder and the learned steps found; 0 leaves that as it is. Without learned
            steps, as in packs that have none and with `faithful` 0, three times as many are taken.
        tune: steps that adapt the generator to the photo afterwards (see `edits.tune`); 0 leaves it as it is.
        faithful: trade-off in [0,1]: 0 gives codes without a residual, on which edits work best, 1 the best likeness.
        lr: learning rate in whitened coordinates (1 is W's standard deviation along an axis).
        detail: learning rate, at `faithful` 0.5, of the feature residual, in the features' standard deviations.
        perceptual, pixel: weights of the two reconstruction losses.
        prior: weight of the mean squared whitened coordinate of w; keeps the face probable.
        spread: weight of the mean squared offset of single layers at `faithful` 0.5; keeps W+ near W, where edits work.
        excess: weight of the mean squared feature residual.
        resolution: px at which pictures are compared.
    """

    steps: int = 10
    tune: int = 0
    faithful: float = 0.5
    lr: float = 0.1
    detail: float = 0.4
    perceptual: float = 1.0
    pixel: float = 0.6
    prior: float = 0.01
    spread: float = 0.06
    excess: float = 0.05
    resolution: int = 256

    RANGES = {"steps": (0, MAX_STEPS), "tune": (0, MAX_STEPS), "faithful": (0, 1)}


@dataclass(frozen=True)
class OptimizeSettings(Settings):
    """How to optimise (path A, `edits.optimize`). Every loss term can be switched off with 0.

    Attributes:
        strength: from 0, no change, to 2; 1 aims at the similarity of one in a thousand comparable faces.
        steps: Adam steps; 0 leaves the first picture, which sliders compose at once, as it is.
        lr: learning rate in whitened coordinates.
        clip: weight of the shortfall of the similarity to the prompt from its target, in standard deviations.
        directional: weight of 1 - cos(change of the image embedding, prompt - neutral text).
        identity: weight of 1 - cos of identity embeddings.
        likeness: weight of the LPIPS-like distance to the unedited picture.
        preserve: weight of the squared drift of the anchor texts' scores, in standard deviations.
        latent: weight of the mean squared step in whitened coordinates.
        mixing: weight of the mean squared difference of single layers' steps from the shared one.
        guide: where to start along the reference faces' direction for the prompt, as a share of the way to the target.
        views: augmented views per step, besides the plain picture.
        resolution: px at which the picture is judged.
        patience: stop after so many steps without progress towards the target; 0 never stops early.
        neutral: text that the prompt is a change from; None is what the pack draws ("a face", "a car").
        seed: of the augmentations.
    """

    strength: float = 1.0
    steps: int = 10
    lr: float = 0.06
    clip: float = 1.0
    directional: float = 0.5
    identity: float = 3.0
    likeness: float = 0.2
    preserve: float = 2.0
    latent: float = 0.5
    mixing: float = 1.0
    guide: float = 0.85
    views: int = 3
    resolution: int = 256
    patience: int = 8
    neutral: str | None = None
    seed: int = 0

    RANGES = Settings.RANGES | {"steps": (0, MAX_STEPS), "strength": (0, 2), "views": (0, 16)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neutral is not None:
            object.__setattr__(self, "neutral", check_prompt(self.neutral))


@dataclass(frozen=True)
class OfficialSettings(Settings):
    """The settings of StyleCLIP's own optimisation (`edits.styleclip_reference`).

    Attributes:
        steps: Adam steps; 40 to 300 are usual.
        lr: highest learning rate.
        l2: weight of the squared length of the move.
        identity: weight of 1 - cos of identity embeddings: 0.005 as in StyleCLIP's notebook; its script leaves the
            term out (0) unless told otherwise. Packs without an identity network leave it out.
        mode: "edit", or "free_generation", which starts from the mean face and follows CLIP alone.
        space: what is optimised, "w_plus" or "stylespace" (the style vectors but those of RGB layers).
    """

    steps: int = 300
    lr: float = 0.1
    l2: float = 0.008
    identity: float = 0.005
    mode: str = "edit"
    space: str = "w_plus"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("mode", self.mode, ("edit", "free_generation"))
        check_choice("space", self.space, ("w_plus", "stylespace"))


@dataclass(frozen=True)
class TediGANSettings(Settings):
    """The settings of TediGAN's optimisation of one picture (`edits.tedigan`).

    Attributes:
        steps: Adam steps.
        lr: highest learning rate.
        clip: weight of 1 - cos of the picture's and the text's embeddings.
        pixel: weight of the mean squared difference to the photo, of pixels in [-1,1].
        perceptual: weight of the pack's perceptual distance to the photo, which stands in for VGG's.
        latent: weight of the mean squared move of the code.
        start: "mean", the mean of W, as TediGAN's demo does, or "face", the code that inversion found.
        resolution: px at which the picture is judged; the original takes the full 1024.
    """

    steps: int = 200
    lr: float = 0.1
    clip: float = 1.0
    pixel: float = 1.0
    perceptual: float = 1.0
    latent: float = 2.0
    start: str = "mean"
    resolution: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("start", self.start, ("mean", "face"))


@dataclass(frozen=True)
class InstructSettings(Settings):
    """The settings of InstructPix2Pix (`edits.instruct_pix2pix`).

    Attributes:
        steps: of denoising; the paper takes 100.
        text: guidance by the instruction; 1 or less is none.
        image: guidance by the picture, at least 1: higher keeps more of it.
        size: px at which the picture is edited, a multiple of 8.
        seed: of the noise.
    """

    steps: int = 50
    text: float = 7.5
    image: float = 1.5
    size: int = 512
    seed: int = 0

    RANGES = Settings.RANGES | {"text": (0, 30), "image": (1, 10), "size": (64, 1024)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % 8:
            raise BadSetting(f"size must be a multiple of 8, not {self.size}.")


@dataclass(frozen=True)
class LocalSettings(Settings):
    """How an edit is confined to a region (`edits.local`).

    Attributes:
        grow: px of 1024 by which the outline of the mask is moved outwards, inwards if negative.
        feather: px of 1024 over which the mask fades, to both sides of the outline.
        shared: px; features of lower resolution are the edit's in the whole picture; 4 confines all of them.
    """

    grow: float = 8.0
    feather: float = 14.0
    shared: int = 4

    RANGES = {"grow": (-200, 200), "feather": (0, 200), "shared": (4, 1024)}


@dataclass(frozen=True)
class VideoSettings(Settings):
    """How a face is edited through a clip (`video`). Lengths in time are deviations of Gaussians, in frames.

    Attributes:
        center, axes: of the smoothing of the aligned square: of its middle, and of its size and tilt.
        codes: of the smoothing of codes and feature residuals; 0 leaves each frame's as it is, in all layers.
        maps: of the smoothing of masks and colour corrections.
        hold: share of the edit in the frame before, moved as the source moves, in that of each frame.
        stride: every so many frames one is inverted; those between get their code by the smoothing.
        key_frames: frames whose edits are averaged into the one step for the clip.
        segment: frames that are lost at most if the work is broken off.
    """

    center: float = 1.0
    axes: float = 3.0
    codes: float = 1.5
    maps: float = 2.0
    hold: float = 0.85
    stride: int = 3
    key_frames: int = 3
    segment: int = 48

    RANGES = {
        "center": (0, 20), "axes": (0, 20), "codes": (0, 20), "maps": (0, 8), "hold": (0, 0.9),
        "stride": (1, 4), "key_frames": (1, 9), "segment": (4, 480),
    }  # fmt: skip
