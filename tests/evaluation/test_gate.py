"""Promises of the gate, on evidence that tests choose."""

import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import helpers
from helpers import Mean
from lepton.blocks import Gate
from lepton.evaluation import gate
from lepton.evaluation.gate import Decision, Rule
from lepton.tasks.base import Evidence

TASKS = {"digit": helpers.digit(), "tilt": helpers.tilt()}


def model(digit: float, tilt: float, rows: int = 200) -> dict[str, Evidence]:
    """Accuracy (more is better) and error in degrees (less is better), with the same noise for every model."""
    noise = np.random.default_rng(0).normal(0, 0.05, rows)
    return {name: Mean(TASKS[name].metric, value * (1 + noise)) for name, value in (("digit", digit), ("tilt", tilt))}


def beside(challenger: Mapping[str, Evidence], champion: Mapping[str, Evidence], **plan: object) -> dict[str, Rule]:
    rules = gate.not_worse(TASKS, challenger, champion, Gate(**plan), 100, rng=np.random.default_rng(0))
    return {rule.name: rule for rule in rules}


def test_a_model_may_always_follow_itself() -> None:
    rules = beside(model(0.9, 4.0), model(0.9, 4.0), margin=0.0, mean=0.0)
    assert rules.keys() == {"digit", "tilt", "mean"}
    assert all(rule.holds and rule.value == 0 for rule in rules.values())


@given(margin=st.floats(0, 20), loss=st.floats(-20, 20))
def test_a_task_holds_where_the_lower_end_of_its_interval_is_within_its_margin(margin: float, loss: float) -> None:
    """All rows change by the same share here, so that the interval has no width."""
    rules = beside(model(0.9 * (1 - loss / 100), 4.0), model(0.9, 4.0), margin=margin, mean=-50)
    assert rules["digit"].value == pytest.approx(-loss, abs=1e-9)
    if abs(margin - loss) > 1e-6:
        assert rules["digit"].holds == (loss < margin)
    assert rules["tilt"].holds


def test_an_error_that_grows_is_a_loss() -> None:
    rules = beside(model(0.9, 4.4), model(0.9, 4.0), margin=5.0)
    assert not rules["tilt"].holds
    assert rules["tilt"].value == pytest.approx(-10)
    assert beside(model(0.9, 3.6), model(0.9, 4.0))["tilt"].holds


def test_an_interval_that_reaches_below_the_margin_breaks_it_although_the_mean_does_not() -> None:
    random = np.random.default_rng(1)
    unsure = {"digit": Mean(TASKS["digit"].metric, 0.9 + random.normal(0, 1, 200)), "tilt": model(0.9, 4.0)["tilt"]}
    shift = unsure["digit"].values_N.mean()
    unsure["digit"].values_N += 0.9 - shift
    rule = beside(unsure, model(0.9, 4.0), margin=5.0)["digit"]
    assert rule.value is not None
    assert rule.value < -5
    assert not rule.holds


def test_single_tasks_have_margins_of_their_own() -> None:
    rules = beside(model(0.9, 4.4), model(0.9, 4.0), margin=5.0, margins={"tilt": 12.0}, mean=-10)
    assert all(rule.holds for rule in rules.values())


def test_tasks_that_all_lose_a_little_break_the_rule_of_the_mean() -> None:
    rules = beside(model(0.9 * 0.97, 4.0 * 1.03), model(0.9, 4.0), margin=5.0, mean=-1.0)
    assert rules["digit"].holds
    assert rules["tilt"].holds
    assert not rules["mean"].holds
    assert rules["mean"].value == pytest.approx(-3)


def test_tasks_that_the_champion_does_not_know_have_no_say() -> None:
    champion = {"digit": model(0.9, 4.0)["digit"]}
    assert beside(model(0.9, 99.0), champion).keys() == {"digit", "mean"}
    assert not beside(model(0.9, 4.0), {})["tasks"].holds


def test_a_lost_task_and_one_that_became_another_hold_the_model_back() -> None:
    assert [rule.holds for rule in gate.keeps([], [])] == [True]
    lost, other = gate.keeps(["ink"], ["digit"])
    assert not lost.holds
    assert "ink" in lost.says
    assert not other.holds
    assert "digit" in other.says


@pytest.mark.parametrize(("value", "holds"), [(0.9, True), (0.82, True), (0.80, False)])
def test_the_first_model_needs_to_be_near_its_single_task_models(value: float, holds: bool) -> None:
    (rule,) = gate.good_enough(TASKS, {"digit": value}, {"digit": 0.9}, Gate(floor=10))
    assert rule.holds == holds


def test_limits_count_where_they_are_set() -> None:
    assert gate.limits(10**9, 1e6, Gate()) == []
    size, time = gate.limits(2000, 3.0, Gate(max_bytes=1999, max_milliseconds=3))
    assert (size.name, size.holds) == ("bytes", False)
    assert (time.name, time.holds) == ("milliseconds", True)
    assert "2,000 bytes; at most 1,999 are allowed" in size.says


def test_one_broken_rule_is_enough_and_every_reason_is_told() -> None:
    good, bad = Rule("digit", True, "digit: fine"), Rule("tilt", False, "tilt: worse", -9.0, -5.0)
    assert Decision("m", None, [good]).promote
    held = Decision("m", "champion/3", [good, bad, Rule("mean", False, "mean: worse")])
    assert not held.promote
    assert held.reasons == ["tilt: worse", "mean: worse"]
    told = json.loads(json.dumps(held.to_dict(), allow_nan=False))
    assert told["promote"] is False
    assert told["champion"] == "champion/3"
    assert told["rules"][1] == {"name": "tilt", "holds": False, "says": "tilt: worse", "value": -9.0, "bound": -5.0}
