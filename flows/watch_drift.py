"""Is new data like that which the model in use was trained on? Says so once, and lets a deployment start a retraining.

    python -m flows.watch_drift [--window PATH]

The window is what waits in the drop folder, else the rows of the data that the champion was not trained on.

    Drifted     0   an input or a task is other than in the training snapshot; the event `lepton.drift` says so
    Steady      0   all of them are alike
    Unchanged   0   there is no new data, too little of it, or it was looked at before
    Failed      2   something that it needs is missing or cannot be read
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL
from prefect.states import State

from flows import command, steps
from lepton import files
from lepton.config import Params, load
from lepton.errors import LeptonError, naming
from lepton.ops import champion, drift

EVENT = "lepton.drift"
EXIT = {"Drifted": 0, "Steady": 0, "Unchanged": 0, "Failed": 2}
HEARD = "While `make serve` runs, its deployment on-drift hears of drift and retrains. Otherwise nobody does, until it runs."


@flow(name="watch-drift", retries=0, persist_result=False)
def watch_drift(params: str = "params.yaml", window: str | None = None) -> State[Any]:
    """Compares the newest window with the training snapshot. window: a table or a folder of some; None: as drift.window says."""
    try:
        with naming(params):
            return look(Path.cwd(), params, window)
    except LeptonError as error:
        return steps.end("Failed", str(error))


def look(root: Path, file: str, given: str | None) -> State[Any]:
    """Compares, shows and tells what was not compared, shown and told before."""
    from lepton.reporting.sections.drift import verdict

    params, own = load(file), (root / file).resolve() == (root / "params.yaml").resolve()
    if own:
        _refresh(root)
    since = drift.snapshot(root, params, own)
    nothing = f"nothing waits in {params.ingest.source or 'ingest.source'}, and the data has no rows that {since.name} lacks"
    if (window := drift.newest(root, params, since, given)) is None:
        return steps.end("Unchanged", nothing)
    before = drift.known(root, params, since, window)
    report = files.read_json(before) if before else drift.compare(root, params, since, window)
    if not report["window"]["rows"]:
        return steps.end("Unchanged", nothing)
    news = bool(report["drifted"]) and not drift.was_told(root, window.key, _server())
    if before and not news:
        return steps.end("Unchanged", f"looked at before, on {report['at']} UTC: {verdict(report)}")
    path = before or drift.write(root, report)
    shown = _show(path, report, params)
    if news:
        _tell(path, report, params)
    name = "Drifted" if report["drifted"] else "Steady" if report["measures"] else "Unchanged"
    return steps.end(name, f"{verdict(report)} Page {os.path.relpath(shown)}")


def _refresh(root: Path) -> None:
    try:
        champion.refresh(root)
    except LeptonError as error:
        print(f"warning: this looks at the champion that is known here: {error}", file=sys.stderr)


def _server() -> str:
    """Where events go: the same window is told to each server once, and to one that was started for this command in vain."""
    return str(PREFECT_API_URL.value())


def _show(path: Path, report: Mapping[str, Any], params: Params) -> Path:
    """The page beside the report, and what it says in Prefect."""
    from lepton.reporting import drift as page
    from lepton.reporting.figures import drift as figures
    from lepton.reporting.figures.style import standalone
    from lepton.reporting.sections.drift import markdown, verdict

    shown = page.render(path, params.tracking.project)
    lines = [markdown(report), "", f"The page: `{os.path.relpath(shown)}`"]
    if report["measures"]:
        lines += ["", f"![every measure against its limit]({standalone(figures.summary(report['measures']))})"]
    create_markdown_artifact("\n".join(lines), key="drift", description=verdict(report))
    return shown


def _tell(path: Path, report: Mapping[str, Any], params: Params) -> None:
    """Emits the event: which inputs and tasks drift, and by which measures."""
    project = params.tracking.project
    payload = {key: report[key] for key in ("at", "window", "snapshot", "drifted")}
    payload["measures"] = [one for one in report["measures"] if one["drifts"]]
    emit_event(EVENT, {"prefect.resource.id": f"lepton.{project}", "prefect.resource.name": project}, payload=payload)
    drift.tell(path, _server())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m flows.watch_drift", description="Compares new data with the training snapshot.", epilog=HEARD
    )
    parser.add_argument("--params", default="params.yaml", help="the project (default: params.yaml)")
    parser.add_argument(
        "--window",
        metavar="PATH",
        help="a table, or a folder with samples.parquet or subfolders that hold one; labels may be absent (default: what waits in "
        "ingest.source, else the rows that the champion was not trained on)",
    )
    given = parser.parse_args(arguments)
    command.end(
        lambda: load(given.params), lambda: watch_drift(given.params, given.window, return_state=True), EXIT, "interrupted."
    )


if __name__ == "__main__":
    main()
