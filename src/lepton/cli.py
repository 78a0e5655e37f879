"""The command line: `lepton check`, `starter`, `relate`, `report`, `lineage`, `champion`. `make run` starts the whole pipeline."""

import json
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lepton import environment, errors
from lepton.config import Params, load
from lepton.errors import LeptonError, Refusal

app = typer.Typer(
    help="One model for many related tasks, kept fresh. `make run` brings the whole project up to date.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
Config = Annotated[Path, typer.Option("--params", help="The project's params file.")]


def _example(text: str) -> str:
    return f"Example: `{text}`"


@app.command(epilog=_example("lepton check --params mine.yaml"))
def check(params: Config = Path("params.yaml")) -> None:
    """Validates params and data in seconds, before hours are spent: what is refused, what is a warning, what is used."""
    with errors.naming(str(params)):
        _check(load(params), own=params.absolute() == Path("params.yaml").absolute())
    Console(highlight=False).print(f"[green]ready[/]: start with `make run{_argument(params)}`")


def _check(given: Params, own: bool) -> None:
    """Prints what is there and every warning; a Refusal carries the last thing that is refused, those before it are printed.

    own: are these the root's own parameters, which alone have champions?
    """
    from lepton.data import checks
    from lepton.data.table import read_table
    from lepton.ops import projects
    from lepton.types import Source

    if (root := Path.cwd()).joinpath("dvc.yaml").exists():
        projects.require_known(given.limits, projects.stages(root))
    if own and given.evaluate.champions:
        from lepton.ops import past  # DVC takes seconds to import

        for number in given.evaluate.champions:
            past.answering(root, number, list(given.tasks))
    folder = given.data.path
    (kind,) = given.inputs.values()
    source = Source(folder, getattr(kind, "size", (0, 0)))
    console = Console(highlight=False)
    refused = []
    for name in ["samples", *(["new_tasks"] if given.new_tasks else [])]:
        table = read_table(folder, name, given)
        report = checks.check(table, given, source, strict=False, docs=None, name=name)
        console.print(f"{folder / name}.parquet: {len(table):,} rows, {report.expectations} expectations")
        if name == "samples":
            console.print(_labels(given, {task: int(table[of.column].notna().sum()) for task, of in given.tasks.items()}))
        for failure in report.failed:
            line = f"{folder / name}.parquet: {failure.says}. {failure.fix}"
            if failure.hard:
                refused.append(line)
            else:
                console.print(f"[yellow]warning[/]: {escape(errors.named(line))}", soft_wrap=True)
    if refused:
        *others, last = refused
        for line in others:
            print(f"refused: {errors.named(line)}", file=sys.stderr)
        raise Refusal(last)


def _argument(params: Path) -> str:
    """What `make run` needs beside it to run this project."""
    return "" if params.absolute() == Path("params.yaml").absolute() else f" PARAMS={params}"


def _labels(params: Params, counts: dict[str, int]) -> Table:
    table = Table("task", "type", "labels", box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.columns[2].justify = "right"
    for name, task in params.tasks.items():
        table.add_row(name, task.type, f"{counts[name]:,}")
    return table


starter_app = typer.Typer(no_args_is_help=True, help="Builds a starter data set, the same bytes on every machine.")
app.add_typer(starter_app, name="starter")


@starter_app.command(epilog=_example("lepton starter vision --to data/mine"))
def vision(to: Annotated[Path, typer.Option(help="A folder that is not there yet.")] = Path("data/vision")) -> None:
    """Small scenes of handwritten digits on photographs: five tasks, labels partly missing, faults planted."""
    from lepton.starter import vision as starter

    starter.build(to)
    print(f"{to}: built. `make run` trains on it when data.path in params.yaml is {to}.")


@app.command(epilog=_example("lepton relate --params mine.yaml --open"))
def relate(
    params: Config = Path("params.yaml"),
    show: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
) -> None:
    """Which tasks should share? Runs the stages up to `relate`, as far as something has changed, and shows what they found."""
    from lepton.ops import single
    from lepton.reporting import related
    from lepton.reporting.page import render

    with errors.naming(str(params)):
        given = load(params)
        if len(given.tasks) == 1:
            return print(f"{next(iter(given.tasks))} is the only task: there is nothing to share with.")
        root = single.up_to("relate", Path.cwd(), params if _argument(params) else None, given)
        console = Console(highlight=False)
        for part in related.told(root):
            console.print(part)
        page = render(root)
    print(f"page: {page}#relatedness")
    if show:
        webbrowser.open(f"{page.as_uri()}#relatedness")


@app.command(epilog=_example("lepton report --open"))
def report(
    params: Config = Path("params.yaml"),
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    team: Annotated[bool, typer.Option("--wandb", help="Also make the report in W&B, or its JSON offline.")] = False,
) -> None:
    """Renders the review page and the model card from the project's present outputs."""
    from lepton import tracking
    from lepton.ops import projects
    from lepton.reporting import review
    from lepton.reporting.page import render

    root = Path.cwd()
    load(params)
    if _argument(params) and not (root := projects.place_of(root, params)).exists():
        raise LeptonError(f"{params}: has not been run yet. Run it: make run{_argument(params)}.")
    if team and tracking.off():
        raise LeptonError("W&B is off. Unset LEPTON_TRACKING, and set WANDB_MODE to online or offline.")
    page = render(root)
    print(page)
    if team and (told := review.tell(root, page.parent.name, retraining=False)):
        print(told)
    if not (root / "artifacts/evaluate/metrics.json").exists():
        print(f"Nothing has been evaluated yet. Start with: make run{_argument(params)}", file=sys.stderr)
    if show:
        webbrowser.open(page.as_uri())


@app.command(epilog=_example("lepton lineage digit") + ", `lepton lineage champion/3`, `lepton lineage 668278d3 --json`")
def lineage(
    what: Annotated[
        str, typer.Argument(help="A metric, stage, output, hash (its beginning), champion, commit or branch; `data`, `model`.")
    ] = "model",
    machine: Annotated[bool, typer.Option("--json", help="All of it, whole hashes and parameters, for a program.")] = False,
) -> None:
    """Where a number or a file comes from: data, parameters, code and runs; and what was made from it since."""
    from lepton.ops import trace
    from lepton.reporting import tree

    told = trace.trace(_champions(), what)
    if told.trouble:
        print(f"warning: {told.trouble}", file=sys.stderr)
    if machine:
        print(json.dumps(told.to_dict(), indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(tree.back(told))
    console.print(tree.forward(told))


champion_app = typer.Typer(no_args_is_help=True, help="The model in use: git tags `champion/<n>`, the highest number is the one.")
app.add_typer(champion_app, name="champion")


def _number(text: str) -> int:
    told = text.removeprefix("champion/")
    if not told.isdigit():
        raise LeptonError(f"{text}: is no champion. Name one by its number, as in 3 or champion/3: lepton champion list.")
    return int(told)


Number = Annotated[
    int | None,
    typer.Argument(help="n of champion/<n>; the present one if left out.", show_default=False, parser=_number, metavar="N"),
]
Earlier = Annotated[
    int | None,
    typer.Argument(help="n of champion/<n>; the last other model if left out.", show_default=False, parser=_number, metavar="N"),
]


def _champions() -> Path:
    """The project, with the champions that origin knows of; without origin, with those that are known here."""
    from lepton.ops import champion

    try:
        champion.refresh(Path.cwd())
    except LeptonError as error:
        print(f"warning: this is what is known here: {error}", file=sys.stderr)
    return Path.cwd()


@champion_app.command("list", epilog=_example("lepton champion list"))
def champions() -> None:
    """The whole history, the present champion last."""
    from lepton.ops import champion

    table = Table("champion", "since (UTC)", "how", "model", "commit", box=None, header_style="bold", padding=(0, 2, 0, 0))
    found = champion.history(_champions())
    for one in found:
        style = "bold green" if one is found[-1] else ""
        table.add_row(one.tag, one.told["at"], one.told["how"], one.told["model"][:8], one.commit[:8], style=style)
    if not found:
        print("There is no champion yet. A run that the gate lets through becomes it: lepton champion promote.", file=sys.stderr)
        return
    Console(highlight=False).print(table)


@champion_app.command(epilog=_example("lepton champion show 3"))
def show(number: Number = None) -> None:
    """All that is known of one champion, as JSON: when and how, hashes, metrics, the gate's decision."""
    from lepton.ops import champion

    one = champion.find(_champions(), number)
    print(json.dumps({"champion": one.tag, "commit": one.commit, **one.told}, indent=1, ensure_ascii=False))


@champion_app.command(epilog=_example("lepton champion promote --force"))
def promote(force: Annotated[bool, typer.Option("--force", help="Although the gate holds it back.")] = False) -> None:
    """Makes the project's model, as it is committed, the champion, if the gate lets it through."""
    from lepton.ops import champion, gate, notices

    root, params = _champions(), load(Path("params.yaml"))
    decision = gate.decide(root, params)
    if not decision.promote and not force:
        raise LeptonError(
            f"the gate holds it back: {'; '.join(decision.reasons)}. With --force it becomes the champion all the same."
        )
    how = "by hand" if decision.promote else "by hand, against the gate"
    before = champion.current(root)
    one = champion.promote(root, how, decision.to_dict())
    if before and one.tag == before.tag:
        print(f"{one.tag} is this model already")
        return
    print(f"{one.tag}: promoted")
    notices.tell(root, "Promoted", f"now {one.tag}, {how}", params.notify)


@champion_app.command(epilog=_example("lepton champion rollback 2"))
def rollback(number: Earlier = None) -> None:
    """Makes an earlier champion the champion again, under a new tag. Nothing is deleted."""
    from lepton.ops import champion, notices

    one, params = champion.rollback(Path.cwd(), number), load(Path("params.yaml"))
    print(f"{one.tag}: {one.told['how']}, commit {one.commit[:8]}. Its model: lepton champion pull.")
    notices.tell(Path.cwd(), "Rolled back", f"now {one.tag}, {one.told['how']}", params.notify)


@champion_app.command(epilog=_example("lepton champion pull 2 --to serving/model.onnx"))
def pull(number: Number = None, to: Annotated[Path, typer.Option(help="The file to write.")] = Path("champion.onnx")) -> None:
    """Writes a champion's exported model to a file, from DVC's cache or remote; the project's own files stay as they are."""
    from lepton.ops import champion

    print(f"{to}: {champion.pull(_champions(), to, number).tag}")


def main() -> None:
    """Entry of the `lepton` command. A mistake is one line on stderr: exit code 2, or 3 where the data is refused."""
    try:
        environment.set_defaults(make=False)
        app()
    except LeptonError as error:
        refused = isinstance(error, Refusal)
        print(f"{'refused' if refused else 'error'}: {error}", file=sys.stderr)
        sys.exit(3 if refused else 2)


if __name__ == "__main__":
    main()
