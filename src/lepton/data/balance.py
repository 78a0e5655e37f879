"""Which rows a batch is drawn from, so that tasks with few labels are seen more often."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Generator, Tensor


def row_weights(present: Mapping[str, np.ndarray], power: float) -> np.ndarray:
    """Drawing weight of each row [N], mean 1: the sum over its labels of the label's inverse frequency to `power`.

    power 0 counts the labels of a row, 1 gives every task an equal share of all labels drawn. Rows without any label get 0.
    """
    weight_N = np.zeros(len(next(iter(present.values()))))
    for has_N in present.values():
        if has_N.any():
            weight_N += has_N * has_N.mean() ** -power
    return weight_N / weight_N.mean()


def demanded(present: Mapping[str, np.ndarray], lacking: Mapping[str, float], power: float) -> np.ndarray:
    """Drawing weight of each row [N], mean 1: (Σ_t lacking_t · has_t / share of rows that have t) ** power.

    Dynamic task prioritisation (Guo et al. 2018, ECCV) by the choice of rows instead of loss weights: rows with a label of tasks
    that are far from perfect come more often, and above power 1 those most of all that have several such labels.

    lacking: how far each task is from perfect, 1 minus its utility on the validation split.
    """
    weight_N = np.zeros(len(next(iter(present.values()))))
    for name, has_N in present.items():
        if has_N.any():
            weight_N += lacking[name] * has_N / has_N.mean()
    weight_N **= power
    return weight_N / weight_N.mean()


def draw(weight_N: np.ndarray, count: int, *, generator: Generator) -> Tensor:
    """`count` shuffled row numbers, row n expected `count · weight_N[n] / sum` times and never off by one or more.

    Systematic resampling: less noise than independent draws, and a permutation when weights are equal and count is N.
    """
    edges = np.cumsum(weight_N) * (count / weight_N.sum())
    start = torch.rand(1, generator=generator).item()
    rows = np.searchsorted(edges, np.arange(count) + start, side="right").clip(max=len(weight_N) - 1)
    return torch.from_numpy(rows)[torch.randperm(count, generator=generator)]
