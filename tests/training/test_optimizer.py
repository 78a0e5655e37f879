"""Promises of optimiser and schedule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import helpers
from lepton.config import Train
from lepton.training import optimizer


@given(warmup=st.floats(0, 0.9), at=st.floats(0, 1), kind=st.sampled_from(["cosine", "constant"]))
def test_the_schedule_is_a_positive_share(warmup: float, at: float, kind: str) -> None:
    assert 0 < optimizer.schedule(Train(warmup=warmup, schedule=kind), at) <= 1


@given(warmup=st.floats(0.01, 0.9), one=st.floats(0, 1), other=st.floats(0, 1), kind=st.sampled_from(["cosine", "constant"]))
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


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_every_parameter_is_moved_once_and_only_kernels_decay(kind: str) -> None:
    model = helpers.model()
    made = optimizer.make(model, Train(optimizer=kind, l2=0.01, alpha_lr=10.0), 0.02)
    assert type(made).__name__.lower() == kind
    moved = [id(parameter) for group in made.param_groups for parameter in group["params"]]
    assert sorted(moved) == sorted(id(parameter) for parameter in model.parameters())
    groups = {id(parameter): group for group in made.param_groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        group = groups[id(parameter)]
        kernel = parameter.ndim > 1 and name != "degree_TL"
        assert group["weight_decay"] == (0.01 if kernel else 0)
        assert group["lr"] == pytest.approx(0.2 if name == "degree_TL" else 0.02)


def test_a_share_of_the_schedule_is_a_share_of_each_peak() -> None:
    made = optimizer.make(helpers.model(), Train(alpha_lr=10.0), 0.02)
    assert optimizer.set_lr(made, 0.5) == 0.01
    assert [group["lr"] for group in made.param_groups] == [0.01, 0.01, 0.1]
    optimizer.set_lr(made, 1.0)
    assert [group["lr"] for group in made.param_groups] == pytest.approx([0.02, 0.02, 0.2])


def test_hard_sharing_has_no_group_for_degrees() -> None:
    assert len(optimizer.make(helpers.model("hard"), Train(), 0.02).param_groups) == 2


def test_kernels_are_neither_norms_nor_biases_nor_degrees() -> None:
    model = helpers.model()
    kernels = list(optimizer.kernels(model))
    names = {name for name, parameter in model.named_parameters() if any(parameter is kernel for kernel in kernels)}
    assert all(name.endswith("weight") for name in names)
    assert not any("norm" in name for name in names)
    assert {"reads.0.weight", "branches.2.weight", "trunk.levels.1.same.weight", "heads.digit.linear.weight"} <= names
    assert all(isinstance(kernel, torch.nn.Parameter) for kernel in kernels)
