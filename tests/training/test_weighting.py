"""Promises of the weightings."""

import pytest
import torch
import torchjd.aggregation as peer
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import helpers
from laws import (
    close,
    permuting_tasks_permutes_weights,
    scaling_a_loss_changes_no_direction,
    weights_sum_to_active_tasks,
)
from lepton.kinds import KINDS
from lepton.kinds import load as load_kind
from lepton.training.weighting.equal import Equal
from lepton.training.weighting.imtl_g import IMTLG
from lepton.training.weighting.uncertainty import Uncertainty

every_weighting = pytest.mark.parametrize("name", KINDS["weighting"])
seeds = st.integers(0, 10**6)


def problem(seed: int, count: int = 4, width: int = 12) -> tuple[Tensor, Tensor]:
    """Losses [T] and gradients [T, P] that conflict."""
    random = helpers.generator(seed)
    loss_T = torch.rand(count, generator=random, dtype=torch.float64) + 0.1
    return loss_T, torch.randn(count, width, generator=random, dtype=torch.float64) * torch.logspace(-1, 1, count)[:, None]


def weigh(name: str, loss_T: Tensor, grad_TP: Tensor, active_T: Tensor | None = None) -> Tensor:
    everyone = torch.ones(len(loss_T), dtype=torch.bool)
    weighting = load_kind("weighting", name)(len(loss_T)).to(loss_T.dtype)
    return weighting(loss_T, grad_TP @ grad_TP.T, everyone if active_T is None else active_T)


@every_weighting
@given(seed=seeds, active=st.lists(st.booleans(), min_size=5, max_size=5))
@settings(max_examples=15, deadline=None)
def test_tasks_without_labels_weigh_nothing_and_the_others_sum_to_their_number(name: str, seed: int, active: list[bool]) -> None:
    loss_T, grad_TP = problem(seed, 5)
    active_T = torch.tensor(active)
    loss_T, grad_TP = loss_T * active_T, grad_TP * active_T[:, None]
    weights_sum_to_active_tasks(weigh(name, loss_T, grad_TP, active_T), active_T)


@every_weighting
@given(seed=seeds, active=st.lists(st.booleans(), min_size=5, max_size=5).filter(any))
@settings(max_examples=15, deadline=None)
def test_a_task_without_labels_is_as_if_it_were_not_there(name: str, seed: int, active: list[bool]) -> None:
    loss_T, grad_TP = problem(seed, 5)
    active_T = torch.tensor(active)
    among = weigh(name, loss_T * active_T, grad_TP * active_T[:, None], active_T)
    close(among[active_T], weigh(name, loss_T[active_T], grad_TP[active_T]), 1e-9)


@every_weighting
@given(seed=seeds, order=st.permutations(range(5)))
@settings(max_examples=15, deadline=None)
def test_permuting_tasks_permutes_weights(name: str, seed: int, order: list[int]) -> None:
    loss_T, grad_TP = problem(seed, 5)
    permuting_tasks_permutes_weights(lambda: load_kind("weighting", name)(5).double(), loss_T, grad_TP @ grad_TP.T, order)


@every_weighting
def test_one_task_alone_weighs_one(name: str) -> None:
    assert weigh(name, *problem(0, 1)).tolist() == pytest.approx([1])


@every_weighting
def test_tasks_that_agree_in_everything_weigh_the_same(name: str) -> None:
    loss_T, grad_TP = problem(0, 1)
    close(weigh(name, loss_T.repeat(3), grad_TP.repeat(3, 1)), torch.ones(3, dtype=torch.float64), 1e-6)


@every_weighting
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_gradients_of_zero_give_finite_weights(name: str, kind: torch.dtype) -> None:
    loss_T, grad_TP = (one.to(kind) for one in problem(0))
    for dead in ([0], [0, 1, 2, 3]):
        grad_TP[dead], loss_T[dead] = 0, 0
        found = weigh(name, loss_T, grad_TP)
        assert found.dtype == kind
        weights_sum_to_active_tasks(found, torch.ones(4, dtype=torch.bool))


@every_weighting
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_step_that_overflowed_weighs_alike_and_leaves_the_state_alone(name: str, bad: float) -> None:
    loss_T, grad_TP = problem(0)
    weighting, active_T = load_kind("weighting", name)(4).double(), torch.tensor([True, True, False, True])
    weighting(loss_T, grad_TP @ grad_TP.T, active_T)
    before = {key: value.clone() for key, value in weighting.state_dict().items()}
    for loss, grad in ((loss_T, grad_TP * bad), (loss_T * bad, grad_TP)):
        assert weighting(loss, grad @ grad.T, active_T).tolist() == [1, 1, 0, 1]
    for key, value in weighting.state_dict().items():
        assert torch.equal(value.nan_to_num(9), before[key].nan_to_num(9))


@every_weighting
def test_state_survives_a_checkpoint(name: str) -> None:
    whole, first = (load_kind("weighting", name)(4) for _ in range(2))
    active_T = torch.tensor([True, True, False, True])
    for seed in range(3):
        loss_T, grad_TP = (one.float() for one in problem(seed))
        gram_TT = grad_TP @ grad_TP.T
        whole(loss_T, gram_TT, active_T)
        first(loss_T, gram_TT, active_T)
    second = load_kind("weighting", name)(4)
    second.load_state_dict(first.state_dict())
    loss_T, grad_TP = (one.float() for one in problem(9))
    everyone = torch.ones(4, dtype=torch.bool)
    assert torch.equal(second(loss_T, grad_TP @ grad_TP.T, everyone), whole(loss_T, grad_TP @ grad_TP.T, everyone))


