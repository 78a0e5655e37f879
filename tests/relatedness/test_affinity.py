"""Promises of gradient affinity."""

import numpy as np
import pytest
import torch

import helpers
from lepton.data.store import Samples
from lepton.relatedness.affinity import affinity, apart, levels, own
from lepton.relatedness.grouping import partition, ranking
from lepton.relatedness.probe import alike
from lepton.relatedness.similarity import cosine
from lepton.training import network
from lepton.training.loop import Trainer


def test_the_channels_of_several_trunks_stand_together_level_by_level() -> None:
    grad_TP = np.random.default_rng(0).normal(size=(3, 60))
    assert [part.shape[1] for part in levels(grad_TP, [4, 6])] == [24, 36]
    np.testing.assert_array_equal(np.concatenate(levels(grad_TP, [4, 6]), 1), grad_TP)


def test_every_level_is_a_cosine_of_its_own() -> None:
    grad_TP = np.random.default_rng(0).normal(size=(3, 10))
    found = affinity(grad_TP, [4, 6])
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found[0], cosine(grad_TP[:, :4]))
    np.testing.assert_allclose(found[1], cosine(grad_TP[:, 4:]))
    np.testing.assert_allclose(apart(grad_TP, [4, 6])[1], cosine(own(grad_TP[:, 4:])))


def test_what_all_tasks_have_in_common_is_taken_out() -> None:
    random = np.random.default_rng(0)
    grad_TP = random.normal(size=(4, 50))
    grad_TP[1] = grad_TP[0] + 0.1 * random.normal(size=50)
    common = 5 * random.normal(size=50)
    assert cosine(grad_TP + common)[0, 2] > 0.9
    found = apart(grad_TP + common, [50])[0]
    assert found[0, 1] > 0.8
    assert found[0, 2] < 0.2


def test_two_tasks_keep_what_they_have_in_common() -> None:
    grad_TP = np.random.default_rng(0).normal(size=(2, 10)) + 1
    np.testing.assert_allclose(apart(grad_TP, [10]), affinity(grad_TP, [10]))


def test_the_size_of_a_gradient_does_not_matter() -> None:
    grad_TP = np.random.default_rng(0).normal(size=(3, 10))
    for measure in (affinity, apart):
        np.testing.assert_allclose(measure(grad_TP * [[1], [5], [0.01]], [4, 6]), measure(grad_TP, [4, 6]))


def probe(seed: int) -> np.ndarray:
    """Four tasks on stripes: the stripe's sort twice, on disjoint rows, where it lies in the picture, and pure chance."""
    rows = 384
    inputs, sort = helpers.stripes(rows, seed)
    random = np.random.default_rng(seed)
    half = random.permutation(rows) < rows // 2
    light = inputs[:, 0].astype(float).sum(1).argmax(1)
    labels = {
        "sort": {"present": half, "class": sort},
        "again": {"present": ~half, "class": sort},
        "place": {"present": np.ones(rows, bool), "value": (light / 8 - 1).astype(np.float32)},
        "chance": {"present": np.ones(rows, bool), "class": random.integers(3, size=rows)},
    }
    assert not (labels["sort"]["present"] & labels["again"]["present"]).any()
    tasks = {"sort": helpers.digit(), "again": helpers.digit(), "place": helpers.tilt(-1, 1), "chance": helpers.digit()}
    params = helpers.params(train={"batch_size": 64}, model={"trunk": [8, 12, 16], "branch": [4, 6, 8]})
    torch.manual_seed(seed)
    model = network.build(params, tasks)
    alike(model)
    samples = Samples(inputs, labels, [str(row) for row in range(rows)])
    fit = Trainer(model, params, samples, None, np.ones(rows), dict.fromkeys(tasks), 0.003, 4).fit()
    return apart(np.mean([grad.numpy() for grad in fit.grads], 0), [16, 24, 32]).mean(0)


@pytest.mark.parametrize("seed", range(3))
def test_a_task_duplicated_on_disjoint_rows_has_the_highest_affinity(seed: int) -> None:
    names = ["sort", "again", "place", "chance"]
    score_TT = probe(seed)
    first, second, *_ = ranking(names, score_TT)
    assert set(first[:2]) == {"sort", "again"}
    assert first[2] > second[2] + 0.1
    assert [0, 1] in partition(score_TT - (first[2] + second[2]) / 2, len(names))
