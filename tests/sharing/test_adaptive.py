"""Promises of adaptive sharing."""

import itertools
import json

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers
from laws import close
from lepton.sharing.adaptive import Adaptive
from lepton.sharing.base import Structure
from lepton.training import network
from lepton.training.cost import macs, parameters
from lepton.training.step import task_losses

LEARNED = float("nan")


def model(alpha: dict[str, list[float]] | None = None, seed: int = 0) -> Adaptive:
    """alpha: the snapped degrees of some tasks, nan where learned."""
    one = helpers.model("adaptive", seed=seed)
    assert isinstance(one, Adaptive)
    for name, levels in (alpha or {}).items():
        one.fixed_TL[list(one.tasks).index(name)] = torch.tensor(levels)
    return one


def inputs() -> torch.Tensor:
    return helpers.batch(helpers.tasks()).inputs


def test_features_mix_shared_and_own_by_alpha() -> None:
    """h = ReLU(norm(α W s + (1 − α) p)), task by task and level by level, written down without groups or tricks."""
    one = model({"ink": [0, LEARNED, 1]}).eval()
    x = inputs()
    shared = one.trunk(x)
    features = one.features(x, one.read(shared))
    for index, name in enumerate(one.tasks):
        below = x
        for level, width in enumerate(one.structure.branch):
            mine = slice(index * width, (index + 1) * width)
            q = F.conv2d(shared[level], one.reads[level].weight[mine])
            p = F.conv2d(below, one.branches[level].weight[mine], stride=2, padding=1)
            alpha = torch.sigmoid(one.degree_TL[index, level]) if one.fixed_TL[index, level].isnan() else one.fixed_TL[index, level]
            norm = one.norms[level]
            statistics = norm.running_mean[mine], norm.running_var[mine], norm.weight[mine], norm.bias[mine]
            below = F.batch_norm(alpha * q + (1 - alpha) * p, *statistics).relu()
            close(one.by_task(level, features[level])[name], below, 1e-5)


def test_where_alpha_is_one_the_branch_counts_for_nothing() -> None:
    one = model({"digit": [1, 1, 1]}).eval()
    before = one(inputs())
    with torch.no_grad():
        for branch in one.branches:
            branch.weight.normal_()
    after = one(inputs())
    assert torch.equal(after["digit"], before["digit"])
    assert not torch.allclose(after["tilt"], before["tilt"])


def test_where_alpha_is_zero_the_trunk_counts_for_nothing() -> None:
    one = model({"digit": [0, 0, 0]}).eval()
    before = one(inputs())
    with torch.no_grad():
        for parameter in one.trunk.parameters():
            parameter.normal_()
    after = one(inputs())
    assert torch.equal(after["digit"], before["digit"])
    assert not torch.allclose(after["tilt"], before["tilt"])


def test_starting_degrees_are_those_asked_for() -> None:
    one = model()
    wanted = {name: [0.3, 0.5, 0.7 - index / 10] for index, name in enumerate(one.tasks)}
    one.start(dict(reversed(wanted.items())))
    close(one.alpha_TL, torch.tensor(list(wanted.values())), 1e-5)
    one.start({name: [0.0, 1.0, 0.5] for name in wanted})
    close(one.alpha_TL[0], torch.tensor([0.01, 0.99, 0.5]), 1e-5)


def test_pressure_vanishes_only_where_every_degree_is_decided() -> None:
    one = model()
    alpha = one.alpha_TL.detach()
    close(one.pressure(), (alpha * (1 - alpha)).sum(), 1e-6)
    one.fixed_TL[:] = torch.tensor([0.0, 1.0, 1.0])
    assert one.pressure() == 0


def test_pressure_pushes_away_from_the_middle() -> None:
    one = model()
    one.start({name: [0.3, 0.5, 0.7] for name in one.tasks})
    (grad,) = torch.autograd.grad(one.pressure(), one.degree_TL)
    assert (grad[:, 0] > 0).all()
    assert (grad[:, 2] < 0).all()
    close(grad[:, 1], torch.zeros(4), 1e-6)


def test_snapping_fixes_what_is_near_the_ends_for_good() -> None:
    one = model()
    one.start({name: [0.04, 0.5, 0.97] for name in one.tasks})
    one.snap(0.05)
    assert sum(map(sum, one.snapped().values())) == 8
    assert one.alpha_TL[:, 0].eq(0).all()
    assert one.alpha_TL[:, 2].eq(1).all()
    close(one.alpha_TL[:, 1], torch.full((4,), 0.5), 1e-5)
    with torch.no_grad():
        one.degree_TL.neg_()  # wherever an optimiser's momentum carries them
    one.snap(0.05)
    assert sum(map(sum, one.snapped().values())) == 8
    assert one.alpha_TL[:, 0].eq(0).all()
    assert one.alpha_TL[:, 2].eq(1).all()


