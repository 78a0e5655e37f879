"""Promises of the split."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.blocks import Split
from lepton.data.split import SIDES, place, sides

groups = st.lists(st.integers(0, 40) | st.text(max_size=3), min_size=1, max_size=30)


@given(kept=groups, added=groups, valid=st.floats(0, 0.45), test=st.floats(0, 0.45))
@settings(max_examples=50, deadline=None)
def test_a_row_never_changes_side_whatever_else_is_in_the_table(kept: list, added: list, valid: float, test: float) -> None:
    split = Split(valid=valid, test=test)
    alone = sides(pd.Series(kept, dtype=object), split)
    among = sides(pd.Series([*added, *kept, *added], dtype=object), split)
    np.testing.assert_array_equal(among[len(added) : len(added) + len(kept)], alone)


def test_a_row_without_a_group_moves_no_other_row() -> None:
    """One missing value turns a column of whole numbers into floats."""
    whole, gap = pd.Series(range(50)), pd.Series([*range(50), None])
    assert whole.dtype != gap.dtype
    np.testing.assert_array_equal(sides(gap, Split())[:50], sides(whole, Split()))


@pytest.mark.parametrize(
    "column", [pd.Series([None, "a", None]), pd.Series([np.nan, 1.5, np.nan]), pd.Series([None, 7, None], dtype="Int64")]
)
def test_rows_without_a_group_stay_together(column: pd.Series) -> None:
    found = sides(column, Split())
    assert found[0] == found[2]
    assert found[0] in SIDES


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30))
@settings(max_examples=30, deadline=None)
def test_groups_stay_together(column: list[int]) -> None:
    found = sides(pd.Series(column), Split(valid=0.3, test=0.3))
    for group in set(column):
        assert len({side for side, one in zip(found, column, strict=True) if one == group}) == 1


@pytest.mark.parametrize(("valid", "test"), [(0.15, 0.15), (0.3, 0.1), (0, 0.2), (0.2, 0), (0, 0)])
def test_shares_are_about_those_asked_for(valid: float, test: float) -> None:
    found = sides(pd.Series(range(20_000)), Split(valid=valid, test=test))
    assert (found == "valid").mean() == pytest.approx(valid, abs=0.01)
    assert (found == "test").mean() == pytest.approx(test, abs=0.01)
    assert set(found) <= set(SIDES)


def test_the_test_side_stays_when_the_valid_share_changes() -> None:
    column = pd.Series(range(500))
    one, other = (sides(column, Split(valid=valid, test=0.2)) == "test" for valid in (0.1, 0.4))
    np.testing.assert_array_equal(one, other)


def test_another_salt_is_another_split() -> None:
    column = pd.Series(range(500))
    one, other = (sides(column, Split(salt=salt)) for salt in ("a", "b"))
    assert 0.2 < (one != other).mean() < 0.8


@given(st.integers() | st.text(), st.text(max_size=5))
def test_places_are_in_the_unit_interval_and_need_nothing_else(group: object, salt: str) -> None:
    assert 0 <= place(group, salt) < 1
    assert place(group, salt) == place(group, salt)


def test_places_are_known_numbers() -> None:
    """Written down once: another number here would move every row of every project."""
    assert place("a", "lepton") == pytest.approx(0.7843406351617734, abs=1e-15)
    assert place(3, "lepton") == place(3.0, "lepton") == place(np.int64(3), "lepton")
