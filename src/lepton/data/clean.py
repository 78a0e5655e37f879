"""Takes out what cannot be learned from, and says so: pure functions from a table to a smaller table and a list of changes.

A row goes only when its input is of no use (undecodable, seen before, unlike all others); a label at fault becomes null and
its row stays. Cleaning a clean table changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest

from lepton.blocks import Clean
from lepton.config import Params
from lepton.data.table import digests, tasks_of
from lepton.types import Source

OutOfFold = Callable[[np.ndarray, dict[str, np.ndarray], dict[str, int]], dict[str, np.ndarray]]
"""(inputs [N, ...], labels {task: class [N], -1 where missing}, classes {task: K}) -> {task: probability [N, K]}, each row
judged by a model that has not seen it."""


@dataclass(frozen=True)
class Change:
    """One row dropped or one label set to null."""

    id: str
    column: str
    action: str  # dropped or nulled
    reason: str


@dataclass(frozen=True)
class Cleaned:
    table: pd.DataFrame
    changes: list[Change]
    rows_in: int

    def to_dict(self) -> dict[str, Any]:
        """rows_in, rows_out, dropped {reason: n}, repaired {"column: reason": n}."""
        dropped = Counter(change.reason for change in self.changes if change.action == "dropped")
        repaired = Counter(f"{change.column}: {change.reason}" for change in self.changes if change.action == "nulled")
        return {"rows_in": self.rows_in, "rows_out": len(self.table), "dropped": dict(dropped), "repaired": dict(repaired)}


def clean(table: pd.DataFrame, params: Params, source: Source, out_of_fold: OutOfFold | None, name: str = "samples") -> Cleaned:
    """Table `name` (samples or new_tasks; its new tasks are left as they are) with every fault of its rows and labels mended.

    out_of_fold: None leaves suspect labels alone.
    """
    state = _State(table.reset_index(drop=True), params.data.id)
    for kind in params.inputs.values():
        _drop_faulty_inputs(state, kind, source, params.clean.duplicates)
    tasks: dict[str, Any] = dict(tasks_of(name, params)) if name == "samples" else {}
    for task in tasks.values():
        for reason, fault in task.faults(state.table[task.column], source).items():
            state.null(fault.to_numpy(bool), task.column, reason)
        if task.type == "regression":
            state.null(outlying(state.table[task.column].to_numpy(float), params.clean.outliers), task.column, "outlier")
    kind = params.input
    inputs = kind.encode(state.table[kind.column], source)
    odd = unusual(inputs, params.clean, params.compute.seed)
    state.drop(odd, kind.column, "unusual")
    if out_of_fold and params.clean.suspects:
        _null_suspects(state, tasks, inputs[~odd], out_of_fold, source, params.clean.margin)
    return Cleaned(state.table.reset_index(drop=True), state.changes, len(table))


class _State:
    """The table as it stands, and what was changed so far."""

    def __init__(self, table: pd.DataFrame, name: str):
        self.table, self.name = table, name
        self.changes: list[Change] = []

    def _note(self, rows: np.ndarray, column: str, action: str, reason: str) -> None:
        self.changes += [Change(str(row), column, action, reason) for row in self.table.loc[rows, self.name]]

    def drop(self, rows: np.ndarray, column: str, reason: str) -> None:
        self._note(rows, column, "dropped", reason)
        self.table = self.table[~rows]

    def null(self, rows: np.ndarray, column: str, reason: str) -> None:
        rows = rows & self.table[column].notna().to_numpy()
        self._note(rows, column, "nulled", reason)
        self.table[column] = self.table[column].where(~rows, None)


def _drop_faulty_inputs(state: _State, kind: Any, source: Source, duplicates: bool) -> None:
    for reason, fault in kind.faults(state.table[kind.column], source).items():
        state.drop(fault[state.table.index].to_numpy(bool), kind.column, reason)
    if duplicates:
        state.drop(digests(state.table[kind.column], source.folder).duplicated().to_numpy(), kind.column, "duplicate")


def outlying(value_N: np.ndarray, limit: float) -> np.ndarray:
    """Which numbers lie more than `limit` interquartile ranges outside the quartiles, bool [N]; nan never does.

    Repeated without those found until no more are, so that a second pass finds none.
    """
    found_N = np.zeros(len(value_N), bool)
    while True:
        kept = value_N[~found_N & ~np.isnan(value_N)]
        low, high = np.quantile(kept, [0.25, 0.75]) if len(kept) else (0.0, 0.0)
        reach = limit * (high - low)
        more_N = ~found_N & ((value_N < low - reach) | (value_N > high + reach))
        if low == high or not more_N.any():
            return found_N
        found_N |= more_N


def statistics(inputs: np.ndarray) -> np.ndarray:
    """Cheap numbers [N, F] by which one input is unlike the others: per channel mean, spread, extremes and roughness."""
    flat_NCP = inputs.reshape(len(inputs), inputs.shape[1], -1).astype(np.float32)
    rough_NC = np.abs(np.diff(flat_NCP, axis=2)).mean(2)
    quantiles_QNC = np.quantile(flat_NCP, [0.02, 0.98], axis=2)
    return np.concatenate([flat_NCP.mean(2), flat_NCP.std(2), rough_NC, *quantiles_QNC], 1)


def unusual(inputs: np.ndarray, options: Clean, seed: int) -> np.ndarray:
    """Inputs far from all others, bool [N]: isolation forest (Liu et al. 2008) on `statistics`.

    The forest always finds someone at the edge; a row goes only if it is among the share `contamination` of most isolated
    ones and its score is also as far from the quartiles as `outlying` asks of a number.
    """
    most = int(options.contamination * len(inputs))
    if most == 0:
        return np.zeros(len(inputs), bool)
    features = statistics(inputs)
    score_N = -IsolationForest(random_state=seed).fit(features).score_samples(features)
    return outlying(score_N, options.outliers) & (score_N >= np.sort(score_N)[-most])


def _null_suspects(
    state: _State, tasks: Mapping[str, Any], inputs: np.ndarray, out_of_fold: OutOfFold, source: Source, margin: float
) -> None:
    judged = {name: task for name, task in tasks.items() if task.type == "classification"}
    labels = {}
    for name, task in judged.items():
        encoded = task.encode(state.table[task.column], source)
        labels[name] = np.where(encoded["present"], encoded["class"], -1)
    if not judged:
        return
    probabilities = out_of_fold(inputs, labels, {name: len(task.classes) for name, task in judged.items()})
    for name, task in judged.items():
        state.null(suspects(labels[name], probabilities[name], margin), task.column, "suspect")


def suspects(label_N: np.ndarray, probability_NK: np.ndarray, margin: float) -> np.ndarray:
    """Labels that models contradict with confidence, bool [N]: confident learning (Northcutt et al. 2021, arXiv 1911.00068).

    label_N: given classes, -1 where missing. The threshold of a class is the mean probability of it over the rows that carry
    it (their equation 2); a label is suspect when the most probable other class passes its threshold and leads the given one
    by `margin`.
    """
    present_N = label_N >= 0
    given_NK = label_N[:, None] == np.arange(probability_NK.shape[1])
    carried_K = given_NK.sum(0)
    threshold_K = np.where(carried_K > 0, (probability_NK * given_NK).sum(0) / np.maximum(carried_K, 1), np.inf)
    other_NK = np.where(given_NK, -np.inf, probability_NK)
    best_N = other_NK.argmax(1)
    rows = np.arange(len(label_N))
    given_N = probability_NK[rows, np.maximum(label_N, 0)]
    lead_N = probability_NK[rows, best_N] - given_N
    return present_N & (probability_NK[rows, best_N] >= threshold_K[best_N]) & (lead_N >= margin)


def changes_csv(changes: Sequence[Change]) -> str:
    """id,column,action,reason: one line per change."""
    table = pd.DataFrame([vars(change) for change in changes], columns=["id", "column", "action", "reason"])
    return table.to_csv(index=False, lineterminator="\n")
