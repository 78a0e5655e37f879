"""Promises of the features that gains are predicted from."""

import numpy as np
import torch

import helpers
from lepton.relatedness import untrained
from lepton.relatedness.untrained import pooled
from lepton.training import network


def features(seed: int = 0, width: int = 20) -> np.ndarray:
    params = helpers.params()
    torch.manual_seed(0)
    models = [network.build(params, params.tasks, "hard") for _ in range(2)]
    return untrained.features(models, helpers.samples(params.tasks, 90), width, np.random.default_rng(seed))


def test_they_are_centred_principal_components_of_norm_1() -> None:
    found = features()
    assert found.shape == (90, 20)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    assert np.mean((found**2).sum(1)) == 1 or np.isclose(np.mean((found**2).sum(1)), 1)
    covariance = found.T @ found
    np.testing.assert_allclose(covariance, np.diag(covariance.diagonal()), atol=1e-5 * len(found))
    assert (np.diff(covariance.diagonal()) <= 1e-5).all()


def test_equal_inputs_give_equal_bytes() -> None:
    assert features().tobytes() == features().tobytes()


def test_a_grid_of_means_is_no_finer_than_the_picture() -> None:
    picture = torch.arange(32.0).reshape(1, 2, 4, 4)
    assert pooled(picture, 8).shape == (1, 32)
    assert pooled(picture, 2)[0, 0] == picture[0, 0, :2, :2].mean()
    assert pooled(picture[:, :, :1, :1], 3).shape == (1, 2)
