"""How tasks relate, how much each shares at each level, and how training got there."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from lepton.reporting.blocks import Beside, Block, Cell, Chips, Figure, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.figures import curves, heatmaps
from lepton.reporting.figures.heatmaps import TITLES
from lepton.reporting.words import count, number, plural, signed

SHOWN = 12  # pairs of the ranking; the rest is folded


def relatedness(content: Content) -> Iterator[Block]:
    report = content["relate"]
    if not report:
        yield content.absent("relate")
        return
    yield Figure(
        heatmaps.relatedness(report["tasks"], report["matrices"]),
        "How alike two tasks are, from −1 to 1: by the features they use (cosine, Pearson; validation split) and by the direction "
        "in which they pull the shared trunk (gradient affinity; training split). This hints at what sharing may bring; section 1 "
        "says what it brought.",
        numbers=_pairs(report["tasks"], report["matrices"]),
    )
    columns = ("Pair of tasks", "Affinity")
    rows = [
        [text(f"{first} – {second}"), Cell(signed(score, 2), "better" if score > 0 else "worse")]
        for first, second, score in report["ranking"]
    ]
    table = Table(columns, rows[:SHOWN], "Pairs, from the most to the least related, by gradient affinity on the training split.")
    yield Beside([table, Chips(report["groups"], "Groups that may share, found from the affinities:")])
    if rows[SHOWN:]:
        yield Table(columns, rows[SHOWN:], f"The other {len(rows) - SHOWN} pairs", folded=True)


def degrees(content: Content) -> Iterator[Block]:
    sharing, history = content["sharing"], content["history"]
    if not sharing:
        yield content.absent("sharing")
        return
    alpha = sharing.get("alpha") or {}
    if not any(alpha.values()):
        yield Prose(f"Sharing is {sharing['sharing']}: it has no degrees to show.")
        return
    branches = sharing.get("branches")
    kept = f" Branches kept: {count(branches['kept'])}, removed: {count(branches['removed'])}." if branches else ""
    yield Figure(
        heatmaps.sharing_degrees(alpha, sharing.get("snapped") or {}),
        "How much each task shares at each level: 0 uses only its own features, 1 only shared ones. Outlined: fixed there during "
        f"training, so that the other side costs nothing.{kept}",
        numbers=_alpha(alpha, sharing.get("snapped") or {}),
    )
    moved = _movement(history, list(alpha)) if history is not None else {}
    if any(moved.values()):
        yield Figure(
            curves.sharing_movement(history["epoch"].tolist(), moved),
            "How the sharing degrees moved during training, from where relatedness had started them.",
            [f"alpha.{task}.{level}" for task, levels in moved.items() for level in levels],
        )


def _pairs(tasks: Sequence[str], matrices: Mapping[str, Sequence[Sequence[float | None]]]) -> Table:
    """Similarity of every two tasks, by each measure."""
    rows = [
        [text(f"{first} – {second}"), *(Cell(signed(matrix[one][other], 2)) for matrix in matrices.values())]
        for one, first in enumerate(tasks)
        for other, second in enumerate(tasks)
        if one < other
    ]
    return Table(("Pair of tasks", *(TITLES.get(name, name) for name in matrices)), rows)


def _alpha(alpha: Mapping[str, Sequence[float]], snapped: Mapping[str, Sequence[bool]]) -> Table:
    """Degrees by task and level; strong where training has fixed them."""
    rows = []
    for task, values in alpha.items():
        fixed = snapped.get(task) or [False] * len(values)
        rows.append([text(task), *(Cell(f"{a:.2f}", "strong" if f else "") for a, f in zip(values, fixed, strict=True))])
    return Table(("Task", *(f"level {level + 1}" for level in range(max(map(len, alpha.values()))))), rows)


def training(content: Content) -> Iterator[Block]:
    history, report = content["history"], content["train"]
    if history is None:
        yield content.absent("history")
        return
    epochs, tasks = history["epoch"].tolist(), content.params.tasks
    best = (report or {}).get("best_epoch")
    if report:
        rate = content.records.get("train", {}).get("samples_per_second")
        speed = f" at {count(rate)} samples per second" if rate else ""
        yield Prose(
            f"{plural(len(epochs), 'epoch')}, {count(report['samples_seen'])} samples seen{speed}; "
            f"{count(report['parameters'])} parameters, {number(report['macs'] / 1e6)} million multiply-accumulates for one "
            f"sample. The weights of epoch {best}, the best on the validation split, were kept."
        )
    else:
        yield content.absent("train")
    loss = {task: _column(history, f"loss.{task}") for task in tasks if f"loss.{task}" in history}
    weight = {task: _column(history, f"weight.{task}") for task in tasks if f"weight.{task}" in history}
    if loss:
        yield Figure(
            curves.losses(epochs, loss, weight),
            "Loss on the training split, each task against its own first epoch.",
            [f"loss.{task}" for task in loss],
        )
    metrics = {}
    for task, kind in tasks.items():
        names = [name.removeprefix(f"valid.{task}.") for name in map(str, history) if name.startswith(f"valid.{task}.")]
        own = getattr(kind, "metric", "")
        if main := own if own in names else next(iter(names), None):
            metrics[task] = (main, _column(history, f"valid.{task}.{main}"))
    if metrics:
        yield Figure(
            curves.validation(epochs, metrics, best),
            "Each task's metric on the validation split, on its own scale; the mark is the epoch whose weights were kept.",
            [f"valid.{task}.{name}" for task, (name, _) in metrics.items()],
        )


def _column(history: pd.DataFrame, column: str) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in history[column]]


def _movement(history: pd.DataFrame, tasks: list[str]) -> dict[str, dict[int, list[float | None]]]:
    """Task -> level -> degree per epoch."""
    moved: dict[str, dict[int, list[float | None]]] = {task: {} for task in tasks}
    for task in tasks:
        for column in map(str, history):
            if column.startswith(f"alpha.{task}."):
                moved[task][int(column.removeprefix(f"alpha.{task}."))] = _column(history, column)
    return moved
