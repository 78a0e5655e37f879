"""The verdict in one sentence, and the few numbers that carry it."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from lepton.reporting.blocks import Tile
from lepton.reporting.content import Content
from lepton.reporting.figures.curves import METHODS
from lepton.reporting.words import (
    GAP,
    NONE,
    count,
    half_width,
    interval,
    listing,
    milliseconds,
    number,
    percent,
    plural,
    seconds,
    signed,
    size,
)

NAMED = 6  # tasks; of more, only their number is told


def verdict(content: Content) -> str:
    evaluation, tasks = content["evaluate"], plural(len(content.params.tasks), "task")
    if not evaluation:
        return f"One model for {tasks}; what sharing gained is not measured yet. Run `{content.remedy('evaluate')}`."
    mean, details = evaluation["delta_m"], by_task(evaluation["tasks"])
    low, high = mean["ci95"]
    amount = f"{number(abs(mean['mean']), 2)}{GAP}%"
    if low > 0:
        gain = f"is better than separate models by {amount} on average ({details})"
    elif high < 0:
        gain = f"is worse than separate models by {amount} on average ({details})"
    else:
        told = signed(mean["mean"], unit="%")
        gain = f"is on a par with separate models on average ({told}, an interval that holds zero; {details})"
    parts = [f"One model for {tasks} {gain}"]
    if (ratio := cost_ratio(content)) is not None:
        parts.append(f"was trained in {percent(ratio)} of their time")
    chosen, largest = chosen_candidate(content), largest_candidate(content)
    if chosen and largest and chosen["bytes"] < largest["bytes"]:
        fits = "every task within its tolerance" if chosen["within_tolerance"] else "a task outside its tolerance"
        parts.append(f"is exported {number(largest['bytes'] / chosen['bytes'], 2)}× smaller with {fits} on the validation split")
    return ", ".join(parts[:-1]) + f" and {parts[-1]}." if len(parts) > 1 else f"{parts[0]}."


def by_task(told: Mapping[str, Any]) -> str:
    """On which tasks the interval lies above zero, below it, or around it; an average can hide that."""
    ends = {name: task["ci95"] for name, task in told.items() if task.get("ci95")}
    groups = {
        "better on": [name for name, (low, _) in ends.items() if low > 0],
        "worse on": [name for name, (_, high) in ends.items() if high < 0],
        "no clear difference on": [name for name, (low, high) in ends.items() if low <= 0 <= high],
    }
    return ", ".join(f"{words} {listing(names) if len(ends) <= NAMED else len(names)}" for words, names in groups.items() if names)


def tiles(content: Content) -> list[Tile]:
    return [gain(content), cost(content), parameters(content), compression(content), adaptation(content)]


def gain(content: Content) -> Tile:
    mean = (content["evaluate"] or {}).get("delta_m")
    if not mean:
        return Tile("Gain, Δm", NONE, "not evaluated yet", "quiet")
    low, high = mean["ci95"]
    tone = "better" if low > 0 else "worse" if high < 0 else ""
    middle = median(
        task["delta_percent"] for task in content["evaluate"]["tasks"].values() if task.get("delta_percent") is not None
    )
    note = f"95 % interval {interval(mean['ci95'])}; median task {signed(middle, unit='%')}; positive is better"
    return Tile("Gain, Δm", signed(mean["mean"], unit="%"), note, tone)


def cost_ratio(content: Content) -> float | None:
    """Seconds of the one training over those of all the separate ones."""
    together = content.records.get("train", {}).get("training_seconds")
    apart = content.records.get("baseline", {}).get("training_seconds")
    return together / apart if together and apart else None


def cost(content: Content) -> Tile:
    ratio = cost_ratio(content)
    if ratio is None:
        trained = content["train"] and content["baseline"]
        note = "the records of train and baseline are not on this machine" if trained else "not trained yet"
        return Tile("Training time", NONE, note, "quiet")
    times = [seconds(content.records[stage]["training_seconds"]) for stage in ("train", "baseline")]
    note = f"of the time of {len(content.params.tasks)} separate models: {times[0]} against {times[1]}, {samples(content)}"
    return Tile("Training time", percent(ratio), note)


def samples(content: Content) -> str:
    """Says whether the comparison is fair: samples seen by the one model and by each separate one."""
    together, apart = ((content[stage] or {}).get("samples_seen") for stage in ("train", "baseline"))
    if isinstance(apart, dict):
        apart = max(apart.values())
    if together is None or apart is None:
        return "samples seen unknown"
    if together == apart:
        return "at the same number of samples seen each"
    return f"at {count(together)} samples seen against {count(apart)} each"


def parameters(content: Content) -> Tile:
    one, many = (content[stage] for stage in ("train", "baseline"))
    if not one or not many:
        return Tile("Parameters", NONE, f"run {content.remedy('baseline' if one else 'train')}", "quiet")
    total, all_of_them = one["parameters"], sum(many["parameters"].values())
    note = f"of {len(many['parameters'])} separate models: {count(total)} against {count(all_of_them)}; "
    note += f"multiply-accumulates {percent(one['macs'] / sum(many['macs'].values()))}"
    return Tile("Parameters", percent(total / all_of_them), note)


def chosen_candidate(content: Content) -> dict[str, Any] | None:
    frontier = content["compress"]
    if not frontier:
        return None
    return next((candidate for candidate in frontier["candidates"] if candidate["name"] == frontier["chosen"]), None)


def largest_candidate(content: Content) -> dict[str, Any] | None:
    return max(content["compress"]["candidates"], key=lambda candidate: candidate["bytes"]) if content["compress"] else None


def latency(content: Content, candidate: str, batch: str = "1") -> float | None:
    """Milliseconds of a batch, from the record of compress."""
    return content.records.get("compress", {}).get("milliseconds", {}).get(candidate, {}).get(batch)


def compression(content: Content) -> Tile:
    chosen, largest = chosen_candidate(content), largest_candidate(content)
    if not chosen or not largest:
        return Tile("Exported size", NONE, "not compressed yet", "quiet")
    note = f"smaller: {size(chosen['bytes'])} against {size(largest['bytes'])}"
    if (time := latency(content, chosen["name"])) is not None:
        before = latency(content, largest["name"])
        was = f", {milliseconds(before)} before" if before is not None and before != time else ""
        note += f"; {milliseconds(time)} for one sample{was}"
    return Tile("Exported size", f"{number(largest['bytes'] / chosen['bytes'], 2)}×", note)


def adaptation(content: Content) -> Tile:
    best = best_adaptation(content)
    if best is None:
        return Tile("Few-shot", NONE, "not adapted yet" if content.params.new_tasks else "no new task yet", "quiet")
    task, shots, method, value = best
    spread = f"± {number(100 * half_width(value['ci95']), 2)} points, " if value.get("ci95") is not None else ""
    sample = "sample" if shots == "1" else "samples"
    note = f"accuracy on {task} from {shots} {sample} per class, {spread}by {METHODS.get(method, method)}"
    return Tile("Few-shot", percent(value["mean"], 1), note)


def best_adaptation(content: Content) -> tuple[str, str, str, dict[str, Any]] | None:
    """Task, shots, method and accuracy of the best that the chosen method reached on any new task."""
    chosen = (content["adapt"] or {}).get("chosen")
    found = [
        (task, shots, method, value)
        for task, by_shots in ((content["adapt"] or {}).get("new_tasks") or {}).items()
        for shots, methods in by_shots.items()
        for method, value in methods.items()
        if method == chosen
    ]
    return max(found, key=lambda entry: entry[3]["mean"], default=None)
