"""Is new data like that which the model was trained on? Two described tables in, measures with their limits out.

Of every input and task is compared what its kind describes a sample by. A number has its population stability index and the
Kolmogorov-Smirnov distance, classes have the total variation of their frequencies, and each column has the change of the share of
samples without a usable value. A measure says drift where it reaches its limit and is no chance besides: with many rows the limit
decides, with few the p-value does. P-values are corrected for all comparisons of one window (Holm 1979), so that a window of the
same data raises an alarm with probability `alpha` at most. What leaves this module are shares and measures, never a sample.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lepton.blocks import Drift, shorten
from lepton.config import Params
from lepton.errors import LeptonError
from lepton.types import Source

BINS = 10  # of the stability index, with equally many reference values in each
SHOWN = 24  # bins of a histogram that people look at


@dataclass(frozen=True)
class Described:
    """One column: its rows and, of those with a usable cell, a number [n] or an amount for each class [n, K], by name."""

    rows: int
    usable: int
    values: Mapping[str, np.ndarray]
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Measure:
    """of: the path in params.yaml; what: is compared; name: psi, ks, labels or missing. p: corrected for all comparisons."""

    of: str
    what: str
    name: str
    value: float
    limit: float
    p: float
    drifts: bool


@dataclass(frozen=True)
class Shape:
    """How something is distributed, in shares. edges: of the bins of a number, one more than there are shares; else classes."""

    of: str
    what: str
    edges: list[float]
    classes: list[str]
    reference: list[float]
    window: list[float]


@dataclass(frozen=True)
class Report:
    """skipped: path in params.yaml -> why it was not compared."""

    measures: list[Measure]
    shapes: list[Shape]
    skipped: dict[str, str]

    @property
    def drifted(self) -> list[str]:
        """The inputs and tasks that drift."""
        return list(dict.fromkeys(one.of for one in self.measures if one.drifts))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "drifted": self.drifted}


def describe(table: pd.DataFrame, params: Params, source: Source) -> dict[str, Described]:
    """Path in params.yaml -> its column. A task without any label in the table is left out: absent labels are no drift.

    LeptonError: a column holds something else than its kind reads.
    """
    found: dict[str, Described] = {}
    kinds: dict[str, Any] = {f"inputs.{name}": kind for name, kind in params.inputs.items()}
    for name, task in params.tasks.items():
        if task.column in table and table[task.column].notna().any():
            kinds[f"tasks.{name}"] = task
    for path, kind in kinds.items():
        column = table[kind.column].reset_index(drop=True)
        try:
            usable_N = column.notna().to_numpy()
            for fault in kind.faults(column, source).values():
                usable_N = usable_N & ~fault.to_numpy(bool)
        except LeptonError as error:
            raise LeptonError(f"column {kind.column} {error}. Fix the export, or {path} in params.yaml.") from None
        except (TypeError, KeyError, ValueError, AttributeError):
            example = shorten(repr(column.dropna().iloc[0]))
            raise LeptonError(f"column {kind.column} cannot be read as {kind.type}, it holds {example}. Fix the export.") from None
        usable = column[usable_N]
        values = kind.describe(kind.encode(usable, source)) if path.startswith("tasks") else kind.describe(usable, source)
        classes = [str(name) for name in getattr(kind, "classes", ())]
        found[path] = Described(len(column), int(usable_N.sum()), values, classes)
    return found


def joined(parts: Sequence[Mapping[str, Described]]) -> dict[str, Described]:
    """Several tables as one; rows of a table that lacks a column do not count for it."""
    found: dict[str, Described] = {}
    for path in dict.fromkeys(path for part in parts for path in part):
        have = [part[path] for part in parts if path in part]
        values = {what: np.concatenate([one.values[what] for one in have]) for what in have[0].values}
        rows, usable = sum(one.rows for one in have), sum(one.usable for one in have)
        found[path] = Described(rows, usable, values, have[0].classes)
    return found


def compare(reference: Mapping[str, Described], window: Mapping[str, Described], options: Drift) -> Report:
    """What of the window is other than in the reference."""
    skipped: dict[str, str] = {}
    raw: list[tuple[str, str, str, float, float]] = []  # of, what, name, value, p
    shapes = []
    for path in dict.fromkeys([*reference, *window]):
        if path not in reference or path not in window:
            skipped[path] = f"no values in the {'snapshot' if path not in reference else 'window'}"
            continue
        then, now = reference[path], window[path]
        if min(then.rows, now.rows) < options.min_rows:
            skipped[path] = f"{min(then.rows, now.rows)} rows say too little"
            continue
        raw.append((path, "missing", "missing", *shift(_usable(then), _usable(now))))
        if min(then.usable, now.usable) < options.min_rows:
            skipped[path] = f"{min(then.usable, now.usable)} usable values say too little"
            continue
        for what, values in then.values.items():
            raw += [(path, what, *measured) for measured in _measured(values, now.values[what])]
            shapes.append(_shape(path, what, then, now))
    p_values = holm([p for *_, p in raw])
    limits = {"psi": options.psi, "ks": options.ks, "labels": options.labels, "missing": options.missing}
    measures = [
        Measure(of, what, name, value, limits[name], p, value >= limits[name] and p <= options.alpha)
        for (of, what, name, value, _), p in zip(raw, p_values, strict=True)
    ]
    return Report(measures, shapes, skipped)


def _usable(column: Described) -> np.ndarray:
    """Has a row a usable cell, or not, as two classes [N, 2]."""
    return np.eye(2)[(np.arange(column.rows) < column.usable).astype(int)]


def _measured(reference: np.ndarray, window: np.ndarray) -> Iterator[tuple[str, float, float]]:
    """Name, value and p-value of each measure that fits: of amounts per class [N, K], or of numbers [N]."""
    if reference.ndim == 2:
        yield "labels", *shift(reference, window)
        return
    cuts = edges(reference)
    then_K, now_K = (np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1) for values in (reference, window))
    there_K = then_K + now_K > 0
    yield "psi", *stability(then_K[there_K], now_K[there_K])
    distance = stats.ks_2samp(reference, window, method="asymp")
    yield "ks", float(distance.statistic), float(distance.pvalue)


def edges(reference_N: np.ndarray) -> np.ndarray:
    """Inner edges, ascending, of bins that hold equally many of the numbers, the upper edge included.

    A number that fills a bin by itself has one of its own, so that what lies below and above it is told apart.
    """
    cuts = np.unique(np.quantile(reference_N, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    heavy = np.array([np.mean(reference_N == cut) >= 1 / BINS for cut in cuts])
    return np.union1d(cuts, np.nextafter(cuts[heavy], -np.inf))


def stability(reference_K: np.ndarray, window_K: np.ndarray) -> tuple[float, float]:
    """Population stability index Σ (p − q) ln(p / q) of two histograms [K] of counts, and the p-value of no change.

    The index is Jeffreys' divergence (Siddiqi, Credit Risk Scorecards, 2006); half a count is added to each bin, so that an empty
    one stays finite and does not weigh more than it knows. Without change it is distributed as (1/n + 1/m) χ² with K − 1 degrees
    of freedom (Yurdakul & Naranjo 2020, J. Risk Model Validation 14).
    """
    p_K, q_K = ((counts + 0.5) / (counts + 0.5).sum() for counts in (reference_K, window_K))
    index = float(((p_K - q_K) * np.log(p_K / q_K)).sum())
    return index, float(stats.chi2.sf(index / (1 / reference_K.sum() + 1 / window_K.sum()), max(len(p_K) - 1, 1)))


def shift(reference_NK: np.ndarray, window_NK: np.ndarray) -> tuple[float, float]:
    """Total variation ½ Σ |p − q| of the frequencies of classes, and the p-value of no shift.

    A row holds an amount per class: a single 1, the classes that apply, how many objects of each, or shares of pixels. Rows are
    independent, what is in one row is not: the test is the quadratic form of the difference in the rows' covariance (Rao & Scott
    1981, J. Am. Stat. Assoc. 76). With a single 1 in each row it is Pearson's χ² test.
    """
    both_NK = np.concatenate([reference_NK, window_NK]).astype(float)
    size, (n, m) = both_NK.sum(1, keepdims=True), (len(reference_NK), len(window_NK))
    if not size[:n].any() or not size[n:].any():
        return 0.0, 1.0  # nothing there whose class could be told
    p_K, q_K = both_NK[:n].sum(0) / size[:n].sum(), both_NK[n:].sum(0) / size[n:].sum()
    excess_NK = both_NK - size * (both_NK.sum(0) / size.sum())
    gap_K = excess_NK[n:].mean(0) - excess_NK[:n].mean(0)
    spread_K, axes_KK = np.linalg.eigh(np.cov(excess_NK.T, bias=True) * (1 / n + 1 / m))
    real_K = spread_K > 1e-9 * spread_K.max()
    statistic = ((gap_K @ axes_KK)[real_K] ** 2 / spread_K[real_K]).sum()
    return float(np.abs(p_K - q_K).sum() / 2), float(stats.chi2.sf(statistic, real_K.sum())) if real_K.any() else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, each corrected for all of them (Holm 1979, Scand. J. Stat. 6): valid however they depend on each other."""
    order, result, least = np.argsort(p_values), [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * p_values[index]))
        result[index] = least
    return result


def _shape(path: str, what: str, then: Described, now: Described) -> Shape:
    """Both distributions for people to look at; the outer bins hold what lies outside of 99 % of the values as well."""
    values = [then.values[what].astype(float), now.values[what].astype(float)]
    if values[0].ndim == 2:
        shares = [one.sum(0) / max(one.sum(), 1e-9) for one in values]
        return Shape(path, what, [], list(then.classes), shares[0].tolist(), shares[1].tolist())
    low, high = np.quantile(np.concatenate(values), [0.005, 0.995])
    cuts = np.linspace(low, high if high > low else low + 1, SHOWN + 1)
    shares = [np.histogram(one.clip(cuts[0], cuts[-1]), cuts)[0] / len(one) for one in values]
    return Shape(path, what, cuts.tolist(), [], shares[0].tolist(), shares[1].tolist())
