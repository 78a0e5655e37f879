"""Is a table fit to train on? Suites for great_expectations made from params.yaml, and the one line that says why not.

This is the only module that imports great_expectations, and it does so when asked to check: it takes seconds.
"""

import logging
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton.blocks import NewTask, shorten
from lepton.config import Params
from lepton.data.expected import Check, plan
from lepton.data.table import columns_of, digests, tasks_of
from lepton.errors import LeptonError
from lepton.types import Source

NAMED = 3  # unexpected values that a message names


@dataclass(frozen=True)
class Failure:
    """A check that failed. hard: refuses the data; otherwise a warning, or what clean will repair."""

    expectation: str
    column: str | None
    unexpected: int  # rows
    checked: int  # rows that have a value
    hard: bool
    says: str
    fix: str


class _Unreadable(Exception):
    """The cells of a column are not what its kind reads; nothing else can be checked."""

    def __init__(self, column: str, says: str):
        super().__init__(says)
        self.column = column

    def failure(self, rows: int) -> Failure:
        fix = "Fix the export, or the type in params.yaml."
        return Failure("expect_column_to_be_readable", self.column, rows, rows, True, str(self), fix)


@dataclass(frozen=True)
class Report:
    ok: bool
    expectations: int
    rows: int
    failed: list[Failure]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def facts(table: pd.DataFrame, params: Params, source: Source, name: str = "samples") -> pd.DataFrame:
    """What is checked: the columns in use, media and lists replaced by their size, and one column per fault.

    A fault's column is named `<column>: <reason>`, holds False where there is none, and is null where a label is missing.
    _Unreadable: a column holds something else than its task needs.
    """
    result = pd.DataFrame({column: table[column].map(_plain) for column in columns_of(name, params)}, index=table.index)
    for task in tasks_of(name, params).values():
        column = table[task.column]
        faults = _rare(column, task) if isinstance(task, NewTask) else _faults(task, column, source)
        for reason, fault in faults.items():
            result[f"{task.column}: {reason}"] = fault.astype(object).where(column.notna(), None)
    for kind in params.inputs.values():
        media: pd.Series = table[kind.column]
        for reason, fault in _faults(kind, media, source).items():
            result[f"{kind.column}: {reason}"] = fault
        digest = digests(media, source.folder)
        result[f"{kind.column}: duplicate"] = digest.notna() & digest.duplicated()
    return result


def _rare(column: pd.Series, task: NewTask) -> dict[str, pd.Series]:
    return {"rare class": column.map(column.value_counts()) <= max(task.shots)}


def _faults(kind: Any, column: pd.Series, source: Source) -> dict[str, pd.Series]:
    if column.isna().all():
        column = column.astype(object)  # whatever type an export gives to nothing
    try:
        return kind.faults(column, source)
    except LeptonError as error:
        raise _Unreadable(kind.column, f"column {kind.column} {error}") from None
    except (TypeError, KeyError, ValueError, AttributeError):  # the cells are of another type than this kind of task reads
        example = shorten(repr(column.dropna().iloc[0]))
        raise _Unreadable(kind.column, f"column {kind.column} cannot be read as {kind.type}, it holds {example}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return f"{len(value)} items" if isinstance(value, list | tuple | dict | np.ndarray) else value


def check(table: pd.DataFrame, params: Params, source: Source, *, strict: bool, docs: Path | None, name: str = "samples") -> Report:
    """Runs every check on table `name`. strict: nothing may be left to repair. docs: folder for Data Docs; None: none."""
    checks = plan(params, name, strict)
    try:
        found = facts(table, params, source, name)
    except _Unreadable as error:
        return Report(False, len(checks), len(table), [error.failure(len(table))])
    results = _run(found, checks, name, docs)
    failed = [_failure(item, result, len(table)) for item, result in zip(checks, results, strict=True)]
    failures = [failure for failure in failed if failure]
    return Report(not any(failure.hard for failure in failures), len(checks), len(table), failures)


def _run(table: pd.DataFrame, checks: list[Check], name: str, docs: Path | None) -> list[Any]:
    """great_expectations' result of each check."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # it imports modules that Python deprecates
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.checkpoint import UpdateDataDocsAction
        from great_expectations.data_context.types import base

    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    quiet = base.ProgressBarsConfig(globally=False, metric_calculations=False)
    settings = base.DataContextConfig(store_backend_defaults=stores, progress_bars=quiet, analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=settings)
    asset = context.data_sources.add_pandas("lepton").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name=name))
    for number, item in enumerate(checks):
        suite.add_expectation(_translate(gx.expectations, item, number))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    data = {"dataframe": table}
    outcome = definition.run(batch_parameters=data, result_format={"result_format": "SUMMARY", "partial_unexpected_count": 1000})
    if docs:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        context.add_data_docs_site(name, {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index})
        action = UpdateDataDocsAction(name="docs", site_names=[name])
        checkpoint = gx.Checkpoint(name=name, validation_definitions=[definition], actions=[action], result_format="SUMMARY")
        context.checkpoints.add(checkpoint).run(batch_parameters=data)
    return sorted(outcome.results, key=lambda result: result.expectation_config.meta["number"])


def _translate(known: Any, item: Check, number: int) -> Any:
    wanted = item.expectation
    kind = getattr(known, "".join(word.capitalize() for word in wanted.name.split("_")))
    options = dict(wanted.options)
    if wanted.column:
        options["column"] = wanted.column
    if wanted.mostly is not None and "mostly" in kind.__fields__:
        options["mostly"] = wanted.mostly
    return kind(**options, meta={"number": number})


def _failure(item: Check, result: Any, rows: int) -> Failure | None:
    found = result.result
    unexpected = int(found.get("unexpected_count", 0 if result.success else rows))
    if result.success and not (unexpected and item.repair):
        return None
    checked = int(found.get("element_count", rows)) - int(found.get("missing_count") or 0)
    values = list(dict.fromkeys(_show(value) for value in found.get("partial_unexpected_list", [])))
    named = ", ".join(values[:NAMED]) + (", …" if len(values) > NAMED else "")
    example = f", as {values[0]}" if values[:1] not in ([], ["True"]) else ""
    counted = f"{unexpected:,} of {checked:,} rows"
    says = item.says.format(rows=counted, values=named, example=example, observed=found.get("observed_value", 0))
    wanted = item.expectation
    hard = item.hard and not result.success
    fix = item.repair if result.success else wanted.fix
    return Failure(wanted.name, wanted.column or None, unexpected, checked, hard, says + item.limit * hard, fix)


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)


def refusal(report: Report, where: Path | str) -> str:
    """One line for the first check that refuses: where, what, how to mend."""
    first = next(failure for failure in report.failed if failure.hard)
    return f"{where}: {first.says}. {first.fix}"
