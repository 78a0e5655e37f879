"""The command line: `lepton check`, `lepton starter`, `lepton report`. The pipeline itself is started by `make run`."""

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
        _check(load(params))
    Console(highlight=False).print(f"[green]ready[/]: start with `make run{_argument(params)}`")


def _check(given: Params) -> None:
    """Prints what is there and every warning; a Refusal carries the last thing that is refused, those before it are printed."""
    from lepton.data import checks
    from lepton.data.table import read_table
    from lepton.types import Source

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


@app.command(epilog=_example("lepton report --open"))
def report(
    params: Config = Path("params.yaml"),
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Renders the review page and the model card from the project's present outputs."""
    from lepton.ops import projects
    from lepton.reporting.page import render

    root = Path.cwd()
    load(params)
    if _argument(params) and not (root := projects.place_of(root, params)).exists():
        raise LeptonError(f"{params}: has not been run yet. Run it: make run{_argument(params)}.")
    page = render(root)
    print(page)
    if not (root / "artifacts/evaluate/metrics.json").exists():
        print(f"Nothing has been evaluated yet. Start with: make run{_argument(params)}", file=sys.stderr)
    if show:
        webbrowser.open(page.as_uri())


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
