"""A prompt as known concepts with signs and amounts; what is not known is said.

The text is split into pieces (`edits.wordings`); ages, hair colours and the gender of the person are found by rules,
all else by a head on sentence embeddings (`networks.concepts`), which also tells how familiar a text is.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import weights
from styleclip_core.edits import wordings
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.networks.concepts import ConceptReader
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.packs.base import Pack
from styleclip_core.settings import check_prompt

CONCEPTS = "concepts.safetensors"  # in pretrained/
PLAIN = 0.6  # probability from which a piece speaks of a concept
FAINT = 0.2  # probability below which a text speaks of no concept
STRANGE, LESS_FAMILIAR = 0.42, 0.12  # familiarity of a word that may be unknown, and what it costs a known piece
HOPELESS = 0.15  # familiarity below which no word of a piece is looked at alone
MAX_WORDS = 5  # of an unknown piece that are looked at alone
MIDDLE_AGE, GENERATION = 42, 25  # years: neither old nor young, and how far from there is plainly so


@dataclass(frozen=True)
class Unknown:
    """Words that speak of no known concept.

    Attributes:
        phrase: the words.
        nearest: up to three concepts that are nearest in meaning.
    """

    phrase: str
    nearest: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What a prompt asks for.

    Attributes:
        prompt: the text.
        changes: concept -> what is wanted: 1 plainly there, -1 plainly the opposite, less or more by words of amount.
        context: what is said of the person in passing: "a man" in "a man with a beard".
        phrases: words that were understood -> the concepts they speak of.
        unknown: words that were not.
        age: years, if a number is named; ``changes["old"]`` says it too.
        hair_color: one of the colours of `wordings.HAIR_COLORS`, if named.
    """

    prompt: str
    changes: dict[str, float]
    context: dict[str, float]
    phrases: dict[str, tuple[str, ...]]
    unknown: tuple[Unknown, ...]
    age: float | None = None
    hair_color: str | None = None

    def sentence(self) -> str:
        """What was understood and what was not, for users; empty if all was."""
        if not self.unknown:
            return ""
        parts = [f"{_listed(list(self.phrases))} is understood"] if self.phrases else []
        parts.append(f"{_listed([unknown.phrase for unknown in self.unknown])} is not known to this model")
        near = list(dict.fromkeys(name for unknown in self.unknown for name in unknown.nearest))[:3]
        parts += [f"nearest in meaning: {', '.join(near)}"] if near else []
        return "; ".join(parts) + "."


def _listed(phrases: list[str]) -> str:
    return ", ".join(f"“{phrase}”" for phrase in phrases)


@dataclass(frozen=True)
class Meaning:
    """What the model makes of N texts.

    Attributes:
        probabilities: ``[N,C,3]``: the opposite, nothing, there.
        familiarity: ``[N]``; compare it with `ConceptReader.limits`.
    """

    probabilities: Tensor
    familiarity: Tensor


def can_read(pack: Pack) -> bool:
    """Whether the pack's text-image model has the sentence encoder that prompts are read with."""
    return isinstance(pack.clip, FaceCLIP) and pack.clip.tokenize is not None and CONCEPTS in weights.CHECKPOINTS


def read(pack: Pack, prompt: str) -> Reading:
    """Read a prompt. Raises UnsupportedByPack (see `can_read`), EmptyPrompt, BadPrompt, WeightsUnavailable."""
    prompt = check_prompt(prompt)
    if not can_read(pack):
        raise UnsupportedByPack(f"The pack {pack.name} has no sentence encoder to read prompts with.")
    return cached(pack, "reading", prompt, lambda: _read(pack, prompt))


@torch.no_grad()
def meaning(pack: Pack, texts: list[str]) -> Meaning:
    """What the model makes of whole texts. Raises UnsupportedByPack, WeightsUnavailable."""
    if not isinstance(pack.clip, FaceCLIP) or pack.clip.tokenize is None:
        raise UnsupportedByPack(f"The pack {pack.name} has no sentence encoder to read prompts with.")
    ids, mask = (t.to(pack.device) for t in pack.clip.tokenize(texts))
    sentences, reader = pack.clip.sentence_encoder(ids, mask), load_reader(pack.device)
    logits, known = reader(sentences)
    return Meaning(logits.softmax(-1).cpu(), reader.familiarity(sentences, known).cpu())


