"""Global directions (StyleCLIP, section 6): a prompt becomes one step in StyleSpace, the same for every face.

The relevance of a channel is the cosine between what it does to the embedding of a picture (measured once for each
pack by `training/relevance.py`) and the change of the text's embedding from the neutral text to the prompt. Channels
of relevance beta or more move, each by its relevance times its own standard deviation.

Cosines are taken after each principal direction of the embeddings is divided by its deviation over random faces.
Without that, the few directions in which faces differ most decide, and prompts edit beards whatever they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.checkpoints.fs3 import ChannelEffects
from styleclip_core.edits import stored
from styleclip_core.edits.objective import anchor_texts
from styleclip_core.errors import BadPrompt, UnsupportedByPack
from styleclip_core.packs.base import Pack, TextImageModel
from styleclip_core.settings import check_prompt, check_range

FILE = "relevance.safetensors"
NEUTRAL = "a person"
PLAIN = {"a person", "person", "a face", "face", "a human face", "someone", "a photo of a person", "a photo of a face"}
CHANNELS = 150  # left by the automatic beta
GAIN = 1.4  # deviations of the similarity that alpha 1 should gain, as derivatives foretell
UNITS = (0.9, 2.0)  # deviations of the most relevant channel that alpha 1 stands for: at least, at most
MAX_ALPHA = 10.0
OFFICIAL_ALPHA = 4.0  # deviations of the most relevant channel in StyleCLIP's examples


@dataclass(frozen=True)
class Relevance:
    """What the channels of a generator do to the embeddings of a text-image model.

    Attributes:
        axes: orthonormal directions ``[K,D]`` of the embedding that were measured.
        scales: deviations of random faces' embeddings along them ``[K]``; 1 leaves cosines as StyleCLIP's.
        changes: change along them, in these deviations, by one deviation of each of the C style channels in synthesis
            order, ``[C,K]``; rows of 0 for channels that are left alone.
        deviations: standard deviation of the channels over random faces, ``[C]``.
        unit: by how many deviations the most relevant channel moves at alpha 1; None: as the prompt needs.
    """

    axes: Tensor
    scales: Tensor
    changes: Tensor
    deviations: Tensor
    unit: float | None = None


@dataclass(frozen=True, eq=False)
class Direction:
    """A prompt as a slider.

    Attributes:
        prompt, neutral: from what to what.
        scores: relevance of every style channel in [-1,1], ``[C]``.
        deviations: of the channels over random faces, ``[C]``.
        unit: by how many deviations the most relevant channel moves at alpha 1.
        beta: the automatic threshold on ``|scores|``.
    """

    prompt: str
    neutral: str
    scores: Tensor
    deviations: Tensor
    unit: float
    beta: float


def relevance(pack: Pack) -> Relevance:
    """The relevance of the pack's channels. Raises UnsupportedByPack if it is not known."""
    content = stored.load(pack, FILE)
    channels = sum(pack.generator.style_sizes)
    usual = pack.reference_faces.embeddings.mean(0)
    if not content or len(content["deviations"]) != channels or not stored.same_space(content["usual"], usual):
        raise UnsupportedByPack(
            f"What the channels of the pack {pack.name!r} mean to its text-image model is not known yet. Run once, on "
            f"a GPU, `python -m styleclip_core train-directions --pack {pack.name} --parts relevance`, or load the "
            "official fs3.npy."
        )
    return Relevance(content["axes"], content["scales"], content["changes"], content["deviations"])


def official_relevance(effects: ChannelEffects) -> Relevance:
    """The relevance that StyleCLIP's own files state (`checkpoints.fs3.load_fs3`)."""
    width, device = effects.changes.shape[1], effects.changes.device
    axes, scales = torch.eye(width, device=device), torch.ones(width, device=device)
    return Relevance(axes, scales, effects.changes, effects.deviations, OFFICIAL_ALPHA)


def _average(clip: TextImageModel, text: str, templates: Sequence[str]) -> Tensor:
    return F.normalize(clip.encode_text([template.format(text) for template in templates]).mean(0), dim=0)


_neutral: WeakKeyDictionary[TextImageModel, Tensor] = WeakKeyDictionary()


