"""Global directions (StyleCLIP, section 6): a prompt becomes one step in StyleSpace, the same for every face.

The relevance of a channel is the cosine between what it does to the embedding of a picture (measured once for each
pack by `training/relevance.py`) and the change of the text's embedding from the neutral text to the prompt. Channels
of relevance beta or more move, each by its relevance times its own standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.edits import stored
from styleclip_core.edits.progress import check_prompt, check_range
from styleclip_core.edits.templates import FACE, GENERAL
from styleclip_core.errors import BadPrompt, UnsupportedByPack
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.roles import Pack

FILE = "relevance.safetensors"
NEUTRAL = "a person"
CHANNELS = 200  # left by the automatic beta
MAX_ALPHA = 10.0


@dataclass(frozen=True, eq=False)
class Relevance:
    """What the channels of a generator do to the embeddings of a text-image model.

    Attributes:
        axes: orthonormal directions ``[K,D]`` of the embedding that were measured.
        changes: change along them ``[C,K]`` by one deviation of each of the C style channels, in synthesis order;
            rows are of unit length, or 0 for channels that are left alone.
        deviations: standard deviation of the channels over random faces, ``[C]``.
    """

    axes: Tensor
    changes: Tensor
    deviations: Tensor


@dataclass(frozen=True, eq=False)
class Direction:
    """A prompt as a slider.

    Attributes:
        prompt, neutral: from what to what.
        scores: relevance of every style channel in [-1,1], ``[C]``.
        deviations: of the channels over random faces, ``[C]``.
        beta: the automatic threshold on ``|scores|``.
    """

    prompt: str
    neutral: str
    scores: Tensor
    deviations: Tensor
    beta: float


def relevance(pack: Pack) -> Relevance:
    """The relevance of the pack's channels. Raises UnsupportedByPack if it is not known."""
    content = stored.load(pack, FILE)
    channels = sum(pack.generator.style_sizes)
    usual = pack.gallery.embeddings.mean(0)
    if not content or len(content["deviations"]) != channels or not stored.same_space(content["usual"], usual):
        raise UnsupportedByPack(
            f"What the channels of the pack {pack.name!r} mean to its text-image model is not known yet. Run once, on "
            f"a GPU, `python -m styleclip_core train-directions --pack {pack.name}`, or load an official fs3.npy."
        )
    return Relevance(content["axes"], F.normalize(content["changes"], dim=1), content["deviations"])


def text_direction(pack: Pack, prompt: str, neutral: str = NEUTRAL, templates: Sequence[str] | None = None) -> Tensor:
    """Unit vector ``[D]`` from the neutral text to the prompt, both averaged over templates with a ``{}``.

    Raises EmptyPrompt, BadPrompt (too long, or both mean the same).
    """
    prompt, neutral = check_prompt(prompt), check_prompt(neutral)
    templates = templates or (FACE if isinstance(pack.clip, FaceCLIP) else GENERAL)
    texts = [template.format(text) for text in (prompt, neutral) for template in templates]
    there, usual = F.normalize(pack.clip.encode_text(texts).unflatten(0, (2, -1)).mean(1), dim=1)
    if (there - usual).norm() < 1e-4:
        raise BadPrompt("The prompt and the neutral text mean the same; change one of them.")
    return F.normalize(there - usual, dim=0)


@torch.no_grad()
def direction(pack: Pack, prompt: str, neutral: str = NEUTRAL, known: Relevance | None = None) -> Direction:
    """Turn a prompt into a slider.

    Args:
        known: the relevance to use instead of the pack's own, such as `checkpoints.fs3.load_fs3` reads.
    Raises:
        EmptyPrompt, BadPrompt, UnsupportedByPack.
    """
    known = known or relevance(pack)
    step = text_direction(pack, prompt, neutral)
    scores = known.changes @ F.normalize(known.axes @ step, dim=0)
    return Direction(check_prompt(prompt), check_prompt(neutral), scores, known.deviations, threshold(scores))


def threshold(scores: Tensor, channels: int = CHANNELS) -> float:
    """The beta that about ``channels`` of the relevances ``[C]`` reach."""
    return float(scores.abs().topk(min(channels, len(scores))).values[-1])


def step(direction: Direction, beta: float | None = None) -> Tensor:
    """The move of every style channel at alpha 1, ``[C]``; ``beta`` None is the automatic one."""
    beta = direction.beta if beta is None else check_range("beta", beta, 0, 1)
    scores = direction.scores.where(direction.scores.abs() >= beta, 0)
    strongest = direction.scores.abs().max().clamp(min=1e-8)
    return scores / strongest * direction.deviations


def apply(direction: Direction, styles: list[Tensor], alpha: float, beta: float | None = None) -> list[Tensor]:
    """Move style vectors along a direction.

    Args:
        styles: of the faces, as `generator.styles` returns them; they stay as they are.
        alpha: how far.
        beta: channels of less relevance stay; None for the automatic threshold.
    Raises:
        BadSetting: ``alpha`` beyond +-10 or ``beta`` outside [0,1].
    """
    alpha = check_range("alpha", alpha, -MAX_ALPHA, MAX_ALPHA)
    if alpha == 0:
        return list(styles)
    moves = (alpha * step(direction, beta)).split([style.shape[1] for style in styles])
    return [style + move for style, move in zip(styles, moves, strict=True)]
