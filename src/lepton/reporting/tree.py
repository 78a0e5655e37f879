"""What `lepton lineage` shows in a terminal: the way back as a tree, and the way on below it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from lepton.ops.trace import Step, Trace
from lepton.reporting.words import NONE, listing, plural, seconds

SHORT = 10  # characters of a hash
OTHERS = 3  # places that a metric stands in besides


def short(hashes: Mapping[str, str]) -> Iterator[str]:
    for path, digest in hashes.items():
        yield f"{path} [cyan]{digest[:SHORT]}[/]"


def lines(value: Any) -> str:
    """A metric's value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {lines(part)}" for key, part in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(lines, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value) or NONE


def back(told: Trace) -> Tree:
    """What was asked for, and below it what it comes from; a stage that was shown already is only named."""
    found = told.found
    where = "as they stand here" if found.view.commit and found.view.name == "here" else f"as {found.view.name} has them"
    tree = Tree(
        f"[bold]{escape(told.what)}[/]  {found.key}  commit {found.view.commit[:SHORT]}, the files {where}", guide_style="dim"
    )
    for line in short(found.what):
        tree.add(line)
    if found.key:
        tree.add(escape(lines(found.value)))
    if found.also:
        more = [f"{len(found.also) - OTHERS} more places"] if len(found.also) > OTHERS else []
        tree.add(f"[dim]also {escape(listing([*found.also[:OTHERS], *more]))}[/]")
    steps, shown = {step.stage: step for step in told.back}, set[str]()
    makers = [step.stage for step in told.back if found.what.keys() & step.outs.keys()]

    def grow(branch: Tree, stage: str) -> None:
        if stage in shown:
            branch.add(f"[bold]{stage}[/] [dim](above)[/]")
            return
        shown.add(stage)
        below = branch.add(f"[bold]{stage}[/]")
        for line in _of(steps[stage]):
            below.add(line)
        for other in steps[stage].reads:
            grow(below, other)

    for stage in makers:
        grow(tree, stage)
    if not makers:
        tree.add("[dim]is data: nothing made it[/]")
    return tree


def _of(step: Step) -> Iterator[str]:
    yield f"made    {', '.join(short(step.outs))}"
    for line in short(step.data):
        yield f"data    {line}"
    if step.params:
        yield f"params  {escape('; '.join(f'{key}: {lines(value)}' for key, value in step.params.items()))}"
    if step.commit:
        changed = f" and changes in {escape(listing(list(step.changed)))}" if step.changed else ""
        yield f"code    last changed in commit {step.commit[:SHORT]}{changed}"
    if step.record:
        ended = f"{datetime.fromtimestamp(step.ended, UTC):%Y-%m-%d %H:%M} UTC" if step.ended else "at an unknown time"
        yield f"run     {seconds(step.seconds)} until {ended}; W&B run {step.wandb or 'none'}; {escape(step.record)}"
    else:
        yield "[dim]run     its record is not on this machine[/]"


def forward(told: Trace) -> Tree:
    """What was made from it, which champions and which published runs have it."""
    tree = Tree("[bold]forward[/]", guide_style="dim")
    outputs = tree.add(f"{plural(len(told.outputs), 'output')} made from it")
    for line in short(told.outputs):
        outputs.add(line)
    champions = tree.add(f"{plural(len(told.champions), 'champion')} with it")
    for one in told.champions:
        champions.add(
            f"[green]{one['tag']}[/] {one['at']} UTC, {one['how']}, model {one['model'][:SHORT]}, commit {one['commit'][:SHORT]}"
        )
    branches = tree.add(f"{plural(len(told.branches), 'published run')} with it")
    for one in told.branches:
        branches.add(f"{one['branch']} commit {one['commit'][:SHORT]}")
    return tree
