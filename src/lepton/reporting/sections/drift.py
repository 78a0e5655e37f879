"""Whether new data is like that which the model in use was trained on."""

from collections.abc import Iterator, Mapping
from typing import Any

from lepton.reporting.blocks import Beside, Block, Cell, Figure, Items, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.figures import drift as figures
from lepton.reporting.words import count, listing, number, percent, plural

NAMES = {"psi": "PSI", "ks": "KS distance", "labels": "label shift", "missing": "change of missing"}
DRAWN = 8  # overlays of what drifts


def newest(content: Content) -> Iterator[Block]:
    if content.drift is None:
        yield Prose("No new data has been compared with the training snapshot yet. `make serve` looks for it every 15 minutes.")
    else:
        yield from blocks(content.drift)


def verdict(report: Mapping[str, Any]) -> str:
    """One sentence."""
    window, snapshot = report["window"], report["snapshot"]
    beside = f"{plural(window['rows'], 'row')} of {window['name']} beside {count(snapshot['rows'])} of {snapshot['name']}"
    if not report["measures"]:
        return f"{beside}: too few to say anything."
    if not report["drifted"]:
        return f"{beside}: nothing drifts."
    return f"{beside}: {listing(report['drifted'])} {'drift' if len(report['drifted']) > 1 else 'drifts'}."


def blocks(report: Mapping[str, Any]) -> Iterator[Block]:
    yield Prose(f"{verdict(report)} Compared on {report['at']} UTC.")
    measures = sorted(report["measures"], key=lambda one: (not one["drifts"], -one["value"] / one["limit"]))
    if measures:
        yield Figure(
            figures.summary(measures),
            "Each measure against its limit in `drift` of params.yaml, those nearest to it first. Beyond the limit it drifts if it "
            "is no chance either. Bars end at four limits; beside them stand the measures themselves.",
        )
        drifting = {(one["of"], one["what"]) for one in measures if one["drifts"]}
        shapes = [shape for shape in report["shapes"] if (shape["of"], shape["what"]) in drifting][:DRAWN]
        if shapes:
            caption = "The snapshot in grey, the window in colour."
            yield Beside([Figure(figures.overlay(shape, place), caption) for place, shape in enumerate(shapes)])
        rows = [_row(one) for one in measures]
        yield Table(
            ("Compared", "", "Value", "Limit", "p", ""),
            rows,
            f"All {len(measures)} comparisons; p is corrected for their number.",
            folded=True,
        )
    if report["skipped"]:
        yield Items([f"{path} was not compared: {why}" for path, why in report["skipped"].items()])


def _row(one: Mapping[str, Any]) -> list[Cell]:
    share = number if one["name"] == "psi" else percent
    return [
        text(f"{one['of']}: {one['what']}"),
        text(NAMES[one["name"]]),
        Cell(share(one["value"])),
        Cell(share(one["limit"])),
        Cell("<0.0001" if one["p"] < 1e-4 else number(one["p"], 2)),
        text("drifts", "worse") if one["drifts"] else text("steady", "quiet"),
    ]


def markdown(report: Mapping[str, Any]) -> str:
    """What drifts, as a table for where no page is shown."""
    lines = [verdict(report), ""]
    drifting = [one for one in report["measures"] if one["drifts"]]
    if drifting:
        lines += ["| compared | measure | value | limit | p |", "|---|---|--:|--:|--:|"]
        lines += [f"| {' | '.join(cell.text for cell in _row(one)[:-1])} |" for one in drifting]
    return "\n".join(lines)
