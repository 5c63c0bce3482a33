"""Texts that teach the reading of prompts: known wordings and commands, their negations, pairs, and unknown words.

Known wordings are the phrase book and the free wordings of `training.captions`. Unknown words are taken from the
vocabulary of the sentence encoder's tokenizer: those that no known wording uses.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from styleclip_core.edits import wordings
from styleclip_core.training import captions

HELD_OUT = 0.2  # share of the wordings, and of the unknown words, that calibration keeps from training

Claims = dict[str, int]  # concept -> 1 there, -1 the opposite


@dataclass(frozen=True)
class Example:
    """A text, what it says, and whether it says more than that.

    Attributes:
        known: 1 where all of the text is known, 0.5 a part, 0 nothing.
        held_out: made of wordings (and unknown words) that are kept for calibration.
        wording: 0 a text of training as it stands, 1 one made from those.
    """

    text: str
    claims: Claims
    known: float
    held_out: bool
    wording: int = 1


ADD = ("add {t}", "give them {t}", "put {t} on", "i want {t}", "let them have {t}", "make it {n}", "wearing {n}")
ADD += ("{n}", "has {t}", "{n} please", "more {n}", "much more {n}", "{s} with {t}", "{s} having {t}")
REMOVE = ("no {n}", "without {t}", "remove the {n}", "get rid of the {n}", "take off the {n}", "less {n}", "not {t}")
REMOVE += ("does not have {t}", "lose the {n}", "not a trace of {n}", "never {t}", "{n} removed", "hide the {n}")
REMOVE += ("{s} without {t}", "{s} with no {n}", "there is no {n}", "fewer {n}", "take away the {n}", "drop the {n}")
BE = ("make them look {t}", "make them {t}", "they are {t}", "looks {t}", "more {t}", "really {t}", "a {t} person")
BE += ("let them be {t}", "{s} who is {t}", "{t} please", "a {t} face")
BE_NOT = ("not {t}", "less {t}", "{s} who is not {t}", "do not look {t}", "stop being {t}", "no longer {t}")
BE_NOT += ("is not {t}", "make them look less {t}", "not at all {t}", "do not be so {t}", "neither {t}")
STOP = ("stop {t}", "not {t}", "without {t}", "never {t}", "quit {t}", "do not keep {t}", "no {t}")
BECOME = ("turn them into {t}", "make it {t}", "a photo of {t}", "a portrait of {t}", "they look like {t}")
UNKNOWN = ("{w}", "{w}", "a {w}", "a {w}", "a {w} person", "a person with a {w}", "a person with {w}", "{w} {v}")
UNKNOWN += ("make them look like a {w}", "a {w} {v}", "{w} of the {v}", "a {w} on the face", "{w} hair", "{w} eyes")
UNKNOWN += (
    "a {w} wearing a {v}",
    "turn them into a {w}",
    "{w} face",
    "add {w}",
    "in the style of {w}",
    "the {w} is {v}",
)
UNKNOWN += ("give them a {w} {v}", "{w} {v} {u}", "i like the {w} of {v}", "a {w} in front of a {v}", "{w} and {v}")
UNKNOWN += (
    "{w} skin",
    "{w} teeth",
    "{w} lips",
    "a {w} in the ear",
    "a {w} over one eye",
    "{w} on the head",
    "a {w} nose",
)
UNKNOWN += (
    "{w} on the cheek",
    "a face covered in {w}",
    "a portrait of {w} {v}",
    "dressed as a {w}",
    "a {w} on the neck",
)
UNKNOWN += ("the head of a {w}", "a {w} on the chin", "half {w}, half {v}", "a {w} in the hair", "the eyes of a {w}")
PARTLY = {
    "~": ("a {t} {w}", "a {t} {w} {v}", "{t} {w}", "{t} and {w}"),
    "+": ("a {w} with {t}", "{w} with {t}", "{t} and a {w}", "{t} of {w}", "{t}, {w} {v}"),
    "=": ("{t} and a {w}", "{t} with a {w}", "{t} like a {w} {v}"),
    " ": ("{t} and a {w}", "a {w}, {t}", "{t}, {w} {v}"),
}
JOINTS = ("{} and {}", "{}, {}", "{} with {}", "{}; {}", "{} but {}")
HAIR: tuple[dict[str, Claims], ...] = (
    {"long": {"long hair": 1}, "short": {"long hair": -1}, "medium length": {}},
    {
        **{word: {"curly hair": 1} for word in ("curly", "wavy")},
        **{"straight": {"curly hair": -1}, "thick": {"voluminous hair": 1}, "thin": {"voluminous hair": -1}},
    },
    {
        **{word: {"blond hair": 1} for word in ("blond", "blonde", "golden")},
        **{word: {"red hair": 1} for word in ("red", "ginger", "auburn")},
        **{word: {"grey hair": 1} for word in ("grey", "gray", "white")},
        **{"black": {"black hair": 1}, "brown": {"brown hair": 1}},
    },
)
COMPARATIVES = {
    "big": "bigger",
    "thin": "thinner",
    "slim": "slimmer",
    "fat": "fatter",
    "sad": "sadder",
    "red": "redder",
}


def _comparative(text: str) -> str | None:
    """ "+a wide nose" -> "a wider nose": with the first adjective of a phrase in its comparative."""
    short = (
        "long short thick full small wide narrow dark light pale straight round high grey old young bright pink broad"
    )
    forms = COMPARATIVES | {w: w.removesuffix("e") + "er" for w in short.split()}
    forms |= {w: w[:-1] + "ier" for w in "curly wavy bushy happy angry chubby rosy puffy skinny grumpy tiny".split()}
    for word in text.split():
        if word in forms:
            return text.replace(word, forms[word], 1)
    return None


def _variants(rng: random.Random, phrase: str, claims: Claims) -> list[tuple[str, Claims]]:
    """Commands, descriptions and negations made of a phrase of the book, each with what it says."""
    kind, t = phrase[0], phrase[1:]
    n, s = re.sub("^(a|an|the) ", "", t), rng.choice(captions.SUBJECTS)
    opposite = {name: -sign for name, sign in claims.items()}
    negatable = set(claims.values()) == {1} and not re.match(r"(no|not|without|nothing|un\w+|bare)\b", t)
    out = []

    def use(templates: tuple[str, ...], number: int, said: Claims) -> None:
        out.extend((template.format(t=t, n=n, s=s), said) for template in rng.sample(templates, number))

    if kind == "=":
        use(BECOME, 2, claims)
        if negatable and len(claims) == 1:
            out.append((f"not {t}", opposite))
        return out
    use(ADD if kind == "+" else BE, 4, claims)
    if comparative := _comparative(t):
        out += [
            (comparative, claims),
            (f"make them have {comparative}" if kind == "+" else f"make them {comparative}", claims),
        ]
    if negatable:
        use(REMOVE if kind == "+" else BE_NOT, 7 if kind == "+" else 5, opposite)
        if kind == "~" and t.split()[0].endswith("ing"):
            use(STOP, 3, opposite)
    return out


def _hair(rng: random.Random) -> tuple[str, Claims]:
    """Hair with two or three adjectives."""
    words, claims = [], {}
    for group in HAIR if rng.random() < 0.4 else rng.sample(HAIR, 2):
        word = rng.choice(list(group))
        words.append(word)
        claims |= group[word]
    frame = rng.choice(("{}", "{}", "a person with {}", "give them {}", "{} please"))
    return frame.format(" ".join(words) + " hair"), claims


def _wordings() -> list[tuple[str, Claims]]:
    """The phrase book, each phrase with its sign, and the free wordings, with a space in its place."""
    book: dict[str, Claims] = {}
    for name, both in captions.PHRASES.items():
        for phrases, sign in zip(both, (1, -1), strict=True):
            for phrase in phrases:
                book.setdefault(phrase, {})[name] = sign
    free = [
        (f" {c.text}", {captions.ATTRIBUTES[a]: 1 if there else -1 for a, there in c.claims})
        for c in captions.sentences()
    ]
    return [*book.items(), *free]


def unknown_words(vocabulary: list[str], spare: set[str]) -> list[str]:
    """The words of a vocabulary, in its order, that no known wording uses in any form and ``spare`` lacks."""

    def stem(word: str) -> str:
        return re.sub("(ing|ed|s|es|er|ly|y)$", "", word)

    known = {stem(word) for text, _ in _wordings() for word in re.findall(r"[a-z'’-]+", text.lower())}
    words = [word for word in vocabulary if len(word) > 3 and word.isascii() and word.isalpha()]
    return [word for word in words if stem(word) not in known and word not in spare]


def examples(vocabulary: list[str], spare: set[str], seed: int, size: float = 1.0) -> list[Example]:
    """All texts that the reader learns from, those for calibration among them.

    Args:
        vocabulary: of the tokenizer, the most frequent words first.
        spare: words that must not serve as unknown ones, those that judge the reader.
        size: factor on the number of texts that are drawn at random.
    """
    rng = random.Random(seed)
    known, unknown = _wordings(), unknown_words(vocabulary, spare)
    rng.shuffle(known)
    rng.shuffle(unknown)
    out = []
    for held_out, share in ((True, HELD_OUT), (False, 1 - HELD_OUT)):

        def part(items: list, held_out: bool = held_out) -> list:
            cut = int(HELD_OUT * len(items))
            return items[:cut] if held_out else items[cut:]

        out += _of_part(rng, part(known), part(unknown), held_out, share * size)
    return out


def _of_part(
    rng: random.Random, known: list[tuple[str, Claims]], unknown: list[str], held_out: bool, size: float
) -> list[Example]:
    texts = [(phrase[1:], claims, 0) for phrase, claims in known]
    for phrase, claims in known:
        if phrase[0] != " ":
            texts += [(text, said, 1) for text, said in _variants(rng, phrase, claims)]
        elif "male" in claims and len(claims) > 1:
            said = {name: sign for name, sign in claims.items() if name != "male"}
            texts.append((wordings.without_gender(phrase[1:].lower()), said, 1))
    single = list(texts)
    texts += [(*_hair(rng), 1) for _ in range(int(1800 * size))]
    for _ in range(int(7500 * size)):
        (first, said, _), (second, more, _) = rng.choice(single), rng.choice(single)
        if len(first) + len(second) < 110 and all(said.get(name, sign) == sign for name, sign in more.items()):
            texts.append((rng.choice(JOINTS).format(first.rstrip("."), second), said | more, 1))
    out = [Example(text, claims, 1.0, held_out, wording) for text, claims, wording in texts]
    for _ in range(int(13000 * size)):
        w, v, u = rng.sample(unknown, 3)
        out.append(Example(rng.choice(UNKNOWN).format(w=w, v=v, u=u), {}, 0.0, held_out))
    for _ in range(int(700 * size)):
        letters = (
            "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(rng.randint(1, 4))
        )
        out.append(Example(" ".join(letters), {}, 0.0, held_out))
    for _ in range(int(6500 * size)):
        (phrase, claims), (w, v) = rng.choice(known), rng.sample(unknown, 2)
        text = rng.choice(PARTLY[phrase[0]]).format(t=phrase[1:].rstrip("."), w=w, v=v)
        out.append(Example(text, claims, 0.5, held_out))
    return out
