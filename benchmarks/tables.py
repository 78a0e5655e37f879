"""Writes the tables of results into README.md and docs/: the text between `<!-- results: NAME -->` and `<!-- end -->`.

`<!-- results: cuda/NAME tasks=32 -->` takes another machine's, and shows the rows with that value alone.
"""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, columns_of, text
from lepton import files

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- results: ([\w/]+)(?: (\w+)=(\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)
WORDS = {True: "holds", False: "**fails**", None: "not measured"}


def markdown(found: dict[str, Any], key: str | None = None, value: str = "") -> str:
    """One file of results: its setting, its rows (or those whose `key` has that value), and its claims beside their bounds."""
    machine = found["machine"]
    where = f"{machine['gpu'] or machine['cpu']}, {machine['threads']} thread{'s' * (machine['threads'] > 1)}"
    parts = [f"{found['setting'][0].upper()}{found['setting'][1:]}. Measured on {where}; torch {found['versions']['torch']}."]
    rows = [row for row in found["rows"] if key is None or str(row.get(key)) == value]
    columns = columns_of(rows)
    parts.append(_table(columns, [[text(row.get(column)) for column in columns] for row in rows]))
    claims = [[c["claim"], text(c["value"]), f"{c['sign']} {text(c['bound'])}", WORDS[c["holds"]]] for c in found["claims"]]
    parts += [_table(["claim", "measured", "bound", ""], claims)] if claims else []
    return "\n\n".join(parts) + "\n"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows))


def rendered(page: str) -> str:
    """A page with every marked part as the committed results say; what has no results yet says so."""

    def fill(marked: re.Match[str]) -> str:
        path = RESULTS / f"{marked[2]}.json"
        if not path.exists():
            return f"{marked[1]}`python -m benchmarks.{path.stem}`\n{marked[5]}"
        return f"{marked[1]}{markdown(json.loads(path.read_text(encoding='utf-8')), marked[3], marked[4])}{marked[5]}"

    return MARKED.sub(fill, page)


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


if __name__ == "__main__":
    for page in pages():
        before = page.read_text(encoding="utf-8")
        if (after := rendered(before)) != before:
            files.write_text(page, after)
            print(f"{page.relative_to(ROOT)}: written")
