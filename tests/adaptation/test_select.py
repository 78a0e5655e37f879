"""How methods are measured and chosen."""

import pytest
import torch
from few import episodes, plan, pool, start

import helpers
from lepton.adaptation import select
from lepton.adaptation.episodes import Episodes


def test_interval_is_the_closed_form() -> None:
    value_E = torch.tensor([0.5, 0.7, 0.9, 0.3], dtype=torch.double)
    found = select.interval(value_E)
    assert found["mean"] == pytest.approx(0.6)
    assert found["ci95"] == pytest.approx(1.96 * (0.2 / 3) ** 0.5 / 2)
    assert found["episodes"] == 4


def test_one_episode_has_no_interval() -> None:
    assert select.interval(torch.tensor([0.5])) == {"mean": 0.5, "ci95": 0.0, "episodes": 1}


def test_accuracy_is_the_share_of_queries_per_episode() -> None:
    logits_EQW = torch.eye(3)[torch.tensor([[0, 1, 2, 0], [1, 1, 1, 1]])]
    assert select.accuracy(logits_EQW, torch.tensor([[0, 1, 2, 2], [0, 0, 2, 1]])).tolist() == [0.75, 0.25]


def test_the_best_is_chosen_and_of_equals_the_first() -> None:
    assert select.choose({"reptile": 0.6, "centroid": 0.7, "ridge": 0.7}) == "centroid"
    assert select.choose({}) == "centroid"


def perfect(drawn: Episodes) -> torch.Tensor:
    return torch.nn.functional.one_hot(drawn.query_label_EQ, drawn.ways).float()


def blind(drawn: Episodes) -> torch.Tensor:
    return torch.ones(*drawn.query_EQ.shape, drawn.ways)


def test_validation_means_over_tasks_and_shots() -> None:
    candidates = {"perfect": perfect, "blind": blind}
    pools = [pool(0), pool(1, classes=4, task="letter")]
    found = select.validate(candidates, pools, plan(ways=4), [1, 5], generator=helpers.generator())
    assert found == {"perfect": 1.0, "blind": 0.25}
    assert select.choose(found) == "perfect"


def test_validation_asks_for_fewer_queries_of_small_splits_and_for_none_of_smaller() -> None:
    candidates = {"perfect": perfect}
    assert select.validate(candidates, [pool(rows=3)], plan(), [1, 5], generator=helpers.generator()) == {"perfect": 1.0}
    assert select.validate(candidates, [pool(rows=3)], plan(), [3], generator=helpers.generator()) == {}


def test_measuring_times_each_method_with_what_comes_before_it() -> None:
    calls: list[int] = []
    drawn = episodes()
    found, spent = select.measure(select.methods(start(), plan()), drawn, lambda: calls.append(1))
    assert found.keys() == spent.keys() == {"reptile", "centroid", "ridge"}
    assert all(value > 0 for value in spent.values())
    assert len(calls) == 9