def neutral_text(pack: Pack, text: str) -> Tensor:
    """Embedding ``[D]`` of a neutral text.

    Some models have only learned texts that tell faces apart: to them "a person" is as good as any. There a text in
    `PLAIN` stands for the mean of a balanced list of opposites (young and old, bearded and shaven, ...).
    """
    if not pack.neutral_is_mean or text.lower().rstrip(".") not in PLAIN:
        return _average(pack.clip, text, pack.templates)
    if pack.clip not in _neutral:
        _neutral[pack.clip] = F.normalize(anchor_texts(pack.clip).mean((0, 1)), dim=0)
    return _neutral[pack.clip]


@torch.no_grad()
def text_direction(pack: Pack, prompt: str, neutral: str = NEUTRAL) -> Tensor:
    """Unit vector ``[D]`` from the neutral text to the prompt, both averaged over templates.

    Raises EmptyPrompt, BadPrompt (too long, or both mean the same).
    """
    prompt, neutral = check_prompt(prompt), check_prompt(neutral)
    change = _average(pack.clip, prompt, pack.templates) - neutral_text(pack, neutral)
    if prompt.lower() == neutral.lower() or change.norm() < 1e-4:
        raise BadPrompt("The prompt and the neutral text mean the same; change one of them.")
    return F.normalize(change, dim=0)


@torch.no_grad()
def direction(pack: Pack, prompt: str, neutral: str = NEUTRAL, known: Relevance | None = None) -> Direction:
    """Turn a prompt into a slider, in a fraction of a second.

    Args:
        neutral: what the prompt is a change from: "a person", or the opposite, such as "a person with a serious face".
        known: the relevance to use instead of the pack's own, such as `official_relevance`.
    Raises:
        EmptyPrompt, BadPrompt, UnsupportedByPack.
    """
    known = known or relevance(pack)
    wanted = (known.axes @ text_direction(pack, prompt, neutral)) * known.scales
    scores = F.normalize(known.changes, dim=1) @ F.normalize(wanted, dim=0)
    beta = threshold(scores)
    unit = known.unit or _unit(scores, known.changes @ F.normalize(wanted, dim=0), beta)
    return Direction(check_prompt(prompt), check_prompt(neutral), scores, known.deviations, unit, beta)


def _unit(scores: Tensor, gains: Tensor, beta: float) -> float:
    """What alpha 1 stands for, so that prompts do about as much: ``gains [C]`` are of one deviation of each channel."""
    gain = float(gains @ scores.where(scores.abs() >= beta, 0)) / max(float(scores.abs().max()), 1e-8)
    return min(max(GAIN / max(gain, 1e-8), UNITS[0]), UNITS[1])


def threshold(scores: Tensor, channels: int = CHANNELS) -> float:
    """The beta that ``channels`` of the relevances ``[C]`` reach."""
    return float(scores.abs().topk(min(channels, len(scores))).values[-1])


def step(direction: Direction, beta: float | None = None) -> Tensor:
    """The move of every style channel at alpha 1, ``[C]``; ``beta`` None is the automatic one. Raises BadSetting."""
    beta = direction.beta if beta is None else check_range("beta", beta, 0, 1)
    scores = direction.scores.where(direction.scores.abs() >= beta, 0)
    return direction.unit / direction.scores.abs().max().clamp(min=1e-8) * scores * direction.deviations


def apply(direction: Direction, styles: list[Tensor], alpha: float, beta: float | None = None) -> list[Tensor]:
    """Move style vectors along a direction.

    Args:
        styles: of the faces, as `generator.styles` returns them; they stay as they are.
        alpha: how far; 1 is a plain edit, -1 its opposite, sliders go to +-3. StyleCLIP's alpha is the number of
            deviations that the most relevant channel moves; 1 here is 0.9 to 2 of them (`Direction.unit`), the more the
            less the prompt's channels are foretold to do. With official files, 1 is StyleCLIP's 4.
        beta: channels of less relevance stay; None is a threshold that leaves 150 channels (0.2 to 0.4 here; StyleCLIP
            uses 0.08 to 0.4). If no channel is that relevant, nothing moves.
    Raises:
        BadSetting: ``alpha`` beyond +-10 or ``beta`` outside [0,1].
    """
    alpha = check_range("alpha", alpha, -MAX_ALPHA, MAX_ALPHA)
    move = alpha * step(direction, beta)
    if not move.any():
        return list(styles)
    moves = move.split([style.shape[1] for style in styles])
    return [style + part for style, part in zip(styles, moves, strict=True)]
