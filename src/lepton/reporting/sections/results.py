"""What came out, on rows that no training saw: gains, adaptation, compression."""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from lepton.reporting.blocks import Beside, Block, Cell, Figure, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.figures import curves
from lepton.reporting.figures import results as drawn
from lepton.reporting.headline import latency
from lepton.reporting.words import (
    NONE,
    arrow,
    count,
    half_width,
    interval,
    listing,
    metric,
    milliseconds,
    number,
    percent,
    power,
    seconds,
    signed,
    size,
)

MODELS = {
    "single_task": "Single-task",
    "multi_task": "Multi-task",
    "ensemble": "Ensemble",
    "compressed": "Compressed",
}


def change(task: Mapping[str, Any], value: str) -> float | None:
    """Relative change of `value` against the single-task model, in percent; positive is better."""
    single, other = task.get("single_task"), task.get(value)
    if not single or other is None:
        return None
    return 100 * (other - single) / abs(single) * (1 if task.get("higher_is_better", True) else -1)


def tasks(content: Content) -> Iterator[Block]:
    evaluation = content["evaluate"]
    if not evaluation:
        yield content.absent("evaluate")
        return
    rows, labels = [], _labels(content)
    models = [key for key in MODELS if key != "ensemble" or key in evaluation]
    for task, told in evaluation["tasks"].items():
        better = "higher" if told.get("higher_is_better", True) else "lower"
        unit = f", {told['unit']}" if told.get("unit") else ""
        measure = text(f"{metric(told['metric'])}{unit} ({better} is better)", "quiet")
        rows.append([text(task), measure, *(Cell(number(told.get(key))) for key in models), *_gain(told, "delta_percent")])
        rows[-1] += [Cell(percent(labels[task]) if task in labels else NONE)] if labels else []
    mean = evaluation["delta_m"]
    last = [Cell("")] if labels else []
    rows.append([text("mean, Δm", "strong"), *[Cell("")] * (len(models) + 1), *_gain(mean, "mean"), *last])
    columns = ("Task", "Metric", *(MODELS[key] for key in models), "Δ", "95 % interval", *(["Labels seen"] if labels else []))
    caption = "Test split. Δ is the multi-task model's relative change against a model trained for that task alone."
    if labels:
        caption += f" {_why(evaluation['tasks'], labels)}"
    if "ensemble" in models:
        caption += f" {_ensemble(content)}"
    yield Table(columns, rows, caption)
    compressed = {task: change(told, "compressed") for task, told in evaluation["tasks"].items()}
    yield Figure(
        drawn.gains(evaluation["tasks"], compressed, mean),
        "Test split: relative change of each task against its single-task model; positive is better. Bars: multi-task model. "
        "Lines: 95 % bootstrap interval. Diamonds: the compressed model. Bars with an arrowhead are cut; their numbers are whole.",
    )


def _labels(content: Content) -> dict[str, float]:
    """Of each task, the labels that the model of all tasks saw, as a share of those that its separate model saw."""
    together, apart = ((content[stage] or {}).get("labels_seen", {}) for stage in ("train", "baseline"))
    return {task: count / apart[task] for task, count in together.items() if apart.get(task)}


def _why(tasks: Mapping[str, Any], labels: Mapping[str, float]) -> str:
    """What the shares of labels mean, and which of the tasks that lost had fewer."""
    told = (
        "Labels seen: how many of a task's labels the multi-task model trained on, as a share of its separate model's. Both see as "
        "many samples, but a separate model only samples with a label of its task."
    )
    fewer = [task for task, one in tasks.items() if one.get("ci95") and one["ci95"][1] < 0 and labels.get(task, 1) < 1]
    if fewer:
        told += f" Of the tasks whose interval lies below 0, {listing(fewer)} had fewer labels than alone."
    return told


def _ensemble(content: Content) -> str:
    """Who is asked together, and what that costs."""
    members = content["evaluate"]["ensemble"]
    names = ", ".join(one["name"] for one in members)
    total = {key: sum(one[key] for one in members) for key in ("parameters", "macs")}
    times = total["macs"] / members[0]["macs"]
    told = f"The ensemble is {len(members)} models asked together ({names}): {count(total['parameters'])} parameters and "
    told += f"{count(total['macs'])} multiply-accumulates an answer, {number(times, 2)} times those of the model."
    told += " Champions answer by the models that they had exported." if "champion/" in names else ""
    spent = content.records.get("train", {}).get("ensemble_seconds")
    return f"{told} Training the other seeds took {seconds(spent)}." if spent else told


def _gain(told: Mapping[str, Any], key: str) -> list[Cell]:
    delta = told.get(key)
    if delta is None:
        return [Cell(NONE, "quiet"), Cell(NONE, "quiet")]
    tone = "better" if round(delta, 1) > 0 else "worse" if round(delta, 1) < 0 else ""
    return [Cell(f"{arrow(delta)} {signed(delta, unit='%')}", tone), Cell(interval(told.get("ci95")), "quiet")]


