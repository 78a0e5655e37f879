"""Tables of numbers as tinted cells with the numbers in them: how alike tasks are, how much each shares."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lepton.reporting.figures.style import DARK, INK, MUTED, NEGATIVE, PAPER, POSITIVE, RULE, bare, drawing, svg
from lepton.reporting.words import MINUS, NONE

TITLES = {
    "cosine": "Cosine of features",
    "pearson": "Pearson of features",
    "cka": "CKA of features",
    "labels": "Correlation of labels",
    "gradient": "Gradient affinity",
    "lookahead": "Lookahead affinity",
}
Matrix = Sequence[Sequence[float | None]]


def relatedness(tasks: Sequence[str], matrices: Mapping[str, Matrix]) -> str:
    """T×T similarities side by side, each in [-1, 1]."""
    count, longest = len(tasks), max(map(len, tasks))
    across = min(3, len(matrices)) if count <= 7 else 1  # many tasks need the whole width
    down = -(-len(matrices) // across)
    cell = min(0.56, 2.7 / count) if across > 1 else min(0.52, 7.6 / count)
    side, names = cell * count, 0.3 + 0.075 * longest
    slanted = 0.05 * longest if longest > 7 or count > 7 else 0
    with drawing(names + across * (side + 0.25), down * (side + 0.7 + slanted)) as figure:
        for number, (name, matrix) in enumerate(matrices.items()):
            axes = figure.add_subplot(down, across, number + 1)
            axes.set_title(TITLES.get(name, name), pad=8 if number < across else 18)  # clear of the names above
            _cells(axes, matrix, own=True, size=8 if cell > 0.42 else 6.5, told=cell > 0.3)
            _ticks(axes, tasks, tasks if number % across == 0 else None)
        return svg(figure, "relatedness", f"Similarity of the tasks {', '.join(tasks)} by {', '.join(matrices)}.")


def affinity(tasks: Sequence[str], by_epoch: Mapping[int, Sequence[Matrix]]) -> str:
    """Epochs below each other, the levels of the trunk beside each other: T×T in [-1, 1]."""
    count, longest = len(tasks), max(map(len, tasks))
    levels = max(map(len, by_epoch.values()))
    cell = min(0.5, 7.6 / count / levels)
    side, slanted = cell * count, 0.05 * longest if longest > 7 or count > 7 else 0
    with drawing(0.3 + 0.075 * longest + levels * (side + 0.25), len(by_epoch) * (side + 0.7 + slanted)) as figure:
        for row, (epoch, matrices) in enumerate(by_epoch.items()):
            for level, matrix in enumerate(matrices):
                axes = figure.add_subplot(len(by_epoch), levels, row * levels + level + 1)
                axes.set_title(f"epoch {epoch}, level {level + 1}", pad=8 if row == 0 else 18, fontsize=9)
                _cells(axes, matrix, own=True, size=7, told=cell > 0.36)
                _ticks(axes, tasks, tasks if level == 0 else None)
        return svg(figure, "affinity", f"Gradient affinity of {', '.join(tasks)} at {levels} levels, by epoch.")


def gains(tasks: Sequence[str], gain: Matrix) -> str:
    """T×T percent that the task of a row gains from that of a column, tinted by the largest of them."""
    count, longest = len(tasks), max(map(len, tasks))
    largest = max((abs(value) for row in gain for value in row if value), default=0.0) or 1.0
    cell = min(0.7, 7.6 / count)
    with drawing(0.5 + 0.085 * longest + cell * count, 0.7 + 0.05 * longest + cell * count) as figure:
        axes = figure.add_subplot()
        _cells(axes, gain, own=True, size=9 if cell > 0.5 else 6.5, told=cell > 0.3, full=largest)
        _ticks(axes, tasks, tasks)
        return svg(figure, "predicted", f"Percent that each of {', '.join(tasks)} is predicted to gain from each other one.")


def sharing_degrees(alpha: Mapping[str, Sequence[float]], snapped: Mapping[str, Sequence[bool]]) -> str:
    """Task × level: how much each task shares at each level; what training has fixed at 0 or 1 is outlined."""
    tasks = list(alpha)
    levels = max(map(len, alpha.values()))
    with drawing(1.1 + 0.92 * levels, 0.75 + 0.36 * len(tasks)) as figure:
        axes = figure.add_subplot()
        _cells(axes, list(alpha.values()), size=9)
        for row, task in enumerate(tasks):
            for column, fixed in enumerate(snapped.get(task, ())):
                if fixed:
                    frame = Rectangle((column + 0.05, row + 0.07), 0.9, 0.86, fill=False, edgecolor=INK, linewidth=1.3)
                    axes.add_patch(frame)
        _ticks(axes, [f"level {level + 1}" for level in range(levels)], tasks)
        axes.set_aspect("auto")
        return svg(figure, "sharing", f"Sharing degree of {', '.join(tasks)} at {levels} levels.")


def _cells(axes: Axes, matrix: Matrix, *, own: bool = False, size: float, told: bool = True, full: float = 1.0) -> None:
    """own: the diagonal compares a task with itself and is left quiet. told: there is room for the numbers. full: tint's end."""
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            quiet = value is None or (own and row == column)
            strength = 0.0 if quiet else min(abs(value or 0.0) / full, 1.0)
            colour = RULE if quiet else POSITIVE if (value or 0) >= 0 else NEGATIVE
            box = Rectangle((column + 0.02, row + 0.02), 0.96, 0.96, facecolor=colour, edgecolor="none")
            box.set_alpha(0.45 if quiet else 0.06 + 0.94 * strength)
            axes.add_patch(box)
            words = NONE if value is None else "" if quiet or not told else f"{value:.2f}".replace("-", MINUS)
            ink = MUTED if quiet else PAPER if strength > 0.78 else DARK if strength > 0.55 else INK
            axes.text(column + 0.5, row + 0.53, words, ha="center", va="center", color=ink, fontsize=size)
    axes.set_xlim(0, max(map(len, matrix)))
    axes.set_ylim(len(matrix), 0)
    axes.set_aspect("equal")
    bare(axes)


def _ticks(axes: Axes, columns: Sequence[str], rows: Sequence[str] | None) -> None:
    axes.set_xticks([place + 0.5 for place in range(len(columns))], columns, color=INK)
    if max(map(len, columns)) > 7 or len(columns) > 7:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    if rows is None:
        axes.set_yticks([])
    else:
        axes.set_yticks([place + 0.5 for place in range(len(rows))], rows, color=INK)
