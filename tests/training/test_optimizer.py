"""Promises of optimiser and schedule."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import helpers
from laws import close
from lepton.blocks import Train
from lepton.training import optimizer

OPTIMIZERS = get_args(Train.model_fields["optimizer"].annotation)
SCHEDULES = get_args(Train.model_fields["schedule"].annotation)


@given(warmup=st.floats(0, 0.9), at=st.floats(0, 1), kind=st.sampled_from(SCHEDULES))
def test_the_schedule_is_a_positive_share(warmup: float, at: float, kind: str) -> None:
    assert 0 < optimizer.schedule(Train(warmup=warmup, schedule=kind), at) <= 1


@given(warmup=st.floats(0.01, 0.9), one=st.floats(0, 1), other=st.floats(0, 1), kind=st.sampled_from(SCHEDULES))
def test_the_schedule_rises_to_the_end_of_the_warmup_and_never_again(warmup: float, one: float, other: float, kind: str) -> None:
    early, late = sorted((one, other))
    plan = Train(warmup=warmup, schedule=kind)
    if late < warmup:
        assert optimizer.schedule(plan, early) <= optimizer.schedule(plan, late)
    if early >= warmup:
        assert optimizer.schedule(plan, early) >= optimizer.schedule(plan, late)


def test_the_schedule_has_known_points() -> None:
    plan = Train(warmup=0.2)
    found = [optimizer.schedule(plan, at) for at in (0, 0.1, 0.2, 0.6, 1)]
    assert found == pytest.approx([0.005, 0.5, 1, 0.505, 0.01], abs=0.005)
    assert optimizer.schedule(Train(warmup=0), 0) == 1
    assert [optimizer.schedule(Train(warmup=0.2, schedule="constant"), at) for at in (0.2, 0.5, 1)] == [1, 1, 1]


def test_linear_and_step_have_known_points() -> None:
    linear = Train(warmup=0.2, schedule="linear")
    assert [optimizer.schedule(linear, at) for at in (0.2, 0.6, 1)] == pytest.approx([1, 0.505, 0.01])
    step = Train(warmup=0.2, schedule="step", drops=(0.5, 0.9))
    assert [optimizer.schedule(step, at) for at in (0.3, 0.49, 0.5, 0.89, 0.9, 1)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def moved(kind: str, l2: float, steps: int = 3, slope: float = 0.5) -> torch.Tensor:
    """A kernel of two ones after some steps at a rate of 0.1, the slope of its loss `slope` in one and 0 in the other."""
    layer = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    made = optimizer.make(layer, Train(optimizer=kind, l2=l2), 0.1)
    for _ in range(steps):
        layer.weight.grad = torch.tensor([[slope, 0.0]])
        made.step()
    return layer.weight.detach()[0]


def test_each_optimizer_moves_as_its_formula_says() -> None:
    close(moved("sgd", 0), torch.tensor([1 - 3 * 0.1 * 0.5, 1]), 1e-6)
    velocity, place = 0.0, 1.0
    for _ in range(3):  # Nesterov's momentum
        velocity = 0.9 * velocity + 0.5
        place -= 0.1 * (0.5 + 0.9 * velocity)
    close(moved("momentum", 0), torch.tensor([place, 1.0]), 1e-6)
    for kind in ("adam", "adamw"):  # a constant slope is a step of the rate
        close(moved(kind, 0), torch.tensor([0.7, 1.0]), 1e-6)


def test_l2_is_decoupled_in_adamw_and_part_of_the_gradient_elsewhere() -> None:
    decayed = (1 - 0.1 * 0.2) ** 3
    assert float(moved("adamw", 0.2)[1]) == pytest.approx(decayed)
    assert float(moved("sgd", 0.2)[1]) == pytest.approx(decayed)
    assert float(moved("momentum", 0.2)[1]) < decayed
    assert float(moved("adam", 0.2)[1]) == pytest.approx(0.7, abs=0.01)  # as if it were any other slope


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_l2_makes_kernels_smaller(kind: str) -> None:
    assert moved(kind, 0.2, slope=0.0).norm() < moved(kind, 0.0, slope=0.0).norm()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_parameter_is_moved_once_and_only_kernels_decay(kind: str) -> None:
    model = helpers.model()
    made = optimizer.make(model, Train(optimizer=kind, l2=0.01, alpha_lr=10.0), 0.02, own_lr=3.0)
    assert type(made).__name__.lower() == kind.replace("momentum", "sgd")
    moved = [id(parameter) for group in made.param_groups for parameter in group["params"]]
    assert sorted(moved) == sorted(id(parameter) for parameter in model.parameters())
    groups = {id(parameter): group for group in made.param_groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        group = groups[id(parameter)]
        kernel = parameter.ndim > 1 and name != "degree_TL"
        assert group["weight_decay"] == (0.01 if kernel else 0)
        own = 0.2 if name == "degree_TL" else 0.06
        assert group["lr"] == pytest.approx(0.02 if name.startswith("trunk.") else own)


def test_a_share_of_the_schedule_is_a_share_of_each_peak() -> None:
    made = optimizer.make(helpers.model(), Train(alpha_lr=10.0), 0.02)
    assert optimizer.set_lr(made, 0.5) == 0.01
    assert [group["lr"] for group in made.param_groups] == [0.01] * 4 + [0.1]
    optimizer.set_lr(made, 1.0)
    assert [group["lr"] for group in made.param_groups] == pytest.approx([0.02] * 4 + [0.2])


def test_hard_sharing_has_no_group_for_degrees() -> None:
    assert len(optimizer.make(helpers.model("hard"), Train(), 0.02).param_groups) == 4


def test_kernels_are_neither_norms_nor_biases_nor_degrees() -> None:
    model = helpers.model()
    kernels = list(optimizer.kernels(model))
    names = {name for name, parameter in model.named_parameters() if any(parameter is kernel for kernel in kernels)}
    assert all(name.endswith("weight") for name in names)
    assert not any("norm" in name for name in names)
    assert {"reads.0.weight", "branches.2.weight", "trunk.levels.1.same.weight", "heads.digit.linear.weight"} <= names
    assert all(isinstance(kernel, torch.nn.Parameter) for kernel in kernels)
