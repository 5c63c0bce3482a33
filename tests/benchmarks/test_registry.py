"""The registry of benchmarks, and the comparison of two checkouts."""

import importlib
from pathlib import Path

import pytest

from benchmarks import __main__ as registry
from benchmarks import side_by_side

ROOT = Path(__file__).parents[2]
HELPERS = {"__init__", "__main__", "common", "timings"}


def test_every_benchmark_is_in_the_registry_and_says_how_it_is_run(capsys):
    assert set(registry.BENCHMARKS) == {file.stem for file in (ROOT / "benchmarks").glob("*.py")} - HELPERS
    for name in registry.BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        assert f"python -m benchmarks {name}" in module.__doc__
        with pytest.raises(SystemExit) as ended:
            registry.main([name, "--help"])
        assert ended.value.code == 0 and f"usage: python -m benchmarks {name} " in capsys.readouterr().out


def test_without_a_name_they_are_listed(capsys):
    assert registry.main([]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in registry.BENCHMARKS)
    assert registry.main(["nothing"]) == 2
    assert "no benchmark 'nothing'" in capsys.readouterr().err


def test_what_is_no_checkout_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        side_by_side.main([str(tmp_path)])
    assert ended.value.code == 2 and "not a checkout" in capsys.readouterr().err
