"""Global directions (StyleCLIP, section 6): a prompt becomes one step in StyleSpace, the same for every face.

The relevance of a channel is the cosine between the change that it causes in a picture's embedding (measured once for
each pack by `edits/relevance.py`) and the change of the text's embedding from the neutral text to the prompt.
Channels of relevance beta or more move, each by its relevance times its standard deviation.

Before the cosine, each principal direction of the embeddings is divided by its deviation over random faces. Otherwise
the few directions in which faces differ most dominate, and many prompts edit the beard whatever they ask for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from styleclip_core.checkpoints.fs3 import ChannelEffects, load_changes, load_fs3
from styleclip_core.edits import relevance as measuring
from styleclip_core.edits import stored
from styleclip_core.edits.objective import anchor_texts
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import BadPrompt, UnsupportedByPack
from styleclip_core.packs.base import Pack, TextImageModel
from styleclip_core.settings import check_prompt, check_range

FILE = "relevance.safetensors"
NEUTRAL = "a person"
NEUTRAL_TEXTS = set("a person;person;a face;face;a human face;someone;a photo of a person;a photo of a face".split(";"))
AUTOMATIC_CHANNELS = 150  # that reach the automatic beta
TARGET_GAIN = 1.4  # deviations by which alpha 1 should raise the similarity, to first order
MIN_UNIT, MAX_UNIT = 0.9, 2.0  # by how many deviations alpha 1 moves the most relevant channel
OFFICIAL_UNIT = 4.0  # the same in StyleCLIP's examples
OFFICIAL_BETAS = tuple(round(0.1 + 0.01 * i, 2) for i in range(20))  # from which StyleCLIP chooses, 0.1 to 0.29
OFFICIAL_CHANNELS = {"face": 20}  # more than so many must reach the beta that StyleCLIP chooses
OFFICIAL_CHANNELS_ELSEWHERE = 100
MAX_ALPHA = 10.0


@dataclass(frozen=True)
class Relevance:
    """How the C style channels of a generator change the embeddings of a text-image model, in synthesis order.

    Attributes:
        axes: orthonormal directions ``[K,D]`` of the embedding along which changes were measured.
        scales: deviations ``[K]`` of random faces' embeddings along them; all 1 gives StyleCLIP's own cosines.
        changes: ``[C,K]``, change along each axis, in these deviations, when a channel moves by one of its deviations;
            0 for channels that are never moved.
        deviations: standard deviation of the channels over random faces, ``[C]``.
        unit: by how many deviations alpha 1 moves the most relevant channel; None chooses it for each prompt.
        official: whether these are StyleCLIP's own numbers, with which the automatic beta is StyleCLIP's too.
    """

    axes: Tensor
    scales: Tensor
    changes: Tensor
    deviations: Tensor
    unit: float | None = None
    official: bool = False


@dataclass(frozen=True, eq=False)
class Direction:
    """A prompt as a slider.

    Attributes:
        prompt, neutral: the texts that the direction leads to and from.
        scores: relevance of every style channel in [-1,1], ``[C]``.
        deviations: standard deviation of the channels over random faces, ``[C]``.
        unit: by how many deviations alpha 1 moves the most relevant channel.
        beta: the automatic threshold on ``|scores|``.
    """

    prompt: str
    neutral: str
    scores: Tensor
    deviations: Tensor
    unit: float
    beta: float


def known_relevance(pack: Pack) -> Relevance | None:
    """The relevance of the pack's channels: the user's fs3.npy, or what was measured; None if there is neither.

    Raises BadCheckpoint if the fs3.npy is another generator's.
    """
    if pack.fs3 is not None:
        fs3, version = pack.fs3, pack.fs3.stat().st_mtime_ns
        return cached(pack, "fs3", f"{fs3} {version}", lambda: relevance_of_fs3(pack, fs3))
    content = (pack.fingerprint and stored.load(pack, _own_file(pack))) or stored.load(pack, FILE)
    channels = sum(pack.generator.style_sizes)
    mean = pack.reference_faces.embeddings.mean(0)
    if not content or len(content["deviations"]) != channels or not stored.same_space(content["usual"], mean):
        return None
    return Relevance(content["axes"], content["scales"], content["changes"], content["deviations"])


def check(pack: Pack) -> None:
    """Raise UnsupportedByPack if the relevance of the pack's channels is not known and cannot be measured either."""
    if pack.directions is None and known_relevance(pack) is None:
        raise UnsupportedByPack(
            f"How the channels of the pack {pack.name!r} change what its text-image model sees is not known yet. Run "
            f"once, on a GPU, `python -m styleclip_core train-directions --pack {pack.name} --parts relevance`, or "
            "load the official fs3.npy."
        )


