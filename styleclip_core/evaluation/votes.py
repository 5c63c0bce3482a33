"""Blind votes between two results, kept in a local file, and the table of who is preferred."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from styleclip_core.errors import BadSetting
from styleclip_core.evaluation.methods import METHODS
from styleclip_core.evaluation.protocol import Row, picture_name
from styleclip_core.evaluation.reports import grouped, markdown_table
from styleclip_core.evaluation.scoreboard import nearest

VOTES = "votes.jsonl"
LEAST_GAIN = 0.75  # deviations: results that show less of what was asked are not shown


@dataclass(frozen=True)
class Vote:
    """The method that was preferred to another on one face and prompt."""

    face: str
    prompt: str
    winner: str
    loser: str


@dataclass(frozen=True)
class Pair:
    """Two results to choose from, by chance which is on the left; names of files in the folder of pictures."""

    face: str
    prompt: str
    methods: tuple[str, str]
    before: str
    pictures: tuple[str, str]

    def vote(self, side: int) -> Vote:
        """The vote for the left (0) or the right (1)."""
        return Vote(self.face, self.prompt, self.methods[side], self.methods[1 - side])


def draw_pair(rows: Sequence[Row], target: float, random: np.random.Generator) -> Pair:
    """Two methods' results on one face and prompt, each at the strength whose gain is nearest to ``target``.

    Raises BadSetting if there are no two.
    """
    choices = []
    for edit in grouped(rows, lambda r: f"{r.face}\0{r.prompt}").values():
        best = [nearest(group, target) for group in grouped(edit, lambda r: r.method).values()]
        shown = [row for row in best if row.gain >= LEAST_GAIN]
        if len(shown) > 1:
            choices.append(shown)
    if not choices:
        raise BadSetting("The folder holds no two results to compare; run benchmark with more methods into it.")
    edits = choices[random.integers(len(choices))]
    left, right = (edits[i] for i in random.permutation(len(edits))[:2])
    return Pair(
        left.face,
        left.prompt,
        (left.method, right.method),
        picture_name(left.face),
        (left.picture, right.picture),
    )


def add_vote(folder: Path, vote: Vote) -> None:
    """Append a vote to the folder's file."""
    with open(folder / VOTES, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(vote)) + "\n")


def read_votes(folder: Path) -> list[Vote]:
    """All votes of a folder. Raises BadSetting."""
    path = folder / VOTES
    try:
        return [Vote(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{path} holds a line that is no vote; mend or delete it.") from error


def bradley_terry(wins: np.ndarray, prior: float = 0.5, rounds: int = 500) -> np.ndarray:
    """Log strengths ``[K]`` with mean 0 for ``wins [K,K]``: how often i was preferred to j.

    P(i before j) = 1 / (1 + exp(s_j - s_i)). By Hunter's (2004) iteration. ``prior`` votes are added each way to every
    pair that was ever compared, so that one who always won has a finite strength.
    """
    wins = wins + prior * ((wins + wins.T) > 0)
    games, strength = wins + wins.T, np.ones(len(wins))
    for _ in range(rounds):
        share = (games / (strength[:, None] + strength[None])).sum(1)
        strength = np.where(share > 0, wins.sum(1) / np.maximum(share, 1e-12), 1.0)
        strength = strength / np.exp(np.log(strength).mean())
    return np.log(strength)


def vote_table(votes: Sequence[Vote], draws: int = 300) -> str:
    """Markdown, best first: log strength with a 95 % interval over votes drawn with replacement, and share of wins."""
    if not votes:
        raise BadSetting("There are no votes yet.")
    names = sorted({name for vote in votes for name in (vote.winner, vote.loser)})
    pairs = np.array([(names.index(v.winner), names.index(v.loser)) for v in votes])

    def strengths(chosen: np.ndarray) -> np.ndarray:
        wins = np.zeros((len(names), len(names)))
        np.add.at(wins, (chosen[:, 0], chosen[:, 1]), 1)
        return bradley_terry(wins)

    random = np.random.default_rng(0)
    found = strengths(pairs)
    drawn = [strengths(pairs[random.integers(0, len(pairs), len(pairs))]) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    rows = []
    for i in np.argsort(-found):
        won, shown = int((pairs[:, 0] == i).sum()), int((pairs == i).any(1).sum())
        title = METHODS[names[i]].title if names[i] in METHODS else names[i]
        rows.append([title, f"{found[i]:+.2f} [{low[i]:+.2f}, {high[i]:+.2f}]", f"{won}/{shown}"])
    return markdown_table(["method", "log strength (Bradley-Terry)", "preferred"], rows)
