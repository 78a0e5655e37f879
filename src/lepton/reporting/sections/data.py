"""What the data was checked for, what was cleaned away, and what training was given."""

from collections.abc import Iterator, Mapping
from typing import Any

from lepton.reporting.blocks import Block, Cell, Items, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.words import count, number, percent, plural


def checks(content: Content) -> Iterator[Block]:
    checked, cleaned = content["validate"], content["clean"]
    if checked:
        verdict = "all of them held" if not checked["failed"] else f"{count(len(checked['failed']))} did not hold in full"
        decision = "The data was fit to train on." if checked["ok"] else "The data was refused."
        yield Prose(f"{plural(checked['expectations'], 'expectation')} on {count(checked['rows'])} raw rows: {verdict}. {decision}")
        new = (checked.get("new_tasks") or {}).get("failed") or []
        if checked["failed"] or new:
            rows = [_expectation(entry) for entry in checked["failed"]] + [_expectation(entry, "new tasks, ") for entry in new]
            columns = ("Column", "What was found", "Share", "Consequence", "What to do")
            yield Table(columns, rows, "Expectations that did not hold in full on the raw data.")
    else:
        yield content.absent("validate")
    if not cleaned:
        yield content.absent("clean")
        return
    yield Prose("A row that cannot be used is dropped; a label that cannot be trusted is set to null, and its row stays.")
    yield _cleaning(cleaned, cleaned.get("new_tasks") or {})
    if (after := cleaned.get("validation")) is not None:
        held = "all hold" if after["ok"] else "not all hold"
        yield Prose(f"After cleaning, {plural(after['expectations'], 'expectation')} were checked strictly: {held}.")


def _expectation(entry: Mapping[str, Any], where: str = "") -> list[Cell]:
    column, _, fault = (entry["column"] or "all").partition(": ")
    rule = fault or entry["expectation"].removeprefix("expect_").replace("_", " ")
    counted = f"{rule}: {count(entry['unexpected'])} of {count(entry['checked'])} rows"
    return [
        text(where + column),
        text(entry.get("says") or counted),
        Cell(percent(entry["unexpected"] / entry["checked"] if entry["checked"] else None, 1)),
        text("refused", "worse") if entry["hard"] else text("warning", "quiet"),
        text(entry["fix"], "quiet"),
    ]


def _cleaning(report: Mapping[str, Any], new: Mapping[str, Any]) -> Table:
    """Counts by reason, of the training rows and of new tasks' rows; reasons that never occurred are left out."""
    total, asked = report["rows_in"], bool(new.get("rows_in"))

    def row(action: str, reason: str, amount: int, others: int, tone: str = "") -> list[Cell]:
        counts = [Cell(count(amount), tone), Cell(percent(amount / total if total else None, 2), tone)]
        return [text(action, tone), text(reason), *counts, *([Cell(count(others), tone)] if asked else [])]

    rows = []
    for action, kind in (("row dropped", "dropped"), ("label set to null", "repaired")):
        here, there = report[kind], new.get(kind) or {}
        for reason in dict.fromkeys((*here, *there)):
            if here.get(reason) or there.get(reason):
                rows.append(row(action, reason, here.get(reason, 0), there.get(reason, 0)))
    of = f"of {count(total)}" + (f" and {count(new['rows_in'])}" if asked else "")
    rows.append(row("kept", of, report["rows_out"], new.get("rows_out", 0), "strong"))
    columns = ("Action", "Reason", "Rows", "Share", *(["Of new tasks"] if asked else []))
    return Table(columns, rows, "What cleaning did, by reason.")


def prepared(content: Content) -> Iterator[Block]:
    report = content["prepare"]
    if not report:
        yield content.absent("prepare")
        return
    splits = {split: told for split, told in report["splits"].items() if told["rows"]}
    tasks = list(dict.fromkeys(task for told in splits.values() for task in told["labels"]))
    rows = []
    for split, told in splits.items():
        labels = [Cell(count(told["labels"].get(task))) for task in tasks]
        rows.append([text(split.replace("_", " ")), Cell(count(told["rows"]), "strong"), *labels])
    yield Table(("Split", "Rows", *tasks), rows, "Rows of each split, and how many of them carry a label for each task.")
    if held := report.get("new_classes"):
        told = "; ".join(f"{task} {', '.join(map(str, classes))}" for task, classes in held.items())
        yield Prose(f"Classes that only new tasks have: {told}.")
    if sampling := report.get("sampling"):
        shares = ", ".join(f"{task} {percent(share)}" for task, share in sampling.items())
        yield Prose(f"Expected share of a batch that carries a label: {shares}.")
    if report["augmentation"]:
        yield Prose("Augmentation of every training sample, on the fly:")
        yield Items(report["augmentation"])
    weights = {task: values for task, values in (report.get("class_weights") or {}).items() if values}
    if weights:
        rows = [[text(task), text(", ".join(number(value, 2) for value in values))] for task, values in weights.items()]
        columns = ("Task", "Weights, in the order of classes in params.yaml; of several at once, without and with each")
        yield Table(columns, rows, "Loss weight of each class, so that rare ones count more", folded=True)
