"""Promises of the adaptable part."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from few import episodes, plan, pool, start
from torch import Tensor

from lepton.adaptation import head, select
from lepton.adaptation.features import Standard


@pytest.mark.parametrize("name", ["reptile", "centroid", "ridge"])
def test_permuting_classes_permutes_predictions(name: str) -> None:
    drawn = episodes(ways=4)
    method = select.methods(start(), plan())[name]
    order = torch.tensor([2, 0, 3, 1])  # class w is now called order[w]
    renamed = replace(drawn, support_label_ES=order[drawn.support_label_ES], query_label_EQ=order[drawn.query_label_EQ])
    torch.testing.assert_close(method(renamed)[:, :, order], method(drawn))


@pytest.mark.parametrize("name", ["reptile", "centroid", "ridge"])
def test_a_query_does_not_depend_on_the_others(name: str) -> None:
    drawn = episodes()
    method = select.methods(start(), plan())[name]
    alone = replace(drawn, query_EQ=drawn.query_EQ[:, :1], query_label_EQ=drawn.query_label_EQ[:, :1])
    torch.testing.assert_close(method(alone), method(drawn)[:, :1])


def test_before_the_first_step_no_class_is_preferred() -> None:
    drawn = episodes()
    assert not select.adapted(start(), plan().model_copy(update={"inner_steps": 0}), drawn).any()


def test_more_inner_steps_lower_the_support_loss() -> None:
    drawn = episodes()
    z_ESD = head.embed(start(), drawn.support_ESF)
    losses = [
        head.loss(head.logits(head.fit(z_ESD, drawn.support_label_ES, 3, steps, 0.1), z_ESD), drawn.support_label_ES)
        for steps in (0, 1, 2, 5, 10, 50)
    ]
    torch.testing.assert_close(losses[0], torch.full((6,), 3.0).log())
    assert all(bool((late < early).all()) for early, late in pairwise(losses))


def test_a_step_is_gradient_descent_as_autograd_has_it() -> None:
    drawn = episodes(count=1)
    z_ESD = head.embed(start(), drawn.support_ESF)

    def descend(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        leaves = weight.requires_grad_(), bias.requires_grad_()
        loss = torch.nn.functional.cross_entropy(z_ESD[0] @ weight.T + bias, drawn.support_label_ES[0])
        slopes = torch.autograd.grad(loss, leaves)
        return weight.detach() - 0.3 * slopes[0], bias.detach() - 0.3 * slopes[1]

    weight, bias = torch.zeros(3, 8), torch.zeros(3)
    for _ in range(4):
        weight, bias = descend(weight, bias)
    found = head.fit(z_ESD, drawn.support_label_ES, 3, 4, 0.3)
    torch.testing.assert_close((found[0][0], found[1][0]), (weight, bias))


def test_meta_learning_starts_at_whitened_principal_components() -> None:
    features_NF = Standard.of(pool().features_NF)(pool().features_NF)
    weight_DF, bias_D = head.whitening(features_NF, 10)
    assert weight_DF.shape == (10, 24)
    torch.testing.assert_close(torch.cov((features_NF @ weight_DF.T + bias_D).T, correction=0), torch.eye(10), atol=1e-4, rtol=0)


def test_width_is_bounded_by_the_features_and_empty_directions_stay_finite() -> None:
    features_NF = torch.zeros(5, 3)
    features_NF[:, 0] = torch.arange(5.0)
    weight_DF, _ = head.whitening(features_NF, 64)
    assert weight_DF.shape == (3, 3)
    assert weight_DF.isfinite().all()


def test_every_embedding_is_as_long_as_its_width_allows() -> None:
    length = head.embed(start(), episodes().support_ESF).norm(dim=2)
    torch.testing.assert_close(length, torch.full_like(length, 8.0**0.5))


def test_equal_adapters_are_equal_bytes(tmp_path: Path) -> None:
    standard = Standard.of(pool().features_NF)
    for name in ("one", "two"):
        head.save(tmp_path / name, start(), standard)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
