"""How good each method is over episodes, and which to use."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from torch import Generator, Tensor

from lepton.adaptation import centroid, ridge
from lepton.adaptation.episodes import Episodes, Pool, draw, eligible
from lepton.adaptation.head import Map, embed, fit, logits
from lepton.blocks import Adapt

Method = Callable[[Episodes], Tensor]
"""Adapts to each episode's support set by itself and returns its queries' logits [E, Q, W]; queries never see each other."""


def methods(map_: Map, plan: Adapt) -> dict[str, Method]:
    """The meta-learned method first, then the closed forms that it has to beat."""
    return {plan.method: partial(adapted, map_, plan), "centroid": centroid.classify, "ridge": ridge.classify}


def adapted(map_: Map, plan: Adapt, episodes: Episodes) -> Tensor:
    """Logits [E, Q, W] after `plan.inner_steps` from the meta-learned start."""
    support_ESD = embed(map_, episodes.support_ESF)
    head = fit(support_ESD, episodes.support_label_ES, episodes.ways, plan.inner_steps, plan.inner_lr)
    return logits(head, embed(map_, episodes.query_EQF))


def accuracy(logits_EQW: Tensor, label_EQ: Tensor) -> Tensor:
    """Of each episode [E]."""
    return (logits_EQW.argmax(2) == label_EQ).double().mean(1)


def interval(value_E: Tensor) -> dict[str, float | int]:
    """Mean over episodes and the half width of its 95 % interval, 1.96 s / √n."""
    spread = float(value_E.std()) if len(value_E) > 1 else 0.0
    return {"mean": float(value_E.mean()), "ci95": 1.96 * spread / len(value_E) ** 0.5, "episodes": len(value_E)}


def measure(
    candidates: Mapping[str, Method], episodes: Episodes, before: Callable[[], object] = lambda: None
) -> tuple[dict[str, dict[str, float | int]], dict[str, float]]:
    """Each method's `interval` over the episodes, and the milliseconds that it takes for one episode alone.

    before: what has to be done first each time and counts along, such as computing the support set's features.
    """
    found = {name: interval(accuracy(method(episodes), episodes.query_label_EQ)) for name, method in candidates.items()}
    return found, {name: milliseconds(method, episodes.take(slice(1)), before) for name, method in candidates.items()}


def milliseconds(method: Method, episode: Episodes, before: Callable[[], object], repeats: int = 3) -> float:
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        before()
        method(episode)
        spent.append(1000 * (time.perf_counter() - began))
    return median(spent)


def validate(
    candidates: Mapping[str, Method], pools: Sequence[Pool], plan: Adapt, shots: Sequence[int], *, generator: Generator
) -> dict[str, float]:
    """Mean accuracy of each method over tasks and shot counts, on episodes of a split that meta-training has not drawn from.

    The rows are new, the classes are not: trunk and meta-training know them, so this flatters what was learned.
    """
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for shot in shots:
        usable, ways = eligible(pools, plan.ways, shot + 1)
        for pool in usable:
            queries = min(plan.queries, pool.smallest - shot)
            episodes = draw(pool, ways, shot, queries, plan.test_episodes, generator=generator)
            for name, method in candidates.items():
                found[name].append(float(accuracy(method(episodes), episodes.query_label_EQ).mean()))
    return {name: sum(values) / len(values) for name, values in found.items() if values}


def choose(means: Mapping[str, float]) -> str:
    """The best method; of equals the first. Without any evidence the one that learns nothing beforehand, nearest centroid."""
    return max(means, key=lambda name: means[name]) if means else "centroid"
