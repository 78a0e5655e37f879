"""Promises of the weightings."""

from itertools import combinations

import numpy as np
import pytest
import torch
import torchjd.aggregation as peer
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
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
from lepton.training.weighting.cagrad import CAGrad
from lepton.training.weighting.dwa import DWA
from lepton.training.weighting.equal import Equal
from lepton.training.weighting.fairgrad import FairGrad
from lepton.training.weighting.famo import FAMO
from lepton.training.weighting.gradnorm import GradNorm
from lepton.training.weighting.imtl_g import IMTLG
from lepton.training.weighting.log import Log
from lepton.training.weighting.nash_mtl import NashMTL
from lepton.training.weighting.stch import STCH
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
@settings(max_examples=5, deadline=None)
def test_permuting_tasks_permutes_weights(name: str, seed: int, order: list[int]) -> None:
    loss_T, grad_TP = problem(seed, 5)
    options = {"window": 2} if name == "dwa" else {}  # else its weights stay equal for 64 steps
    permuting_tasks_permutes_weights(
        lambda: load_kind("weighting", name)(5, **options).double(), loss_T, grad_TP @ grad_TP.T, order
    )


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


@pytest.mark.parametrize("kind", [Uncertainty, IMTLG, Log, STCH, NashMTL])
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


def direction(name: str, loss_T: Tensor, grad_TP: Tensor) -> Tensor:
    """Along which the trunk moves, of length 1."""
    move_P = weigh(name, loss_T, grad_TP) @ grad_TP
    return move_P / move_P.norm()


