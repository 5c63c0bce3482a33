"""Captions of faces, composed from attribute scores: a phrase book, templates, and the truth of a caption for a face.

A phrase's first character says how it fits a sentence: ``~`` follows "is" ("~smiling"), ``+`` follows "with"
("+blond hair"), ``=`` is a noun for the person ("=a man").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# attribute -> (phrases when it is there, phrases when it is absent)
PHRASES: dict[str, tuple[list[str], list[str]]] = {
    "smiling": (["~smiling", "~happy", "~smiling happily", "+a smile", "+a big smile", "+a joyful expression", "~laughing", "~cheerful"],
                ["~not smiling", "~serious", "+a serious expression", "+a neutral expression", "+a straight face", "~unsmiling"]),
    "mouth open": (["+an open mouth", "+the mouth wide open", "+parted lips", "~opening the mouth"],
                   ["+a closed mouth", "+closed lips", "+the mouth shut"]),
    "teeth": (["~showing teeth", "+visible teeth", "+white teeth", "+a toothy smile"], ["~not showing teeth", "+hidden teeth"]),
    "surprised": (["~surprised", "+a surprised expression", "~shocked", "~amazed", "~astonished", "+a look of surprise", "~scared"],
                  ["~not surprised", "~calm", "+a relaxed face"]),
    "angry": (["~angry", "+an angry expression", "~frowning", "~furious", "~annoyed", "+a frown", "~grumpy"], ["~not angry", "~friendly", "~kind"]),
    "sad": (["~sad", "+a sad expression", "~unhappy", "~gloomy", "~depressed"], ["~not sad", "~joyful"]),
    "eyes closed": (["+closed eyes", "~sleeping", "+eyes shut", "~blinking"], ["+open eyes", "+wide eyes", "+big eyes", "~wide-eyed"]),
    "squinting": (["~squinting", "+narrow eyes", "+squinted eyes", "+small eyes"], ["~not squinting", "+round eyes", "+large eyes"]),
    "raised eyebrows": (["+raised eyebrows", "~raising the eyebrows", "+high eyebrows", "+arched eyebrows"], ["+lowered eyebrows", "+low eyebrows"]),
    "pouting": (["~pouting", "+pursed lips", "~kissing", "+puckered lips"], ["~not pouting"]),
    "turned left": (["~looking to the left", "~facing left", "+the head turned left"], []),
    "turned right": (["~looking to the right", "~facing right", "+the head turned right"], []),
    "looking up": (["~looking up", "+the chin raised", "+the head tilted up"], []),
    "looking down": (["~looking down", "+the head lowered", "+the head bowed"], []),
    "male": (["=a man", "=a male", "~male", "=a guy", "~masculine", "=a gentleman", "=a boy"],
             ["=a woman", "=a female", "~female", "=a lady", "~feminine", "=a girl"]),
    "old": (["~old", "~elderly", "=an old person", "~aged", "=a senior", "+wrinkles", "+wrinkled skin", "~very old", "=a grandparent"],
            ["~young", "~youthful", "=a young person", "=a child", "=a kid", "=a teenager", "+smooth skin", "~not old"]),
    "blond hair": (["+blond hair", "+blonde hair", "~blond", "=a blonde", "+golden hair", "+light hair", "+yellow hair", "~fair-haired"],
                   ["+dark hair", "~not blond"]),
    "black hair": (["+black hair", "+dark hair", "+jet black hair", "~dark-haired", "~black-haired"], ["+light hair", "+light-coloured hair"]),
    "brown hair": (["+brown hair", "~brown-haired", "=a brunette", "+brunette hair", "+chestnut hair"], ["+hair that is not brown"]),
    "grey hair": (["+grey hair", "+gray hair", "+white hair", "+silver hair", "~grey-haired", "~gray haired"], ["+hair without grey", "+no grey hair"]),
    "red hair": (["+red hair", "=a redhead", "+ginger hair", "+orange hair", "+auburn hair", "~ginger"], ["+hair that is not red"]),
    "bald": (["~bald", "+no hair", "+a bald head", "+a shaved head", "~hairless", "~balding"], ["~not bald", "+a full head of hair", "+hair on the head"]),
    "long hair": (["+long hair", "~long-haired", "+hair down to the shoulders", "+flowing hair"], ["+short hair", "+a short haircut", "~short-haired", "+cropped hair"]),
    "voluminous hair": (["+voluminous hair", "+thick hair", "+big hair", "+lots of hair"], ["+thin hair", "+little hair"]),
    "bangs": (["+bangs", "+a fringe", "+hair covering the forehead", "+hair over the forehead", "~wearing bangs"],
              ["+no bangs", "+a bare forehead", "+a visible forehead", "~without bangs"]),
    "curly hair": (["+curly hair", "+wavy hair", "+curls", "+frizzy hair", "~curly-haired", "+an afro"], ["+straight hair", "+sleek hair", "+smooth hair"]),
    "receding hairline": (["+a receding hairline", "+a high forehead", "~losing hair"], ["+a low hairline", "+a full hairline"]),
    "beard": (["+a beard", "~bearded", "+a full beard", "+facial hair", "+a bushy beard", "~wearing a beard"],
              ["+no beard", "~clean-shaven", "~shaved", "~beardless", "~without a beard"]),
    "moustache": (["+a moustache", "+a mustache", "~moustached", "~wearing a mustache"], ["+no moustache", "~without a mustache"]),
    "goatee": (["+a goatee", "+a chin beard"], ["+no goatee"]),
    "stubble": (["+stubble", "~unshaven", "+a five o'clock shadow", "+a three-day beard"], ["+no stubble", "+a smooth chin"]),
    "sideburns": (["+sideburns", "+long sideburns"], ["+no sideburns"]),
    "eyeglasses": (["+eyeglasses", "+glasses", "~wearing glasses", "~wearing eyeglasses", "+reading glasses", "~bespectacled", "~wearing sunglasses"],
                   ["+no glasses", "~without glasses", "~not wearing glasses", "~without eyeglasses"]),
    "hat": (["+a hat", "~wearing a hat", "+a cap", "~wearing a cap", "+headwear"], ["+no hat", "~without a hat", "~bareheaded"]),
    "earrings": (["+earrings", "~wearing earrings", "+ear jewellery"], ["+no earrings", "~without earrings"]),
    "necklace": (["+a necklace", "~wearing a necklace"], ["+no necklace", "~without a necklace"]),
    "necktie": (["+a necktie", "~wearing a tie", "~wearing a suit", "+a suit and tie", "~in business clothes"], ["+no tie", "~without a tie", "~in casual clothes"]),
    "makeup": (["+makeup", "~wearing makeup", "+heavy makeup", "+mascara", "+eye shadow"], ["+no makeup", "~without makeup", "~not wearing makeup", "+a natural face"]),
    "lipstick": (["+lipstick", "+red lips", "~wearing lipstick", "+painted lips", "+red lipstick"], ["+no lipstick", "+pale lips", "~without lipstick"]),
    "rosy cheeks": (["+rosy cheeks", "~blushing", "+red cheeks", "+flushed cheeks"], ["+colourless cheeks", "~not blushing"]),
    "pale skin": (["+pale skin", "~pale", "+fair skin", "+white skin", "+light skin"], ["+dark skin", "+tanned skin", "~tanned", "~dark-skinned", "+brown skin", "+black skin"]),
    "chubby": (["~chubby", "~fat", "~overweight", "+a round face", "+full cheeks"], ["~thin", "~slim", "~skinny", "+hollow cheeks"]),
    "double chin": (["+a double chin"], ["+a sharp jawline", "+a defined chin"]),
    "big nose": (["+a big nose", "+a wide nose", "+a broad nose"], ["+a small nose", "+a narrow nose", "+a thin nose", "+a pointy nose"]),
    "full lips": (["+full lips", "+big lips", "+thick lips", "+plump lips"], ["+thin lips", "+narrow lips"]),
    "high cheekbones": (["+high cheekbones", "+prominent cheekbones"], ["+flat cheekbones"]),
    "narrow face": (["+a narrow face", "+a long face", "+an oval face", "+a slim face"], ["+a wide face", "+a square face", "+a broad jaw"]),
    "bushy eyebrows": (["+bushy eyebrows", "+thick eyebrows", "+dark eyebrows"], ["+thin eyebrows", "+light eyebrows"]),
    "bags under eyes": (["+bags under the eyes", "~tired", "+tired eyes", "~exhausted"], ["+fresh eyes", "~rested"]),
    "blue eyes": (["+blue eyes", "+light eyes", "~blue-eyed"], ["+brown eyes", "+dark eyes"]),
    "dark background": (["~in front of a dark background", "+a dark background", "+a black background"],
                        ["~in front of a bright background", "+a white background", "+a light background"]),
    "bright lighting": (["~in bright light", "+bright lighting", "~well lit"], ["~in the dark", "+dim lighting", "~in the shade"]),
}  # fmt: skip

# score from which an attribute counts as there; scarce ones need more than one deviation
PRESENT = {"bald": 1.7, "beard": 1.3, "moustache": 1.4, "eyeglasses": 1.4, "hat": 1.6, "red hair": 1.4, "grey hair": 1.4,
           "bangs": 1.2, "surprised": 1.5, "curly hair": 1.2, "blond hair": 1.2, "mouth open": 1.2, "smiling": 0.8}  # fmt: skip
UNDECIDED = 0.8  # width of the band below PRESENT in which a face is neither

ATTRIBUTES = list(PHRASES)


@dataclass(frozen=True)
class Caption:
    """A text and what it claims: ``(attribute index, there?)`` pairs, all of which must hold."""

    text: str
    claims: tuple[tuple[int, bool], ...]


def _sentence(rng: np.random.Generator, phrases: list[str]) -> str:
    subject = "".join(p[1:] for p in phrases if p[0] == "=") or rng.choice(
        ["a person", "a face", "someone", "a portrait of a person", "a photo of a person", "a photo of a face", "this person", "a human"]
    )  # fmt: skip
    before = [p[1:] for p in phrases if p[0] == "~"]
    after = [p[1:] for p in phrases if p[0] == "+"]
    style = rng.integers(4)
    if len(phrases) == 1 and phrases[0][0] != "=" and style == 0:
        return phrases[0][1:]  # "grey hair"
    if style == 1 and len(phrases) == 1 and after:
        return f"{subject} {rng.choice(['has', 'having', 'who has'])} {after[0]}"
    if len(before) == 1 and style >= 2 and len(before[0].split()) == 1 and subject.startswith(("a ", "an ")):
        article = "an" if before[0][0] in "aeiou" else "a"
        subject, before = f"{article} {before[0]} {subject.split(' ', 1)[1]}", []
    parts = [subject]
    if before:
        parts.append(
            f"{rng.choice(['who is', 'that is', 'is'])} {' and '.join(before)}" if style else ", ".join(before)
        )
    if after:
        parts.append(f"with {' and '.join(after)}")
    return " ".join(parts)


def compose(rng: np.random.Generator, count: int) -> list[Caption]:
    """``count`` random captions: half of one claim, half of two or three about different attributes."""
    captions = []
    for i in range(count):
        number = 1 if i % 2 == 0 else int(rng.integers(2, 4))
        phrases, claims = [], []
        for a in rng.permutation(len(ATTRIBUTES))[:number]:
            present, absent = PHRASES[ATTRIBUTES[a]]
            there = not absent or rng.random() < 0.6
            options = [
                p for p in (present if there else absent) if p[0] != "=" or not any(q[0] == "=" for q in phrases)
            ]
            if options:
                phrases.append(str(rng.choice(options)))
                claims.append((int(a), there))
        text = _sentence(rng, phrases)
        if rng.random() < 0.15:
            text = text.capitalize() + "."
        captions.append(Caption(text, tuple(claims)))
    return captions


def holds(scores: np.ndarray) -> np.ndarray:
    """Scores ``[N,A]`` (columns as ATTRIBUTES, NaN unknown) -> ``int8 [N,A]``: 1 there, -1 absent, 0 undecided."""
    present = np.array([PRESENT.get(name, 1.0) for name in ATTRIBUTES])
    with np.errstate(invalid="ignore"):
        return (scores > present).astype(np.int8) - (scores < present - UNDECIDED - 0.4)


def claim_matrix(captions: list[Caption]) -> np.ndarray:
    """``float32 [A,T]``: +1 where caption t claims attribute a, -1 where it denies it, 0 where it is silent."""
    out = np.zeros((len(ATTRIBUTES), len(captions)), np.float32)
    for t, caption in enumerate(captions):
        for a, there in caption.claims:
            out[a, t] = 1 if there else -1
    return out


def truth(state: np.ndarray, claims: np.ndarray) -> np.ndarray:
    """``state [N,A]`` from `holds`, ``claims [A,T]`` -> ``float32 [N,T]``: 1 true, 0 false, NaN undecided."""
    agree = np.maximum(state, 0) @ np.maximum(claims, 0) + np.minimum(state, 0) @ np.minimum(claims, 0)
    differ = -np.maximum(state, 0) @ np.minimum(claims, 0) - np.minimum(state, 0) @ np.maximum(claims, 0)
    return np.where(differ > 0, 0, np.where(agree == np.abs(claims).sum(0), 1, np.nan)).astype(np.float32)
