"""Which tasks should share a trunk, under a budget of trunks (Standley et al. 2020; Fifty et al. 2021, arXiv 2109.04617).

gain_TT[a, b]: what task a gains when b shares its trunk. In a larger group a gains the mean of what its partners bring it, the
higher-order approximation of both papers; alone it gains nothing. The groups are those with the largest total gain: found exactly
for up to 12 tasks, by merging and moving above.
"""

from collections.abc import Sequence

import numpy as np

EXACT = 12  # tasks, up to which all partitions are searched; 3 ** T steps

TIE = 1e-9  # what a trunk has to gain to be worth having

Groups = list[list[int]]


def ranking(names: Sequence[str], score_TT: np.ndarray) -> list[tuple[str, str, float]]:
    """Every pair with the mean of its two scores, the highest first."""
    named = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    scored = [(*pair, float(score)) for pair, score in zip(named, pairs(score_TT), strict=True)]
    return sorted(scored, key=lambda pair: (-pair[2], pair[:2]))


def pairs(matrix_TT: np.ndarray) -> np.ndarray:
    """Of every two tasks the mean of both directions [T (T − 1) / 2], row by row."""
    return ((matrix_TT + matrix_TT.T) / 2)[np.triu_indices(len(matrix_TT), 1)]


def group_gain(gain_TT: np.ndarray, group: Sequence[int]) -> np.ndarray:
    """What each member of a group gains, in the group's order; 0 alone."""
    inside = gain_TT[np.ix_(group, group)]
    return (inside.sum(1) - inside.diagonal()) / max(1, len(group) - 1)


def total(gain_TT: np.ndarray, groups: Sequence[Sequence[int]]) -> float:
    return float(sum(group_gain(gain_TT, group).sum() for group in groups))


def partition(gain_TT: np.ndarray, trunks: int) -> Groups:
    """The groups of largest total gain, at most `trunks` and of equal gain as few as can be; ordered by their first member."""
    found = _exact(gain_TT, trunks) if len(gain_TT) <= EXACT else _moved(gain_TT, _merged(gain_TT, trunks), trunks)
    return sorted((sorted(group) for group in found), key=lambda group: group[0])


def _exact(gain_TT: np.ndarray, trunks: int) -> Groups:
    """Dynamic programming over sets of tasks, each a bit mask: the first task's group, and the best of what is left."""
    tasks = len(gain_TT)
    pair_TT = gain_TT + gain_TT.T
    sum_M, size_M = np.zeros(1 << tasks), np.zeros(1 << tasks, int)
    for mask in range(1, 1 << tasks):
        low = (mask & -mask).bit_length() - 1
        rest = mask & (mask - 1)
        members = [task for task in range(low + 1, tasks) if rest >> task & 1]
        sum_M[mask], size_M[mask] = sum_M[rest] + pair_TT[low, members].sum(), size_M[rest] + 1
    value_M = sum_M / np.maximum(1, size_M - 1) - TIE
    best = np.full((1 << tasks, trunks + 1), -np.inf)
    best[0] = 0.0
    first = np.zeros((1 << tasks, trunks + 1), int)
    for mask in range(1, 1 << tasks):
        rest = mask & (mask - 1)
        subsets = _subsets(rest) | (mask & -mask)
        options = value_M[subsets][:, None] + best[mask ^ subsets, :-1]
        chosen = options.argmax(0)
        best[mask, 1:], first[mask, 1:] = options[chosen, np.arange(trunks)], subsets[chosen]
    found, mask, left = [], (1 << tasks) - 1, trunks
    while mask:
        group = int(first[mask, left])
        found.append([task for task in range(tasks) if group >> task & 1])
        mask, left = mask ^ group, left - 1
    return found


def _subsets(mask: int) -> np.ndarray:
    """Every subset of a bit mask, itself and none among them."""
    found = np.zeros(1, int)
    while mask:
        found = np.concatenate([found, found | (mask & -mask)])
        mask &= mask - 1
    return found


def _merged(gain_TT: np.ndarray, trunks: int) -> Groups:
    """From every task alone, merges the two groups whose union adds most, while that helps or the budget asks for it."""
    groups = [[task] for task in range(len(gain_TT))]
    while len(groups) > 1:
        pairs = [(a, b) for a in range(len(groups)) for b in range(a)]
        added = [total(gain_TT, [groups[a] + groups[b]]) - total(gain_TT, [groups[a], groups[b]]) for a, b in pairs]
        best = int(np.argmax(added))
        if added[best] < -TIE and len(groups) <= trunks:
            break
        a, b = pairs[best]
        groups[b] = groups[b] + groups.pop(a)
    return groups


def _moved(gain_TT: np.ndarray, groups: Groups, trunks: int) -> Groups:
    """Moves one task at a time to the group, or to a trunk of its own, where that adds most, until nothing adds any more."""
    while True:
        moves = []
        for at, group in enumerate(groups):
            for task in group:
                rest = [other for other in group if other != task]
                others = [(to, groups[to]) for to in range(len(groups)) if to != at]
                if rest and len(groups) < trunks:
                    others.append((len(groups), []))
                for to, target in others:
                    added = total(gain_TT, [rest, [*target, task]]) - total(gain_TT, [group, target])
                    moves.append((added, at, to, task))
        added, at, to, task = max(moves, default=(0.0, 0, 0, 0))
        if added <= TIE:
            return groups
        groups = [*groups, []]
        groups[at], groups[to] = [other for other in groups[at] if other != task], [*groups[to], task]
        groups = [group for group in groups if group]