@functools.lru_cache(maxsize=1)
def load_reader(device: torch.device) -> ConceptReader:
    """The trained head. Raises WeightsUnavailable."""
    state = load_file(weights.path(CONCEPTS))
    names = json.loads(bytes(state.pop("names").tolist()).decode())
    reader = ConceptReader(names, len(state["bank"]))
    reader.load_state_dict({name: value.float() for name, value in state.items()})
    return reader.eval().requires_grad_(False).to(device)


@dataclass(frozen=True)
class _Part:
    """A part of the prompt: understood, with what is wanted of its concepts, or not, with the nearest concepts."""

    words: str
    signs: dict[str, float]
    nearest: tuple[str, ...] = ()


def _read(pack: Pack, prompt: str) -> Reading:
    text = wordings.normal(prompt)
    changes: dict[str, float] = {}
    phrases: dict[str, tuple[str, ...]] = {}
    by, words, text = wordings.change_of_age(text)
    if by is not None:
        changes["old"], phrases[words] = by, ("old",)
    years, words, text = wordings.age(text)
    if years is not None:
        changes["old"] = max(-1.4, min(1.4, (years - MIDDLE_AGE) / GENERATION))
        phrases[words] = ("old",)
    text = re.sub(r"\s+", " ", text).strip()
    color = wordings.hair_color(text)
    if color and not color.concept:
        text, phrases[color.words] = text.replace(color.words, ",", 1), (f"{color.name} hair",)
    sign, wish, noun = wordings.gender(text)
    unknown: list[_Part] = []
    for part in _parts(functools.partial(meaning, pack), load_reader(pack.device), text):
        signs = {name: value for name, value in part.signs.items() if name != "male" or not sign}
        if part.nearest:
            unknown.append(part)
        elif signs:
            phrases[part.words] = tuple(signs)
            changes |= {name: value for name, value in signs.items() if name != "old" or years is None}
    if not (phrases or unknown or sign or re.search(r"[^\W\d_]", text)):
        unknown.append(_Part(prompt, {}))  # signs and numbers
    others = [Unknown(u.words, tuple(name for name in u.nearest if name not in changes)[:3]) for u in unknown]
    hair_color = color.name if color and (not color.concept or changes.get(color.concept, 0) > 0) else None
    context = {"male": float(sign)} if sign else {}
    if sign and (wish or not (changes or unknown or hair_color)):
        changes, context, phrases = changes | context, {}, phrases | {noun: ("male",)}
    return Reading(prompt, changes, context, phrases, tuple(others), years, hair_color)


def _parts(understand: Callable[[list[str]], Meaning], reader: ConceptReader, text: str) -> list[_Part]:
    """The parts of a text, those that are understood with their concepts."""
    pieces = wordings.pieces(text)
    if not pieces:
        return []
    batch = [piece.text for piece in pieces] + [piece.core for piece in pieces if piece.core != piece.text]
    found = understand(batch)
    limit, sure = reader.limits.tolist()
    cores = iter(range(len(pieces), len(batch)))
    outcome: list[tuple[Tensor, float]] = []
    for i, piece in enumerate(pieces):
        probabilities, familiar = found.probabilities[i], float(found.familiarity[i])
        if piece.core != piece.text:
            core = next(cores)
            probabilities = (probabilities + found.probabilities[core].flip(-1)) / 2
            familiar = max(familiar, float(found.familiarity[core]))
        outcome.append((probabilities, familiar))

    if len(pieces) > 1 and any(familiar < limit for _, familiar in outcome):
        merged = _merge(understand, text, pieces, outcome, sure)
        pieces, outcome = [p for p, _ in merged], [o for _, o in merged]
    out = []
    for piece, (probabilities, familiar) in zip(pieces, outcome, strict=True):
        words = text[piece.start : piece.stop]
        if familiar >= sure and _speaks(probabilities):
            out.append(_Part(words, _signs(reader.names, probabilities, piece.amount)))
        elif familiar < HOPELESS:
            out.append(_Part(words, {}, _nearest(reader.names, probabilities)))
        else:
            out += _word_by_word(understand, reader, piece, words, (probabilities, familiar))
    return out


