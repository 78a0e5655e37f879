"""Blocks as markdown, for where the page's HTML and SVG cannot stand: the second renderer of the same sections.

Of a figure stay its caption and, where it has them, its numbers. An example shows samples of the data, and is never written.
"""

import re
from collections.abc import Iterator, Sequence

from lepton.reporting.blocks import Beside, Block, Cell, Chips, Code, Figure, Items, Missing, Prose, Table, Tile

FENCE = "`" * 4  # longer than any that a text is likely to hold


def leaves(blocks: Sequence[Block]) -> Iterator[Block]:
    """What stands side by side on the page, one after the other."""
    for block in blocks:
        if isinstance(block, Beside):
            yield from leaves(block.blocks)
        else:
            yield block


def text(block: Block) -> str:
    """One block that holds no others; empty for an example."""
    match block:
        case Prose():
            return escape(block.text)
        case Items():
            return "\n".join(f"- {escape(item)}" for item in block.items)
        case Chips():
            return "\n".join([escape(block.caption), "", *(f"- {escape(', '.join(group))}" for group in block.groups)])
        case Code():
            return f"**{escape(block.caption)}**\n\n{FENCE}\n{block.text}\n{FENCE}"
        case Missing():
            return f"**Not there yet.** `{block.path}` is missing; run `{block.remedy}`."
        case Table():
            return table(block)
        case Figure():
            return "\n\n".join([*([table(block.numbers)] if block.numbers else []), f"*{escape(block.caption)}*"])
    return ""


def table(block: Table) -> str:
    """Its caption, then the rows; what is numeric stands flush right."""
    first = block.rows[0] if block.rows else [Cell("", numeric=False)] * len(block.columns)
    rule = ["--:" if cell.numeric else "---" for cell in first]
    lines = [[escape(name) for name in block.columns], rule, *([_cell(cell) for cell in row] for row in block.rows)]
    caption = [f"*{escape(block.caption)}*", ""] if block.caption else []
    return "\n".join([*caption, *(f"| {' | '.join(line)} |" for line in lines)])


def tiles(numbers: Sequence[Tile]) -> str:
    """The headline numbers as a table."""
    rows = [[Cell(tile.label, "strong", numeric=False), Cell(tile.value), Cell(tile.note, numeric=False)] for tile in numbers]
    return table(Table(("", "", "What it means"), rows))


def _cell(cell: Cell) -> str:
    words = escape(" ".join(cell.text.split()))
    return f"**{words}**" if cell.tone == "strong" and words else words


def escape(words: str) -> str:
    """Text in which nothing is markup but the code between backticks."""
    special = re.compile(r"[\\*<>\[\]|#~]|(?<!\w)_|_(?!\w)")
    return "`".join(part if odd % 2 else special.sub(r"\\\g<0>", part) for odd, part in enumerate(words.split("`")))
