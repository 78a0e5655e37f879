"""Promises of meta-training."""

import pytest
import torch
from few import plan, pool, start

import helpers
from lepton.adaptation import head, meta, select
from lepton.adaptation.episodes import Pool, draw
from lepton.adaptation.head import Map


def learned(method: str, seed: int = 0, **options: object) -> Map:
    first = head.whitening(pool(0).features_NF, 8)
    return meta.learn(first, [pool(0)], plan(method=method, episodes=400, **options), 5, generator=helpers.generator(seed))


@pytest.mark.parametrize("method", ["maml", "reptile"])
def test_classes_never_seen_are_learned_better_than_from_centroids(method: str) -> None:
    unseen = pool(3)  # other centres, the same telling directions
    drawn = draw(unseen, 3, 1, 10, 100, generator=helpers.generator(1))
    methods = select.methods(learned(method), plan(method=method))
    score = {name: float(select.accuracy(one(drawn), drawn.query_label_EQ).mean()) for name, one in methods.items()}
    assert score[method] > score["centroid"] + 0.1
    assert score[method] > score["ridge"] + 0.1


@pytest.mark.parametrize("method", ["maml", "reptile"])
def test_the_same_seed_learns_the_same_bytes(method: str) -> None:
    first, again, other = (learned(method, seed, queries=5) for seed in (0, 0, 1))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_without_a_task_to_learn_from_the_start_stays() -> None:
    map_ = start()
    for pools in ([], [pool(rows=5)], [Pool("digit", torch.zeros(0, 24), [])]):
        assert meta.learn(map_, pools, plan(), 5, generator=helpers.generator()) is map_
