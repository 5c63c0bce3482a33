"""Settings are checked when they are made: one that exists is valid."""

import dataclasses
import subprocess
import sys

import pytest

from styleclip_core.errors import BadPrompt, BadSetting, EmptyPrompt
from styleclip_core.settings import (
    MAX_PROMPT,
    InvertSettings,
    LocalSettings,
    OfficialSettings,
    OptimizeSettings,
    TediGANSettings,
    check_prompt,
    check_range,
)

KINDS = (InvertSettings, OptimizeSettings, LocalSettings, OfficialSettings, TediGANSettings)
NUMBERS = [(kind, f.name) for kind in KINDS for f in dataclasses.fields(kind) if isinstance(f.default, (int, float))]
RANGED = [(kind, name) for kind in KINDS for name in kind.RANGES if name in {f.name for f in dataclasses.fields(kind)}]
NONE = (None, "much", [], float("nan"), float("inf"), -float("inf"), 10**400, 1j)


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_valid_and_stay(kind):
    settings = kind()
    for field in dataclasses.fields(kind):
        value = getattr(settings, field.name)
        assert value == field.default and type(value) is type(field.default)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.steps = 3


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_what_is_no_finite_number_is_refused_by_name(kind, name):
    for wrong in NONE:
        with pytest.raises(BadSetting, match=f"^{name} must be "):
            kind(**{name: wrong})


@pytest.mark.parametrize(("kind", "name"), RANGED)
def test_ranges_include_their_ends_and_nothing_beyond(kind, name):
    low, high = kind.RANGES[name]
    for value in (low, min(high, 2**53)):
        assert getattr(kind(**{name: value}), name) == value
    for value in (low - 1, 2 * high + 1):
        with pytest.raises(BadSetting, match=f"^{name} must be (from|a number from 0 up)"):
            kind(**{name: value})


@pytest.mark.parametrize(("kind", "name"), [pair for pair in NUMBERS if pair not in RANGED])
def test_other_numbers_are_0_or_more(kind, name):
    assert getattr(kind(**{name: 0}), name) == 0
    with pytest.raises(BadSetting, match=f"^{name} must be a number from 0 up, not -0.5"):
        kind(**{name: -0.5})


def test_whole_numbers_are_made_whole():
    settings = OptimizeSettings(steps=7.9, views=2.0, seed=3.5, resolution=128.0, lr=1)
    whole = (settings.steps, settings.views, settings.seed, settings.resolution)
    assert whole == (7, 2, 3, 128) and all(type(value) is int for value in whole)
    large = 2**53 + 1  # the first that no float is
    assert OptimizeSettings(seed=large).seed == large


def test_replacing_a_value_checks_it_too():
    with pytest.raises(BadSetting, match="strength must be from 0 to 2, not 3"):
        dataclasses.replace(OptimizeSettings(), strength=3)


def test_truth_values_count_as_the_numbers_they_are():
    assert InvertSettings(tune=True).tune == 1 and LocalSettings(feather=False).feather == 0


def test_numbers_are_not_read_from_text():
    for kind, name in (OptimizeSettings, "strength"), (OptimizeSettings, "lr"), (InvertSettings, "steps"):
        with pytest.raises(BadSetting, match=f"{name} must be a number from 0 up, not '1'"):
            kind(**{name: "1"})


def test_the_neutral_text_is_a_prompt_or_nothing():
    assert OptimizeSettings().neutral is None
    assert OptimizeSettings(neutral="  a   face ").neutral == "a face"
    for wrong, error in (("", EmptyPrompt), (" \n", EmptyPrompt), ("x" * (MAX_PROMPT + 1), BadPrompt)):
        with pytest.raises(error):
            OptimizeSettings(neutral=wrong)


def test_single_values():
    assert check_range("size", "3", 0, 5) == 3.0 and isinstance(check_range("size", 3, 0, 5), float)
    for wrong in NONE:
        with pytest.raises(BadSetting, match="size must be"):
            check_range("size", wrong, 0, 5)
    assert check_prompt(" a\tsmile\ud800 \n") == "a smile"
    assert check_prompt("x" * MAX_PROMPT) == "x" * MAX_PROMPT
    for wrong in (None, "", "\ud800"):
        with pytest.raises(EmptyPrompt, match="for example"):
            check_prompt(wrong)


def test_settings_need_no_torch():
    code = "import sys, styleclip_core.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
