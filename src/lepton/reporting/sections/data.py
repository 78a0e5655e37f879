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
        if checked["failed"]:
            columns = ("Column", "Expectation", "At fault", "Of", "Share", "Consequence", "How to mend")
            rows = [_expectation(entry) for entry in checked["failed"]]
            yield Table(columns, rows, "Expectations that did not hold on the raw data.")
    else:
        yield content.absent("validate")
    if not cleaned:
        yield content.absent("clean")
        return
    yield _cleaning(cleaned, "rows")
    new = cleaned.get("new_tasks") or {}
    if new.get("dropped") or new.get("repaired"):
        yield _cleaning(new, "rows of new tasks")
    if (after := cleaned.get("validation")) is not None:
        held = "all hold" if after["ok"] else "not all hold"
        yield Prose(f"After cleaning, {plural(after['expectations'], 'expectation')} were checked strictly: {held}.")


def _expectation(entry: Mapping[str, Any]) -> list[Cell]:
    rule = entry["expectation"].removeprefix("expect_").removeprefix("column_values_to_").replace("_", " ")
    share = entry["unexpected"] / entry["checked"] if entry.get("checked") else None
    return [
        text(entry["column"]),
        text(rule, "quiet"),
        Cell(count(entry["unexpected"])),
        Cell(count(entry.get("checked")), "quiet"),
        Cell(percent(share, 1)),
        text("refused", "worse") if entry.get("hard") else text("warning", "quiet"),
        text(entry["fix"], "quiet"),
    ]


def _cleaning(report: Mapping[str, Any], what: str) -> Table:
    """Counts by reason; reasons that never occurred are left out."""
    total = report["rows_in"]

    def row(action: Cell, reason: str, amount: int, tone: str = "") -> list[Cell]:
        return [action, text(reason), Cell(count(amount), tone), Cell(percent(amount / total if total else None, 2), tone)]

    rows = [row(text("row dropped"), reason, amount) for reason, amount in report["dropped"].items() if amount]
    rows += [row(text("label set to null"), reason, amount) for reason, amount in report["repaired"].items() if amount]
    rows.append(row(text("kept", "strong"), f"of {count(total)} {what}", report["rows_out"], "strong"))
    caption = f"What cleaning did to the {what}. A suspect label is set to null and its row stays."
    return Table(("Action", "Reason", "Count", "Share"), rows, caption)


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
    if sampling := report.get("sampling"):
        shares = ", ".join(f"{task} {percent(share)}" for task, share in sampling.items())
        yield Prose(f"Expected share of a batch that carries a label: {shares}.")
    if report["augmentation"]:
        yield Prose("Augmentation of every training sample, on the fly:")
        yield Items(report["augmentation"])
    weights = {task: values for task, values in (report.get("class_weights") or {}).items() if values}
    if weights:
        rows = [[text(task), text(", ".join(number(value, 2) for value in values))] for task, values in weights.items()]
        columns = ("Task", "Weights, in the order of classes in params.yaml")
        yield Table(columns, rows, "Loss weight of each class, so that rare ones count more", folded=True)
