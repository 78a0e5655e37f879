"""The main job: brings every stage of a project up to date, proves it, and renders the page.

    python -m flows.retrain [--params examples/x.yaml] [--clone] [--publish] [--promote] [--ingest]

DVC decides what runs; Prefect decides when and where, and remembers how it ended:

    Completed   0   stages ran, and the gate says whether the model may take the champion's place
    Promoted    0   and it has taken it
    Unchanged   0   there was nothing to do, and nothing was changed
    Refused     3   a stage found the data unfit; never retried
    Failed      2   a stage failed, or something that it needs is missing
"""

import argparse
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.exceptions import FailedRun
from prefect.runtime import flow_run
from prefect.states import State

from flows import server, steps
from lepton.config import load
from lepton.errors import LeptonError, Refusal, naming
from lepton.ops import dvc

EXIT = {"Completed": 0, "Promoted": 0, "Unchanged": 0, "Refused": 3, "Failed": 2}


@flow(name="retrain", retries=0, persist_result=False)
def retrain(
    params: str = "params.yaml", clone: bool = False, publish: bool = False, promote: bool = False, ingest: bool = False
) -> State[Any]:
    """Retrains the project of `params` in place; another params file than params.yaml runs in a clone of its own.

    clone: in a fresh clone of the pushed commit. publish: data, outputs and a commit, to their remotes. promote: publishes, and
    makes the model the champion where the gate lets it through. ingest: first adds what has arrived at `ingest.source` to the data,
    as a run in a clone that publishes does by itself.
    """
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{str(flow_run.get_id())[:6]}"
    try:
        with steps.run_id(run), naming(params):
            project = steps.project(params, run if clone else None)
            if (publish or promote) and not project.own:
                raise LeptonError(f"{params}: a project beside the root's own has no champions. Leave out --publish and --promote.")
            steps.bring_data(project)
            if ingest or (clone and (publish or promote) and project.params.ingest.source):
                project = steps.ingest(project, run)
            return steps.settle(project, run, bring_up_to_date(project, run, publish or promote, promote))
    except LeptonError as error:
        return steps.end("Refused" if isinstance(error, Refusal) else "Failed", str(error))


def bring_up_to_date(project: steps.Project, run: str, publish: bool = False, promote: bool = False) -> State[Any]:
    """Runs what DVC finds to do, stage by stage, until one fails or all is proven, decided on and shown on the page."""
    plan = steps.plan(project)
    outcomes = {stage: steps.Outcome(stage, "not reached" if stage in plan.todo else "unchanged") for stage in plan.stages}
    for stage in plan.todo:
        outcome = outcomes[stage]
        steps.run_stage.with_options(name=stage)(project, outcome, return_state=True)
        if outcome.reason:
            return steps.conclude(outcome.state, f"{stage}: {outcome.reason}", list(outcomes.values()))
    if plan.todo:
        steps.prove(project)
    decision = steps.gate(project) if plan.todo or promote or steps.undecided(project) else None
    published = steps.publish(project, run, decision) if publish else None
    crowned = steps.crown(project, decision, published) if promote and decision and published else None
    page = steps.page(project, run, list(outcomes.values())) if plan.todo or decision else steps.latest_page(project)
    new = published is not None and published.new
    parts = [
        steps.gain(project),
        f"now {crowned.tag}" if crowned else steps.verdict(decision),
        f"published on {published.branch}" if published and new else "",
        f"page {os.path.relpath(page)}",
    ]
    name = "Promoted" if crowned else "Completed" if new or (plan.todo and not published) else "Unchanged"
    return steps.conclude(name, ", ".join(filter(None, parts)), list(outcomes.values()))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.retrain", description="Brings a project up to date; shows the page.")
    parser.add_argument("--params", default="params.yaml", help="another file runs in a clone of its own (default: params.yaml)")
    parser.add_argument("--clone", action="store_true", help="in a fresh clone of the pushed commit (off: here)")
    parser.add_argument("--publish", action="store_true", help="data, outputs and a commit, to their remotes (off)")
    parser.add_argument(
        "--promote", action="store_true", help="publish, and make it the champion if the gate lets it through (off)"
    )
    parser.add_argument("--ingest", action="store_true", help="first add what has arrived at ingest.source to the data (off)")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server below ends as well
    try:
        with server.temporary() as ready:
            load(given.params)  # a misspelt key is said at once
            ready()
            state = retrain(given.params, given.clone, given.publish, given.promote, given.ingest, return_state=True)
    except LeptonError as error:
        sys.exit(_last_line("Failed", str(error)))
    except KeyboardInterrupt:
        sys.exit(_last_line("Failed", dvc.AGAIN))
    crashed = state.result(raise_on_failure=False)
    if isinstance(crashed, BaseException) and not isinstance(crashed, FailedRun):
        raise crashed  # a bug: its traceback helps
    sys.exit(_last_line(state.name or "Failed", state.message or ""))


def _last_line(name: str, message: str) -> int:
    print(f"{name}: {message}", file=sys.stderr if EXIT[name] else sys.stdout, flush=True)
    return EXIT[name]


if __name__ == "__main__":
    main()