def adaptation(content: Content) -> Iterator[Block]:
    report = content["adapt"]
    if not report:
        yield content.absent("adapt")
        return
    new_tasks, chosen = report.get("new_tasks"), report.get("chosen")
    if not new_tasks:
        yield Prose("This project names no new tasks. Add one under new_tasks in params.yaml to measure adaptation.")
        return
    figure = Figure(
        curves.adaptation(new_tasks, chosen),
        "Accuracy on rows of new_tasks, whose classes no training saw, by the number of labelled samples per class; bars are "
        "95 % intervals over episodes.",
    )
    yield Beside([figure, *(_shots(content, task, by_shots, chosen) for task, by_shots in new_tasks.items())])
    if forgetting := report.get("forgetting"):
        yield Prose(_forgotten(forgetting, bool(report.get("unchanged"))))


def _forgotten(forgetting: Mapping[str, float], unchanged: bool) -> str:
    """forgetting: how much worse each known task's metric became, in its unit."""
    if any(forgetting.values()):
        told = ", ".join(f"{task} {number(value)}" for task, value in forgetting.items())
        return f"What adapting cost the known tasks on the validation split, in the unit of each metric (0: nothing lost): {told}."
    same = "their predictions are the same to the bit" if unchanged else "no metric became worse"
    return f"Adapting cost the known tasks nothing: {same}."


def _shots(content: Content, task: str, by_shots: Mapping[str, Any], chosen: str | None) -> Table:
    """Methods by shots: accuracy with its interval, and the milliseconds of adapting at the most shots."""
    times = content.records.get("adapt", {}).get("milliseconds", {}).get(task, {})
    shots = sorted(by_shots, key=int)
    rows = []
    for method in dict.fromkeys(method for shot in shots for method in by_shots[shot]):
        tone = "strong" if method == chosen else ""
        row = [text(curves.METHODS.get(method, method) + (" (chosen)" if tone else ""), tone)]
        for shot in shots:
            value = by_shots[shot].get(method)
            spread = f" ± {100 * half_width(value.get('ci95')):.1f}" if value else ""
            row.append(Cell(percent(value["mean"], 1) + spread if value else NONE, tone))
        row.append(Cell(milliseconds(times.get(shots[-1], {}).get(method)), "quiet"))
        rows.append(row)
    columns = ("Method", *(f"{shot} per class" for shot in shots), "Time")
    return Table(columns, rows, f"{task}, rows of new_tasks: accuracy, and the time to adapt to {shots[-1]} samples per class.")


def compression(content: Content) -> Iterator[Block]:
    frontier = content["compress"]
    if not frontier:
        yield content.absent("compress")
        return
    chosen, tolerance = frontier["chosen"], frontier.get("tolerance", {})
    candidates = [{**candidate, "ms": latency(content, candidate["name"])} for candidate in frontier["candidates"]]
    yield Figure(
        drawn.frontier(candidates, chosen, tolerance),
        "Validation split. Each mark is one candidate: further left is smaller, higher is more accurate. Crosses break a task's "
        "tolerance (dashed).",
    )
    rows = []
    for candidate in sorted(candidates, key=lambda entry: entry["bytes"]):
        name, relative = candidate["name"], candidate["relative"]
        rows.append([
            text(f"{name} (chosen)", "strong") if name == chosen else text(name),
            Cell(size(candidate["bytes"])),
            Cell(f"{candidate['macs'] / 1e6:.2f}"),
            Cell(number(candidate["ms"])),
            Cell(number(latency(content, name, "64"))),
            *(Cell(signed(100 * value), "worse" if value < -tolerance.get(task, inf) else "") for task, value in relative.items()),
            Cell("✓ yes", "better") if candidate["within_tolerance"] else Cell("✗ no", "worse"),
        ])  # fmt: skip
    limits = ", ".join(f"{task} {percent(value)}" for task, value in tolerance.items())
    columns = ("Candidate", "Size", "10⁶ MACs", "ms, 1", "ms, 64", *(f"{task}, %" for task in candidates[0]["relative"]), "Within")
    yield Table(
        columns,
        rows,
        "Validation split: change of each task's metric against the uncompressed model, in percent; positive is better. "
        f"ms: milliseconds for a batch of 1 and of 64. The smallest candidate within every tolerance ({limits}) is chosen.",
    )
    parity = {name: told for name, told in (frontier.get("parity") or {}).items() if isinstance(told, dict)}
    if parity:
        told = ", ".join(f"{name} {power(max(fields.values(), default=0.0))}" for name, fields in parity.items())
        yield Prose(f"Largest difference of an exported model's outputs from PyTorch's, on real rows: {told}.")
