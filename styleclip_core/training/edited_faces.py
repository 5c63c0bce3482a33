"""Edited faces for FaceCLIP to learn from: what its own optimisation draws, measured by instruments that see pixels.

Gradient descent against a text-image model finds pictures that the model takes for what a prompt describes and nobody
else does. Here such pictures are collected on purpose, with few terms against them, and labelled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from styleclip_core import latents
from styleclip_core.edits.optimize import optimize
from styleclip_core.packs import Pack, load_pack
from styleclip_core.rendering import Preview
from styleclip_core.settings import OptimizeSettings
from styleclip_core.training.effects import keep_measured, mean_codes

FIRST_SEED, TRUNCATION, SIZE = 950_000, 0.75, 256
STEPS, KEPT = 8, (4, 8)  # of the optimisation, and after which of them a picture is kept
PROMPTS_A_FACE = 4
# Prompts that are optimised for, with the attribute that each asks for; "" where no label tells it.
PROMPTS: dict[str, str] = {
    "a person with curly hair": "curly hair",
    "a person with an afro": "curly hair",
    "a man with a beard": "beard",
    "a bearded person": "beard",
    "a person with a moustache": "moustache",
    "a bald person": "bald",
    "a person wearing a hat": "hat",
    "a surprised person": "surprised",
    "a person with an open mouth": "mouth open",
    "a smiling person": "smiling",
    "an angry person": "angry",
    "a sad person": "sad",
    "a person wearing heavy makeup": "makeup",
    "a person wearing red lipstick": "lipstick",
    "a chubby person": "chubby",
    "a person with a mohawk": "",
    "a zombie": "",
    "a person with blond hair": "blond hair",
    "a person with black hair": "black hair",
    "a person with grey hair": "grey hair",
    "a person with red hair": "red hair",
    "a person with long hair": "long hair",
    "a person with bangs": "bangs",
    "a person wearing glasses": "eyeglasses",
    "an old person": "old",
    "a person with pale skin": "pale skin",
    "a person with full lips": "full lips",
    "a person with a big nose": "big nose",
    "a person with bushy eyebrows": "bushy eyebrows",
    "a person with rosy cheeks": "rosy cheeks",
    "a person with stubble": "stubble",
    "a person with blue eyes": "blue eyes",
    "a person with closed eyes": "eyes closed",
    "a person with a receding hairline": "receding hairline",
}


def run(folder: Path, hair: str, faces: int = 75) -> None:
    """Edit random faces by path A and measure them. Resumable."""
    optimise_faces(load_pack("compact", "cpu"), folder, hair, faces)


def optimise_faces(pack: Pack, folder: Path, hair_model: str, faces: int) -> None:
    """Draw and measure random faces, and the same optimised for prompts; one file a face.

    Args:
        folder: for the files; those that are there already are kept, so that an interrupted run goes on.
        hair_model: see `evaluation.measure.measure`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for i in tqdm(range(faces), mininterval=30):
        file = folder / f"{i:04d}.npz"
        if file.exists():
            continue
        rng = np.random.default_rng(FIRST_SEED + i)
        w_plus = latents.random_w(pack.generator, FIRST_SEED + i, TRUNCATION).expand(1, pack.generator.num_layers, -1)
        draw = Preview(pack.generator, w_plus, SIZE)
        rows = [("", w_plus)]
        for prompt in rng.choice(list(PROMPTS), PROMPTS_A_FACE, replace=False):
            rows += [(str(prompt), code) for code in _optimised(pack, w_plus, str(prompt), draw, rng)]
        with torch.no_grad():
            pictures = [draw(code) for _, code in rows]
        names = [f"{i:04d}_{row}" for row in range(len(rows))]
        codes = mean_codes(pack, torch.cat([code for _, code in rows]))
        keep_measured(file, pictures, names, hair_model, codes=codes, prompts=np.array([prompt for prompt, _ in rows]))


def _optimised(pack: Pack, w_plus: Tensor, prompt: str, draw: Preview, rng: np.random.Generator) -> list[Tensor]:
    """Codes ``[1,L,512]`` on the way to a prompt, with little that keeps the picture plausible."""
    settings = OptimizeSettings(
        steps=STEPS,
        views=1,
        patience=0,
        resolution=SIZE,
        strength=float(rng.uniform(1, 1.8)),
        guide=float(rng.choice([0.0, 0.4, 0.85])),
        lr=float(rng.uniform(0.06, 0.14)),
        preserve=float(rng.choice([0.2, 2.0])),
        likeness=float(rng.choice([0.0, 0.2])),
        latent=float(rng.choice([0.1, 0.5])),
        mixing=float(rng.choice([0.1, 1.0])),
        identity=float(rng.choice([0.5, 3.0])),
    )
    reports = list(optimize(pack, w_plus, prompt, settings, draw=draw))
    codes = [report.w_plus for report in reports if report.step in KEPT]
    return [code for code in codes if code is not None]
