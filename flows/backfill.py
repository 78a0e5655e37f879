"""Retrains on past versions of the data, with the params and code of the present commit, and compares what comes out.

    python -m flows.backfill [--last N] [--publish]

Versions are those that git knows of, on the branch that is checked out and on published ones. Every version has a clone of its own
in .lepton/backfill, which shares DVC's cache, so that only what was never made is made. Nothing is promoted; with --publish each
is published on a branch `backfill/…`. The table says of each model how good it is on the test split of its day and on the newest
one; a row never changes sides, so no model has been trained on the newest test rows.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from prefect.states import State
from rich.console import Console
from rich.table import Table

from flows import command, places, steps
from flows.retrain import Wanted, bring_up_to_date
from lepton import files
from lepton.config import Params, load
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.ops import backfill as ops
from lepton.ops import bring, dvc
from lepton.ops.backfill import Version

Row = dict[str, Any]


@flow(name="backfill", retries=0, persist_result=False)
def backfill(last: int = 5, publish: bool = False) -> State[Any]:
    """Retrains on the `last` newest versions of the data; Completed with a table, Failed where none of them ends well."""
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{str(flow_run.get_id())[:6]}"
    try:
        root, params = Path.cwd(), load()
        found = ops.versions(root, params)[-last:]
        if not found:
            raise LeptonError(f"git: no commit has {ops.file_of(params)}. Commit it: git add {ops.file_of(params)}.")
        ended = [_one(root, params, version, f"{run}-{version.key}", publish) for version in found]
        there = [(version, place) for version, place, reason in ended if not reason]
        measured = iter(ops.compare([place for _, place in there], params) if there else [])
        rows: list[Row] = [
            {"data": version.key, "since": version.day, **({"ended": reason} if reason else next(measured))}
            for version, _, reason in ended
        ]
        where = home(root) / "backfill" / f"{run}.json"
        files.write_json(where, {"run": run, "versions": rows})
        return _conclude(params, rows, where)
    except LeptonError as error:
        return steps.end("Failed", str(error))


def _one(root: Path, params: Params, version: Version, run: str, publish: bool) -> tuple[Version, Path, str]:
    """Brings one version up to date: where, and why not if it cannot be."""
    print(f"data {version.key}, since {version.day} …", flush=True)
    place = ops.clone(root, params, version)
    try:
        with steps.run_id(run):
            project = places.Project(place, load(place / "params.yaml"))
            bring.data(project.root, project.data)
            state = bring_up_to_date(project, run, Wanted(publish, prefix="backfill/"))
    except LeptonError as error:
        return version, place, f"Failed: {error}"
    return version, place, f"{state.name}: {state.message}" if state.name in ("Refused", "Failed") else ""


def _cells(params: Params, row: Row) -> list[str]:
    if "ended" in row:
        return [row["data"], row["since"], row["ended"]]
    low, high = row["delta_m"]["ci95"]
    gain = f"{row['delta_m']['mean']:+.2f} [{low:+.2f}, {high:+.2f}]"
    values = [f"{row['own'].get(name, float('nan')):.4f} / {row['newest'].get(name, float('nan')):.4f}" for name in params.tasks]
    return [row["data"], row["since"], f"{row['rows']:,}", gain, *values, f"{row['bytes']:,}"]


def _conclude(params: Params, rows: Sequence[Row], where: Path) -> State[Any]:
    """Prints the table, leaves it in Prefect, and ends."""
    names = [f"{name}, {task.metric}" for name, task in params.tasks.items()]
    head = ["data", "since", "rows", "Δm, %", *names, "bytes"]
    table = Table(*head, box=None, header_style="bold", padding=(0, 2, 0, 0), caption="own test split / newest test split")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = _cells(params, row)
        table.add_row(*cells)
        lines.append(f"| {' | '.join(cells + [''] * (len(head) - len(cells)))} |")
    Console(highlight=False, width=160).print(table)
    well = sum("ended" not in row for row in rows)
    message = f"{well} of {len(rows)} versions of the data, table {where}"
    create_markdown_artifact("\n".join(["# Backfill", "", *lines, "", message]), key="backfill", description=message)
    return steps.end("Completed" if well else "Failed", message)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.backfill", description="Retrains on past versions of the data.")
    parser.add_argument("--last", type=int, default=5, metavar="N", help="of the versions, the newest N (5)")
    parser.add_argument("--publish", action="store_true", help="each on a branch backfill/…; nothing is promoted (off)")
    given = parser.parse_args(arguments)
    command.end(load, lambda: backfill(given.last, given.publish, return_state=True), {"Completed": 0, "Failed": 2}, dvc.AGAIN)


if __name__ == "__main__":
    main()
