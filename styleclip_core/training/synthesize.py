"""Render synthetic faces to train on: pictures, and a table of the seeds that give their latents back.

``z(seed) = numpy.random.default_rng(seed).standard_normal((1, 512))``; ``w = w_avg + psi * (map(z) - w_avg)``; from
layer ``crossover`` on, a mixed face takes the second seed's w.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from styleclip_core.images import to_image
from styleclip_core.latents import random_w
from styleclip_core.packs.compact import compact_generator

FIELDS = ["index", "seed_a", "seed_b", "crossover", "psi"]


def recipe(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of ``faces.csv``: psi uniform in [0.5, 1], three faces in ten mixed at a random layer."""
    rng, rows, next_seed = np.random.default_rng(seed), [], 0
    for index in range(count):
        mixed = rng.random() < 0.3
        row = {"index": index, "seed_a": next_seed, "seed_b": "", "crossover": "", "psi": round(rng.uniform(0.5, 1), 3)}
        if mixed:
            row |= {"seed_b": next_seed + 1, "crossover": int(rng.integers(4, 13))}
        next_seed += 1 + mixed
        rows.append(row)
    return rows


@torch.no_grad()
def synthesize(folder: Path, count: int, seed: int = 0, size: int = 256) -> None:
    """Write ``img/NNNNN.webp``, ``faces.csv`` and ``w_avg.npy`` to ``folder``; about a second a face on two cores."""
    generator = compact_generator()
    (folder / "img").mkdir(parents=True, exist_ok=True)
    np.save(folder / "w_avg.npy", generator.w_avg.numpy())
    rows = recipe(count, seed)
    with (folder / "faces.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    for row in tqdm(rows):
        w_plus = random_w(generator, row["seed_a"], row["psi"]).expand(generator.num_layers, -1).clone()
        if row["seed_b"] != "":
            w_plus[row["crossover"] :] = random_w(generator, row["seed_b"], row["psi"])
        image = to_image(generator.synthesize(w_plus[None]))
        image.resize((size, size), Image.Resampling.LANCZOS).save(
            folder / "img" / f"{row['index']:05d}.webp", quality=90
        )
