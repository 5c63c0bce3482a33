"""Which region of a face an edit is about, by the concepts that it changes and by the words of its prompt.

Values and keys are region expressions of `faces.regions`. Edits that change the shape of a part get the part that
moves with it: a smile moves cheeks and chin, age the whole head, a turned head the surroundings too.
"""

from __future__ import annotations

CONCEPT_REGIONS = {  # by the names of `training.attributes.RECIPES`; more and less of a concept need the same place
    "smiling": "face",
    "mouth open": "face",
    "teeth": "mouth",
    "surprised": "face",
    "angry": "face",
    "sad": "face",
    "eyes closed": "eyes",
    "squinting": "glasses",
    "raised eyebrows": "brows+glasses",
    "pouting": "mouth",
    "turned left": "everywhere",
    "turned right": "everywhere",
    "looking up": "everywhere",
    "looking down": "everywhere",
    "male": "person",
    "old": "head+neck",
    "blond hair": "hair",
    "black hair": "hair",
    "brown hair": "hair",
    "grey hair": "hair",
    "red hair": "hair",
    "bald": "head",
    "long hair": "hair",
    "voluminous hair": "hair",
    "bangs": "hair",
    "curly hair": "hair",
    "receding hairline": "hair",
    "beard": "beard",
    "moustache": "beard",
    "goatee": "beard",
    "stubble": "beard",
    "sideburns": "beard",
    "eyeglasses": "glasses",
    "hat": "hat",
    "earrings": "ears",
    "necklace": "neck",
    "necktie": "neck+clothes",
    "makeup": "face",
    "lipstick": "lips",
    "rosy cheeks": "skin",
    "pale skin": "skin",
    "chubby": "head+neck",
    "double chin": "face+neck",
    "big nose": "nose",
    "full lips": "lips",
    "high cheekbones": "face",
    "narrow face": "head",
    "bushy eyebrows": "brows",
    "bags under eyes": "glasses",
    "blue eyes": "eyes",
    "dark background": "background",
    "bright lighting": "everywhere",
}

# Words of prompts by the region that they are about. Where several patterns match a word, the first one wins. "Man" and
# "woman" tell nothing: nearly every prompt has one of them.
PROMPT_WORDS = {
    "beard": r"facial hair|beard\w*|stubble\w*|goatee|sideburns|m[ou]+stach\w*|unshaven|(clean[- ])?shaven",
    "everywhere": r"(turn|tilt)(s|ed|ing)? (his |her |their |the )?(head|left|right|away|aside|sideways|to the \w+)|"
    r"(head|face) (turn|tilt)(ed|ing)|in profile|side view|"
    r"look(s|ing)? (up|down|left|right|away|aside|sideways|to the \w+)\w*|"
    r"(sun)?light(ing)?|lit|sunset|in the dark",
    "face+neck": r"double chin",
    "face": r"open(ed)?[- ]mouth(ed)?|(mouth|lips) (is |are )?(wide )?open(ed)?|"
    r"open(s|ing)? (his |her |their |the )?mouth|screaming|shouting|yawning|singing|"
    r"smil\w+|smirk\w*|grin\w*|laugh\w*|frown\w*|angry|anger|furious|rage|sad|unhappy|happy|joyful|cheerful|surprised?|"
    r"shocked|amazed|astonished|scared|afraid|fear\w*|disgusted|serious|crying|tears|tired|expression|"
    r"facial|make-?up|cheek(s|bones)?|chin|jaw\w*|forehead|wrinkle[sd]?",
    "head+neck": r"old(er)?|elder(ly)?|aged|aging|young(er)?|child|kid|baby|toddler|teen(ager)?|"
    r"grand(ma|pa|mother|father)|chubby|fat|overweight|plump|slim|skinny|thin|obese",
    "head": r"(round|narrow|wide|long|oval|square)(er)? face",
    "brows+glasses": r"(raised|lifted) (eye)?brows",
    "brows": r"(eye)?brow(s|ed)?|monobrow|unibrow",
    "glasses": r"(eye|sun)?glasses|spectacles|goggles|monocle|(eye ?)?bags|dark circles|squint\w*",
    "lips": r"lip(s|stick)?",
    "mouth": r"mouth|teeth|tooth|tongue|braces|pout\w*",
    "eyes": r"eye(s|d|lids?|lashes|liner|shadow)?|iris(es)?|pupils|mascara|gaze|wink\w*|blink\w*|asleep|sleeping",
    "nose": r"nose|nostrils|nosed",
    "hat": r"hat|cap|beanie|turban|helmet|crown|tiara|headband|headscarf|bandana|hood|beret",
    "hair": r"hair(ed|cut|style|line|do|s)?|blond\w*|brunette|redhead(ed)?|ginger|bangs|fringe|bald\w*|curl(s|y)|afro|"
    r"pony ?tail|mohawk|dread(lock)?s|braids?|bob cut|bowl cut|pixie cut|mullet|buzz ?cut|perm|hi-top fade",
    "ears": r"ears?|ear ?rings?",
    "neck": r"neck|necklace",
    "clothes": r"cloth(es|ing)|shirt|t-shirt|suit|(neck)?tie|dress|jacket|coat|sweater|hoodie|scarf|uniform|collar",
    "background": r"background|backdrop|scenery",
    "skin": r"skin(ned)?|freckle[sd]?|tan(ned)?|pale|acne|pimples|scars?|suntan\w*|blush\w*|rosy",
}
