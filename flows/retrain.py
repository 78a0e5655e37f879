"""The main job: brings every stage of a project up to date, proves it, and renders the page.

    python -m flows.retrain [--params mine.yaml] [--clone] [--publish] [--promote] [--ingest] [--reason WHY]

DVC decides what runs; Prefect decides when and where, and remembers how it ended:

    Completed   0   stages ran, and the gate says whether the model may take the champion's place
    Promoted    0   and it has taken it
    Unchanged   0   there was nothing to do, and nothing was changed
    Refused     3   a stage found the data unfit; never retried
    Failed      2   a stage failed, or something that it needs is missing
"""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import State

from flows import approval, command, notify, places, steps
from lepton.config import load
from lepton.errors import LeptonError, Refusal, naming
from lepton.evaluation.gate import Decision
from lepton.ops import bring, champion, dvc, past, publishing
from lepton.ops.publishing import Published

TRIES = 3  # as long as other commits are pushed during the run
TOLD = ("Refused", "Failed", "Promoted")  # whoever `notify` names
BY_HAND = "by hand"
EXIT = {"Completed": 0, "Promoted": 0, "Unchanged": 0, "Refused": 3, "Failed": 2}


@dataclass(frozen=True)
class Wanted:
    """What is asked of a run. approval: hours that a person has for it; 0: nobody is asked. prefix: of the branch."""

    publish: bool = False
    promote: bool = False
    approval: float = 0.0
    ingest: bool = False
    reason: str = BY_HAND
    prefix: str = publishing.BRANCH


@flow(name="retrain", retries=0, persist_result=False)
def retrain(
    params: str = "params.yaml",
    clone: bool = False,
    publish: bool = False,
    promote: bool = False,
    approval: float = 0.0,
    ingest: bool = False,
    reason: str = BY_HAND,
) -> State[Any]:
    """Retrains the project of `params` in place; another params file than params.yaml runs in a clone of its own.

    clone: in a fresh clone of the pushed commit. publish: data, outputs and a commit, to their remotes. promote: publishes, and
    makes the model the champion where the gate lets it through. approval: hours that a person then has to approve of it in
    Prefect's UI; 0: nobody is asked. ingest: first adds what has arrived at `ingest.source` to the data, as a run in a clone that
    publishes does by itself. reason: why it runs; what it publishes says so.
    """
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{str(flow_run.get_id())[:6]}"
    state, project = steps.end("Failed", "it was ended, or met an error of its own: see its log"), None
    try:
        with steps.run_id(run), naming(params):
            project = places.project(params, run if clone else None)
            ingest = ingest or (clone and (publish or promote) and project.params.ingest.source is not None)
            state = _retrain(project, run, Wanted(publish or promote, promote, approval, ingest, reason))
    except LeptonError as error:
        state = steps.end("Refused" if isinstance(error, Refusal) else "Failed", str(error))
    finally:
        if state.name in TOLD:
            known, watched = project.params if project else None, not (clone or publish or promote)
            notify.tell(known, state.name, state.message or "", watched=watched)
    return state


def _retrain(project: places.Project, run: str, wanted: Wanted) -> State[Any]:
    if wanted.publish and not project.own:
        raise LeptonError("params.yaml: a project beside the root's own has no champions. Leave out --publish and --promote.")
    for _ in range(TRIES):
        bring.data(project.root, project.data)
        if wanted.ingest:
            project = places.ingest(project, run)
        try:
            return steps.settle(project, run, bring_up_to_date(project, run, wanted))
        except steps.Moved:
            print("another commit was pushed meanwhile: again, with that one", flush=True)
            project = places.follow(project)
    raise LeptonError(f"git: other commits were pushed during the run, {TRIES} times. Run again when it is quieter.")


def bring_up_to_date(project: places.Project, run: str, wanted: Wanted) -> State[Any]:
    """Runs what DVC finds to do, stage by stage, until one fails or all is proven, decided on and shown on the page."""
    for number in project.params.evaluate.champions:  # before hours of training are spent
        past.answering(project.root, number, list(project.params.tasks))
    plan = steps.plan(project)
    outcomes = {stage: steps.Outcome(stage, "not reached" if stage in plan.todo else "unchanged") for stage in plan.stages}
    for stage in plan.todo:
        outcome = outcomes[stage]
        steps.run_stage.with_options(name=stage)(project, outcome, return_state=True)
        if outcome.reason:
            return steps.conclude(outcome.state, f"{stage}: {outcome.reason}", list(outcomes.values()))
    if plan.todo:
        steps.prove(project)
    undecided = steps.undecided(project)
    decision = steps.gate(project) if plan.todo or wanted.promote or undecided else None
    published = steps.publish(project, run, decision, wanted.reason, wanted.prefix) if wanted.publish else None
    crowned, told = None, steps.verdict(decision)
    if wanted.promote and published and (eligible := steps.eligible(project, decision)):
        if wanted.approval:
            steps.page(project, run, list(outcomes.values()))  # which the person looks at
        crowned, told = _crown(project, eligible, published, wanted.approval)
    page = steps.page(project, run, list(outcomes.values())) if plan.todo or decision else steps.latest_page(project)
    new = published is not None and published.new
    name = "Promoted" if crowned else "Completed" if new or (plan.todo and not published) else "Unchanged"
    review = steps.review(project, run, crowned, wanted.reason) if undecided or name != "Unchanged" else ""
    where = f"published on {published.branch}" if published and new else ""
    why = f"reason: {wanted.reason}" if wanted.reason != BY_HAND else ""
    parts = [steps.gain(project), told, where, why, f"page {os.path.relpath(page)}", review]
    return steps.conclude(name, ", ".join(filter(None, parts)), list(outcomes.values()))


def _crown(project: places.Project, decision: Decision, there: Published, hours: float) -> tuple[champion.Champion | None, str]:
    """Makes the model the champion, where nobody has to approve or somebody does; and what came of it, in words."""
    how = "gate"
    if hours:
        given = approval.answer(project, decision, hours, f"{steps.gain(project)}, {steps.verdict(decision)}")
        if given is None:
            return None, f"nobody approved of it within {hours:g} hours; the next run asks again"
        how = f"gate, {'approved' if given['approve'] else 'denied'} by a person{given['comment'] and ': '}{given['comment']}"
        if not given["approve"]:
            return None, how
    one = champion.promote(project.root, how, decision.to_dict(), there.commit)
    return one, f"now {one.tag}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.retrain", description="Brings a project up to date; shows the page.")
    parser.add_argument("--params", default="params.yaml", help="another file runs in a clone of its own (default: params.yaml)")
    parser.add_argument("--clone", action="store_true", help="in a fresh clone of the pushed commit (off: here)")
    parser.add_argument("--publish", action="store_true", help="data, outputs and a commit, to their remotes (off)")
    parser.add_argument(
        "--promote", action="store_true", help="publish, and make it the champion if the gate lets it through (off)"
    )
    parser.add_argument("--ingest", action="store_true", help="first add what has arrived at ingest.source to the data (off)")
    parser.add_argument("--reason", metavar="WHY", default=BY_HAND, help=f"told in what is published (default: {BY_HAND})")
    given = parser.parse_args(arguments)
    command.end(lambda: load(given.params), lambda: retrain(**vars(given), return_state=True), EXIT, dvc.AGAIN)


if __name__ == "__main__":
    main()
