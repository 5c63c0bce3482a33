"""How well a text-image model reads faces, by prompts whose wording its training never saw."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# attribute -> (says it is there, says it is not); none of these sentences can come out of training/captions.py
PROMPTS: dict[str, tuple[str, str]] = {
    "smiling": ("they are grinning with delight", "their look is stern and unamused"),
    "mouth open": ("the jaw has dropped and you can see inside", "lips pressed tightly together"),
    "surprised": ("wow, what a startled reaction", "an unmoved, composed look"),
    "angry": ("he looks really mad at you", "a gentle and peaceful look"),
    "male": ("my uncle", "my aunt"),
    "old": ("a pensioner in his eighties", "a primary school pupil"),
    "blond hair": ("a head of hair as yellow as straw", "locks as dark as a moonless night"),
    "black hair": ("hair the colour of coal", "hair the colour of wheat"),
    "grey hair": ("hair that has turned silvery with the years", "hair of a strong pigment"),
    "bald": ("the scalp is bare", "hair grows all over the head"),
    "long hair": ("hair that reaches below the shoulders", "hair trimmed close to the skull"),
    "bangs": ("fringed haircut hiding the brow", "brow fully exposed, hair combed back"),
    "curly hair": ("a head of tight little coils", "hair that hangs flat and straight"),
    "receding hairline": ("hair is retreating from the temples", "dense hair right down to the temples"),
    "beard": ("he has whiskers all over chin and cheeks", "a chin as smooth as a baby's"),
    "moustache": ("whiskers above the upper lip", "the upper lip is hairless"),
    "stubble": ("has not used a razor for days", "used a razor this morning"),
    "eyeglasses": ("she looks through a pair of lenses in a frame", "you can see the eyes directly"),
    "hat": ("wrapped up in a woollen beanie", "nothing on top of the head but hair"),
    "earrings": ("jewels dangle from the ears", "ears with no ornament"),
    "necktie": ("an office worker in formal wear", "someone in a t-shirt on holiday"),
    "makeup": ("lots of cosmetics and eyeliner", "a bare face with nothing applied"),
    "lipstick": ("crimson painted mouth", "a mouth that wears its own plain colour"),
    "pale skin": ("her skin is as white as milk", "his skin is the colour of coffee"),
    "chubby": ("a plump fellow", "a gaunt, bony fellow"),
    "double chin": ("fat hanging under the jaw", "a taut throat and crisp jaw"),
    "big nose": ("a huge fleshy snout", "a tiny delicate nose"),
    "full lips": ("a mouth with generous, swollen lips", "a mouth like a thin line"),
    "high cheekbones": ("her cheek bones stand out", "her cheek bones cannot be seen"),
    "rosy cheeks": ("cheeks glow pink", "cheeks without any glow"),
    "bushy eyebrows": ("heavy, dense brows", "faint, sparse brows"),
    "dark background": ("the backdrop is pitch dark", "the backdrop is snowy white"),
}


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of ``scores [N]`` for ``positive bool [N]``, ties counted half."""
    from scipy.stats import rankdata

    ranks, n = rankdata(scores), int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


@torch.no_grad()
def zero_shot(model, image_embeddings: Tensor, scores: dict[str, np.ndarray]) -> dict[str, tuple[float, float, int]]:
    """Zero-shot AUC per attribute.

    Args:
        model: a text-image model (``encode_text``).
        image_embeddings: unit vectors ``[N,D]`` of the evaluation faces.
        scores: attribute -> ``[N]`` teacher score in standard deviations, NaN unknown; beyond +-1 are the labels.
    Returns:
        attribute -> (AUC of "is there" minus "is not", AUC of "is there" alone, faces labelled).
    """
    out = {}
    for name, prompts in PROMPTS.items():
        with np.errstate(invalid="ignore"):
            labelled = np.abs(scores[name]) > 1
        similarity = (image_embeddings @ model.encode_text(list(prompts)).T).cpu().numpy()[labelled]
        positive = scores[name][labelled] > 0
        pair, alone = auc(similarity[:, 0] - similarity[:, 1], positive), auc(similarity[:, 0], positive)
        out[name] = (pair, alone, int(labelled.sum()))
    return out
