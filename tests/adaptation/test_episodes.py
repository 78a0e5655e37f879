"""Promises of drawn episodes."""

import numpy as np
import pytest
import torch
from few import CLASSES, episodes, pool
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers
from lepton.adaptation.episodes import Pool, draw, eligible, generator
from lepton.errors import LeptonError


@settings(max_examples=25, deadline=None)
@given(st.integers(2, CLASSES), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_rows_are_of_their_class_and_never_twice_in_an_episode(ways: int, shots: int, queries: int, count: int, seed: int) -> None:
    drawn = episodes(ways, shots, queries, count, seed)
    assert drawn.support_ES.shape == (count, ways * shots)
    assert drawn.query_EQ.shape == (count, ways * queries)
    row_EN = torch.cat([drawn.support_ES, drawn.query_EQ], 1)
    label_EN = torch.cat([drawn.support_label_ES, drawn.query_label_EQ], 1)
    class_EN = row_EN // (len(drawn.features_NF) // CLASSES)
    for row_N, label_N, class_N in zip(row_EN, label_EN, class_EN, strict=True):
        assert len(row_N.unique()) == len(row_N)
        assert len(class_N.unique()) == ways
        assert all(len(class_N[label_N == way].unique()) == 1 for way in range(ways))


def test_every_class_takes_every_place() -> None:
    drawn = episodes(ways=2, shots=1, queries=1, count=600)
    class_ES = drawn.support_ES // (len(drawn.features_NF) // CLASSES)
    counts = torch.stack([(class_ES == number).sum(0) for number in range(CLASSES)])
    assert int(counts.min()) > 60  # 100 expected


def test_the_same_seed_draws_the_same_and_another_purpose_does_not() -> None:
    first, again, other = (draw(pool(), 3, 2, 2, 5, generator=generator(0, purpose)) for purpose in ("a", "a", "b"))
    assert torch.equal(first.support_ES, again.support_ES)
    assert torch.equal(first.query_EQ, again.query_EQ)
    assert not torch.equal(first.support_ES, other.support_ES)


def test_rows_without_a_label_are_never_drawn() -> None:
    labels = {"present": np.array([True, True, False, True, True, False]), "class": np.array([0, 0, 0, 2, 2, 1])}
    found = Pool.of("digit", torch.zeros(6, 1), labels)
    assert [rows.tolist() for rows in found.rows] == [[0, 1], [3, 4]]


def test_too_few_rows_are_named() -> None:
    with pytest.raises(LeptonError, match="digit: 6 classes with at least 40 labelled rows each are too few"):
        draw(pool(), 3, 40, 1, 1, generator=helpers.generator())


def test_tasks_with_too_few_classes_are_left_out() -> None:
    many, two = pool(), pool(classes=2, task="photo")
    assert [one.task for one in eligible([many, two], 3, 10)[0]] == ["digit"]
    assert [one.task for one in eligible([many, two], 2, 10)[0]] == ["digit", "photo"]
    found, ways = eligible([two], 3, 10)
    assert ([one.task for one in found], ways) == (["photo"], 2)
    assert eligible([many, two], 3, 41)[0] == []
    assert eligible([], 3, 1)[0] == []
