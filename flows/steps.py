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

from lepton import files
from lepton.config import Params, load, nearest
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.evaluation.gate import Decision
from lepton.ops import champion, dvc, projects, publishing, runs
from lepton.ops.lineage import hashes
from lepton.ops.publishing import Published

STARTER = Path("data/vision")


@dataclass(frozen=True)
class Project:
    """Where a run takes place, and what it is asked to make."""

    root: Path
    params: Params
    own: bool = True  # params.yaml of the root itself, which alone has champions

    @property
    def data(self) -> Path:
        return self.params.data.path


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


def project(params: str, run: str | None = None) -> Project:
    """Validates the params file; one that is not the root's own params.yaml gets a clone of its own to run in.

    run: in a clone of the pushed commit, named so, whose own params.yaml counts.
    """
    root = Path.cwd()
    if run:
        if (root / params).resolve() != (root / "params.yaml").resolve():
            raise LeptonError(f"{params}: a run of the pushed commit is one of its own params.yaml. Leave out --params or --clone.")
        root = runs.fresh(root, run)
        return Project(root, load(root / "params.yaml"))
    given = load(params)
    if (root / given.data.path).is_file():
        raise LeptonError(f"params.yaml: data.path: {given.data.path} is a file. Name its folder: {given.data.path.parent}.")
    if (root / params).resolve() != (root / "params.yaml").resolve():
        return Project(projects.clone(root, root / params, given.data.path), given, own=False)
    return Project(root, given)


def bring_data(of: Project) -> None:
    """Makes the data present: as it stands, else from DVC's cache, else the starter's when its params are in use.

    A folder that holds anything is never checked out over: that could remove what has not been added yet.
    """
    place = of.root / of.data
    inside = not of.data.is_absolute() and ".." not in of.data.parts
    if inside and not (of.root / of.data.parts[0]).exists():
        dvc.checkout_data(of.root, Path(of.data.parts[0]))
    if not place.exists() and of.data == STARTER:
        from lepton.starter import vision

        Console(stderr=True).print(f"{of.data} is not there: making the starter data")
        vision.build(place)
    if not place.exists():
        raise LeptonError(f"params.yaml: data.path: {of.data} is not there. Put samples.parquet in it, or change the path.")
    if inside and not (of.root / f"{of.data.parts[0]}.dvc").exists():
        dvc.add(of.root, Path(of.data.parts[0]))


def plan(of: Project) -> dvc.Plan:
    """The one question to DVC; data that has changed becomes the data's version."""
    found = dvc.plan(of.root)
    if absent := projects.left_out(of.root, of.root / "params.yaml"):
        lines = ", ".join(f"{name}: {{}}" for name in absent)
        raise LeptonError(f"params.yaml: DVC wants every block to stand there. Add what is left out, empty: {lines}.")
    for name in of.params.limits.stages:
        if name not in found.stages:
            raise LeptonError(f"params.yaml: limits.stages: there is no stage {name!r}. {nearest(name, found.stages)}")
    for file in found.data:
        dvc.add(of.root, Path(file).with_suffix(""))
    return found


def end(name: str, message: str) -> State[Any]:
    """A final state. A refusal is of the type Cancelled: no failure, so that nothing retries it or sounds an alarm."""
    made = {"Failed": Failed, "Refused": Cancelled}.get(name, Completed)
    return made(name=name, message=message)


def _refusal() -> str:
    told = home() / "refusal.json"
    return str(files.read_json(told)["reason"]) if told.exists() else "the data is unfit; its own message stands above."


@task(cache_policy=NO_CACHE, retries=0, persist_result=False)
def run_stage(root: Path, outcome: Outcome, minutes: float) -> State[Any]:
    """Brings one stage up to date, in so many minutes. After a failure its earlier outputs are put back."""
    started = time.perf_counter()
    print(f"{outcome.stage} …", flush=True)
    try:
        outcome.how = dvc.reproduce(root, outcome.stage, minutes)
    except LeptonError as error:
        ended = error if isinstance(error, dvc.StageFailed) else None
        refused = ended is not None and ended.code == 3
        outcome.how = "refused" if refused else "interrupted" if ended and ended.interrupted else "failed"
        outcome.reason = _refusal() if refused else str(error)
        if not isinstance(error, dvc.Busy):  # what another run is making is left to it
            dvc.restore(root, outcome.stage)
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


def publish(of: Project, run: str, decision: Decision | None) -> Published:
    """Data and outputs to DVC's remote, then a commit on a branch of its own."""
    told = {"run": run, "gain": gain(of), "gate": verdict(decision), "data": hashes(of.root).get(of.data.parts[0])}
    return publishing.publish(of.root, run, told)


def crown(of: Project, decision: Decision, there: Published) -> champion.Champion | None:
    """Makes the model the champion, where the gate lets it through and it is not the champion already."""
    champion.refresh(of.root)  # another run may have come to the same model meanwhile
    reigning = champion.current(of.root)
    if not decision.promote or (reigning and reigning.told["model"] == decision.model):
        return None
    return champion.promote(of.root, "gate", decision.to_dict(), there.commit)


def page(of: Project, run: str | None = None, outcomes: Sequence[Outcome] = ()) -> Path:
    """Renders the review page; returns its path."""
    from lepton.reporting.page import render

    did = [{"stage": outcome.stage, "state": outcome.how, "seconds": outcome.seconds} for outcome in outcomes]
    render(of.root, run, did)
    return of.root / "report/latest/index.html"


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
