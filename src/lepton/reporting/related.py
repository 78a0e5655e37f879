"""Which tasks should share, in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lepton import files
from lepton.relatedness.calibration import COMPANY
from lepton.reporting.words import plus_minus, signed

SHOWN = 10  # pairs
ROOMY = 8  # tasks, up to which two digits have room
WORTH = 0.7, 0.4  # correlations from which the order is called good, and fair
CALIBRATED = (
    f"Calibrated on sets where all pairs were trained: any company brought {COMPANY:g} % there, whoever it was, and two of three "
    "true gains lay within ±; the order of the pairs held on two sets of three, and on the third it may be chance. Tasks with very "
    "few labels for what they have to learn gain more from any company."
)
GROUPS = (
    "Groups: those of the largest sum of gains, each task gaining the mean of what the others in its group bring. They are for who "
    "wants several trunks: on both sets where that was measured, one trunk for all was as good or better."
)
NO_ORDER = "poor: who is best with whom is hardly known. More labels would tell, or more rows (relate.rows)"


def told(root: Path) -> Iterator[RenderableType]:
    """What relatedness.json of the project says: heat map, ranking, how far to trust them, groups."""
    report = files.read_json(root / "artifacts/relate/relatedness.json")
    tasks, gain, error = report["tasks"], report["gain"], report["error"]
    yield "Percent of its metric that the task of a row is predicted to gain by sharing a trunk with that of a column."
    yield heat(tasks, gain)
    at = {name: number for number, name in enumerate(tasks)}
    table = Table(
        "pair", "mean of both, %", "what each gains, ± standard deviation", box=None, header_style="bold", padding=(0, 2, 0, 0)
    )
    for first, second, score in report["ranking"][:SHOWN]:
        one, other = at[first], at[second]
        each = [f"{tasks[a]} {plus_minus(gain[a][b], error[a][b])}" for a, b in ((one, other), (other, one))]
        table.add_row(f"{first} – {second}", signed(score, 2), ", ".join(each))
    yield table
    yield CALIBRATED
    yield reliability(report["halves"])
    yield GROUPS + limited(report)
    for group in report["groups"]:
        if len(group) > 1:
            members = ", ".join(f"{name} {plus_minus(*report['member'][name])}" for name in group)
            yield f"share a trunk: {' + '.join(group)}. Predicted: {members}."
    alone = [group[0] for group in report["groups"] if len(group) == 1]
    yield f"stand alone: {', '.join(alone) or 'none'}."


def limited(report: Mapping[str, Any]) -> str:
    """A budget of trunks, where it decides."""
    count = len(report["groups"])
    many = f" relate.trunks allows no more than {count}, so that some may be together for want of a trunk, without a gain."
    return many if report["limited"] else ""


def reliability(halves: float | None) -> str:
    """In words what the agreement of one half of the rows with the other is worth."""
    if halves is None:
        return "There are too few pairs, or labels, to say how reliable the order of the pairs is."
    good, fair = WORTH
    worth = "good" if halves >= good else "fair: take the order of near pairs lightly" if halves >= fair else NO_ORDER
    return (
        "Reliability: the order of the pairs (not how much they gain) in one half of the rows and in the other correlates by "
        f"{signed(halves, 2)}, {worth}."
    )


def heat(tasks: Sequence[str], gain: Sequence[Sequence[float | None]]) -> Table:
    """Rows gain, columns give; greener is more, redder is a loss."""
    largest = max((abs(value) for row in gain for value in row if value), default=0.0) or 1.0
    digits = 2 if len(tasks) <= ROOMY else 1
    table = Table("gains from", *tasks, box=None, header_style="bold", padding=(0, 1, 0, 0))
    for row, (name, values) in enumerate(zip(tasks, gain, strict=True)):
        cells = [Text("·" if row == column else signed(value, digits), tint(value, largest)) for column, value in enumerate(values)]
        table.add_row(name, *cells)
    return table


def tint(value: float | None, largest: float) -> str:
    """A background between the terminal's own and full colour."""
    strength = round(140 * min(abs(value or 0.0) / largest, 1.0))
    if strength < 8:
        return ""
    return f"white on rgb(0,{strength},{strength // 2})" if (value or 0) > 0 else f"white on rgb({strength + 40},{strength // 3},0)"
