import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.reporting import words


def plain(text: str) -> str:
    return text.replace(words.GAP, " ")


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.9364, "0.936"), (3.41, "3.41"), (1234.5, "1,234"), (0, "0"), (-0.51234, "−0.512"), (None, "–"), (math.nan, "–")],
)
def test_numbers_have_three_figures(value: float | None, told: str) -> None:
    assert words.number(value) == told


@pytest.mark.parametrize(("value", "told"), [(1.24, "+1.2"), (-0.44, "−0.4"), (0.04, "0.0"), (-0.04, "0.0"), (None, "–")])
def test_a_sign_only_where_there_is_one(value: float | None, told: str) -> None:
    assert words.signed(value) == told


@pytest.mark.parametrize(("share", "told"), [(0.41, "41 %"), (0.998, "99.8 %"), (0.001, "0.1 %"), (1.0, "100 %"), (0.0, "0 %")])
def test_percent_never_rounds_to_all_or_nothing(share: float, told: str) -> None:
    assert plain(words.percent(share)) == told


@pytest.mark.parametrize(("value", "told"), [(0.84, "0.8 s"), (88.3, "88 s"), (181.2, "3 min 01 s"), (3725, "1 h 02 min")])
def test_seconds_in_the_unit_that_fits(value: float, told: str) -> None:
    assert plain(words.seconds(value)) == told


@pytest.mark.parametrize(("value", "told"), [(812, "812 bytes"), (52_410, "52.4 kB"), (1_500_000, "1.50 MB"), (None, "–")])
def test_sizes_in_decimal_units(value: float | None, told: str) -> None:
    assert plain(words.size(value)) == told


def test_intervals_as_half_width_or_ends() -> None:
    assert words.half_width(0.5) == words.half_width([1.0, 2.0]) == 0.5
    assert words.half_width(None) == 0


def test_listing() -> None:
    assert [words.listing(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@given(st.floats(-1e6, 1e6, allow_subnormal=False))
def test_a_number_reads_back_to_three_figures(value: float) -> None:
    told = float(words.number(value).replace(",", "").replace(words.MINUS, "-"))
    assert told == pytest.approx(value, rel=6e-3, abs=1e-12)


@given(st.floats(-99, 99))
def test_arrow_and_sign_agree(value: float) -> None:
    assert {"▲": "+", "▼": "−", "=": "0"}[words.arrow(value)] == words.signed(value)[0]
