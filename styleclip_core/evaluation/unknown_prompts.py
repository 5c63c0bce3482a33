"""Prompts that judge how a prompt is read: what is not known (near misses, far misses), and several concepts at once.

They were written before any method of reading was, and no training text equals one of them. Wordings of known concepts
that training never saw are `evaluation.zero_shot.PROMPTS`.
"""

from __future__ import annotations

from dataclasses import dataclass

NEAR = (  # about faces and heads, but nothing that the compact pack's labels know
    *("a mohawk", "a person with a mohawk", "give him dreadlocks", "cornrows", "two pigtails tied with ribbons"),
    *("a mullet from the eighties", "a zombie", "a rotting zombie face", "turn them into a vampire"),
    *("a clown with a painted red nose", "a werewolf", "an elf", "pointed elf ears", "an orc with tusks", "a goblin"),
    *("a mermaid", "a cyborg", "a robot face made of metal", "a grey alien with huge black eyes"),
    *("a fairy with wings", "an angel with a halo", "a devil with horns", "a skeleton", "the Joker"),
    *("Donald Trump", "Barack Obama", "Taylor Swift", "Mark Zuckerberg", "Beyoncé", "Albert Einstein"),
    *("Angelina Jolie", "a Renaissance painting", "the Mona Lisa", "a portrait by Van Gogh", "a pencil sketch"),
    *("a cartoon character", "a Pixar character", "a Disney princess", "an anime girl", "a watercolour portrait"),
    *("a marble statue", "a bronze bust", "a face tattoo", "a tattoo on the neck", "a scar across the cheek"),
    *("a pirate eye patch", "a nose ring", "a pierced eyebrow", "freckles", "braces", "a missing tooth"),
    *("a surgical mask", "a bandage on the forehead", "headphones", "a hijab", "a golden crown", "smoking a cigarette"),
    *("a black eye from a fight", "covered in blood", "eyes of two different colours"),
)

FAR = (  # nothing about a face: objects, places, requests, code, other languages, strings without a meaning
    *("a red car", "a church", "a bowl of ramen", "a snowy mountain", "a golden retriever", "the Eiffel Tower"),
    *("a wooden chair", "a laptop computer", "a rusty bicycle", "a jar of honey", "an aeroplane taking off"),
    *("a spaceship landing on Mars", "a vase of tulips", "a sailing boat", "a slice of pizza", "a cactus"),
    *("an office building", "a football match", "a map of Europe", "a waterfall", "the stock market fell today"),
    *("what is the capital of France", "how do I install python", "write me a poem about the sea", "hello"),
    *("translate this text into German", "book a flight to Tokyo", "the meeting starts at ten", "two plus two"),
    *("quarterly revenue grew by 8 percent", "to be or not to be", "the mitochondria is the powerhouse of the cell"),
    *("terms and conditions apply", "add milk and eggs to the shopping list", "delete all my files", "test"),
    *("for (int i = 0; i < n; i++) { sum += a[i]; }", "import numpy as np", "SELECT * FROM users WHERE id = 1"),
    *("def f(x): return x ** 2", "<div class='main'></div>", "sudo apt-get update", "https://www.example.com/index"),
    *("asdf qwer zxcv", "blorp snazzle fribbit", "xkqjz", "lorem ipsum dolor sit amet", "aaaaaaaaaaaa", "qwertyuiop"),
    *("das Wetter ist heute schön", "une voiture rouge", "el perro come carne", "buongiorno a tutti", "красная машина"),
    *("今日はいい天気ですね", "我想喝一杯咖啡", "مرحبا بالعالم", "12345", "!!! ???", "🚗🏠🌳"),
)


@dataclass(frozen=True)
class Compound:
    """A prompt that asks for several things.

    Attributes:
        prompt: the text.
        claims: the signed concepts that must be read from it, as ``"smiling+, male-"``; context words are among them.
        may: those that may be read from it too.
    """

    prompt: str
    claims: str
    may: str = ""

    def signs(self) -> dict[str, int]:
        """Concept -> +1 or -1, of `claims`."""
        return {claim[:-1]: 1 if claim[-1] == "+" else -1 for claim in self.claims.split(", ")}

    def allows(self, concept: str, sign: int) -> bool:
        """Whether a signed concept is among `claims` or `may`."""
        return f"{concept}{'+' if sign > 0 else '-'}" in f"{self.claims}, {self.may}".split(", ")


SHAVEN = "stubble-, goatee-, moustache-"  # what goes with "clean-shaven"

