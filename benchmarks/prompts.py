"""How prompts are read: known wordings that training never saw, unknown ones, and several concepts at once.

    python -m benchmarks prompts            # with --misses, what was read wrongly too

The texts are those of `evaluation.zero_shot` and `evaluation.unknown_prompts`; no training text equals one of them.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.common import make_parser
from styleclip_core import load_pack
from styleclip_core.edits import concepts
from styleclip_core.evaluation.metrics import auc
from styleclip_core.evaluation.reports import markdown_table
from styleclip_core.evaluation.unknown_prompts import COMPOUNDS, FAR, NEAR, Compound
from styleclip_core.evaluation.zero_shot import PROMPTS
from styleclip_core.packs import Pack

KINDS = ("plain", "conversational", "unusual")  # wordings of each concept in `PROMPTS`, in their order


def known_wordings() -> list[tuple[str, str, int, str]]:
    """Texts of `PROMPTS` with their concept, its sign and the kind of wording."""
    return [
        (text, name, sign, kind)
        for name, pairs in PROMPTS.items()
        for kind, pair in zip(KINDS, pairs, strict=True)
        for text, sign in zip(pair, (1, -1), strict=True)
    ]


def familiarity(pack: Pack, texts: list[str]) -> np.ndarray:
    """How familiar whole texts are ``[N]``."""
    return concepts.meaning(pack, texts).familiarity.numpy()


def separation(pack: Pack, unknown: tuple[str, ...]) -> float:
    """AUROC of the familiarity of known wordings against unknown texts."""
    known = familiarity(pack, [text for text, *_ in known_wordings()])
    scores = np.concatenate([known, familiarity(pack, list(unknown))])
    return auc(scores, np.arange(len(scores)) < len(known))


def called_unknown(pack: Pack, texts: list[str]) -> list[str]:
    """The texts of which any words are said to be unknown."""
    return [text for text in texts if concepts.read(pack, text).unknown]


def likeliest(pack: Pack) -> dict[str, float]:
    """Kind of wording -> share of which the likeliest concept and its sign are right, by the text as a whole."""
    wordings, names = known_wordings(), concepts.load_reader(pack.device).names
    probabilities = concepts.meaning(pack, [text for text, *_ in wordings]).probabilities
    best = probabilities[..., ::2].flatten(1).argmax(1).tolist()  # of (the opposite, there) of each concept
    right = [(names[i // 2], 2 * (i % 2) - 1) == (n, s) for i, (_, n, s, _) in zip(best, wordings, strict=True)]
    return {k: float(np.mean([r for r, w in zip(right, wordings, strict=True) if w[3] == k])) for k in KINDS}


def wanted(reading: concepts.Reading) -> dict[str, int]:
    """Concept -> sign of all that a reading holds, context words among them."""
    return {name: 1 if value > 0 else -1 for name, value in (reading.context | reading.changes).items()}


def judge(compound: Compound, read: dict[str, int]) -> tuple[int, int, int]:
    """Claims that were read, claims in all, and signs that were read though nothing says them."""
    claims = compound.signs()
    found = sum(read.get(name) == sign for name, sign in claims.items())
    return found, len(claims), sum(not compound.allows(name, sign) for name, sign in read.items())


def judge_compounds(pack: Pack) -> tuple[dict[str, float], list[str]]:
    """Share read exactly, precision and recall over all signed concepts; and what was read wrongly."""
    results = [(c, wanted(concepts.read(pack, c.prompt))) for c in COMPOUNDS]
    counts = np.array([judge(compound, read) for compound, read in results])
    exact = (counts[:, 0] == counts[:, 1]) & (counts[:, 2] == 0)
    found, claims, wrong = counts.sum(0)
    figures = {"exactly right": exact.mean(), "precision": found / (found + wrong), "recall": found / claims}
    misses = [f"{c.prompt}: {r}" for (c, r), right in zip(results, exact, strict=True) if not right]
    return {name: float(value) for name, value in figures.items()}, misses


def milliseconds(pack: Pack) -> tuple[float, float]:
    """Median and longest time of the first reading of a prompt, of one core: what else runs on it does not count."""
    taken = []
    for compound in COMPOUNDS:
        start = time.process_time()
        concepts.read(pack, f"{compound.prompt}!")  # not in the cache
        taken.append(1000 * (time.process_time() - start))
    return float(np.median(taken)), max(taken)


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("prompts", __doc__)
    parser.add_argument("--misses", action="store_true", help="list what was read wrongly")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    pack = load_pack("compact", "cpu")
    known = [text for text, *_ in known_wordings()]
    rejected, (compounds, misses) = called_unknown(pack, known), judge_compounds(pack)
    median, longest = milliseconds(pack)
    rows = [
        [f"AUROC, known wordings against {len(NEAR)} near misses", f"{separation(pack, NEAR):.3f}"],
        [f"AUROC, known wordings against {len(FAR)} far misses", f"{separation(pack, FAR):.3f}"],
        [f"of {len(known)} known wordings, called unknown in part", f"{len(rejected) / len(known):.3f}"],
        ["of the near misses, called unknown in part", f"{len(called_unknown(pack, list(NEAR))) / len(NEAR):.3f}"],
        ["of the far misses, called unknown in part", f"{len(called_unknown(pack, list(FAR))) / len(FAR):.3f}"],
        *([f"likeliest concept and sign right, {kind}", f"{share:.3f}"] for kind, share in likeliest(pack).items()),
        *([f"{len(COMPOUNDS)} compounds, {name}", f"{value:.3f}"] for name, value in compounds.items()),
        ["milliseconds of one core a reading: median, longest", f"{median:.0f}, {longest:.0f}"],
    ]
    print(markdown_table(["reading of prompts", ""], rows))
    if args.misses:
        print("\nKnown wordings called unknown:", *rejected, "\nCompounds:", *misses, sep="\n")
        understood = [text for text in (*NEAR, *FAR) if not concepts.read(pack, text).unknown]
        print("\nUnknown prompts taken for known:", *understood, sep="\n")


if __name__ == "__main__":
    main()
