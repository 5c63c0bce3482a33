"""Captions of faces: a phrase book with templates, free wordings (sentences.txt), and the truth of a caption for a face.

A phrase's first character says how it fits a sentence: ``~`` follows "is" ("~smiling"), ``+`` follows "with"
("+blond hair"), ``=`` is a noun for the person ("=a man").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

# attribute -> (phrases when it is there, phrases when it is absent)
PHRASES: dict[str, tuple[list[str], list[str]]] = {
    "smiling": (["~smiling", "~happy", "~smiling happily", "+a smile", "+a big smile", "+a joyful expression", "~laughing", "~cheerful", "~grinning", "~beaming", "+a grin", "+a delighted look", "~in a good mood", "~amused", "+a warm smile", "~joyful", "~laughing out loud"],
        ["~not smiling", "~serious", "+a serious expression", "+a neutral expression", "+a straight face", "~unsmiling", "+a stern look", "~unamused", "~grim", "~stern", "+a blank expression", "+a poker face", "~solemn"]),
    "mouth open": (["+an open mouth", "+the mouth wide open", "+parted lips", "~opening the mouth", "+the jaw dropped", "~gaping", "~yawning", "~singing", "~shouting", "+the inside of the mouth visible", "~talking"],
        ["+a closed mouth", "+closed lips", "+the mouth shut", "+lips pressed together", "+sealed lips", "+tight lips", "~tight-lipped"]),
    "teeth": (["~showing teeth", "+visible teeth", "+white teeth", "+a toothy smile", "~baring the teeth", "+a row of teeth", "+bright teeth"],
        ["~not showing teeth", "+hidden teeth", "+covered teeth"]),
    "surprised": (["~surprised", "+a surprised expression", "~shocked", "~amazed", "~astonished", "+a look of surprise", "~scared", "~startled", "~stunned", "~astounded", "+a startled reaction", "~saying wow", "~terrified", "~afraid", "+a look of disbelief"],
        ["~not surprised", "~calm", "+a relaxed face", "~composed", "~unmoved", "~unimpressed", "+a steady gaze"]),
    "angry": (["~angry", "+an angry expression", "~frowning", "~furious", "~annoyed", "+a frown", "~grumpy", "~mad", "~enraged", "~irritated", "~scowling", "+a scowl", "+a hostile look", "~cross", "~outraged"],
        ["~not angry", "~friendly", "~kind", "~gentle", "~peaceful", "~serene", "+a gentle look", "~good-natured"]),
    "sad": (["~sad", "+a sad expression", "~unhappy", "~gloomy", "~depressed", "~crying", "~miserable", "~melancholic", "~sorrowful", "~disappointed", "~down"],
        ["~not sad", "~joyful", "~jolly", "~glad"]),
    "eyes closed": (["+closed eyes", "~sleeping", "+eyes shut", "~blinking", "~asleep", "+shut eyelids", "~winking"],
        ["+open eyes", "+wide eyes", "+big eyes", "~wide-eyed", "~awake", "+eyes wide open"]),
    "squinting": (["~squinting", "+narrow eyes", "+squinted eyes", "+small eyes", "~peering", "+half-closed eyes", "+slitted eyes"],
        ["~not squinting", "+round eyes", "+large eyes", "+huge eyes", "+doe eyes"]),
    "raised eyebrows": (["+raised eyebrows", "~raising the eyebrows", "+high eyebrows", "+arched eyebrows", "+lifted brows", "+eyebrows up", "+brows raised high"],
        ["+lowered eyebrows", "+low eyebrows", "+drooping brows", "+brows pulled down"]),
    "pouting": (["~pouting", "+pursed lips", "~kissing", "+puckered lips", "~blowing a kiss", "+a pout", "~whistling", "+a duck face"],
        ["~not pouting", "+a relaxed mouth"]),
    "turned left": (["~looking to the left", "~facing left", "+the head turned left"],
        []),
    "turned right": (["~looking to the right", "~facing right", "+the head turned right"],
        []),
    "looking up": (["~looking up", "+the chin raised", "+the head tilted up"],
        []),
    "looking down": (["~looking down", "+the head lowered", "+the head bowed"],
        []),
    "male": (["=a man", "=a male", "~male", "=a guy", "~masculine", "=a gentleman", "=a boy", "=an uncle", "=a father", "=a husband", "=a king", "=a brother", "=a dude", "=he", "=a grandfather", "=a businessman", "=a prince", "~manly"],
        ["=a woman", "=a female", "~female", "=a lady", "~feminine", "=a girl", "=an aunt", "=a mother", "=a wife", "=a queen", "=a sister", "=she", "=a grandmother", "=a girl friend", "=a businesswoman", "=a princess", "~womanly", "~ladylike"]),
    "old": (["~old", "~elderly", "=an old person", "~aged", "=a senior", "+wrinkles", "+wrinkled skin", "~very old", "=a grandparent", "=a pensioner", "=a retired person", "~in his eighties", "~in her seventies", "=a grandmother", "=a grandfather", "~ancient", "=a senior citizen", "~middle-aged", "+old age", "+sagging skin"],
        ["~young", "~youthful", "=a child", "=a kid", "=a teenager", "+smooth skin", "~not old", "=a pupil", "=a toddler", "=a schoolchild", "~adolescent", "=a student", "=a boy", "=a girl", "=a baby", "~in her twenties", "~juvenile", "~younger"]),
    "blond hair": (["+blond hair", "+blonde hair", "~blond", "=a blonde", "+golden hair", "+light hair", "+yellow hair", "~fair-haired", "+platinum blond hair", "+flaxen hair", "+straw-coloured hair", "+bleached hair", "+sandy hair", "=a Scandinavian blonde", "+honey-coloured locks", "+golden locks"],
        ["+dark hair", "~not blond", "+raven hair", "+deep dark locks", "~brunette"]),
    "black hair": (["+black hair", "+dark hair", "+jet black hair", "~dark-haired", "~black-haired", "+raven hair", "+ebony hair", "+coal-black locks", "+very dark locks", "+hair black as night"],
        ["+light hair", "+light-coloured hair", "+bleached hair", "+platinum hair", "+fair locks"]),
    "brown hair": (["+brown hair", "~brown-haired", "=a brunette", "+brunette hair", "+chestnut hair", "+hazel hair", "+chocolate-coloured hair", "+brown locks", "+mousy hair"],
        ["+hair that is not brown"]),
    "grey hair": (["+grey hair", "+gray hair", "+white hair", "+silver hair", "~grey-haired", "~gray haired", "+silvery hair", "+hair turned grey", "+greying hair", "+salt-and-pepper hair", "~silver-haired", "~white-haired", "+snow-white hair"],
        ["+hair without grey", "+no grey hair", "+hair in its natural colour", "+strongly pigmented hair", "+hair of a rich colour", "+hair that has not turned grey"]),
    "red hair": (["+red hair", "=a redhead", "+ginger hair", "+orange hair", "+auburn hair", "~ginger", "+copper hair", "+fiery hair", "+carrot-coloured hair", "+strawberry blond hair", "~red-haired"],
        ["+hair that is not red"]),
    "bald": (["~bald", "+no hair", "+a bald head", "+a shaved head", "~hairless", "~balding", "+a bare scalp", "+no hair on the head", "+hair loss", "=a baldie", "+a shiny head", "+a naked scalp", "~without hair", "+a shaven scalp"],
        ["~not bald", "+a full head of hair", "+hair on the head", "+a thick mane", "+a mop of hair", "+plenty of hair", "+a head full of hair"]),
    "long hair": (["+long hair", "~long-haired", "+hair down to the shoulders", "+flowing hair", "+tresses", "+hair falling over the shoulders", "+waist-length hair", "+long locks", "+a ponytail", "+a long mane"],
        ["+short hair", "+a short haircut", "~short-haired", "+cropped hair", "+a crew cut", "+a buzz cut", "+a pixie cut", "+a bob", "+closely cut hair", "+a military haircut"]),
    "voluminous hair": (["+voluminous hair", "+thick hair", "+big hair", "+lots of hair", "+a mane", "+bushy hair", "+a mass of hair"],
        ["+thin hair", "+little hair", "+sparse hair", "+flat hair"]),
    "bangs": (["+bangs", "+a fringe", "+hair covering the forehead", "+hair over the forehead", "~wearing bangs", "+a fringed haircut", "+a fringe over the brow", "+hair falling into the face", "+hair hiding the forehead", "+hair down to the eyebrows"],
        ["+no bangs", "+a bare forehead", "+a visible forehead", "~without bangs", "+hair combed back", "+slicked back hair", "+an exposed forehead", "+the brow fully visible", "+hair pulled back"]),
    "curly hair": (["+curly hair", "+wavy hair", "+curls", "+frizzy hair", "~curly-haired", "+an afro", "+ringlets", "+curled locks", "+permed hair", "+a perm", "+kinky hair", "+waves in the hair", "+tousled curls"],
        ["+straight hair", "+sleek hair", "+smooth hair", "+ironed hair", "+straightened hair", "+straight strands", "+pin-straight locks", "+hair without curls"]),
    "receding hairline": (["+a receding hairline", "+a high forehead", "~losing hair", "+hair retreating from the temples", "+bald temples", "+thinning hair", "+a widow's peak"],
        ["+a low hairline", "+a full hairline", "+dense hair at the temples", "+hair growing low on the forehead"]),
    "beard": (["+a beard", "~bearded", "+a full beard", "+facial hair", "+a bushy beard", "~wearing a beard", "+whiskers on the chin", "+whiskers", "+a hairy chin", "+a hairy face", "+chin and cheeks covered in hair", "=a bearded man", "+a lumberjack beard", "~stubbly"],
        ["+no beard", "~clean-shaven", "~shaved", "~beardless", "~without a beard", "+a smooth chin", "+a hairless chin", "+a bare chin", "+baby-smooth cheeks", "~smooth-faced", "~freshly shaven"]),
    "moustache": (["+a moustache", "+a mustache", "~moustached", "~wearing a mustache", "+hair above the upper lip", "+whiskers above the lip", "+a tache", "+a handlebar moustache", "+a hairy upper lip"],
        ["+no moustache", "~without a mustache", "+a hairless upper lip", "+a bare upper lip", "+a shaved upper lip"]),
    "goatee": (["+a goatee", "+a chin beard", "+a pointed beard", "+a tuft of hair on the chin", "+a Van Dyke beard"],
        ["+no goatee", "~without a goatee"]),
    "stubble": (["+stubble", "~unshaven", "+a five o'clock shadow", "+a three-day beard", "~not shaved for days", "~neglecting to use a razor", "+a rough unshaven chin", "+bristles", "+a scruffy chin", "+short bristly facial hair", "~in need of a shave"],
        ["+no stubble", "+a smooth chin", "~freshly shaven", "~recently shaved", "~newly shaved"]),
    "sideburns": (["+sideburns", "+long sideburns", "+mutton chops", "+hair in front of the ears"],
        ["+no sideburns", "~without sideburns"]),
    "eyeglasses": (["+eyeglasses", "+glasses", "~wearing glasses", "~wearing eyeglasses", "+reading glasses", "~bespectacled", "~wearing sunglasses", "+spectacles", "+specs", "~wearing spectacles", "+a pair of glasses on the nose", "+thick-rimmed glasses", "+lenses in front of the eyes", "~looking through lenses in a frame", "+frames on the nose", "~short-sighted", "+framed glasses", "+sunglasses", "+goggles"],
        ["+no glasses", "~without glasses", "~not wearing glasses", "~without eyeglasses", "~without spectacles", "+uncovered eyes", "+nothing in front of the eyes", "+no spectacles", "+bare eyes"]),
    "hat": (["+a hat", "~wearing a hat", "+a cap", "~wearing a cap", "+headwear", "+a beanie", "+a helmet", "~wearing a beanie", "+a baseball cap", "+a bonnet", "+something on the head", "+headgear", "~wrapped up in a woollen cap", "+a turban", "+a cowboy hat"],
        ["+no hat", "~without a hat", "~bareheaded", "+nothing on the head", "+an uncovered head", "~hatless", "~without a cap"]),
    "earrings": (["+earrings", "~wearing earrings", "+ear jewellery", "+jewels in the ears", "+ear pendants", "+hoop earrings", "+jewellery hanging from the ears", "+pierced ears"],
        ["+no earrings", "~without earrings", "+bare ears", "+unadorned ears", "+ears without jewellery"]),
    "necklace": (["+a necklace", "~wearing a necklace", "+a chain around the neck", "+pearls", "+a pendant", "+jewellery around the neck"],
        ["+no necklace", "~without a necklace", "+a bare neck"]),
    "necktie": (["+a necktie", "~wearing a tie", "~wearing a suit", "+a suit and tie", "~in business clothes", "~dressed formally", "+formal wear", "+a shirt and tie", "+office clothes", "=a businessperson", "+a bow tie"],
        ["+no tie", "~without a tie", "~in casual clothes", "+a t-shirt", "+casual wear", "~dressed casually", "+leisure clothes"]),
    "makeup": (["+makeup", "~wearing makeup", "+heavy makeup", "+mascara", "+eye shadow", "+cosmetics", "+eyeliner", "~made up", "+foundation and blush", "+painted eyelids", "+glamorous make-up", "+long lashes"],
        ["+no makeup", "~without makeup", "~not wearing makeup", "+a natural face", "+nothing on the face", "~bare-faced", "+no cosmetics", "+an unpainted face", "+a face without cosmetics"]),
    "lipstick": (["+lipstick", "+red lips", "~wearing lipstick", "+painted lips", "+red lipstick", "+crimson lips", "+scarlet lips", "+a red mouth", "+lip gloss", "+a painted mouth"],
        ["+no lipstick", "+pale lips", "~without lipstick", "+natural lips", "+lips without colour", "+a mouth of natural colour", "+unpainted lips"]),
    "rosy cheeks": (["+rosy cheeks", "~blushing", "+red cheeks", "+flushed cheeks", "+pink cheeks", "+glowing cheeks", "+a flush", "+blush on the cheeks", "~ruddy"],
        ["+colourless cheeks", "~not blushing", "+cheeks without colour", "+dull cheeks", "+ashen cheeks"]),
    "pale skin": (["+pale skin", "~pale", "+fair skin", "+white skin", "+light skin", "+a pale complexion", "+a porcelain complexion", "+a fair complexion", "~light-skinned", "+ivory skin", "~white"],
        ["+dark skin", "+tanned skin", "~tanned", "~dark-skinned", "+brown skin", "+black skin", "+a dark complexion", "+a deep brown complexion", "+ebony skin", "~black", "~sun-tanned", "+bronze skin"]),
    "chubby": (["~chubby", "~fat", "~overweight", "+a round face", "+full cheeks", "~plump", "~obese", "~heavy", "~stout", "~podgy", "+a fat face", "+a plump face", "~well-fed"],
        ["~thin", "~slim", "~skinny", "+hollow cheeks", "~gaunt", "~bony", "~lean", "~slender", "+sunken cheeks", "+a gaunt face", "~underweight"]),
    "double chin": (["+a double chin", "+fat under the jaw", "+a sagging neck", "+a fleshy chin", "+jowls"],
        ["+a sharp jawline", "+a defined chin", "+a taut throat", "+a crisp jaw", "+a tight neck", "+a chiselled jaw"]),
    "big nose": (["+a big nose", "+a wide nose", "+a broad nose", "+a huge nose", "+a large nose", "+a fleshy nose", "+a bulbous nose", "+a broad snout"],
        ["+a small nose", "+a narrow nose", "+a thin nose", "+a pointy nose", "+a tiny nose", "+a delicate nose", "+a slim nose", "+a button nose"]),
    "full lips": (["+full lips", "+big lips", "+thick lips", "+plump lips", "+a voluptuous mouth", "+pouty lips", "+luscious lips", "+a large mouth"],
        ["+thin lips", "+narrow lips", "+a mouth like a line", "+barely any lips", "+a thin mouth", "+slim lips"]),
    "high cheekbones": (["+high cheekbones", "+prominent cheekbones", "+cheekbones that stand out", "+pronounced cheekbones", "+sculpted cheekbones", "+striking cheekbones"],
        ["+flat cheekbones", "+invisible cheekbones", "+cheekbones that cannot be seen", "+soft cheeks"]),
    "narrow face": (["+a narrow face", "+a long face", "+an oval face", "+a slim face", "+an elongated face"],
        ["+a wide face", "+a square face", "+a broad jaw", "+a broad face", "+a wide jaw", "+a stocky face"]),
    "bushy eyebrows": (["+bushy eyebrows", "+thick eyebrows", "+dark eyebrows", "+heavy brows", "+dense eyebrows", "+strong brows", "+full eyebrows", "+a unibrow"],
        ["+thin eyebrows", "+light eyebrows", "+faint brows", "+thin sparse brows", "+sparse eyebrows", "+plucked eyebrows", "+hardly any eyebrows", "+pale brows"]),
    "bags under eyes": (["+bags under the eyes", "~tired", "+tired eyes", "~exhausted", "+dark circles", "+puffy eyes", "~sleepy", "~worn out", "~fatigued"],
        ["+fresh eyes", "~rested", "~fresh", "~well rested", "+bright eyes"]),
    "blue eyes": (["+blue eyes", "+light eyes", "~blue-eyed", "+sky-blue eyes", "+green eyes", "+pale eyes"],
        ["+brown eyes", "+dark eyes", "+hazel eyes", "+black eyes", "+chestnut eyes"]),
    "dark background": (["~in front of a dark background", "+a dark background", "+a black background", "~in front of a black wall", "+a dark backdrop", "~at night", "+darkness behind"],
        ["~in front of a bright background", "+a white background", "+a light background", "~in front of a white wall", "+a bright backdrop", "+a snowy backdrop", "+a white backdrop"]),
    "bright lighting": (["~in bright light", "+bright lighting", "~well lit", "~in sunlight", "+strong light", "~overexposed", "~in daylight"],
        ["~in the dark", "+dim lighting", "~in the shade", "~underexposed", "+little light", "~in shadow", "+gloomy light"]),
}  # fmt: skip

# score from which an attribute counts as there; scarce ones need more than one deviation
PRESENT = {
    name: score
    for score, names in {
        1.7: ("bald",),
        1.6: ("hat",),
        1.5: ("surprised",),
        1.4: ("moustache", "eyeglasses", "red hair", "grey hair"),
        1.3: ("beard",),
        1.2: ("bangs", "curly hair", "blond hair", "mouth open"),
        0.8: ("smiling",),
    }.items()
    for name in names
}
UNDECIDED = 0.8  # width of the band below PRESENT in which a face is neither

ATTRIBUTES = list(PHRASES)
SUBJECTS = (  # where no phrase names the person
    *("a person", "a face", "someone", "a portrait of a person", "a photo of a person", "a photo of a face"),
    *("this person", "a human"),
)
SENTENCES = Path(__file__).with_name("sentences.txt")


@dataclass(frozen=True)
class Caption:
    """A text and what it claims: ``(attribute index, there?)`` pairs, all of which must hold."""

    text: str
    claims: tuple[tuple[int, bool], ...]


def _sentence(rng: np.random.Generator, phrases: list[str]) -> str:
    """One of several ways to say phrases about different attributes, the subject among them or a neutral one."""
    subject = "".join(p[1:] for p in phrases if p[0] == "=") or rng.choice(SUBJECTS)
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


def sentences() -> list[Caption]:
    """The texts of sentences.txt: free wordings, each with everything it claims."""
    captions = []
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            claims, text = line.split(" | ", 1)
            pairs = tuple((ATTRIBUTES.index(claim[:-1]), claim[-1] == "+") for claim in claims.split(", "))
            captions.append(Caption(text, pairs))
    return captions


def _from_phrases(rng: np.random.Generator, number: int, taken: tuple[int, ...] = ()) -> Caption:
    """A caption of ``number`` phrases about different attributes, none of them among ``taken``."""
    phrases, claims = [], []
    for a in [a for a in rng.permutation(len(ATTRIBUTES)) if a not in taken][:number]:
        present, absent = PHRASES[ATTRIBUTES[a]]
        there = not absent or rng.random() < 0.6
        options = [p for p in (present if there else absent) if p[0] != "=" or not any(q[0] == "=" for q in phrases)]
        if options:
            phrases.append(str(rng.choice(options)))
            claims.append((int(a), there))
    return Caption(_sentence(rng, phrases), tuple(claims))


def compose(rng: np.random.Generator, count: int) -> list[Caption]:
    """``count`` random captions: of four, two from the phrase book (one claim; two or three) and two free wordings.

    Every other free wording is followed by a phrase, so that several things said at once are understood.
    """
    free, captions = sentences(), []
    order = rng.permutation(len(free))
    for i in range(count):
        if i % 4 < 2:
            caption = _from_phrases(rng, 1 if i % 4 == 0 else int(rng.integers(2, 4)))
        else:
            caption = free[order[i // 4 % len(free)]]
        if i % 4 == 3:
            more = _from_phrases(rng, 1, tuple(a for a, _ in caption.claims))
            joint = rng.choice([", ", " and ", ". "])
            caption = Caption(f"{caption.text.rstrip('.')}{joint}{more.text}", caption.claims + more.claims)
        if rng.random() < 0.15:
            caption = Caption(caption.text.capitalize().rstrip(".") + ".", caption.claims)
        captions.append(caption)
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
