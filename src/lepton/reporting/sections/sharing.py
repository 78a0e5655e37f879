"""How tasks relate, how much each shares at each level, and how training got there."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from lepton.reporting.blocks import Beside, Block, Cell, Chips, Figure, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.figures import curves, heatmaps
from lepton.reporting.figures.heatmaps import TITLES
from lepton.reporting.related import CALIBRATED, GROUPS, limited, reliability
from lepton.reporting.words import count, number, plural, plus_minus, signed

SHOWN = 12  # pairs of the ranking; the rest is folded


def relatedness(content: Content) -> Iterator[Block]:
    report = content["relate"]
    if not report:
        yield content.absent("relate")
        return
    tasks, gain, error = report["tasks"], report["gain"], report["error"]
    at = {name: number for number, name in enumerate(tasks)}
    columns = ("Pair of tasks", "Together, %", "The first, %", "The second, %")
    rows = []
    for first, second, score in report["ranking"]:
        one, other = at[first], at[second]
        each = [Cell(plus_minus(gain[a][b], error[a][b])) for a, b in ((one, other), (other, one))]
        rows.append([text(f"{first} – {second}"), Cell(signed(score, 2), "better" if score > 0 else "worse"), *each])
    yield Figure(
        heatmaps.gains(tasks, gain),
        "What sharing is predicted to bring: percent of its metric that the task of a row gains when it shares a trunk with that "
        "of a column. Predicted on held-out rows of the training split from labels and untrained trunks, in closed form; section 1 "
        f"says what sharing all of them brought. {CALIBRATED} {reliability(report['halves'])}",
    )
    words = "Pairs, from the most to the least that both gain on average, ± a standard deviation."
    groups = [[f"{name} {plus_minus(*report['member'][name])}" for name in group] for group in report["groups"]]
    chips = Chips(groups, f"{GROUPS}{limited(report)} What each task gains in its own, %:")
    yield Beside([Table(columns, rows[:SHOWN], words), chips])
    if rows[SHOWN:]:
        yield Table(columns, rows[SHOWN:], f"The other {len(rows) - SHOWN} pairs", folded=True)
    yield Figure(
        heatmaps.relatedness(tasks, report["matrices"]),
        "How alike two tasks are, from −1 to 1: by the features that a short joint training gives them (cosine and Pearson of the "
        "samples' similarities, linear CKA; validation split), by the labels of rows that carry both, and by the direction in "
        "which they pull the shared trunk (gradient affinity; training split). Alike is not yet of use: the gains above decide.",
        numbers=_pairs(tasks, report["matrices"]),
    )


def affinity(content: Content) -> Iterator[Block]:
    """How the tasks pulled the trunk during training, level by level."""
    report = content["affinity"]
    if not report:
        yield content.absent("affinity")
        return
    last, others = len(report["epochs"]), len(report["tasks"]) - 1
    nothing = f" Tasks with nothing else in common have {signed(-1 / others, 2)}." if others > 1 else ""
    shown = {epoch: report["epochs"][epoch - 1] for epoch in sorted({1, -(-last // 2), last})}
    yield Figure(
        heatmaps.affinity(report["tasks"], shown),
        "How alike the tasks pulled the trunk in training: gradient affinity at each level, in the first, a middle and the last "
        f"epoch, without what all tasks have in common.{nothing} All epochs: artifacts/train/affinity.json.",
    )


def sharing(content: Content) -> Iterator[Block]:
    yield from degrees(content)
    yield from affinity(content)


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
