"""Attributes of a face as continuous scores, from measurements (`evaluation.measure`) and linear scorers in W.

A score is in standard deviations over the training faces: above +1 the attribute is plainly there, below -1 plainly
absent, between them undecided. NaN where its source does not apply (W scorers on style-mixed faces).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from styleclip_core.faces.readings import hair_chroma, lip_redness
from styleclip_core.training.common import standardise

# score = sum of weight * standardised source, the deciding source first; "w:" marks CelebA scorers in W
RECIPES: dict[str, dict[str, float]] = {
    "smiling": {"smile": 1},
    "mouth open": {"bs_jawOpen": 1, "mouth_open": 1},
    "teeth": {"mouth_L": 1, "mouth_open": 0.5, "smile": 0.5},
    "surprised": {"bs_jawOpen": 1.5, "mouth_open": 1, "brow_height": 0.5, "eye_open": 0.5, "smile": -0.6},
    "angry": {"brow_down": 1, "brow_height": -0.5, "smile": -0.7},
    "sad": {"corners_up": -1, "smile": -0.7, "bs_browInnerUp": 0.5},
    "eyes closed": {"blink": 1, "eye_open": -1},
    "squinting": {"squint": 1, "eye_open": -0.5},
    "raised eyebrows": {"brow_height": 1, "bs_browInnerUp": 0.5, "brow_up": 0.5},
    "pouting": {"bs_mouthPucker": 1},
    "turned left": {"yaw": -1},
    "turned right": {"yaw": 1},
    "looking up": {"pitch": -1},
    "looking down": {"pitch": 1},
    "male": {"male": 1, "w:Male": 0.5},
    "old": {"age": 1, "w:Young": -0.5},
    "blond hair": {"hair_L": 0.8, "hair_b": 1, "w:Blond_Hair": 0.6},
    "black hair": {"hair_L": -1, "hair_b": -0.5, "w:Black_Hair": 0.4},
    "brown hair": {"hair_brown": 1, "w:Brown_Hair": 0.3},
    "grey hair": {"hair_grey": 1, "w:Gray_Hair": 0.8},
    "red hair": {"hair_red": 1},
    "bald": {"w:Bald": 1, "hair_top": -0.8, "w:Wearing_Hat": -0.4},
    "long hair": {"hair_length": 1, "hair_below_chin": 0.7, "hair_beside": 0.7},
    "voluminous hair": {"hair_area": 1},
    "bangs": {"forehead_hair": 1, "w:Bangs": 0.4},
    "curly hair": {"w:Wavy_Hair": 0.7, "w:Straight_Hair": -1, "hair_texture": 0.5},
    "receding hairline": {"w:Receding_Hairline": 1, "forehead_hair": -0.3},
    "beard": {"w:No_Beard": -1, "jaw_hair": 0.6, "jaw_dark": 0.5},
    "moustache": {"w:Mustache": 1, "moustache_hair": 0.7, "moustache_dark": 0.5},
    "goatee": {"w:Goatee": 1, "jaw_hair": 0.3},
    "stubble": {"w:5_o_Clock_Shadow": 1, "jaw_dark": 0.4},
    "sideburns": {"w:Sideburns": 1},
    "eyeglasses": {"w:Eyeglasses": 1, "bridge_edges": 0.6},
    "hat": {"w:Wearing_Hat": 1},
    "earrings": {"w:Wearing_Earrings": 1},
    "necklace": {"w:Wearing_Necklace": 1},
    "necktie": {"w:Wearing_Necktie": 1},
    "makeup": {"w:Heavy_Makeup": 1},
    "lipstick": {"w:Wearing_Lipstick": 1, "lip_red": 0.8},
    "rosy cheeks": {"w:Rosy_Cheeks": 1, "skin_a": 0.3},
    "pale skin": {"skin_L": 1, "w:Pale_Skin": 0.3},
    "chubby": {"w:Chubby": 1, "face_aspect": 0.5},
    "double chin": {"w:Double_Chin": 1},
    "big nose": {"nose_width": 1, "w:Big_Nose": 0.5},
    "full lips": {"lips_height": 1, "w:Big_Lips": 0.5},
    "high cheekbones": {"w:High_Cheekbones": 1},
    "narrow face": {"face_aspect": -1, "jaw_width": -0.5},
    "bushy eyebrows": {"w:Bushy_Eyebrows": 1, "brow_thickness": 0.4, "brow_dark": 0.6},
    "bags under eyes": {"w:Bags_Under_Eyes": 1},
    "blue eyes": {"iris_b": -1, "iris_L": 0.4},
    "dark background": {"background_L": -1},
    "bright lighting": {"brightness": 1},
}


def derived(m: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sources that are plain functions of a few measurements. Colour classes are closeness to a point in Lab."""

    def both(name: str) -> np.ndarray:
        return (m[f"bs_{name}Left"] + m[f"bs_{name}Right"]) / 2

    chroma = hair_chroma(m)
    hue = np.degrees(np.arctan2(m["hair_b"], m["hair_a"]))
    return {
        "smile": both("mouthSmile"),
        "brow_down": both("browDown"),
        "brow_up": both("browOuterUp"),
        "blink": both("eyeBlink"),
        "squint": both("eyeSquint"),
        "gaze": m["bs_eyeLookOutLeft"] + m["bs_eyeLookInRight"] - m["bs_eyeLookInLeft"] - m["bs_eyeLookOutRight"],
        "hair_brown": -np.abs(m["hair_L"] - 27) / 10 - np.abs(chroma - 16) / 8,
        "hair_grey": -np.abs(m["hair_L"] - 62) / 16 - np.abs(chroma - 2) / 6,
        "hair_red": chroma / 10 - np.abs(hue - 48) / 10 - np.abs(m["hair_L"] - 38) / 12,
        "jaw_dark": m["skin_L"] - m["jaw_L"],
        "moustache_dark": m["skin_L"] - m["moustache_L"],
        "brow_dark": m["skin_L"] - m["brows_L"],
        "lip_red": lip_redness(m),
    }


def attribute_scores(
    names: list[str],
    measurements: np.ndarray,
    w_scores: dict[str, np.ndarray],
    reference: slice,
    recipes: Mapping[str, Mapping[str, float]] = RECIPES,
) -> dict[str, np.ndarray]:
    """Score every attribute, name -> ``float32 [N]``.

    Args:
        names, measurements: from `evaluation.measure.measure_folder`, ``[N,M]``.
        w_scores: CelebA attribute -> ``[N]`` score of the latent, NaN where it does not apply.
        reference: rows whose mean and deviation standardise every source (the training rows).
        recipes: of the attributes, as `RECIPES`.
    """
    sources = {name: measurements[:, i].astype(np.float64) for i, name in enumerate(names)}
    sources |= derived(sources) | {f"w:{name}": scores for name, scores in w_scores.items()}

    scores = {}
    for attribute, recipe in recipes.items():
        weights = np.array(list(recipe.values()))[:, None]
        terms = np.stack([np.clip(standardise(sources[source], reference), -4, 4) for source in recipe])
        known = np.isfinite(terms)
        # A missing secondary source is left out; without its first source an attribute is unknown.
        total = np.nansum(weights * terms, 0) / np.sqrt((weights**2 * known).sum(0).clip(1e-9))
        total[~known[0]] = np.nan
        scores[attribute] = standardise(total, reference).astype(np.float32)
    return scores