def test_a_snapped_degree_is_no_longer_learned() -> None:
    one = model({"digit": [1, LEARNED, 0]})
    sum(raw.square().sum() for raw in one(inputs()).values()).backward()
    assert one.degree_TL.grad[0, 0] == one.degree_TL.grad[0, 2] == 0
    assert one.degree_TL.grad[0, 1] != 0
    assert one.degree_TL.grad[1:].ne(0).all()


degrees = st.lists(st.sampled_from([0.0, 1.0, LEARNED]), min_size=12, max_size=12)


def snapped(values: list[float], seed: int = 0) -> Adaptive:
    return model({name: values[3 * index : 3 * index + 3] for index, name in enumerate(helpers.tasks())}, seed)


def check_reduced(one: Adaptive, training: bool) -> Adaptive:
    small = one.train(training).reduced()
    assert small.training == training
    x = inputs()
    was, now = one(x), small(x)
    for name in one.tasks:
        close(now[name], was[name], 1e-6 if not training else 1e-5)
    count = int((~one.fixed_TL.isnan()).sum())
    assert (parameters(small) < parameters(one)) == (count > 0)
    return small


@given(values=degrees, training=st.booleans(), seed=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_removing_a_snapped_branch_changes_no_output(values: list[float], training: bool, seed: int) -> None:
    check_reduced(snapped(values, seed), training)


@pytest.mark.parametrize("name", ["digit", "ink"])
def test_every_way_of_snapping_one_task_can_be_removed(name: str) -> None:
    for levels in itertools.product([0.0, 1.0, LEARNED], repeat=3):
        check_reduced(model({name: list(levels)}), training=False)


@pytest.mark.parametrize("way", [[0.0] * 12, [1.0] * 12, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0] * 2, [0.0, 1.0, 0.0] * 4, [LEARNED] * 12])
def test_whole_branches_and_whole_reads_can_go(way: list[float]) -> None:
    one = snapped(way)
    small, x = check_reduced(one, training=False), inputs()[:1]
    assert (macs(small, x) < macs(one, x)) == (way != [LEARNED] * 12)
    assert sum(map(len, small.structure.owners)) <= 12
    if way == [1.0] * 12:
        assert small.structure.owners == ((), (), ())
        assert small.structure.readers == helpers.model("hard").structure.readers
    if way == [0.0] * 12:
        assert small.structure.readers == ((), (), ())
        assert small.structure.owners == (tuple(small.tasks),) * 3
    if way == [LEARNED] * 12:
        assert small.structure == model().structure


@given(values=degrees)
@settings(max_examples=10, deadline=None)
def test_reducing_twice_is_reducing_once(values: list[float]) -> None:
    small = snapped(values).eval().reduced()
    again = small.reduced()
    assert again.structure == small.structure
    for key, value in small.state_dict().items():
        assert torch.equal(again.state_dict()[key].nan_to_num(9), value.nan_to_num(9)), key


@given(values=degrees)
@settings(max_examples=10, deadline=None)
def test_a_reduced_structure_survives_json(values: list[float]) -> None:
    small = snapped(values).eval().reduced()
    plan = Structure.from_dict(json.loads(json.dumps(small.structure.to_dict())))
    again = Adaptive(small.kind, small.tasks, plan)
    again.load_state_dict(small.state_dict())
    x = inputs()
    for name, raw in again.eval()(x).items():
        assert torch.equal(raw, small(x)[name])


def test_the_slope_at_a_degree_is_that_at_the_size_of_its_branch() -> None:
    """(∂L/∂degree)² is the Taylor importance (Σ w ∂L/∂w)² of the branch's kernels, as the norm behind takes out common factors."""
    one = helpers.model("adaptive").double().train()
    assert isinstance(one, Adaptive)
    for norm in one.norms:
        norm.eps = 1e-12
    batch = helpers.batch(one.tasks)
    labels = {
        name: {field: value.double() if value.is_floating_point() else value for field, value in fields.items()}
        for name, fields in batch.labels.items()
    }
    loss_T, _ = task_losses(one, one(batch.inputs.double()), labels, {})
    loss_T.sum().backward()
    for index in range(len(one.tasks)):
        for level, width in enumerate(one.structure.branch):
            weight = one.branches[level].weight
            mine = slice(index * width, (index + 1) * width)
            slope = (weight.detach() * weight.grad)[mine].sum()
            assert slope.abs() > 1e-9
            close(one.degree_TL.grad[index, level].square(), slope.square(), 1e-9)


