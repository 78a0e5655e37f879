"""Promises of the comparison of ways of sharing."""

import numpy as np
import pytest

import helpers
from benchmarks import sharing
from lepton.kinds import KINDS

PARAMS = helpers.params()
METRICS = {"digit": "accuracy", "objects": "ap50", "ink": "iou", "tilt": "mae"}


def metrics(**values: float) -> dict[str, dict[str, float]]:
    return {name: {METRICS[name]: values.get(name, 0.5)} for name in PARAMS.tasks}


def test_every_sharing_and_every_weighting_is_there_once_the_default_first() -> None:
    found = sharing.ways(PARAMS)
    assert found[0] == (PARAMS.model.sharing, PARAMS.train.weighting)
    assert len(found) == len(set(found))
    assert {one for one, _ in found} == set(KINDS["sharing"])
    for way in (PARAMS.model.sharing, "hard"):
        assert {weighting for one, weighting in found if one == way} == set(KINDS["weighting"])


def test_delta_is_relative_and_positive_where_the_task_got_better() -> None:
    delta_T = sharing.deltas(PARAMS, metrics(digit=0.55, tilt=0.4), metrics())
    assert delta_T == pytest.approx([10, 0, 0, 20])  # a smaller error is better


def test_costs_are_shares_of_all_single_task_models_together() -> None:
    one = {"seconds": 10.0, "macs": 30.0, "parameters": 5.0}
    assert sharing.shares(one, [one, one]) == {"seconds": 0.5, "macs": 0.5, "parameters": 0.5}


def test_equal_weights_suffice_unless_something_is_surely_better() -> None:
    noise = np.array([-0.3, 0.1, 0.4, -0.2, 0.0])
    alike = {"equal": noise, "log": noise[::-1] + 0.1, "mgda": noise - 1}
    assert sharing.verdict(alike).startswith("equal weights suffice; the best other is log +0.10")
    assert sharing.verdict(alike | {"upgrad": noise + 3 + noise[::-1] / 9}).startswith("better than equal weights: upgrad")
    assert "one seed" in sharing.verdict({name: values[:1] for name, values in alike.items()})


def test_claims_are_about_the_mean_the_interval_the_worst_task_and_the_cost() -> None:
    delta_ST = np.array([[4.0, 6.0, 2.0, 5.0], [5.0, 5.0, 3.0, 5.0], [4.0, 5.0, 2.0, 6.0]])
    good = sharing.claims(PARAMS, delta_ST, {"seconds": 0.4, "parameters": 0.5})
    assert [one.holds for one in good] == [True] * 5
    assert list(PARAMS.tasks)[2] in good[2].claim
    bad = sharing.claims(PARAMS, delta_ST - [0, 0, 9, 0], {"seconds": 0.6, "parameters": 0.4})
    assert [one.holds for one in bad] == [False, True, False, False, True]
    assert sharing.claims(PARAMS, delta_ST[:1], {"seconds": 0.4, "parameters": 0.5})[1].holds is None


def test_baselines_are_trained_alone_on_hard_at_their_own_learning_rates() -> None:
    seeds = {("adaptive", "equal"): 3, ("hard", "mgda"): 2}
    jobs = sharing.trainings(PARAMS, sharing.Path("."), seeds, epochs=1)
    assert len(jobs) == 3 * (4 + 1) + 2
    assert (("adaptive", "equal"), 2) in jobs
    assert (("hard", "mgda"), 2) not in jobs
    assert len({job.file for job in jobs.values()}) == len(jobs)
    (alone,) = jobs["tilt", 1].args
    assert alone.tasks == ("tilt",)
    assert alone.lrs == PARAMS.baseline.lrs
    assert (alone.params.model.sharing, alone.params.compute.seed) == ("hard", 1)
    (whole,) = jobs[("hard", "mgda"), 0].args
    assert whole.lrs == (PARAMS.train.lr,)
    assert whole.params.train.weighting == "mgda"
