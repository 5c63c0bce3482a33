"""Photos handed out to workers that die, refuse, or find others at a photo. The workers are a script."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from styleclip_core.batch.hand_out import DIED, NOBODY, STARTS, TRIES, Answer, Ready, hand_out
from styleclip_core.errors import UnknownMapper

PHOTOS = [Path(f"{number}.jpg") for number in range(7)]


class Script:
    """Workers whose answers a function makes up: of the photo (None: at a start) and how often that was asked."""

    def __init__(self, answer: Callable[[Path | None, int], Answer], silent: frozenset[int] = frozenset()):
        self.made_up, self.silent = answer, silent
        self.asked: dict[Path | None, int] = {}
        self.coming: deque[tuple[int, Path | None]] = deque()
        self.waits: list[Path] = []
        self.closed = False

    def begin(self, worker: int) -> None:
        if worker not in self.silent:
            self.coming.append((worker, None))

    def give(self, worker: int, photo: Path, wait: bool) -> None:
        self.waits += [photo] if wait else []
        self.coming.append((worker, photo))

    def answer(self) -> tuple[int, Answer]:
        worker, photo = self.coming.popleft()
        self.asked[photo] = self.asked.get(photo, 0) + 1
        return worker, self.made_up(photo, self.asked[photo])

    def close(self) -> None:
        self.closed = True


def good(photo: Path | None, times: int) -> Answer:
    return Ready("a note") if photo is None else {"of": photo.name}


def test_each_photo_is_given_once_and_the_note_is_said_once() -> None:
    team, said = Script(good), []
    rows = list(hand_out(team, 3, PHOTOS, said.append))
    assert sorted(rows) == [(photo, {"of": photo.name}) for photo in PHOTOS]
    assert all(team.asked[photo] == 1 for photo in PHOTOS) and said == ["a note"] and team.closed


def test_there_are_no_more_workers_than_photos() -> None:
    team = Script(good)
    assert len(list(hand_out(team, 5, PHOTOS[:2]))) == 2 and team.asked[None] == 2


def test_the_photo_of_a_worker_that_died_is_done_by_another_and_none_is_doubled() -> None:
    team = Script(lambda photo, times: None if photo == PHOTOS[2] and times == 1 else good(photo, times))
    rows = list(hand_out(team, 2, PHOTOS))
    assert sorted(rows) == [(photo, {"of": photo.name}) for photo in PHOTOS]
    assert team.asked[None] == 3, "the dead one was begun anew"


def test_a_photo_that_kills_its_workers_is_a_row() -> None:
    team = Script(lambda photo, times: None if photo == PHOTOS[2] else good(photo, times))
    rows = dict(hand_out(team, 2, PHOTOS))
    assert rows.pop(PHOTOS[2]) == DIED and team.asked[PHOTOS[2]] == TRIES
    assert rows.keys() == set(PHOTOS) - {PHOTOS[2]}


def test_a_worker_for_which_there_is_no_room_is_not_waited_for() -> None:
    died = {PHOTOS[5]: 1}
    team = Script(lambda photo, times: None if died.get(photo) == times else good(photo, times), frozenset({1}))
    assert dict(hand_out(team, 2, PHOTOS)).keys() == set(PHOTOS)


def test_workers_that_die_at_their_starts_end_as_rows() -> None:
    team = Script(lambda photo, times: None)
    assert list(hand_out(team, 2, PHOTOS)) == [(photo, NOBODY) for photo in PHOTOS]
    assert team.asked[None] == 2 * STARTS


def test_a_photo_that_others_are_at_comes_last_and_is_waited_for() -> None:
    team = Script(lambda photo, times: {"busy": True} if photo == PHOTOS[0] and times == 1 else good(photo, times))
    rows = list(hand_out(team, 1, PHOTOS))
    assert [photo for photo, _ in rows] == [*PHOTOS[1:], PHOTOS[0]] and team.waits == [PHOTOS[0]]


def test_what_a_worker_has_against_the_plan_is_raised() -> None:
    team = Script(lambda photo, times: UnknownMapper("There is none of that name."))
    with pytest.raises(UnknownMapper, match="none of that name"):
        list(hand_out(team, 2, PHOTOS))
    assert team.closed


def test_giving_up_ends_the_workers() -> None:
    team = Script(good)
    rows = hand_out(team, 2, PHOTOS)
    next(rows)
    rows.close()
    assert team.closed
