"""What an edit is asked for, as concepts, and by which readings of a picture each concept can be told.

Concepts have the names of the attributes that the compact pack's text-image model was trained on ("smiling", "blond
hair"). Those without an instrument (age, gender, hats, jewellery) are in no table here: nothing can be said of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# Concept -> the readings (`instruments.INSTRUMENTS`) that tell it, with the way that each goes, the surest first.
ASKED: dict[str, dict[str, int]] = {
    "smiling": {"smile": 1},
    "mouth open": {"mouth_open": 1, "jaw_open": 1},
    "teeth": {"mouth_open": 1, "smile": 1},
    "surprised": {"jaw_open": 1, "brow_height": 1, "eye_open": 1},
    "angry": {"brow_down": 1},
    "sad": {"smile": -1, "corners_up": -1},
    "eyes closed": {"blink": 1, "eye_open": -1},
    "squinting": {"squint": 1, "eye_open": -1},
    "raised eyebrows": {"brow_height": 1, "brow_up": 1},
    "pouting": {"pucker": 1},
    "turned left": {"yaw": -1},
    "turned right": {"yaw": 1},
    "looking up": {"pitch": -1},
    "looking down": {"pitch": 1},
    "blond hair": {"hair_blond": 1},
    "black hair": {"hair_L": -1},
    "brown hair": {"hair_brown": 1},
    "grey hair": {"hair_grey": 1},
    "red hair": {"hair_a": 1},
    "bald": {"hair_top": -1},
    "long hair": {"hair_length": 1, "hair_below_chin": 1},
    "voluminous hair": {"hair_area": 1},
    "bangs": {"forehead_hair": 1},
    "curly hair": {"hair_texture": 1},
    "beard": {"jaw_dark": 1},
    "moustache": {"moustache_dark": 1},
    "goatee": {"jaw_dark": 1},
    "stubble": {"jaw_dark": 1, "moustache_dark": 1},
    "eyeglasses": {"rim_edges": 1},
    "makeup": {"lip_redness": 1},
    "lipstick": {"lip_redness": 1},
    "rosy cheeks": {"skin_a": 1},
    "pale skin": {"skin_L": 1},
    "chubby": {"face_aspect": 1},
    "narrow face": {"face_aspect": -1},
    "big nose": {"nose_width": 1},
    "full lips": {"lips_height": 1},
    "bushy eyebrows": {"brow_thickness": 1, "brow_dark": 1},
    "blue eyes": {"iris_b": -1},
    "dark background": {"background_L": -1},
    "bright lighting": {"brightness": 1},
}

# Concepts whose reading misses much of what people see (curls that are no sharper than straight hair, make-up round the
# eyes): it can tell that they came, not that they did not.
UNSURE = ("curly hair", "makeup", "goatee", "teeth", "rosy cheeks")

# Words of prompts and sliders by the concept that they ask for: (concept, way, pattern). What one pattern has matched
# is not looked at by the next, so that "a closed mouth" is not the mouth of another one.
WORDS = (
    ("smiling", 1, r"smil\w*|grin\w*|laugh\w*|happy|cheerful|joyful"),
    ("smiling", -1, r"serious|unsmiling|stern"),
    ("mouth open", 1, r"open(ed)? mouth|mouth( wide)? open|gaping|yawn\w*"),
    ("mouth open", -1, r"closed? mouth|mouth closed"),
    ("teeth", 1, r"teeth|toothy"),
    ("surprised", 1, r"surpris\w*|shocked|amazed|astonished"),
    ("angry", 1, r"ang(ry|er)|frown\w*|furious|scowl\w*"),
    ("sad", 1, r"sad(ness)?|unhappy|gloomy|crying"),
    ("eyes closed", 1, r"closed? eyes|eyes (closed|shut)|asleep|sleeping|blink\w*"),
    ("eyes closed", -1, r"open eyes|eyes (wide )?open|wide eyes|wide-eyed|big eyes"),
    ("squinting", 1, r"squint\w*|narrow eyes"),
    ("raised eyebrows", 1, r"(raised|high|arched) (eye)?brows|(eye)?brows raised"),
    ("pouting", 1, r"pout\w*|pursed lips|puckered lips|kissing|duck face"),
    ("turned left", 1, r"(turned|facing|looking)( to)?( the)? left"),
    ("turned right", 1, r"(turned|facing|looking)( to)?( the)? right|^pose$|^head turn$"),
    ("looking up", 1, r"looking up"),
    ("looking down", 1, r"looking down|^pitch$"),
    ("rosy cheeks", 1, r"(rosy|red|pink|flushed) cheeks|blush\w*"),
    ("lipstick", 1, r"lipstick|(red|painted|crimson) lips"),
    ("full lips", 1, r"(full|big|thick|plump) lips"),
    ("full lips", -1, r"(thin|narrow) lips"),
    ("makeup", 1, r"make-?up"),
    ("bushy eyebrows", 1, r"(bushy|thick|dark) (eye)?brows"),
    ("bushy eyebrows", -1, r"(thin|light|faint) (eye)?brows"),
    ("blue eyes", 1, r"blue eyes|blue-eyed"),
    ("blue eyes", -1, r"(brown|dark) eyes|brown-eyed"),
    ("beard", -1, r"clean[- ]?shaven|beardless"),
    ("beard", 1, r"beard(ed)?|facial hair"),
    ("goatee", 1, r"goatee"),
    ("moustache", 1, r"m[ou]+stach\w*"),
    ("stubble", 1, r"stubbl\w*|unshaven"),
    ("eyeglasses", 1, r"(eye|sun)?glasses|spectacles|goggles"),
    ("bald", 1, r"bald(ness|ing)?|hairless"),
    ("bangs", 1, r"bangs|fringe"),
    ("curly hair", 1, r"curl(s|y)( hair)?|wavy hair|afro|frizzy hair|perm"),
    ("curly hair", -1, r"(straight|sleek|smooth) hair"),
    ("long hair", 1, r"long([- ]hair(ed)?)|hair length"),
    ("long hair", -1, r"short([- ]hair(ed)?)|(crew|buzz|pixie) ?cut"),
    ("voluminous hair", 1, r"(voluminous|thick|big|full|bushy) hair"),
    ("blond hair", 1, r"(platinum )?blond\w*( hair)?|(golden|light) hair"),
    ("grey hair", 1, r"(gr[ea]y|white|silver)([- ]hair(ed)?)"),
    ("red hair", 1, r"(red|ginger|auburn|orange)([- ]hair(ed)?)|redhead(ed)?|ginger"),
    ("brown hair", 1, r"(brown|chestnut)([- ]hair(ed)?)|brunette"),
    ("black hair", 1, r"(black|dark)([- ]hair(ed)?)"),
    ("pale skin", 1, r"pale( skin)?(?! col)|(fair|light|white) skin"),
    ("pale skin", -1, r"(dark|tanned|brown|black) skin|tan(ned)?|^skin tone$"),
    ("chubby", 1, r"chubb\w*|fat|overweight|plump|round face"),
    ("chubby", -1, r"thin|slim|skinny|gaunt"),
    ("narrow face", 1, r"(narrow|long) face"),
    ("big nose", 1, r"(big|wide|broad|large) nose"),
    ("big nose", -1, r"(small|narrow|thin) nose"),
    ("dark background", 1, r"(dark|black) background"),
    ("dark background", -1, r"(bright|light|white) background"),
    ("bright lighting", 1, r"bright light(ing)?"),
)
NEGATIONS = r"(no|not|without|less|fewer|never|remove|removed)( (a|an|any|the|his|her|much|wearing|heavy|red|so))*"


def concepts_in(text: str) -> dict[str, float]:
    """The concepts that the words of a prompt name, each with 1, or -1 where it is to go: "a smile without glasses"."""
    text, found = " ".join(text.lower().split()), {}
    for concept, way, pattern in WORDS:
        for match in re.finditer(rf"(?<![\w-])(?P<not>{NEGATIONS} )?({pattern})(?![\w-])", text):
            found.setdefault(concept, -way if match["not"] else way)
        text = re.sub(rf"(?<![\w-])({NEGATIONS} )?({pattern})(?![\w-])", lambda match: "_" * len(match[0]), text)
    return {concept: float(way) for concept, way in found.items()}


def concepts_of_sliders(
    values: Mapping[str, float], of_prompt: Callable[[str], Mapping[str, float]] = concepts_in
) -> dict[str, float]:
    """The concepts that sliders ask for, with summed strengths: ``{"mapper:blond_hair": 1}`` -> blond hair.

    Args:
        values: slider -> strength; the others name concepts, ``text:`` and ``style:`` are followed by prompts.
        of_prompt: what a prompt asks for.
    """
    found: dict[str, float] = {}
    for key, value in values.items():
        source, _, name = key.partition(":")
        concepts = of_prompt(name) if source in ("text", "style") else concepts_in(name.replace("_", " "))
        for concept, way in concepts.items():
            found[concept] = found.get(concept, 0.0) + way * value
    return found


def asked(concepts: Mapping[str, float]) -> dict[str, dict[str, int]]:
    """The readings by which each concept that is asked for can be told, with the way that each is to go.

    Args:
        concepts: concept -> signed wish; those without an instrument are left out.
    """
    ways = {concept: 1 if wish > 0 else -1 for concept, wish in concepts.items() if wish and concept in ASKED}
    return {concept: {name: sign * way for name, sign in ASKED[concept].items()} for concept, way in ways.items()}