COMPOUNDS = (
    Compound("a smiling woman with curly red hair", "smiling+, male-, curly hair+, red hair+"),
    Compound("an angry old man with a grey beard", "angry+, old+, male+, beard+", "grey hair+"),
    Compound("a young woman with long blond hair and blue eyes", "old-, male-, long hair+, blond hair+, blue eyes+"),
    Compound("a bald man with glasses and a moustache", "bald+, male+, eyeglasses+, moustache+"),
    Compound("a sad girl with bangs, no makeup", "sad+, male-, bangs+, makeup-", "old-"),
    Compound("remove the glasses and add a hat", "eyeglasses-, hat+"),
    Compound("take off the hat, make her smile", "hat-, male-, smiling+"),
    Compound("a man without a beard, wearing a tie", "male+, beard-, necktie+", SHAVEN),
    Compound("short black hair and a closed mouth", "long hair-, black hair+, mouth open-"),
    Compound("less makeup and more smile", "makeup-, smiling+"),
    Compound("a bit older with a little grey hair", "old+, grey hair+"),
    Compound("slightly younger and much thinner", "old-, chubby-"),
    Compound("a chubby boy with rosy cheeks", "chubby+, male+, rosy cheeks+", "old-"),
    Compound("a 60 year old woman with short grey hair", "old+, male-, long hair-, grey hair+"),
    Compound("a man in his seventies, smiling", "old+, male+, smiling+"),
    Compound("make him 20 years old and clean-shaven", "old-, male+, beard-", SHAVEN),
    Compound("a 25-year-old with freckle-free pale skin", "old-, pale skin+"),
    Compound("not smiling, eyes closed", "smiling-, eyes closed+"),
    Compound("a surprised face with raised eyebrows and an open mouth", "surprised+, raised eyebrows+, mouth open+"),
    Compound("red lipstick but no earrings", "lipstick+, earrings-"),
    Compound("wearing earrings and a necklace", "earrings+, necklace+"),
    Compound("neither a beard nor a moustache", "beard-, moustache-", "stubble-, goatee-"),
    Compound("straight brown hair with a fringe", "curly hair-, brown hair+, bangs+"),
    Compound("don't smile, don't show your teeth", "smiling-, teeth-"),
    Compound("get rid of the double chin and the bags under the eyes", "double chin-, bags under eyes-"),
    Compound("a smaller nose and fuller lips", "big nose-, full lips+"),
    Compound("a bigger nose, thinner lips", "big nose+, full lips-"),
    Compound("a dark-skinned woman with a big smile", "pale skin-, male-, smiling+"),
    Compound("a gentleman with sideburns and a goatee", "male+, sideburns+, goatee+"),
    Compound("looking to the left, dark background", "turned left+, dark background+", "turned right-"),
    Compound("head turned right and mouth shut", "turned right+, mouth open-", "turned left-"),
    Compound("curlier hair, bushier eyebrows", "curly hair+, bushy eyebrows+"),
    Compound("a lady wearing lipstick, mascara and earrings", "male-, lipstick+, makeup+, earrings+"),
    Compound("make the hair longer and darker", "long hair+, black hair+", "blond hair-"),
    Compound("blonde, no glasses", "blond hair+, eyeglasses-"),
    Compound("an old woman, not wrinkled, without grey hair", "male-, grey hair-", "old-, old+"),
    Compound("a laughing teenager with a baseball cap", "smiling+, old-, hat+"),
    Compound("a man with stubble and a receding hairline", "male+, stubble+, receding hairline+", "beard+"),
    Compound("high cheekbones, a narrow face and full lips", "high cheekbones+, narrow face+, full lips+"),
    Compound("less angry and a bit happier", "angry-, smiling+"),
    Compound("stop frowning and open your eyes", "angry-, eyes closed-"),
    Compound("a ginger man with a full beard and sunglasses", "red hair+, male+, beard+, eyeglasses+"),
    Compound("a portrait of a smiling man in bright light", "smiling+, male+, bright lighting+"),
    Compound("a very pale girl with jet black hair", "pale skin+, male-, black hair+", "old-"),
    Compound("a grandmother with glasses and white hair", "old+, male-, eyeglasses+, grey hair+"),
    Compound("more hair, less beard", "beard-", "voluminous hair+, bald-, long hair+"),
    Compound("squinting eyes and pursed lips", "squinting+, pouting+"),
    Compound("a businessman in a suit, serious, no stubble", "male+, necktie+, smiling-, stubble-", "beard-"),
    Compound("unshaven, tired and grumpy", "stubble+, bags under eyes+, angry+", "beard+"),
    Compound("a middle-aged man, about 50, with a slight smile", "old+, male+, smiling+"),
)
