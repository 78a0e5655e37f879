"""The page: one self-contained HTML file per run, the model card beside it, and a link to the latest in the project."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lepton import files
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.reporting import card, headline, sections
from lepton.reporting.content import Content, gather


def render(root: Path | None = None, run: str | None = None, stages: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Writes the page and the card of the project at `root` as it stands; returns the page's path.

    run: the folder's name under <LEPTON_HOME>/reports; None: the present time in UTC and a hash of what the run was made from.
    stages: what the flow did, [{stage, state: ran | cached | unchanged, seconds}]; None: not told.
    """
    root = (root or Path.cwd()).absolute()
    content = gather(root, stages or ())
    run = run or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{content.key}"
    folder = home(root) / "reports" / run
    page = folder / "index.html"
    files.write_text(page, html(content, run))
    files.write_text(folder / "card.md", card.text(content))
    link(root / "report" / "latest", folder)
    return page


def html(content: Content, run: str) -> str:
    """The whole page; equal content and run give equal text."""
    return filled(
        run=run,
        name=content.params.tracking.project,
        commit=content.lineage.commit,
        verdict=headline.verdict(content),
        numbers=headline.tiles(content),
        sections=sections.build(content),
        card=True,
    )


def filled(**values: Any) -> str:
    """The template of every page, with its values."""
    environment = Environment(
        loader=PackageLoader("lepton.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ticks"] = ticks
    return environment.get_template("page.html.j2").render(values)


def ticks(text: str) -> Markup:
    """Escapes `text` and sets what stands between backticks as code."""
    parts = text.split("`")
    return Markup().join(Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts))


def link(path: Path, target: Path) -> None:
    """Points `path` at `target`, in one step, and relatively where both are on one drive."""
    if path.exists() and not path.is_symlink():
        raise LeptonError(f"{path}: is not a link, so it is not replaced. Move it away; the page is at {target}.")
    try:
        where = os.path.relpath(target, path.parent)
    except ValueError:  # another drive
        where = str(target)
    with files.replacing(path) as temporary:
        temporary.symlink_to(where, target_is_directory=True)