def relevance(pack: Pack) -> Relevance:
    """The relevance of the pack's channels, measured once, in minutes, where it is not known yet; kept in the cache.

    Raises UnsupportedByPack where it cannot be measured.
    """
    check(pack)
    if (found := known_relevance(pack)) is not None:
        return found
    content = measuring.measure_once(pack)
    with contextlib.suppress(OSError, SafetensorError):  # a cache that cannot be written to: measured again next time
        stored.save_own(pack, _own_file(pack), content)
    return Relevance(content["axes"], content["scales"], content["changes"], content["deviations"])


def _own_file(pack: Pack) -> str:
    """The name of the file of what was measured with exactly these networks."""
    return f"relevance-{pack.fingerprint}.safetensors"


def relevance_of_fs3(pack: Pack, fs3: str | Path) -> Relevance:
    """What StyleCLIP's fs3.npy states, with the deviations of ``S_mean_std`` beside it or, without that, measured ones.

    Raises BadCheckpoint.
    """
    beside = Path(fs3).with_name("S_mean_std")
    if beside.is_file():
        return official_relevance(load_fs3(fs3, beside, pack.generator))
    return official_relevance(
        ChannelEffects(load_changes(fs3, pack.generator), measuring.style_deviations(pack.generator))
    )


def official_relevance(effects: ChannelEffects) -> Relevance:
    """The relevance that StyleCLIP's own files state (`checkpoints.fs3.load_fs3`)."""
    width, device = effects.changes.shape[1], effects.changes.device
    axes, scales = torch.eye(width, device=device), torch.ones(width, device=device)
    return Relevance(axes, scales, effects.changes, effects.deviations, OFFICIAL_UNIT, True)


def _encode_in_templates(clip: TextImageModel, text: str, templates: Sequence[str]) -> Tensor:
    """The mean embedding ``[D]`` of a text over templates, of unit length."""
    return F.normalize(clip.encode_text([template.format(text) for template in templates]).mean(0), dim=0)


_neutral_embeddings: WeakKeyDictionary[TextImageModel, Tensor] = WeakKeyDictionary()


def neutral_text(pack: Pack, text: str) -> Tensor:
    """Embedding ``[D]`` of a neutral text.

    Some models were trained only on texts that tell faces apart, so their embedding of "a person" means nothing.
    There a text of `NEUTRAL_TEXTS` stands for the mean of the anchors, which are opposites (young and old, bearded and
    shaven, ...).
    """
    if not pack.neutral_is_mean or text.lower().rstrip(".") not in NEUTRAL_TEXTS:
        return _encode_in_templates(pack.clip, text, pack.templates)
    if pack.clip not in _neutral_embeddings:
        _neutral_embeddings[pack.clip] = F.normalize(anchor_texts(pack.clip).mean((0, 1)), dim=0)
    return _neutral_embeddings[pack.clip]


@torch.no_grad()
def text_direction(pack: Pack, prompt: str, neutral: str = NEUTRAL) -> Tensor:
    """Unit vector ``[D]`` from the neutral text to the prompt, both averaged over templates.

    Raises EmptyPrompt, BadPrompt (too long, or both mean the same).
    """
    prompt, neutral = check_prompt(prompt), check_prompt(neutral)
    change = _encode_in_templates(pack.clip, prompt, pack.templates) - neutral_text(pack, neutral)
    if prompt.lower() == neutral.lower() or change.norm() < 1e-4:
        raise BadPrompt("The prompt and the neutral text mean the same; change one of them.")
    return F.normalize(change, dim=0)