def budgeted(budget: float, divide: float = 0.25, **options: object) -> Adaptive:
    params = helpers.params(model={"trunk": [6, 8, 10], "branch": [3, 4, 5], "budget": budget, "divide": divide})
    return network.build(params, params.tasks, **options)


@given(budget=st.floats(0.01, 1), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_branches_of_least_importance_are_given_up(budget: float, seed: int) -> None:
    one, random = budgeted(budget), helpers.generator(seed)
    slopes, losses = torch.randn(3, 4, 3, generator=random), torch.rand(3, 4, generator=random)
    for done, slope_TL, loss_T in zip((0.0, 0.1, 0.2), slopes, losses, strict=True):
        assert not one.begin(done)
        assert one.fixed_TL.isnan().all()
        assert one.settled == (round(12 * budget) == 12)
        one.degree_TL.grad = slope_TL
        one.note(loss_T)
    assert not one.begin(0.3)
    assert one.settled
    kept = one.fixed_TL.isnan()
    assert kept.sum() == round(12 * budget)
    importance = (slopes / losses[:, :, None]).square().sum(0)
    if 0 < kept.sum() < 12:
        assert importance[kept].min() >= importance[~kept].max()
    small = one.reduced()
    assert sum(map(len, small.structure.owners)) <= round(12 * budget)  # what nothing builds on leaves with the rest
    fixed = one.fixed_TL.clone()
    one.degree_TL.grad = slopes[0]
    one.begin(0.9)
    assert torch.equal(one.fixed_TL.nan_to_num(9), fixed.nan_to_num(9))


@pytest.mark.parametrize(("alone", "left"), [(1, 6), (2, 6), (3, 9)])
def test_branches_already_given_up_count_and_what_stands_alone_keeps_its_own(alone: int, left: int) -> None:
    """A degree that is fixed at 0 has no slope, and shows no need."""
    one = budgeted(0.5)
    one.fixed_TL[0], one.fixed_TL[1 : 1 + alone] = 1.0, 0.0
    one.degree_TL.grad = torch.ones(4, 3)
    one.degree_TL.grad[one.fixed_TL == 0] = 0.0
    one.note(torch.ones(4))
    one.begin(0.5)
    assert one.settled
    assert sum(map(len, one.reduced().structure.owners)) == left
    assert (one.fixed_TL[1 : 1 + alone] == 0).all()


def test_a_branch_that_nothing_builds_on_is_no_part_of_the_budget() -> None:
    """Without its branch at the last level, which alone its head reads, the task has no use for those below."""
    one = budgeted(0.75)
    one.fixed_TL[list(one.tasks).index("digit"), 2] = 1.0
    assert one.settled
    one.degree_TL.grad = torch.ones(4, 3)
    one.note(torch.ones(4))
    one.begin(0.5)
    assert one.fixed_TL.isnan().sum() == 11


def test_a_step_that_overflowed_says_nothing_about_importance() -> None:
    one = budgeted(0.5)
    one.degree_TL.grad = torch.full((4, 3), torch.inf)
    one.note(torch.ones(4))
    assert (one.need_TL == 0).all()


def test_nor_does_one_without_a_labelled_row() -> None:
    one = budgeted(0.5)
    one.degree_TL.grad = torch.zeros(4, 3)
    one.note(torch.zeros(4))
    assert (one.need_TL == 0).all()


def test_reducing_keeps_the_number_type() -> None:
    one = model({"digit": [0, 1, 1]}).double().eval()
    small = one.reduced()
    for name, raw in small(inputs().double()).items():
        assert raw.dtype == torch.float64
        close(raw, one(inputs().double())[name], 1e-12)


def test_branches_of_all_tasks_are_one_grouped_convolution_per_level() -> None:
    one = model()
    assert [branch.groups for branch in one.branches] == [1, 4, 4]
    assert [tuple(branch.weight.shape) for branch in one.branches] == [(12, 3, 3, 3), (16, 3, 3, 3), (20, 4, 3, 3)]
    assert [tuple(read.weight.shape) for read in one.reads] == [(12, 6, 1, 1), (16, 8, 1, 1), (20, 10, 1, 1)]
