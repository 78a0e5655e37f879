"""The steps that flows are made of: thin Prefect tasks around lepton.ops, and what they print."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Completed, Failed, State
from rich.console import Console
from rich.table import Table

from flows.places import Project
from lepton import files
from lepton.errors import LeptonError
from lepton.evaluation.gate import Decision
from lepton.ops import champion, dvc, git, projects, publishing, records, single
from lepton.ops.lineage import hashes
from lepton.ops.network import patiently
from lepton.ops.publishing import Published


class Moved(Exception):
    """What a run in a clone was made from is not what is pushed any more."""


@dataclass
class Outcome:
    """What became of one stage in this run."""

    stage: str
    how: str = "unchanged"  # ran | cached | unchanged | refused | interrupted | failed | not reached
    seconds: float = 0.0
    reason: str = ""

    @property
    def state(self) -> str:
        return "Failed" if self.how == "interrupted" else self.how.capitalize()


def settle(of: Project, run: str, state: State[Any]) -> State[Any]:
    """What becomes of the drops that a run has taken in, by how it ended: put away, into quarantine, or left for the next run."""
    from lepton.ops import drops, ingest

    arrived, name = of.arrived, state.name or "Failed"
    if arrived is None or name == "Failed":
        return state
    if name == "Refused":
        return end(name, ingest.reject(of.root, of.params, arrived, run, str(state.message))) if arrived.news else state
    for drop in arrived.drops:
        drops.consume(drop, run)
    return end(name, f"{state.message}, {arrived}")


def plan(of: Project) -> dvc.Plan:
    """The one question to DVC; data that has changed becomes the data's version."""
    found = dvc.plan(of.root)
    if absent := projects.left_out(of.root, of.root / "params.yaml"):
        lines = ", ".join(f"{name}: {{}}" for name in absent)
        raise LeptonError(f"params.yaml: DVC wants every block to stand there. Add what is left out, empty: {lines}.")
    projects.require_known(of.params.limits, found.stages)
    for file in found.data:
        dvc.add(of.root, Path(file).with_suffix(""))
    return found


def end(name: str, message: str) -> State[Any]:
    """A final state. A refusal is of the type Cancelled: no failure, so that nothing retries it or sounds an alarm."""
    made = {"Failed": Failed, "Refused": Cancelled}.get(name, Completed)
    return made(name=name, message=message)


@task(cache_policy=NO_CACHE, retries=0, persist_result=False)
def run_stage(of: Project, outcome: Outcome) -> State[Any]:
    """Brings one stage up to date."""
    started = time.perf_counter()
    records.last_words().unlink(missing_ok=True)
    try:
        outcome.how = single.one(outcome.stage, of.root, of.params)
    except LeptonError as error:
        ended = error if isinstance(error, dvc.StageFailed) else None
        refused = ended is not None and ended.code == 3
        outcome.how = "refused" if refused else "interrupted" if ended and ended.interrupted else "failed"
        told = records.reason(ended.stage) if ended and ended.code in (2, 3) else None
        outcome.reason = (told or str(error)).removeprefix(f"{outcome.stage}: ")  # notifications have nothing standing above them
    outcome.seconds = time.perf_counter() - started
    return end(outcome.state, outcome.reason or f"{outcome.how} in {outcome.seconds:.1f} s")


def prove(of: Project) -> None:
    """Every output is there, as dvc.lock has it."""
    if left := dvc.differences(of.root):
        raise LeptonError(f"dvc: {', '.join(left)} still differ after the run. Was a file changed meanwhile? Run again.")


def gate(of: Project) -> Decision | None:
    """May the model take the champion's place? None for a project that has no champions."""
    from lepton.ops import gate

    if not of.own or not (of.root / champion.MODEL).exists():
        return None
    try:
        champion.refresh(of.root)
    except LeptonError as error:
        print(f"warning: the gate looks at the champion that is known here: {error}", file=sys.stderr)
    return gate.decide(of.root, of.params)


