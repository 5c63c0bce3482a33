"""What `styleclip batch` refuses before any networks are loaded, and how it says so."""

from pathlib import Path

import pytest

from styleclip_core import cli


def test_it_explains_itself(capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["batch", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--engine ray" in said.split("examples:")[1] and "Exit code 3" in said


@pytest.mark.parametrize(
    "options, sentence",
    [
        ([], "either --prompt or --edits"),
        (["--prompt", "a smile", "--edits", "edits.json"], "either --prompt or --edits"),
        (["--edits", "gone.json"], "gone.json cannot be read"),
        (["--prompt", "  "], "Type what to change"),
        (["--prompt", "a smile", "--engine", "spark"], "local or ray"),
        (["--prompt", "a smile", "--jobs", "0"], "at least 1"),
        (["--prompt", "a smile", "--faces", "some"], "largest, all"),
        (["--prompt", "a smile", "-o", "s3://bucket/out"], "--engine ray"),
        (["--prompt", "a smile", "-o", "."], "among the photos"),
        (["--prompt", "a smile", "--faithful", "2"], "faithful"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    options: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(b"")
    assert cli.main(["batch", ".", "-o", "out", *options]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
