"""Promises of the exact Gram matrix and of its comparison with the one-backward one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_step import NONE, every_way, run, setting

import helpers
from laws import close
from lepton.training.exact import agreement
from lepton.training.step import task_losses


@every_way
@pytest.mark.parametrize("seed", [0, 1])
def test_the_exact_gram_is_that_of_a_backward_per_task_through_everything(way: str, seed: int) -> None:
    model, batch = setting(way, seed=seed)
    parameters = list(model.trunk.parameters())
    loss_T, _ = task_losses(model, model(batch.inputs), batch.labels, NONE)
    rows = []
    for loss in loss_T:
        rows.append(torch.cat([grad.flatten() for grad in torch.autograd.grad(loss, parameters, retain_graph=True)]))
    expected = torch.stack(rows)
    result, found = run(model, batch, exact=True)
    assert result.exact_TP is not None
    close(result.exact_TP, expected, 1e-9)
    close(result.exact_TP @ result.exact_TP.T, expected @ expected.T, 1e-9)
    model.zero_grad()
    plain, gradients = run(model, batch)
    assert plain.exact_TP is None
    for name, grad in gradients.items():  # looking changes nothing
        assert torch.equal(found[name], grad)


seeds = st.integers(0, 10**6)
everyone = torch.ones(5, dtype=torch.bool)


def random(seed: int, width: int = 7) -> torch.Tensor:
    return torch.randn(5, width, generator=helpers.generator(seed), dtype=torch.float64)


@given(seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e5]))
@settings(max_examples=20, deadline=None)
def test_gradients_that_differ_by_a_rotation_and_one_factor_agree_fully(seed: int, scale: float) -> None:
    rotation, _ = torch.linalg.qr(torch.randn(7, 7, generator=helpers.generator(seed), dtype=torch.float64))
    found = agreement(random(seed), scale * random(seed) @ rotation, everyone)
    assert found == pytest.approx({"cosine": 1, "spearman": 1}, abs=1e-9)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_factor_for_each_task_leaves_the_ranking_alone_and_not_the_matrix(seed: int) -> None:
    factor = torch.tensor([1.0, 30.0, 0.1, 2.0, 5.0], dtype=torch.float64)
    found = agreement(random(seed), factor[:, None] * random(seed), everyone)
    assert found["spearman"] == pytest.approx(1)
    assert found["cosine"] < 0.95


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_agreement_is_between_minus_one_and_one_and_symmetric(seed: int) -> None:
    one, other = random(seed), random(seed + 1, 9)
    found = agreement(one, other, everyone)
    assert all(-1 - 1e-9 <= value <= 1 + 1e-9 for value in found.values())
    assert found == pytest.approx(agreement(other, one, everyone))


def test_tasks_without_a_label_have_no_say_and_two_have_no_ranking() -> None:
    active_T = torch.tensor([True, False, True, False, False])
    one, other = random(0), random(0)
    other[~active_T] = 0
    assert agreement(one, other, active_T) == pytest.approx({"cosine": 1})