@given(seed=seeds, count=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_mgda_is_the_shortest_convex_combination(seed: int, count: int) -> None:
    """Optimality: every gradient's product with it is at least its squared length, and equal where it has weight."""
    loss_T, grad_TP = problem(seed, count, 4)
    weight_T = weigh("mgda", loss_T, grad_TP) / count
    inner_T = grad_TP @ (weight_T @ grad_TP)
    least = weight_T @ inner_T
    slack = 1e-6 * float((grad_TP**2).sum())
    assert (inner_T >= least - slack).all()
    assert (inner_T[weight_T > 1e-6] <= least + slack).all()


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_mgda_is_torchjds_given_enough_steps(seed: int) -> None:
    loss_T, grad_TP = problem(seed, 3)
    expected = peer.MGDAWeighting(epsilon=1e-9, max_iters=20_000)(grad_TP @ grad_TP.T)
    ours, theirs = (weight_T @ grad_TP for weight_T in (weigh("mgda", loss_T, grad_TP) / 3, expected))
    close(ours.norm(), theirs.norm(), 1e-3)


@given(seed=seeds, count=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_upgrad_is_uphill_for_no_task(seed: int, count: int) -> None:
    """To the precision of the parts that are summed: where no direction is, they cancel, and what is left has none of its own."""
    loss_T, grad_TP = problem(seed, count, 5)
    weight_T, size_T = weigh("upgrad", loss_T, grad_TP), grad_TP.norm(dim=1)
    gain_T = grad_TP @ (weight_T @ grad_TP)
    assert (gain_T >= -1e-8 * size_T * (weight_T @ size_T)).all()


def projected(gram_TT: Tensor, task: int) -> Tensor:
    """Weights of g_task projected onto the dual cone {d: g_t · d ≥ 0}: of all sets of active constraints the one that fits."""
    count, own_T = len(gram_TT), torch.eye(len(gram_TT), dtype=gram_TT.dtype)[task]
    for size in range(count + 1):
        for active in map(list, combinations(range(count), size)):
            added_T = torch.zeros_like(own_T)
            if active:
                added_T[active] = torch.linalg.solve(gram_TT[active][:, active], -gram_TT[active, task])
            gain_T = gram_TT @ (own_T + added_T)
            if (added_T >= -1e-9).all() and (gain_T >= -1e-9 * gram_TT.diagonal().max()).all():
                return own_T + added_T
    raise AssertionError("no set fits")


@given(seed=seeds, count=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_upgrad_is_the_mean_of_the_projections(seed: int, count: int) -> None:
    loss_T, grad_TP = problem(seed, count)
    expected = torch.stack([projected(grad_TP @ grad_TP.T, task) for task in range(count)]).mean(0)
    close(weigh("upgrad", loss_T, grad_TP), expected * count / expected.sum(), 1e-6)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_upgrad_of_two_tasks_is_each_projected_off_the_other(seed: int) -> None:
    """With two tasks the projection onto the dual cone has a closed form, PCGrad's."""
    loss_T, grad_TP = problem(seed, 2)
    close(direction("upgrad", loss_T, grad_TP), direction("pcgrad", loss_T, grad_TP), 1e-5)


@pytest.mark.parametrize(("name", "power"), [("fairgrad", 0.5), ("nash_mtl", 1.0)])
@given(seed=seeds, count=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_fair_gains(name: str, power: float, seed: int, count: int) -> None:
    """g_t · d is proportional to w_t^(−1/α), with one factor for all tasks."""
    loss_T, grad_TP = problem(seed, count)
    weight_T = weigh(name, loss_T, grad_TP)
    factor_T = (grad_TP @ (weight_T @ grad_TP)) * weight_T**power
    close(factor_T / factor_T.mean(), torch.ones(count, dtype=torch.float64), 1e-4)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_fairgrad_is_torchjds(seed: int) -> None:
    loss_T, grad_TP = problem(seed, 3)
    gram_TT = grad_TP @ grad_TP.T
    expected = peer.FairGradWeighting(alpha=FairGrad.alpha)(gram_TT / gram_TT.diagonal().mean())
    close(weigh("fairgrad", loss_T, grad_TP), expected * 3 / expected.sum(), 1e-3)


@given(seed=seeds, count=st.integers(2, 5))
@settings(max_examples=20, deadline=None)
def test_aligned_mtl_is_torchjds_with_negative_weights_cut(seed: int, count: int) -> None:
    loss_T, grad_TP = problem(seed, count)
    expected = peer.AlignedMTLWeighting()(grad_TP @ grad_TP.T).clamp(min=0)
    close(weigh("aligned_mtl", loss_T, grad_TP), expected * count / expected.sum(), 1e-4)


@given(seed=seeds, count=st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_cagrad_has_the_best_worst_gain_within_its_radius(seed: int, count: int) -> None:
    """The paper's own problem, solved for the direction: the largest s with g_t · d ≥ s for all t and ‖d − g₀‖ ≤ c ‖g₀‖."""
    loss_T, grad_TP = problem(seed, count, 6)
    mean_P = grad_TP.mean(0)
    radius = CAGrad.c * mean_P.norm()
    # weights come out of one size; the paper's direction is the one on the sphere around the mean
    move_P = weigh("cagrad", loss_T, grad_TP) @ grad_TP
    a, b, d = move_P @ move_P, -2 * move_P @ mean_P, mean_P @ mean_P - radius**2
    lengths = [(-b + sign * (b * b - 4 * a * d).clamp(min=0).sqrt()) / (2 * a) for sign in (-1, 1)]
    ours = max((grad_TP @ (length * move_P)).min() for length in lengths)
    unit, start = float(mean_P @ mean_P), mean_P.numpy()
    best = minimize(
        lambda ds: -ds[-1],
        np.append(start, float((grad_TP @ mean_P).min()) / unit),
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda ds: grad_TP.numpy() @ ds[:-1] / unit - ds[-1]},
            {"type": "ineq", "fun": lambda ds: (float(radius) ** 2 - ((ds[:-1] - start) ** 2).sum()) / unit},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert float(ours) / unit == pytest.approx(best.x[-1], abs=1e-5)


@given(seed=seeds, count=st.integers(2, 5), window=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_dwa_is_the_papers_formula_on_any_losses(seed: int, count: int, window: int) -> None:
    """Eq. 7: T softmax(r / 2), r the mean loss of the latest whole window over that of the one before."""
    loss_ST = torch.rand(4 * window, count, generator=helpers.generator(seed)) + 0.1
    weighting, every = DWA(count, window=window), torch.ones(count, dtype=torch.bool)
    for done, loss_T in enumerate(loss_ST, start=1):
        found = weighting(loss_T, torch.eye(count), every)
        mean_WT = loss_ST[: done // window * window].unflatten(0, (-1, window)).mean(1) if done >= window else loss_ST[:0]
        ratio_T = mean_WT[-1] / mean_WT[-2] if len(mean_WT) > 1 else torch.ones(count)
        close(found, count * (ratio_T / 2).softmax(0), 1e-5)


def test_dwa_is_the_papers_formula_on_its_windows() -> None:
    weighting, gram_TT, both = DWA(2, window=2), torch.eye(2), torch.tensor([True, True])
    for losses in ([4.0, 2.0], [2.0, 2.0], [2.0, 2.0]):
        assert weighting(torch.tensor(losses), gram_TT, both).tolist() == [1, 1]
    found = weighting(torch.tensor([1.0, 1.0]), gram_TT, both)
    ratio = torch.tensor([1.5 / 3, 1.5 / 2])
    close(found, 2 * (ratio / 2).softmax(0), 1e-6)


@given(seed=seeds, count=st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_gradnorm_is_descent_on_the_papers_loss(seed: int, count: int) -> None:
    """Eq. 2 by autograd, norms in units of their mean: Σ |w_t ‖g_t‖ − mean(w ‖g‖) r_t^α|, the target held fixed; then mean 1."""
    first_T, _ = problem(seed, count)
    weighting, every = GradNorm(count).double(), torch.ones(count, dtype=torch.bool)
    weight_T = torch.ones(count, dtype=torch.float64)
    for step in range(5):
        loss_T, grad_TP = problem(seed + step, count)
        norm_T = grad_TP.norm(dim=1) / grad_TP.norm(dim=1).mean()
        leaf_T = weight_T.clone().requires_grad_()
        rate_T = loss_T / first_T
        target_T = (leaf_T * norm_T).mean().detach() * (rate_T / rate_T.mean()) ** 1.5
        (leaf_T * norm_T - target_T).abs().sum().backward()
        assert leaf_T.grad is not None
        weight_T = (weight_T - 0.025 * leaf_T.grad).clamp(min=1e-3)
        weight_T = weight_T / weight_T.mean()
        close(weighting(loss_T, grad_TP @ grad_TP.T, every), weight_T, 1e-9)


def test_gradnorm_gives_more_weight_to_the_task_that_trains_more_slowly() -> None:
    weighting, both = GradNorm(2), torch.tensor([True, True])
    weighting(torch.tensor([1.0, 1.0]), torch.eye(2), both)
    for _ in range(40):
        found = weighting(torch.tensor([0.9, 0.1]), torch.eye(2), both)
    assert found[0] > found[1]
    # fixed point: weighted norms in the ratio of the rates to the power α, 9 ** 1.5
    for _ in range(400):
        found = weighting(torch.tensor([0.9, 0.1]), torch.eye(2), both)
    assert float(found[0] / found[1]) == pytest.approx(9**1.5, rel=0.6)


def test_gradnorm_brings_norms_together_where_rates_are_equal() -> None:
    weighting, both = GradNorm(2), torch.tensor([True, True])
    for _ in range(300):
        found = weighting(torch.tensor([1.0, 1.0]), torch.diag(torch.tensor([9.0, 1.0])), both)
    assert float(found[1] / found[0]) == pytest.approx(3, rel=0.1)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_stch_is_the_gradient_of_its_scalarisation(seed: int) -> None:
    first_T, grad_TP = problem(seed, 3)
    weighting, every = STCH(3).double(), torch.ones(3, dtype=torch.bool)
    weighting(first_T, grad_TP @ grad_TP.T, every)
    loss_T = (first_T * torch.tensor([0.9, 0.5, 0.2])).requires_grad_()
    (0.5 * ((loss_T / first_T).log() / 0.5).logsumexp(0)).backward()
    found = weighting(loss_T.detach(), grad_TP @ grad_TP.T, every)
    assert loss_T.grad is not None
    close(found, 3 * loss_T.grad / loss_T.grad.sum(), 1e-6)


@given(seed=seeds, count=st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_famo_is_descent_on_the_gain_that_its_shares_weigh(seed: int, count: int) -> None:
    """w = z / L with z = softmax(ξ); ξ goes down the slope of z(ξ) · gain by autograd, of largest entry 1, and decays."""
    weighting, every = FAMO(count).double(), torch.ones(count, dtype=torch.bool)
    logit_T = torch.zeros(count, dtype=torch.float64)
    for step in range(5):
        loss_T, grad_TP = problem(seed + step, count)
        leaf_T = logit_T.clone().requires_grad_()
        share_T = leaf_T.softmax(0)
        weight_T = share_T.detach() / loss_T
        gain_T = grad_TP @ (grad_TP.T @ weight_T) / loss_T
        (share_T @ (gain_T / gain_T.abs().max())).backward()
        assert leaf_T.grad is not None
        logit_T = logit_T - 0.025 * (leaf_T.grad / leaf_T.grad.abs().max() + 0.01 * logit_T)
        close(weighting(loss_T, grad_TP @ grad_TP.T, every), weight_T * count / weight_T.sum(), 1e-9)


@given(seed=seeds, count=st.integers(1, 6))
@settings(max_examples=15, deadline=None)
def test_log_is_the_gradient_of_the_sum_of_log_losses(seed: int, count: int) -> None:
    loss_T, grad_TP = problem(seed, count)
    leaf_T = loss_T.clone().requires_grad_()
    leaf_T.log().sum().backward()
    assert leaf_T.grad is not None
    close(weigh("log", loss_T, grad_TP), leaf_T.grad * count / leaf_T.grad.sum(), 1e-9)


def test_famo_moves_weight_to_the_task_whose_log_loss_falls_least() -> None:
    weighting, both, gram_TT = FAMO(2), torch.tensor([True, True]), torch.diag(torch.tensor([4.0, 1.0]))
    start = weighting(torch.tensor([1.0, 1.0]), gram_TT, both)
    close(start, torch.ones(2), 1e-6)
    for _ in range(200):
        found = weighting(torch.tensor([1.0, 1.0]), gram_TT, both)
    gain_T = gram_TT @ found
    assert found[1] > found[0]
    assert float(gain_T[0] / gain_T[1]) == pytest.approx(1, rel=0.25)