@pytest.mark.parametrize("kind", [Uncertainty, IMTLG])
@given(seed=seeds, scale=st.lists(st.sampled_from([0.1, 1.0, 3.0, 50.0]), min_size=4, max_size=4))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_a_loss_does_not_matter(kind: type, seed: int, scale: list[float]) -> None:
    loss_T, grad_TP = problem(seed)
    scaling_a_loss_changes_no_direction(lambda: kind(4).double(), loss_T, grad_TP, torch.tensor(scale, dtype=torch.float64))


def test_for_equal_weights_the_unit_does_matter() -> None:
    """That the law above can fail."""
    loss_T, grad_TP = problem(0)
    scale_T = torch.tensor([50.0, 1, 1, 1], dtype=torch.float64)
    with pytest.raises(AssertionError):
        scaling_a_loss_changes_no_direction(lambda: Equal(4), loss_T, grad_TP, scale_T)


@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_equal_is_equal(seed: int) -> None:
    assert weigh("equal", *problem(seed)).tolist() == [1, 1, 1, 1]


@given(seed=seeds, count=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_imtl_g_is_torchjds_with_negative_weights_cut(seed: int, count: int) -> None:
    """Of the two signs that have equal projections, ours is the one that is downhill for every task; theirs sums to 1."""
    loss_T, grad_TP = problem(seed, count)
    gram_TT = grad_TP @ grad_TP.T
    expected = peer.IMTLGWeighting()(gram_TT)
    expected = (expected * (gram_TT @ expected).sum().sign()).clamp(min=0)
    close(weigh("imtl_g", loss_T, grad_TP), expected * count / expected.sum(), 1e-5)


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_imtl_g_has_equal_projections_on_every_unit_gradient(seed: int) -> None:
    loss_T, grad_TP = problem(seed, 3, 40)
    weight_T = weigh("imtl_g", loss_T, grad_TP)
    if (weight_T > 0).all():
        projection_T = (grad_TP / grad_TP.norm(dim=1, keepdim=True)) @ (weight_T @ grad_TP)
        close(projection_T, projection_T.mean().expand(3), 1e-6)


@given(seed=seeds, count=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_pcgrad_is_torchjds_when_it_visits_the_most_opposed_first(seed: int, count: int) -> None:
    loss_T, grad_TP = problem(seed, count)
    unit_TP = grad_TP / grad_TP.norm(dim=1, keepdim=True)
    orders = iter([(unit_TP @ unit).argsort() for unit in unit_TP])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randperm", lambda count: next(orders))
        expected = peer.PCGradWeighting()(grad_TP @ grad_TP.T)
    close(weigh("pcgrad", loss_T, grad_TP), expected * count / expected.sum(), 1e-6)


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_pcgrad_is_the_papers_algorithm_on_gradients(seed: int) -> None:
    loss_T, grad_TP = problem(seed)
    total = torch.zeros(grad_TP.shape[1], dtype=torch.float64)
    for i, own in enumerate(grad_TP):
        moved = own.clone()
        for j in sorted(range(4), key=lambda j, own=own: float(own @ grad_TP[j] / grad_TP[j].norm())):
            if j != i and (inner := moved @ grad_TP[j]) < 0:
                moved -= inner / (grad_TP[j] @ grad_TP[j]) * grad_TP[j]
        total += moved
    found = weigh("pcgrad", loss_T, grad_TP) @ grad_TP
    close(found / found.norm(), total / total.norm(), 1e-9)


def test_pcgrad_leaves_tasks_alone_that_do_not_conflict() -> None:
    loss_T, _ = problem(0)
    assert weigh("pcgrad", loss_T, torch.eye(4, dtype=torch.float64)).tolist() == [1, 1, 1, 1]


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_uncertainty_starts_at_one_over_the_loss(seed: int) -> None:
    loss_T, grad_TP = problem(seed)
    expected = 1 / loss_T
    close(weigh("uncertainty", loss_T, grad_TP), expected * 4 / expected.sum(), 1e-6)


def test_uncertainty_is_the_stationary_point_of_its_loss() -> None:
    """min over σ² of L / (2 σ²) + log σ, found numerically."""
    loss = 0.37
    variance = torch.linspace(0.05, 2, 200_001, dtype=torch.float64)
    best = variance[(loss / (2 * variance) + variance.log() / 2).argmin()]
    assert float(best) == pytest.approx(loss, abs=1e-4)


def test_uncertainty_follows_a_running_mean_of_the_labelled_steps() -> None:
    weighting = Uncertainty(2, momentum=0.5)
    gram_TT, both = torch.eye(2), torch.tensor([True, True])
    weighting(torch.tensor([1.0, 4.0]), gram_TT, both)
    weighting(torch.tensor([3.0, 0.0]), gram_TT, torch.tensor([True, False]))
    close(weighting.mean_T, torch.tensor([2.0, 4.0]), 1e-6)
    found = weighting(torch.tensor([2.0, 4.0]), gram_TT, both)
    close(found, torch.tensor([4 / 3, 2 / 3]), 1e-6)
