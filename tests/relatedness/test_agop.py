"""Promises of the gains that are predicted from what features the labels ask for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from lepton.relatedness import agop
from lepton.relatedness.agop import Path, divided, gains, learned, moments

seeds = st.integers(0, 10**6)
FOLDS = 4


def linear(seed: int, rows: int = 300, width: int = 12, outputs: int = 3, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, width)) + 0.3
    return x, x @ random.normal(size=(width, outputs)) + noise * random.normal(size=(rows, outputs)) + 2


def folds(rows: int) -> np.ndarray:
    return np.arange(rows) % FOLDS


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_sums_give_the_ridge_of_scikit_learn_and_its_error_on_held_out_rows(seed: int) -> None:
    x, y = linear(seed)
    present, fold = np.random.default_rng(seed).random(len(x)) < 0.7, folds(len(x))
    train, held = divided(moments(x, y, present, fold), 1)
    path = Path.of(train, held)
    inside, outside = present & (fold != 1), present & (fold == 1)
    centred = y[outside] - y[inside].mean(0)
    for number, (strength, error) in enumerate(zip(agop.RIDGES, path.error_R, strict=True)):
        model = Ridge(alpha=strength * inside.sum()).fit(x[inside], y[inside])
        np.testing.assert_allclose(path.weights(number), model.coef_.T, rtol=1e-6, atol=1e-8)
        assert error == pytest.approx(((y[outside] - model.predict(x[outside])) ** 2).sum() / (centred**2).sum(), rel=1e-8)


def test_tasks_on_the_same_rows_share_their_sums() -> None:
    x, y = linear(0)
    present, fold = np.random.default_rng(0).random(len(x)) < 0.7, folds(len(x))
    alone = moments(x, y[:, :1], present, fold)
    for name, value in vars(moments(x, y[:, :1], present, fold, moments(x, y[:, 1:], present, fold))).items():
        np.testing.assert_array_equal(value, vars(alone)[name])


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_learned_features_are_the_root_of_the_average_gradient_outer_product(seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=(8, 3))
    features = learned(weights)
    value, vector = np.linalg.eigh(weights @ weights.T)
    root = (vector * np.sqrt(value.clip(0))) @ vector.T
    np.testing.assert_allclose(features @ features.T, root / np.trace(root), atol=1e-6)


def planted(seed: int) -> dict[str, agop.Moments]:
    """Rows of each task its own: `a` and `again` are one task, `part` is a part of it, `other` looks elsewhere, `noise` nowhere."""
    random = np.random.default_rng(seed)
    width, rows = 80, 100
    basis = np.linalg.qr(random.normal(size=(width, 8)))[0]
    seen = {"a": basis[:, :4], "again": basis[:, :4], "part": basis[:, :2], "other": basis[:, 4:], "noise": np.zeros((width, 2))}
    tasks = {}
    for name, directions in seen.items():
        x = random.normal(size=(rows, width))
        y = x @ directions + 0.7 * random.normal(size=(rows, directions.shape[1]))
        tasks[name] = moments(x, y, np.ones(rows, bool), folds(rows))
    return tasks


@pytest.mark.parametrize("seed", range(3))
def test_a_task_gains_most_from_its_duplicate_on_disjoint_rows_and_nothing_from_strangers(seed: int) -> None:
    tasks = planted(seed)
    share, sure = gains(tasks)
    gain = share.mean(0)
    a, again, part, other, noise = range(5)
    assert {int(gain[a].argmax()), int(gain[again].argmax())} == {a, again}
    related = gain[np.ix_([a, again, part], [a, again, part])][~np.eye(3, dtype=bool)]
    strangers = [*gain[other], *gain[noise], *gain[:3, other], *gain[:3, noise]]
    assert related.min() > 2 * max(strangers)
    assert np.abs(gain[noise]).max() < 0.01
    assert sure[:noise].min() > 0.9 > 0.8 > sure[noise]


@given(seed=seeds, order=st.permutations(range(5)))
@settings(max_examples=3, deadline=None)
def test_permuting_tasks_permutes_gains(seed: int, order: list[int]) -> None:
    tasks = planted(seed)
    names = list(tasks)
    (moved, moved_sure), (share, sure) = gains({names[task]: tasks[names[task]] for task in order}), gains(tasks)
    np.testing.assert_allclose(moved, share[:, order][:, :, order], atol=1e-9)
    np.testing.assert_allclose(moved_sure, sure[order])


@given(seed=seeds, scale=st.floats(0.01, 100))
@settings(max_examples=3, deadline=None)
def test_the_unit_of_a_label_does_not_matter(seed: int, scale: float) -> None:
    x, y = linear(seed, noise=3)
    present, fold = np.ones(len(x), bool), folds(len(x))
    other = moments(x, x[:, :2] ** 2 + x[:, :2], present, fold)
    plain, scaled = (gains({"a": moments(x, values, present, fold), "b": other})[0] for values in (y, scale * y - 7))
    np.testing.assert_allclose(scaled, plain, atol=1e-6)


def test_too_few_labels_say_nothing() -> None:
    x, y = linear(0)
    few, all_ = np.arange(len(x)) < 10, np.ones(len(x), bool)
    constant = moments(x, np.zeros((len(x), 1)), all_, folds(len(x)))
    tasks = {"a": moments(x, y, all_, folds(len(x))), "few": moments(x, y, few, folds(len(x))), "constant": constant}
    share, sure = gains(tasks)
    assert not share[:, 0].any()
    assert np.isnan(sure).tolist() == [False, True, True]
    assert not tasks["few"].enough
    assert not tasks["constant"].enough


def test_rows_that_another_task_holds_out_are_never_seen() -> None:
    """Labels of a copy of a task, on the same rows, bring nothing: they would, were the folds not the same for both."""
    x, y = linear(3, rows=120, width=40, noise=2)
    present, fold = np.ones(len(x), bool), folds(len(x))
    twice = {"a": moments(x, y, present, fold), "copy": moments(x, y, present, fold)}
    assert gains(twice)[0].max() < 1e-9
