"""What adaptation sees of a sample."""

import numpy as np
import pytest
import torch

import helpers
from lepton.adaptation.features import Standard, extract, pooled

CPU = torch.device("cpu")


@pytest.mark.parametrize("way", ["adaptive", "hard"])
def test_a_row_has_the_same_features_in_any_company(way: str) -> None:
    chosen = {"digit": helpers.digit(), "tilt": helpers.tilt()}
    model = helpers.model(way, chosen).eval()
    samples = helpers.samples(chosen, 9)
    features_NF = extract(model, samples, CPU)
    torch.testing.assert_close(features_NF[4:6], extract(model, samples.take(np.array([4, 5])), CPU))
    assert not features_NF.requires_grad


def test_they_are_mean_and_maximum_of_the_last_two_levels() -> None:
    model = helpers.model("adaptive").eval()
    inputs = helpers.batch(model.tasks, 3).inputs
    features_BF = pooled(model, inputs)
    assert features_BF.shape == (3, 2 * (8 + 10 + 4 * (4 + 5)))  # trunk, and four branches
    shared = model.trunk(inputs)
    torch.testing.assert_close(features_BF[:, :8], shared[1].mean((2, 3)))
    torch.testing.assert_close(features_BF[:, 8:16], shared[1].amax((2, 3)))


def test_the_training_split_has_mean_0_and_deviation_1() -> None:
    features_NF = 3 * torch.randn(50, 4, generator=helpers.generator()) + 7
    features_NF[:, 2] = 5.0  # says nothing, and must not become nan
    standard = Standard.of(features_NF)(features_NF)
    torch.testing.assert_close(standard.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(0), torch.tensor([1.0, 1.0, 0.0, 1.0]), atol=1e-4, rtol=0)
