"""The commands benchmark and vote: one small real comparison, and what they refuse."""

from pathlib import Path

import pytest
from PIL import Image

from styleclip_core import cli
from styleclip_core.evaluation import protocol, votes


def test_benchmark_compares_and_vote_counts(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "compared"
    small = ["--quick", "--faces", "1", "--methods", "text", "boundary", "--pack", "compact", "--device", "cpu"]
    assert cli.main(["benchmark", *small, "-o", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "text slider" in said and "InterFaceGAN" in said and "benchmark.html" in said
    rows = protocol.read_rows(folder)
    assert {row.method for row in rows} == {"text", "boundary"} and len(rows) % 6 == 0
    text = (folder / "benchmark.md").read_text("utf-8")
    assert "A quick run" in text and "Against each other" in text
    assert Image.open(folder / "grid.jpg").width > 400 and (folder / "rows.csv").is_file()
    assert cli.main(["vote", str(folder), "--table"]) == 2
    assert "no votes yet" in capsys.readouterr().err
    votes.add_vote(folder, votes.Vote(rows[0].face, rows[0].prompt, "text", "boundary"))
    assert cli.main(["vote", str(folder), "--table"]) == 0
    assert "| text slider |" in capsys.readouterr().out.splitlines()[2]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--methods", "magic"], "no method 'magic'"),
        (["--photos", "nowhere"], "no folder nowhere"),
        (["--photos", "."], "holds no photos"),
        (["--lpips", "nothing.npz"], "no weights of LPIPS-AlexNet"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(
    args: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("styleclip_core.studio.load_studio", lambda *names: pytest.fail("networks were loaded"))
    assert cli.main(["benchmark", *args, "-o", "out"]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_without_a_comparison_has_nothing_to_vote_on(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("gradio")
    assert cli.main(["vote", str(tmp_path)]) == 2
    assert "no two results" in capsys.readouterr().err
