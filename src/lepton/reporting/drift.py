"""The page of one comparison of new data with the training snapshot, beside its report.json; self-contained."""

from pathlib import Path

from lepton import files
from lepton.reporting.blocks import Section, Tile
from lepton.reporting.page import filled
from lepton.reporting.sections import drift
from lepton.reporting.words import count


def render(report: Path, project: str) -> Path:
    """Writes index.html beside a report; returns its path. Equal reports give equal pages."""
    told = files.read_json(report)
    drifting = sum(one["drifts"] for one in told["measures"])
    numbers = [
        Tile("New rows", count(told["window"]["rows"]), told["window"]["name"]),
        Tile("Snapshot", count(told["snapshot"]["rows"]), f"rows of {told['snapshot']['name']}"),
        Tile("Comparisons", count(len(told["measures"])), f"{len(told['skipped'])} columns were not compared"),
        Tile("That drift", count(drifting), "reach their limit, and are no chance", "worse" if drifting else "better"),
    ]
    path = report.with_name("index.html")
    page = filled(
        run=report.parent.name,
        name=project,
        commit=None,
        verdict=drift.verdict(told),
        numbers=numbers,
        sections=[Section("drift", "Is new data like the training data", list(drift.blocks(told)))],
        card=False,
    )
    files.write_text(path, page)
    return path
