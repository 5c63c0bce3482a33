"""Rules for the words of a prompt: what splits, negates and weakens it, and ages, hair colours and genders in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

HAIR_COLORS = {  # words -> (colour, concept that goes with it or "")
    "platinum( blonde?)?|white[- ]blonde?": ("platinum", "blond hair"),
    "strawberry blonde?|ginger|copper|red|orange": ("red", "red hair"),
    "auburn": ("auburn", "red hair"),
    "blonde?|golden|flaxen": ("blond", "blond hair"),
    "jet[- ]black|raven|black": ("black", "black hair"),
    "brown|chestnut|brunette": ("brown", "brown hair"),
    "gr[ea]y|silver": ("grey", "grey hair"),
    "snow[- ]white|white": ("white", "grey hair"),
    "pink": ("pink", ""),
    "purple|violet|lilac|lavender": ("purple", ""),
    "blue|turquoise|teal": ("blue", ""),
    "green": ("green", ""),
}
_ALONE = {  # patterns that name a colour without the word hair
    "platinum": (r"\bplatinum blonde?\b",),
    "blond": (r"\bblond(?:e|er|es|s)?\b",),
    "brown": (r"\bbrunettes?\b",),
    "red": (r"\bredhead(?:ed|s)?\b|\bginger (?:man|woman|boy|girl|person|guy)\b",),
}
_HAIR = r"(?:hair|haired|locks|curls|strands|tresses|ponytail|bob|fringe|bangs|afro)"
_SHAPE = r"(?:(?:curly|wavy|straight|long|short|thick|thin|frizzy|sleek)[ -])"
_COMPARATIVES = {  # sentence encoders hardly tell which way a comparative points
    **{"bigger": "big", "thinner": "thin", "slimmer": "slim", "fatter": "fat", "sadder": "sad", "redder": "red"},
    **{"paler": "pale", "wider": "wide", "larger": "large"},
    **{
        f"{word}er": word
        for word in "long short thick full small narrow dark light straight round high grey old young bright".split()
    },
    **{f"{word[:-1]}ier": word for word in "curly wavy bushy happy angry chubby rosy skinny grumpy hairy".split()},
}
_COMPARATIVE = re.compile(rf"(?<!no )\b(?:{'|'.join(_COMPARATIVES)})\b")
_NEGATIVE = (
    r"(?:(?:please|just|and|but|make (?:them|it|their \w+)(?: look)?|someone|(?:a )?(?:person|face)|who|is|are|they) )*"
    r"(?P<words>not at all|not wearing|not having|not|no longer|no more|no|never|without any|without|neither|nor|none"
    r"|does not have|do not|does not|is not|are not|remove|removing|delete|erase|get(?:ting)? rid of|take off|take away"
    r"|taking off|lose|losing|drop|ditch|stop being|stop|quit|shave off|wipe off|hide|anything but|free of|lacking"
    r"|none of|minus|reduce|lower|fewer|less)\b(?: (?:the|their|a|an|any|of|being|so|such))*"
)
_LESS = re.compile(r"(?:less|fewer|reduce|lower)\b")
_JOINTS = re.compile(
    r"\s*(?P<joint>[,;.!?\n]+(?=\s|$)"
    r"|(?<=\w) (?:and|but|plus|as well as|then|while|&|\+|or|nor|with|without|who has|having)(?= ))\s*"
)
_TAKES_AWAY = re.compile(r"remove|delete|erase|get|take|lose|drop|ditch|shave|wipe|hide|neither|nor|without|quit|stop")
_OWN_VERB = re.compile(
    r"(?:not|no|add|give|make|put|more|less|with|a bit|wear|open|close|turn|keep|change|show|have|has|let|much|very"
    r"|slightly|they|is|are|look|just|only)\b"
)
_AMOUNTS = (  # words -> factor on what is wanted
    (r"(?:just )?(?:a (?:little|tiny|wee) bit|a (?:bit|little|touch|hint|tad)(?: of)?|slight(?:ly)?|somewhat"
     r"|subtle|subtly|faint(?:ly)?|mild(?:ly)?)", 0.5),
    (r"(?:very very|very|extremely|really|super|totally|incredibly|strongly|much|a lot)", 1.4),
)  # fmt: skip
_FEMALE = (
    "woman|women|girl|girls|lady|ladies|female|females|mother|mom|mum|wife|sister|aunt|daughter|queen|princess"
    "|businesswoman|actress|bride|gal|grandmother|grandma|granny|schoolgirl|girlfriend|nun"
)
_MALE = (
    "man|men|boy|boys|gentleman|gentlemen|male|males|father|dad|husband|brother|uncle|son|king|prince|businessman"
    "|guy|guys|bloke|dude|chap|lad|fellow|actor|groom|grandfather|grandpa|grandad|schoolboy|boyfriend|monk"
)
_NOUNS = re.compile(rf"(?<![\w-])(?:(?P<female>{_FEMALE})|(?P<male>{_MALE}))(?![\w-])")
_PRONOUNS = re.compile(r"\b(?:(?P<female>she|her|hers|herself)|(?P<male>he|him|his|himself))\b")
_BECOMES = re.compile(
    r"\b(?:become|be|into|like|more of) (?:an? |the )?\w*$|^make (?:it|him|her|them|this person) an? \w+$"
)
_INSTEAD = {"grandmother": "grandparent", "grandma": "grandparent", "granny": "grandparent", "nun": "nun"}
_INSTEAD |= {"grandfather": "grandparent", "grandpa": "grandparent", "grandad": "grandparent", "monk": "monk"}
_INSTEAD |= {"businessman": "businessperson", "businesswoman": "businessperson", "boy": "person", "girl": "person"}
_INSTEAD |= {"schoolboy": "schoolchild", "schoolgirl": "schoolchild", "her": "their", "his": "their", "him": "them"}
_INSTEAD |= {"she": "they", "he": "they", "hers": "theirs", "herself": "themselves", "himself": "themselves"}
_NUMBERS = {w: 20 + 10 * i for i, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())}
_NUMBERS |= {"eighteen": 18, "sixteen": 16, "ten": 10, "hundred": 100}
_DECADES = {re.sub("y$", "ies", word): years for word, years in _NUMBERS.items() if word.endswith("y")} | {"teens": 15}
_YEARS = rf"(?P<years>\d{{1,3}}|(?:a )?{'|'.join(_NUMBERS)})"
_AGES = (
    rf"\b(?:(?:about|around|roughly|over|nearly|almost|at least|at|of|aged?) )*{_YEARS}[- ]?"
    r"(?:something[- ])?(?:years?|yrs?|yo|y/o)\b(?:[- ](?:old|of age))?(?! (?:older|younger))",
    r"\b(?:aged?|at (?:the )?age of|(?:look|be|turn|looks|looking)(?: like)?(?: about| around| over)?) "
    rf"{_YEARS}\b(?! %)",
    rf"\b{_YEARS}[- ]something\b",
    rf"\b(?:about|around|nearly|over) {_YEARS}(?=$|[,;.!])",
    rf"\b(?:make|turn|age) (?:them|him|her|this person|the person|it|me) (?:look )?(?:about |around |like )?{_YEARS}"
    r"(?=$|[,;.!]| with | and )",
    r"\bin (?:(?:his|her|their|the|my|your) )?(?:(?P<part>early|mid|late)[- ])?(?P<decade>\d0(?='?s\b)|"
    + "|".join(_DECADES)
    + r")(?:'?s)?\b",
)
_RELATIVE = re.compile(
    rf"\b{_YEARS} years? (?P<way>older|younger)\b|\b(?:(?:de-)?age \w+ )?by {_YEARS.replace('years', 'by')} years\b"
)
FILLERS = frozenset(
    "become becomes becoming turned a an the of to in on at for is are be as it its they them their this that these "
    "those person people someone somebody somebody's human face faces photo picture image portrait make made give put "
    "add get have has having want please look looks like turn into change wearing wear with and or but i you me my "
    "your would could can so just some any more most show who what one by from very really bit little lot much too "
    "also now then well keep let do does than less not no without person's about it's closeup headshot selfie there "
    "people theirs themselves".split()
)

MODIFIERS = frozenset(  # that say nothing of a face without its noun
    "red black white brown grey gray golden silver blue green pink yellow orange dark bright light deep big small "
    "large huge tiny long short thin thick wide narrow full high low round flat straight open closed smooth".split()
)


@dataclass(frozen=True)
class Piece:
    """A part of a prompt that asks for one thing or for one noun with its adjectives.

    Attributes:
        text: its words, neutral as to gender, without words of amount.
        core: `text` without the words that negate it; equal to it if there are none.
        amount: factor on what is wanted.
        start, stop: where it stands in the text that was split.
    """

    text: str
    core: str
    amount: float
    start: int
    stop: int


def normal(prompt: str) -> str:
    """Small letters, plain apostrophes, contractions of "not" written out."""
    text = prompt.lower().replace("’", "'").replace("‘", "'").replace("–", "-")
    text = re.sub(r"\bcan't\b|\bcannot\b", "can not", re.sub(r"\bwon't\b", "will not", text))
    return re.sub(r"\s+", " ", re.sub(r"n't\b", " not", text)).strip()


def content(text: str) -> list[tuple[int, int]]:
    """Where the words of a text that carry its meaning start and stop."""
    spots = re.finditer(r"[^\W_][\w'-]*|[^\w\s,;:.!?'\"()*-]+", text)
    return [spot.span() for spot in spots if not FILLERS & {spot.group(), without_gender(spot.group())}]


def age(text: str) -> tuple[float | None, str, str]:
    """The age in years that a text names, the words that name it, and the text without them."""
    for pattern in _AGES:
        if found := re.search(pattern, text):
            groups = found.groupdict()
            if decade := groups.get("decade"):
                years = _DECADES.get(decade) or int(decade)
                years += {"early": 2, "mid": 5, "late": 8}.get(groups.get("part") or "", 5 if years > 15 else 0)
            else:
                word = groups["years"].removeprefix("a ")
                years = int(word) if word.isdigit() else _NUMBERS[word]
            if 1 <= years <= 110:
                return float(years), found.group(), text[: found.start()] + " " + text[found.end() :]
    return None, "", text


def change_of_age(text: str) -> tuple[float | None, str, str]:
    """A difference in years ("ten years younger") as the wish for "old", its words, and the text without them."""
    if not (found := _RELATIVE.search(text)):
        return None, "", text
    word = (found["years"] or found["by"]).removeprefix("a ")
    years = int(word) if word.isdigit() else _NUMBERS[word]
    sign = -1 if found["way"] == "younger" or re.search(r"\b(?:younger|de-age)\b", text) else 1
    return (
        sign * min(max(years / 30, 0.3), 1.4),
        found.group(),
        text[: found.start()] + " " + text[found.end() :],
    )


@dataclass(frozen=True)
class HairColor:
    """A colour of hair that is named: one of `HAIR_COLORS`, the concept that goes with it (or ""), and its words."""

    name: str
    concept: str
    words: str


def hair_color(text: str) -> HairColor | None:
    """The colour of hair that a text names."""
    for words, (color, concept) in HAIR_COLORS.items():
        patterns = [
            rf"\b(?:{words})[ -](?:{_SHAPE})?{_HAIR}\b",
            rf"\bhair (?:\w+ ){{0,3}}?(?:to|is|be|in|into|colou?r) (?:{words})\b",
            rf"\b(?:dye|colou?r|turn|make|paint) (?:the|their|my|his|her) hair (?:a )?(?:{words})\b",
            *_ALONE.get(color, ()),
        ]
        if found := next((hit for pattern in patterns if (hit := re.search(pattern, text))), None):
            return HairColor(color, concept, found.group())
    return None


def without_gender(text: str) -> str:
    """A text with neutral words in the place of nouns and pronouns of a gender."""

    def neutral(found: re.Match[str]) -> str:
        word = found.group()
        return _INSTEAD.get(word, "people" if word in ("men", "women", "girls", "boys", "guys", "ladies") else "person")

    return re.sub(r"\b(?:their|them)(?=')", "they", _PRONOUNS.sub(neutral, _NOUNS.sub(neutral, text)))


def gender(text: str) -> tuple[int, bool, str]:
    """+1 a man, -1 a woman, 0 neither is named; whether the text asks to become one; and the word that names it."""
    nouns = list(_NOUNS.finditer(text))
    if found := nouns[-1] if nouns else _PRONOUNS.search(text):
        sign = 1 if found["male"] else -1
        negated = nouns and re.search(r"\b(?:not|no longer|less like|instead of)(?: an?)? $", text[: found.start()])
        return (-sign if negated else sign), bool(nouns and _BECOMES.search(text[: found.end()])), found.group()
    return 0, False, ""


def pieces(text: str) -> list[Piece]:
    """The parts of a text without ages, split at commas and joining words; a negation may reach beyond "and", "or"."""
    ends = [*_JOINTS.finditer(text), None]
    out: list[Piece] = []
    start, joint, carried = 0, "", ""  # the negation of the piece before
    for end in ends:
        stop = end.start() if end else len(text)
        words = text[start:stop].strip(" -'\"()*")
        part = f"{joint} {words}" if joint in ("without", "nor") else words
        if carried and joint in ("and", "or", "nor", "&", "+") and content(part):
            if not re.match(_NEGATIVE, part) and not _OWN_VERB.match(part):
                part = f"{carried} {part}"
        following, own = (end["joint"].strip() if end else ""), re.match(_NEGATIVE, part)
        carried = own["words"] if own and (_TAKES_AWAY.match(own["words"]) or following in ("or", "nor")) else ""
        if content(part):
            out.append(_piece(part, start, stop))
        start, joint = (end.end(), following) if end else (stop, "")
    return out


def _piece(part: str, start: int, stop: int) -> Piece:
    amount, text = 1.0, part
    for pattern, factor in _AMOUNTS:
        if re.search(rf"\b{pattern}\b", text):
            amount, text = amount * factor, re.sub(rf"\b{pattern}\b ?", "", text, count=1)
    if re.match(r"(?:\w+ ){0,4}not (?:very|really|that|too)\b", part):
        amount = 0.6
    text = re.sub(r"^(?:(?:please|keep|leave|with|and|but|then|also) )+", "", re.sub(r"\s+", " ", text).strip())
    text = without_gender(text if content(text) else part)
    text = _COMPARATIVE.sub(lambda found: _COMPARATIVES[found.group()], text)
    found = re.match(_NEGATIVE, text)
    if found and _LESS.match(found["words"]):
        amount *= 0.6
    elif found and not found["words"].startswith(("not", "no longer")):
        amount = max(amount, 1.0)  # "without a hint of"
    core = text[found.end() :].strip() if found else text
    return Piece(text, core if content(core) else text, amount, start, stop)


def join(text: str, parts: list[Piece]) -> Piece:
    """Neighbouring pieces of a text as one."""
    start, stop = parts[0].start, parts[-1].stop
    return _piece(text[start:stop].strip(" -'\"()*"), start, stop)