@torch.no_grad()
def direction(pack: Pack, prompt: str, neutral: str = NEUTRAL, channels: Relevance | None = None) -> Direction:
    """Turn a prompt into a slider, in a fraction of a second.

    Args:
        neutral: what the prompt is a change from: "a person", or the opposite, such as "a person with a serious face".
        channels: the relevance to use instead of the pack's own, such as `official_relevance`.
    Raises:
        EmptyPrompt, BadPrompt, UnsupportedByPack.
    """
    channels = channels or relevance(pack)
    target = F.normalize((channels.axes @ text_direction(pack, prompt, neutral)) * channels.scales, dim=0)
    scores = F.normalize(channels.changes, dim=1) @ target
    beta = official_threshold(scores, pack.domain) if channels.official else threshold(scores)
    unit = channels.unit or _unit(scores, channels.changes @ target, beta)
    return Direction(check_prompt(prompt), check_prompt(neutral), scores, channels.deviations, unit, beta)


def _unit(scores: Tensor, gains: Tensor, beta: float) -> float:
    """`Direction.unit`, chosen so that all prompts raise the similarity about equally at alpha 1.

    Args:
        gains: rise of the similarity when each channel moves by one deviation, ``[C]``.
    """
    gain = float(gains @ scores.where(scores.abs() >= beta, 0)) / max(float(scores.abs().max()), 1e-8)
    return min(max(TARGET_GAIN / max(gain, 1e-8), MIN_UNIT), MAX_UNIT)


def threshold(scores: Tensor, channels: int = AUTOMATIC_CHANNELS) -> float:
    """The largest beta that so many of the relevances ``[C]`` reach."""
    return float(scores.abs().topk(min(channels, len(scores))).values[-1])


def official_threshold(scores: Tensor, domain: str) -> float:
    """StyleCLIP's automatic beta: the largest of `OFFICIAL_BETAS` that enough of the relevances ``[C]`` reach, or 0.1.

    Args:
        domain: what the generator draws, on which the number depends.
    """
    few = OFFICIAL_CHANNELS.get(domain, OFFICIAL_CHANNELS_ELSEWHERE)
    enough = [beta for beta in OFFICIAL_BETAS if int((scores.abs() >= beta).sum()) > few]
    return max(enough, default=OFFICIAL_BETAS[0])


def step(direction: Direction, beta: float | None = None) -> Tensor:
    """The move of every style channel at alpha 1, ``[C]``; ``beta`` None is the automatic one. Raises BadSetting."""
    beta = direction.beta if beta is None else check_range("beta", beta, 0, 1)
    scores = direction.scores.where(direction.scores.abs() >= beta, 0)
    return direction.unit / direction.scores.abs().max().clamp(min=1e-8) * scores * direction.deviations


def apply(direction: Direction, styles: list[Tensor], alpha: float, beta: float | None = None) -> list[Tensor]:
    """Move style vectors along a direction.

    Args:
        styles: of the faces, as `Generator.styles` returns them; they are not changed in place.
        alpha: how far; 1 is a clearly visible edit, -1 its opposite, sliders go to +-3. StyleCLIP's alpha is the number
            of deviations that the most relevant channel moves; 1 here is 0.9 to 2 of them (`Direction.unit`), more
            where the prompt's channels have little effect. With official files, 1 is StyleCLIP's 4.
        beta: channels of less relevance stay; None is a threshold that 150 channels reach (0.2 to 0.4 here), with
            official files the one that StyleCLIP chooses (0.1 to 0.29). If no channel is that relevant, nothing moves.
    Raises:
        BadSetting: ``alpha`` beyond +-10 or ``beta`` outside [0,1].
    """
    alpha = check_range("alpha", alpha, -MAX_ALPHA, MAX_ALPHA)
    move = alpha * step(direction, beta)
    if not move.any():
        return list(styles)
    moves = move.split([style.shape[1] for style in styles])
    return [style + part for style, part in zip(styles, moves, strict=True)]
