"""What a section of the page is made of. Text is escaped by the template; figures are SVG that was made here."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """Of a table. tone: "" | better | worse | quiet | strong; numeric cells are set flush right."""

    text: str
    tone: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Prose:
    text: str
    kind: str = "prose"


@dataclass(frozen=True)
class Figure:
    """svg: markup made by `lepton.reporting.figures`; caption: one plain sentence.

    For where no SVG can stand: curves are the names under which the stages tracked what is drawn; numbers is the same as a table,
    unless one stands beside the figure anyway.
    """

    svg: str
    caption: str
    curves: Sequence[str] = ()
    numbers: "Table | None" = None
    kind: str = "figure"


@dataclass(frozen=True)
class Table:
    """The first column holds the names of the rows. folded: shown only when asked for."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    folded: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class Items:
    items: Sequence[str]
    kind: str = "items"


@dataclass(frozen=True)
class Chips:
    """Groups of names, each group in one frame."""

    groups: Sequence[Sequence[str]]
    caption: str = ""
    kind: str = "chips"


@dataclass(frozen=True)
class Code:
    text: str
    caption: str = ""
    folded: bool = False
    kind: str = "code"


@dataclass(frozen=True)
class Missing:
    """What stands in the place of an artifact that is not there."""

    path: str
    remedy: str
    kind: str = "missing"


@dataclass(frozen=True)
class Example:
    """One sample: tiles of predictions, tiles of saliency (caption, svg), and what is told in words (task, words)."""

    name: str
    predictions: Sequence[tuple[str, str]]
    saliency: Sequence[tuple[str, str]]
    words: Sequence[tuple[str, str]]
    kind: str = "example"


@dataclass(frozen=True)
class Beside:
    """Blocks next to each other where there is room, else below each other."""

    blocks: Sequence["Block"]
    kind: str = "beside"


Block = Beside | Prose | Figure | Table | Items | Chips | Code | Missing | Example


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Tile:
    """A headline number. note: what it means, with the numbers it was made of."""

    label: str
    value: str
    note: str
    tone: str = ""


def text(words: str, tone: str = "") -> Cell:
    """A cell that is set flush left."""
    return Cell(words, tone, numeric=False)