def _merge(
    understand: Callable[[list[str]], Meaning],
    text: str,
    pieces: list[wordings.Piece],
    outcome: list[tuple[Tensor, float]],
    sure: float,
) -> list[tuple[wordings.Piece, tuple[Tensor, float]]]:
    """Pieces, where neighbours that are surely known together but not apart ("from ear to ear") have become one."""
    spans = [(0, len(pieces))] + [(i, i + 2) for i in range(len(pieces) - 1) if len(pieces) > 2]
    joined = [wordings.join(text, pieces[i:j]) for i, j in spans]
    found = understand([piece.text for piece in joined])
    taken: list[tuple[int, int, wordings.Piece, tuple[Tensor, float]]] = []
    free = set(range(len(pieces)))
    for k, (i, j) in enumerate(spans):
        apart = min(outcome[m][1] for m in range(i, j))
        if found.familiarity[k] >= sure and found.familiarity[k] > apart and free.issuperset(range(i, j)):
            taken.append((i, j, joined[k], (found.probabilities[k], float(found.familiarity[k]))))
            free -= set(range(i, j))
    taken += [(m, m + 1, pieces[m], outcome[m]) for m in free]
    return [(piece, result) for _, _, piece, result in sorted(taken, key=lambda t: t[0])]


def _word_by_word(
    understand: Callable[[list[str]], Meaning],
    reader: ConceptReader,
    piece: wordings.Piece,
    words: str,
    whole: tuple[Tensor, float],
) -> list[_Part]:
    """A piece that is not surely known: the longest runs of words in it that are, and the rest.

    A piece that is known as a whole stays so, unless its rest is strange and makes it less familiar.
    """
    probabilities, familiar = whole
    known = familiar >= float(reader.limits[0]) and _speaks(probabilities)
    undivided = _Part(
        words,
        _signs(reader.names, probabilities, piece.amount) if known else {},
        _nearest(reader.names, probabilities) if not known else (),
    )
    spots = wordings.content(words)[:MAX_WORDS]
    runs = [(i, j) for i in range(len(spots)) for j in range(i + 1, len(spots) + 1) if j - i < len(spots)]
    if not runs:
        return [undivided]
    texts = [words[spots[i][0] : spots[j - 1][1]] for i, j in runs]
    found, sure = understand([wordings.without_gender(run) for run in texts]), float(reader.limits[1])
    free, out, best = set(range(len(spots))), [], 0.0
    for k in sorted(range(len(runs)), key=lambda k: (runs[k][0] - runs[k][1], -found.familiarity[k])):
        run = range(*runs[k])
        told = found.familiarity[k] >= sure and _speaks(found.probabilities[k]) and free.issuperset(run)
        if told and not wordings.MODIFIERS.issuperset(re.findall(r"[\w-]+", texts[k])):
            out.append(_Part(texts[k], _signs(reader.names, found.probabilities[k], piece.amount)))
            best = max(best, float(found.familiarity[k]))
            free -= set(run)
    alone = [runs.index((i, i + 1)) for i in sorted(free)]
    strange = [float(found.familiarity[k]) < STRANGE for k in alone]
    if not out or not free or (known and not (all(strange) and best - familiar > LESS_FAMILIAR)):
        return [undivided]
    rest = " ".join(words[spots[i][0] : spots[i][1]] for i in sorted(free))
    return [*out, _Part(rest, {}, _nearest(reader.names, found.probabilities[alone].mean(0)))]


def _speaks(probabilities: Tensor) -> bool:
    """Whether a text speaks of any concept, by its probabilities ``[C,3]``."""
    return float(1 - probabilities[:, 1].min()) >= FAINT


def _signs(names: list[str], probabilities: Tensor, amount: float) -> dict[str, float]:
    """Concept -> what is wanted: those that are plainly spoken of, or the likeliest alone."""
    signed = torch.where(probabilities[:, 2] > probabilities[:, 0], probabilities[:, 2], -probabilities[:, 0])
    spoken = signed.abs() >= min(PLAIN, float(signed.abs().max()))
    return {names[i]: amount * (1.0 if signed[i] > 0 else -1.0) for i in spoken.nonzero().flatten().tolist()}


def _nearest(names: list[str], probabilities: Tensor) -> tuple[str, ...]:
    likely = (1 - probabilities[:, 1]).topk(6).indices
    return tuple(names[i] for i in likely.tolist())
