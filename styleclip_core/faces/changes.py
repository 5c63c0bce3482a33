"""What measurably changed between two pictures of a face, by `readings`: what was asked for, and what drifted.

The match of a prompt, which an edit optimises, cannot be its own judge; no loss sees these readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from styleclip_core.faces.asked import UNSURE, asked
from styleclip_core.faces.instruments import INSTRUMENTS, UNREPORTED
from styleclip_core.faces.readings import Readings

# Smaller changes of what was not asked for are not reported: population deviations, fewer of what people notice first.
DRIFT, NOTICED_DRIFT = 1.0, 0.6
NOTICED = ("mouth", "skin", "hair colour", "turn", "glasses")
MOST_DRIFTS = 3  # that a sentence names

# Groups that move with another without being another change: a smile lifts the cheeks, an open mouth lowers the chin, a
# fringe casts edges on the nose.
COMPANIONS = {
    "mouth": ("eyes", "shape", "lips"),
    "turn": ("shape", "glasses", "eyes"),
    "bangs": ("hair amount", "glasses", "brow hair"),
    "hair amount": ("bangs",),
    "hair length": ("hair amount",),
}


@dataclass(frozen=True)
class Change:
    """One reading before and after.

    Attributes:
        key: of `INSTRUMENTS`.
        before, after: what it read, in the units of `readings.read` (shares where ``unit`` is "%").
        deviations: the change, in deviations over random faces.
        wish: 1 or -1 if it was asked to rise or fall, else 0.
    """

    key: str
    before: float
    after: float
    deviations: float
    wish: int = 0

    @property
    def name(self) -> str:
        """What was read, for people."""
        return INSTRUMENTS[self.key].name

    @property
    def unit(self) -> str:
        """ "%", "°" or nothing."""
        return INSTRUMENTS[self.key].unit

    @property
    def plain(self) -> bool:
        """Whether it is more than an instrument's own variation, and large enough to be seen."""
        instrument = INSTRUMENTS[self.key]
        return abs(self.deviations) * instrument.deviation >= instrument.least

    @property
    def as_asked(self) -> bool:
        """Whether it moved plainly, the way that it was asked to."""
        return self.plain and self.deviations * self.wish > 0

    @property
    def text(self) -> str:
        """ "smile 0.05 → 0.71"."""
        instrument = INSTRUMENTS[self.key]
        return f"{instrument.name} {instrument.text(self.before)} → {instrument.text(self.after)}"

    @property
    def words(self) -> str:
        """ "skin lighter by 6"."""
        instrument = INSTRUMENTS[self.key]
        what = instrument.more if self.deviations > 0 else instrument.less
        if instrument.logarithmic:
            return f"{what}, {instrument.text(self.before)} → {instrument.text(self.after)}"
        return f"{what} by {instrument.text(abs(self.after - self.before))}"


@dataclass(frozen=True)
class Report:
    """What an edit measurably did.

    Attributes:
        asked: the readings that it was to move, those that moved plainly as asked first.
        drift: what else moved, the largest change first.
        visible: whether any of what was asked for moved plainly; None if there is no instrument for any of it.
        unmoved: the concepts that were asked for and of which nothing measurable came.
        note: a sentence about what in the prompt is not known, or "".
    """

    asked: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    visible: bool | None = None
    unmoved: tuple[str, ...] = ()
    note: str = ""

    def sentence(self) -> str:
        """What to tell people: "Measured: smile 0.05 → 0.71. Also changed: skin lighter by 6."; "" if nothing is."""
        return " ".join(self.sentences())

    def sentences(self) -> list[str]:
        """The sentences of `sentence`: what came, what did not, and what drifted, as far as there is any of it."""
        said = [self.note] if self.note else []
        if self.visible:
            said.append(f"Measured: {', '.join(change.text for change in self.asked if change.as_asked)}.")
        if self.unmoved:
            read = ", ".join(change.text for change in self.asked if not change.as_asked)
            nothing = "Nothing" if self.visible else "Not visible: nothing"
            said.append(f"{nothing} measurable came of {' or '.join(self.unmoved)}{read and f' ({read})'}.")
        if self.drift:
            said.append(f"Also changed: {', '.join(change.words for change in self.drift[:MOST_DRIFTS])}.")
        return said

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it: ``text``, ``visible``, ``unmoved``, and ``asked`` and ``drift`` as lists of numbers."""

        def numbers(change: Change) -> dict[str, Any]:
            kept = {"name": change.name, "before": change.before, "after": change.after, "unit": change.unit}
            return {name: round(v, 4) if isinstance(v, float) else v for name, v in kept.items()} | {
                "deviations": round(change.deviations, 2)
            }

        lists = {"asked": [numbers(c) for c in self.asked], "drift": [numbers(c) for c in self.drift]}
        return {"text": self.sentence(), "visible": self.visible, "unmoved": list(self.unmoved), **lists}


def changes(before: Readings, after: Readings) -> list[Change]:
    """All readings that both pictures have, the largest change first, in deviations over random faces."""
    found = []
    for key, instrument in INSTRUMENTS.items():
        if key in before and key in after:
            change = instrument.scaled(after[key]) - instrument.scaled(before[key])
            found.append(Change(key, before[key], after[key], change / instrument.deviation))
    return sorted(found, key=lambda change: -abs(change.deviations))


def report(before: Readings, after: Readings, concepts: Mapping[str, float]) -> Report:
    """What an edit measurably did, that was to change these concepts (name -> signed wish)."""
    found = {change.key: change for change in changes(before, after)}
    moved, still, unmoved, groups = {}, {}, [], set()
    for concept, ways in asked(concepts).items():
        told = [replace(found[key], wish=way) for key, way in ways.items() if key in found]
        groups |= {INSTRUMENTS[change.key].group for change in told}
        moved |= {change.key: change for change in told if change.as_asked}
        if told and concept not in UNSURE and not any(change.as_asked for change in told):
            if told[0].key not in still:  # "turned left" says "less turned right" too
                unmoved.append(concept if concepts[concept] > 0 else f"less {concept}")
            still[told[0].key] = told[0]
    told = moved | {key: change for key, change in still.items() if key not in moved}
    visible = bool(moved) if told else None
    return Report(tuple(told.values()), _drift(list(found.values()), groups), visible, tuple(unmoved))


def _drift(found: list[Change], groups: set[str]) -> tuple[Change, ...]:
    """The changes that were not asked for, at most one of each group, the largest first."""
    large = [change for change in found if change.plain and change.key not in UNREPORTED and _is_drift(change)]
    moved = groups | {INSTRUMENTS[change.key].group for change in large}
    seen = groups | {other for group in moved for other in COMPANIONS.get(group, ())}
    drift = []
    for change in large:
        if (group := INSTRUMENTS[change.key].group) not in seen:
            seen.add(group)
            drift.append(change)
    return tuple(drift)


def _is_drift(change: Change) -> bool:
    noticed = INSTRUMENTS[change.key].group in NOTICED
    return abs(change.deviations) >= (NOTICED_DRIFT if noticed else DRIFT)
