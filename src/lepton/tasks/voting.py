"""How several models answer together: the mean of what they say, or what most of them say. M: members.

A vote has the numbers of the members that won it, so that one model, or several equal ones, are left as they are. Sums are in
double precision: equal members average to themselves to the bit.
"""

from collections.abc import Sequence

import numpy as np

EQUAL = 1e-9  # shares of votes this near to each other are equal, in whatever order they were added


def average(members: Sequence[np.ndarray], weight_M: np.ndarray) -> np.ndarray:
    """Weighted mean. weight_M: [M], or [M, ...] where a member counts more in some places than in others."""
    total = sum(weight * one.astype(np.float64) for one, weight in zip(members, weight_M, strict=True))
    return (total / sum(weight_M)).astype(members[0].dtype)


def majority(members: Sequence[np.ndarray], weight_M: np.ndarray) -> np.ndarray:
    """Probabilities [N, K, ...] of the class with most votes; between classes with as many votes, the mean probability decides."""
    said = [one.argmax(1)[:, None] for one in members]
    class_K = np.arange(members[0].shape[1]).reshape(1, -1, *[1] * (members[0].ndim - 2))
    votes = average([(one == class_K).astype(np.float64) for one in said], weight_M)
    most = votes > votes.max(1, keepdims=True) - EQUAL
    winner = np.where(most, average(members, weight_M), -1).argmax(1)[:, None]
    return average_of(members, weight_M, [one == winner for one in said])


def average_of(members: Sequence[np.ndarray], weight_M: np.ndarray, counts: Sequence[np.ndarray]) -> np.ndarray:
    """Weighted mean over the members that count, bool [N, 1, ...] each; somewhere one does at least."""
    return average(members, np.stack([weight * one for weight, one in zip(weight_M, counts, strict=True)]))


def middle(members: Sequence[np.ndarray], weight_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper weighted median of numbers [N]; they differ where half of the weight lies on either side."""
    value_MN = np.stack(members)
    order_MN = value_MN.argsort(0, kind="stable")
    value_MN = np.take_along_axis(value_MN, order_MN, 0)
    reached_MN = weight_M[order_MN].cumsum(0) / weight_M.sum()
    places = [(reached_MN >= 0.5 + edge).argmax(0)[None] for edge in (-EQUAL, EQUAL)]
    low_1N, high_1N = (np.take_along_axis(value_MN, place, 0) for place in places)
    return low_1N[0], high_1N[0]
