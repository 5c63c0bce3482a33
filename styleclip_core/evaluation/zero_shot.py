"""How well a text-image model reads faces, by prompts whose wording its training never saw."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from styleclip_core.evaluation.metrics import auc
from styleclip_core.packs.base import TextImageModel

# attribute -> three wordings of (it is there, it is not): plain, conversational or a command, unusual. They were
# written without sight of the captions that FaceCLIP is trained with, and no training text equals one of them.
PROMPTS: dict[str, list[tuple[str, str]]] = {
    "smiling": [
        ("a smiling person", "a person who is not smiling"),
        ("give them a nice big smile", "get rid of the smile, keep it serious"),
        ("grinning from ear to ear", "stone-faced without a hint of a grin"),
    ],
    "mouth open": [
        ("a face with the mouth open", "a face with the mouth closed"),
        ("open their mouth a bit please", "can you shut their mouth"),
        ("lips parted as if caught mid-sentence", "lips pressed firmly together"),
    ],
    "surprised": [
        ("a surprised face", "a calm, unsurprised face"),
        ("make them look totally shocked", "make them look relaxed, like nothing happened"),
        ("someone who just saw a ghost, eyebrows shooting up", "someone utterly unfazed, expression perfectly neutral"),
    ],
    "angry": [
        ("an angry looking person", "a calm and friendly looking person"),
        ("make them look really mad", "make them look less mad, more peaceful"),
        ("glaring with fury, about to blow a fuse", "gentle, serene face with no trace of temper"),
    ],
    "male": [
        ("a photo of a man", "a photo of a woman"),
        ("turn this person into a guy", "turn this person into a lady"),
        ("somebody's brother or husband", "somebody's sister or wife"),
    ],
    "old": [
        ("an elderly person", "a young person"),
        ("make them look about 80", "make them look about 20"),
        ("well past retirement, a face lined by decades", "barely out of school, fresh-faced"),
    ],
    "blond hair": [
        ("a person with blond hair", "a person with dark hair"),
        ("make the hair blonde", "dye the hair a dark colour instead of blonde"),
        ("golden, straw-coloured locks", "deep espresso-coloured locks"),
    ],
    "black hair": [
        ("someone with black hair", "someone with light coloured hair"),
        ("change the hair colour to black", "lighten the hair so it's not black"),
        ("hair as dark as a raven's feathers", "hair the colour of pale honey"),
    ],
    "grey hair": [
        ("a person with grey hair", "a person without any grey hair"),
        ("turn the hair grey", "cover up the greys with a rich brown"),
        ("silvery, salt-and-pepper strands on top", "hair still full of its natural deep colour"),
    ],
    "bald": [
        ("a bald person", "a person with a full head of hair"),
        ("shave off all the hair on their head", "give them a full thick head of hair"),
        ("a shiny dome with nothing left to comb", "a scalp completely covered by plentiful hair"),
    ],
    "long hair": [
        ("a person with long hair", "a person with short hair"),
        ("make the hair much longer", "chop the hair really short"),
        ("tresses spilling down past the shoulders", "hair cropped well above the ears"),
    ],
    "bangs": [
        ("a person with bangs", "a person with no bangs, forehead showing"),
        ("add some bangs over the forehead", "sweep the hair back off the forehead"),
        ("a fringe hanging down to the eyebrows", "no fringe at all, brow fully uncovered"),
    ],
    "curly hair": [
        ("someone with curly hair", "someone with straight hair"),
        ("make the hair nice and curly", "straighten out the hair for me"),
        ("a mop of springy ringlets", "hair hanging flat as if freshly ironed"),
    ],
    "receding hairline": [
        ("a person with a receding hairline", "a person with a full, low hairline"),
        ("move the hairline back like it's thinning", "fix the hairline so it isn't receding"),
        ("hair in retreat at the temples", "hair growing thickly right down to the forehead"),
    ],
    "beard": [
        ("a person with a beard", "a clean-shaven person without a beard"),
        ("add a big full beard", "shave off the beard"),
        ("chin buried under thick whiskers", "bare chin and jaw, not a whisker"),
    ],
    "moustache": [
        ("a face with a moustache", "a face without a moustache"),
        ("put a mustache on them", "remove the mustache please"),
        ("a bushy strip of hair beneath the nose", "nothing growing between nose and mouth"),
    ],
    "stubble": [
        ("a face with stubble", "a smooth shaven face"),
        ("give them a five o'clock shadow", "clean up the stubble, give them a close shave"),
        ("scratchy jaw that missed the razor for two days", "jaw freshly razored and silky smooth"),
    ],
    "eyeglasses": [
        ("a person wearing glasses", "a person not wearing glasses"),
        ("put some glasses on them", "take the glasses off"),
        ("peering through a pair of spectacles", "bare eyes with no frames or lenses in front"),
    ],
    "hat": [
        ("someone wearing a hat", "someone not wearing a hat"),
        ("stick a hat on their head", "take the hat off so the head is bare"),
        ("sporting headgear such as a beanie or cap", "no cap, beanie or other headgear on"),
    ],
    "earrings": [
        ("a person wearing earrings", "a person without earrings"),
        ("add a pair of earrings", "lose the earrings"),
        ("jewellery dangling from the earlobes", "plain, unadorned earlobes"),
    ],
    "necktie": [
        ("a person wearing a tie", "a person with an open collar and no tie"),
        ("dress them in a suit and tie", "ditch the tie and unbutton the collar"),
        ("a knotted strip of silk at the throat", "casual shirt, nothing knotted around the neck"),
    ],
    "makeup": [
        ("a face wearing makeup", "a face with no makeup"),
        ("put some makeup on this face", "wipe all the makeup off"),
        ("dolled up with eyeshadow, foundation and mascara", "completely bare-faced, free of any cosmetics"),
    ],
    "lipstick": [
        ("a person wearing lipstick", "a person not wearing lipstick"),
        ("add some red lipstick", "take the lipstick off, natural lips please"),
        ("lips painted a bold colour", "lips left unpainted in their natural shade"),
    ],
    "pale skin": [
        ("a person with pale skin", "a person with dark skin"),
        ("make the skin a lot paler", "make the skin a lot darker"),
        ("a porcelain, milk-white complexion", "a deep, rich brown complexion"),
    ],
    "chubby": [
        ("a chubby face", "a thin face"),
        ("make them look heavier, add some weight", "slim them down a bit"),
        ("plump and well-padded all round", "gaunt and lean, no spare flesh"),
    ],
    "double chin": [
        ("a person with a double chin", "a person with a sharp jawline"),
        ("give them a double chin", "get rid of the double chin, sharpen the jaw"),
        ("a soft roll of flesh beneath the jaw", "a taut neck under a crisply chiselled jaw"),
    ],
    "big nose": [
        ("a person with a big nose", "a person with a small nose"),
        ("make the nose bigger", "make the nose smaller and narrower"),
        ("a whopping great schnoz", "a dainty, slender little nose"),
    ],
    "full lips": [
        ("a face with full lips", "a face with thin lips"),
        ("plump up the lips", "make the lips thinner"),
        ("a generous, pillowy pout", "a mouth like a narrow line, hardly any lip"),
    ],
    "high cheekbones": [
        ("a face with high cheekbones", "a face with flat cheekbones"),
        ("lift the cheekbones so they really stand out", "tone down the cheekbones, make them flatter"),
        ("prominent, sculpted bones below the eyes", "cheeks lacking any visible bone structure"),
    ],
    "rosy cheeks": [
        ("a person with rosy cheeks", "a person without any colour in the cheeks"),
        ("add a bit of pink to the cheeks", "remove the redness from the cheeks"),
        ("cheeks flushed like ripe apples", "cheeks evenly toned, not a trace of blush"),
    ],
    "bushy eyebrows": [
        ("a person with bushy eyebrows", "a person with thin eyebrows"),
        ("make the eyebrows thicker and bushier", "pluck the eyebrows so they're nice and thin"),
        ("brows like two hairy caterpillars", "brows tweezed down to pencil-fine lines"),
    ],
    "dark background": [
        ("a portrait with a dark background", "a portrait with a bright background"),
        ("make the background black", "make the background white"),
        ("backdrop swallowed up in shadow", "backdrop flooded with light"),
    ],
}


@torch.no_grad()
def zero_shot(
    model: TextImageModel, image_embeddings: Tensor, scores: dict[str, np.ndarray]
) -> dict[str, tuple[np.ndarray, int]]:
    """Zero-shot AUC per attribute.

    Args:
        model: its texts are compared.
        image_embeddings: unit vectors ``[N,D]`` of the evaluation faces.
        scores: attribute -> ``[N]`` measured score in standard deviations, NaN unknown; beyond +-1 are the labels.
    Returns:
        attribute -> (``[3,2]``: for each wording the AUC of "is there" minus "is not", and of "is there" alone;
        faces labelled).
    """
    out = {}
    for name, wordings in PROMPTS.items():
        with np.errstate(invalid="ignore"):
            labelled = np.abs(scores[name]) > 1
        texts = model.encode_text([text for pair in wordings for text in pair])
        similarity = (image_embeddings @ texts.T).cpu().numpy()[labelled].reshape(-1, len(wordings), 2)
        positive = scores[name][labelled] > 0
        figures = [(auc(s[:, 0] - s[:, 1], positive), auc(s[:, 0], positive)) for s in similarity.swapaxes(0, 1)]
        out[name] = (np.array(figures), int(labelled.sum()))
    return out
