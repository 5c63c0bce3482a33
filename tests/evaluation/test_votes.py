"""Votes between two results: pairs are blind, votes are kept, and the table finds who is preferred."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from styleclip_core.errors import BadSetting
from styleclip_core.evaluation import votes
from styleclip_core.evaluation.methods import METHODS
from styleclip_core.evaluation.protocol import PICTURES, ROWS, Row, picture_name
from styleclip_core.evaluation.votes import Vote, add_vote, bradley_terry, draw_pair, read_votes, vote_table


def row(method: str, strength: float, gain: float, face: str = "a") -> Row:
    return Row(face, "a smiling person", method, strength, gain, 0.8, None, 0.1, 0.2, 0.1, 0.1, 1.0, 0.5)


def test_a_pair_shows_each_method_nearest_to_the_gain_in_random_order() -> None:
    rows = [row("mapper", 1.0, 0.9), row("mapper", 2.0, 1.6), row("boundary", 2.0, 1.4), row("boundary", 3.0, 4.0)]
    random = np.random.default_rng(0)
    pairs = [draw_pair(rows, 1.5, random) for _ in range(40)]
    assert {pair.methods for pair in pairs} == {("mapper", "boundary"), ("boundary", "mapper")}
    names = {"mapper": rows[1].picture, "boundary": rows[2].picture}
    assert all(pair.pictures == tuple(names[method] for method in pair.methods) for pair in pairs)
    assert {pair.before for pair in pairs} == {picture_name("a")}
    assert pairs[0].vote(1) == Vote("a", "a smiling person", pairs[0].methods[1], pairs[0].methods[0])


def test_results_that_do_not_show_what_was_asked_are_not_voted_on() -> None:
    rows = [row("mapper", 1.0, 1.5), row("component", 3.0, 0.2)]
    with pytest.raises(BadSetting, match="no two results"):
        draw_pair(rows, 1.5, np.random.default_rng(0))


def test_votes_are_kept_in_the_folder(tmp_path: Path) -> None:
    assert read_votes(tmp_path) == []
    cast = [Vote("a", "p", "mapper", "boundary"), Vote("b", "p", "boundary", "mapper")]
    for vote in cast:
        add_vote(tmp_path, vote)
    assert read_votes(tmp_path) == cast
    (tmp_path / votes.VOTES).write_text("[]\n")
    with pytest.raises(BadSetting, match="no vote"):
        read_votes(tmp_path)


def test_bradley_terry_finds_the_strengths_that_votes_were_drawn_with() -> None:
    true = np.array([1.0, 0.0, -1.0])
    random, wins = np.random.default_rng(0), np.zeros((3, 3))
    for i in range(3):
        for j in range(i):
            won = random.binomial(4000, 1 / (1 + np.exp(true[j] - true[i])))
            wins[i, j], wins[j, i] = won, 4000 - won
    assert bradley_terry(wins) == pytest.approx(true, abs=0.06)


def test_who_always_wins_is_ahead_by_a_finite_strength() -> None:
    strengths = bradley_terry(np.array([[0, 9], [0, 0]]))
    assert strengths[0] > 1 and np.isfinite(strengths).all() and strengths.sum() == pytest.approx(0)


def test_the_table_names_the_preferred_first_with_an_interval() -> None:
    cast = [Vote("a", "p", "mapper", "boundary")] * 8 + [Vote("a", "p", "boundary", "mapper")] * 2
    first, second = vote_table(cast).splitlines()[2:]
    assert METHODS["mapper"].title in first and first.endswith("| 8/10 |")
    assert METHODS["boundary"].title in second and second.endswith("| 2/10 |")
    strength, low, high = (
        float(x) for x in first.split("|")[2].replace("[", "").replace("]", "").replace(",", "").split()
    )
    assert 0 < low < strength < high
    with pytest.raises(BadSetting, match="no votes"):
        vote_table([])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a benchmark leaves, with pictures of one colour each."""
    rows = [row("mapper", 1.0, 1.5), row("boundary", 3.0, 1.4)]
    (tmp_path / PICTURES).mkdir()
    (tmp_path / ROWS).write_text("".join(json.dumps(asdict(r)) + "\n" for r in rows))
    for name, color in ((rows[0].picture, "red"), (rows[1].picture, "blue"), (picture_name("a"), "white")):
        Image.new("RGB", (64, 64), color).save(tmp_path / PICTURES / name)
    return tmp_path


def test_the_page_is_blind_and_keeps_votes(folder: Path) -> None:
    gradio_client = pytest.importorskip("gradio_client")
    from styleclip_core.evaluation import vote_page

    page = vote_page.build(folder, seed=0)
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False)
    try:
        client = gradio_client.Client(url, verbose=False)
        assert client.predict(api_name="/left")[-1] == "0 votes", "there was no pair yet"
        prompt, *pictures, count = client.predict(api_name="/show")
        assert "a smiling person" in prompt and count == "0 votes"
        for shown in (str(client.view_api(return_format="dict")), prompt, *map(str, pictures)):
            assert not any(name in shown for name in ("mapper", "boundary")), "whose result it is must not be seen"
        for side in (1, 0):
            left, right = (np.asarray(Image.open(picture)).reshape(-1, 3).mean(0) for picture in pictures[1:])
            assert {left.argmax(), right.argmax()} == {0, 2}
            chosen = "mapper" if (left, right)[side].argmax() == 0 else "boundary"
            prompt, *pictures, count = client.predict(api_name=f"/{('left', 'right')[side]}")
            assert read_votes(folder)[-1].winner == chosen
        assert count == "2 votes"
        assert client.predict(api_name="/skip")[-1] == "2 votes"
    finally:
        page.close()


def test_the_page_listens_on_this_machine_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gradio = pytest.importorskip("gradio")
    from styleclip_core.evaluation import vote_page

    launched = []
    monkeypatch.setattr(gradio.Blocks, "launch", lambda page, **options: launched.append(options))
    vote_page.serve(folder, 7999)
    assert launched == [{"server_name": "127.0.0.1", "server_port": 7999, "share": False}]


def test_a_folder_without_results_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    from styleclip_core.evaluation import vote_page

    with pytest.raises(BadSetting, match="no two results"):
        vote_page.serve(tmp_path)
