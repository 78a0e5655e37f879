"""What a table must be: every check that params.yaml, its input and its tasks ask for, and the words for its failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lepton.blocks import NewTask
from lepton.config import Params
from lepton.data.table import columns_of, tasks_of
from lepton.types import Expectation

EXISTS = "expect_column_to_exist"
IN_SET = "expect_column_values_to_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
UNIQUE = "expect_column_values_to_be_unique"
DISTINCT = "expect_column_unique_value_count_to_be_between"
ROWS = "expect_table_row_count_to_be_between"


@dataclass(frozen=True)
class Check:
    """An expectation, the words for its failure, and whether that refuses the data.

    says: may use {rows} ("3 of 40 rows"), {values} (unexpected ones), {example} (one that is more than True, after ", as "),
        {observed} (of the whole table).
    limit: added where it refuses. repair: what clean does about it where it does not.
    """

    expectation: Expectation
    says: str
    hard: bool = True
    limit: str = ""
    repair: str = ""


def plan(params: Params, name: str, strict: bool) -> list[Check]:
    """All checks on table `name`, the most telling first. strict: as after cleaning, when nothing may be left to repair."""
    least = 1 if name == "new_tasks" else params.validate_.min_rows
    more = "Add samples, or lower validate.min_rows in params.yaml."
    checks = [
        *(
            Check(Expectation(column, EXISTS, {}, f"{key} in params.yaml names it."), f"no column {column}")
            for column, key in columns_of(name, params).items()
        ),
        Check(
            Expectation("", ROWS, {"min_value": least}, more),
            f"{{observed:,}} rows are fewer than the {least:,} of validate.min_rows",
        ),
        *_keys(params),
    ]
    limits = params.validate_
    key: str
    kind: Any  # a kind of input or task, not the plain class that config knows
    for key, kind in params.inputs.items():
        checks += [_of_kind(f"inputs.{key}", kind.column, wanted, strict) for wanted in kind.expectations(limits)]
        checks.append(_duplicates(kind.column, strict and params.clean.duplicates))
    block = "new_tasks" if name == "new_tasks" else "tasks"
    for key, kind in tasks_of(name, params).items():
        checks += _labels(f"{block}.{key}", kind.column, limits.max_missing)
        if isinstance(kind, NewTask):
            checks += _classes(f"{block}.{key}", kind)
        else:
            checks += [_of_kind(f"{block}.{key}", kind.column, wanted, strict) for wanted in kind.expectations(limits)]
    return checks


def _keys(params: Params) -> list[Check]:
    name, group = params.data.id, params.data.split.group
    own = f"Give every row an {name} of its own, or name another column in data.id."
    checks = [
        Check(Expectation(name, NOT_NULL, {}, own), f"{{rows}} have no {name}"),
        Check(Expectation(name, UNIQUE, {}, own), f"{{rows}} share their {name} with another"),
    ]
    if group:
        fix = f"Fill {group} in, or name another column in data.split.group."
        checks.append(Check(Expectation(group, NOT_NULL, {}, fix), f"{{rows}} have no {group}"))
    return checks


def _duplicates(column: str, strict: bool) -> Check:
    again = Expectation(
        f"{column}: duplicate", IN_SET, {"value_set": [False]}, "clean drops these rows, if clean.duplicates is true."
    )
    return Check(again, f"{{rows}} repeat the {column} of an earlier row", hard=strict)


def _labels(path: str, column: str, missing: float) -> list[Check]:
    name = path.split(".")[1]
    some = Expectation(column, DISTINCT, {"min_value": 1}, f"Fix the export, or take {path} out of params.yaml.")
    enough = Expectation(column, NOT_NULL, {}, f"Label more rows for {name}, or raise validate.max_missing.", 1 - missing)
    return [
        Check(some, f"no row has a label for {name}: column {column} is all null"),
        Check(enough, f"{{rows}} have no label for {name}", hard=False),
    ]


def _classes(path: str, task: NewTask) -> list[Check]:
    two = Expectation(task.column, DISTINCT, {"min_value": 2}, f"Add rows of another class, or take {path} out of params.yaml.")
    shots = max(task.shots)
    rare = Expectation(
        f"{task.column}: rare class", IN_SET, {"value_set": [False]}, f"Add rows of that class, or ask for fewer shots in {path}."
    )
    return [
        Check(two, f"{path} needs two classes at least, {task.column} has {{observed}}"),
        Check(rare, f"{{rows}} are of a class with no more than {shots} rows", hard=False),
    ]


def _of_kind(path: str, column: str, wanted: Expectation, strict: bool) -> Check:
    """A kind's own expectation, in words that name its place in params.yaml."""
    options, share = wanted.options, wanted.mostly
    if strict and share is not None:
        wanted = Expectation(wanted.column, wanted.name, wanted.options, wanted.fix, 1.0)
    limit = "" if share is None or share == 1 or strict else f", and at most {100 * (1 - share):.3g} % may"
    if wanted.column.startswith(f"{column}: "):
        says = f"{{rows}} have a fault in {column} ({wanted.column.removeprefix(f'{column}: ')}{{example}})"
    elif wanted.name == NOT_NULL:
        says = f"{{rows}} have no {column}"
    elif "value_set" in options:
        says = f"{{rows}} have {column} = {{values}}, not in {path}.classes ({_span(options['value_set'])})"
    elif {"min_value", "max_value"} <= set(options):
        says = f"{{rows}} have {column} = {{values}}, outside {path}.range ({options['min_value']:g} to {options['max_value']:g})"
    else:
        says = f"{{rows}} fail {wanted.name} in {column}"
    repair = "clean drops these rows." if path.startswith("inputs.") else "clean sets these labels to null."
    return Check(wanted, says, limit=limit, repair=repair)


def _span(values: Sequence[Any]) -> str:
    """0, 1, 2, 4 as 0–2, 4; words as they are."""
    parts: list[list[Any]] = []
    for value in values:
        if parts and isinstance(value, int) and isinstance(parts[-1][-1], int) and value == parts[-1][-1] + 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)