def undecided(of: Project) -> bool:
    """Is there a model that the gate has said nothing about, as after an interruption?"""
    from lepton.ops import gate

    return of.own and (of.root / champion.MODEL).exists() and not gate.path_of(of.root).exists()


def verdict(decision: Decision | None) -> str:
    """What the gate decided, in a few words; empty without a decision."""
    if decision is None:
        return ""
    beside = f"beside {decision.champion}" if decision.champion else "as the first champion"
    return f"gate lets it through {beside}" if decision.promote else f"gate holds it back {beside} ({decision.reasons[0]})"


def publish(of: Project, run: str, decision: Decision | None, reason: str, prefix: str) -> Published:
    """Data and outputs to DVC's remote, then a commit on a branch of its own. Moved where another commit was pushed meanwhile."""
    if of.cloned and git.base(of.root) != git.sha(of.root):
        raise Moved
    data = hashes(of.root).get(of.data.parts[0])
    told: dict[str, Any] = {"run": run, "reason": reason, "gain": gain(of), "gate": verdict(decision), "data": data}
    if of.arrived and of.arrived.news:
        told["ingested"] = [drop.name for drop in of.arrived.drops]
    return publishing.publish(of.root, run, told, of.begun, prefix)


def eligible(of: Project, decision: Decision | None) -> Decision | None:
    """The decision, where by it a model takes the champion's place that is not the champion already."""
    patiently(champion.refresh)(of.root)  # another run may have come to the same model meanwhile
    reigning = champion.current(of.root)
    return decision if decision and decision.promote and not (reigning and reigning.told["model"] == decision.model) else None


def page(of: Project, run: str | None = None, outcomes: Sequence[Outcome] = ()) -> Path:
    """Renders the review page; returns its path."""
    from lepton.reporting.page import render

    did = [{"stage": outcome.stage, "state": outcome.how, "seconds": outcome.seconds} for outcome in outcomes]
    render(of.root, run, did)
    return of.root / "report/latest/index.html"


def review(of: Project, run: str, crowned: champion.Champion | None, reason: str) -> str:
    """The team's review in W&B; where it stands, in a few words."""
    from lepton.reporting.review import tell

    told = tell(of.root, run, crowned, reason=reason)
    return f"W&B report {told if '://' in told else os.path.relpath(told)}" if told else ""


def latest_page(of: Project) -> Path:
    """The page of the run that made what stands now; rendered only where there is none."""
    shown = of.root / "report/latest/index.html"
    return shown if shown.exists() else page(of)


def gain(of: Project) -> str:
    """Δm with its interval, from whichever stage's metrics hold it."""
    for path in sorted((of.root / "artifacts").glob("*/metrics.json")):
        if found := files.read_json(path).get("delta_m"):
            low, high = found["ci95"]
            return f"Δm {found['mean']:+.2f} % [{low:+.2f}, {high:+.2f}]"
    return "Δm not measured"


def conclude(name: str, message: str, outcomes: list[Outcome]) -> State[Any]:
    """Prints the stages, what became of them and seconds; leaves the same in Prefect; returns the final state."""
    styles = {"ran": "green", "cached": "cyan", "refused": "yellow", "interrupted": "yellow", "failed": "red"}
    table = Table("stage", "", "seconds", box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.columns[2].justify = "right"
    lines = [f"# {name}", "", message, "", "| stage | | seconds |", "|---|---|--:|"]
    for outcome in outcomes:
        row = outcome.stage, outcome.how, f"{outcome.seconds:.1f}" if outcome.seconds else "-"
        table.add_row(*row, style=styles.get(outcome.how, "dim"))
        lines.append(f"| {' | '.join(row)} |")
    Console(highlight=False).print(table)
    create_markdown_artifact("\n".join(lines), key="retrain", description=message)
    return end(name, message)


@contextmanager
def run_id(name: str) -> Iterator[None]:
    """Names this run to the stages, which group what they track by it."""
    before = os.environ.get("LEPTON_RUN")
    os.environ["LEPTON_RUN"] = name
    try:
        yield
    finally:
        os.environ.pop("LEPTON_RUN") if before is None else os.environ.update(LEPTON_RUN=before)
