"""Lines over time or over samples: losses, validation metrics, sharing degrees, few-shot adaptation."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from lepton.reporting.figures.style import INK, MARKS, MUTED, colour_of, drawing, end_labels, svg
from lepton.reporting.words import half_width, metric, number

Series = Mapping[str, Sequence[float | None]]
METHODS = {
    "reptile": "Reptile",
    "maml": "MAML",
    "centroid": "nearest centroid",
    "ridge": "ridge regression",
    "scratch": "from scratch",
}


def losses(epochs: Sequence[float], loss: Series, weight: Series) -> str:
    """Training loss of each task against its first value and, where they are not all alike, the tasks' weights."""
    panels = {"Training loss, first epoch = 1": _relative(loss)}
    if any(abs((value or 0) - 1) > 0.02 for values in weight.values() for value in values):
        panels["Weight of each task in the trunk's gradient"] = weight
    with drawing(4.6 * len(panels) + 0.2, max(2.7, 0.7 + 0.16 * len(loss))) as figure:
        for place, (title, series) in enumerate(panels.items()):
            axes = figure.add_subplot(1, len(panels), place + 1)
            axes.set_title(title)
            _lines(axes, epochs, series)
            if place == 0:
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.yaxis.set_major_formatter(ScalarFormatter())
                axes.yaxis.set_minor_formatter(NullFormatter())
            _name_ends(axes, epochs, series)
        return svg(figure, "losses", f"Training losses of {', '.join(loss)} per epoch.")


def validation(epochs: Sequence[float], metrics: Mapping[str, tuple[str, Sequence[float | None]]], best: int | None) -> str:
    """One small panel per task, on its own scale. metrics: task -> (metric, value per epoch); best: the epoch that was kept."""
    columns = min(5, len(metrics))
    rows = -(-len(metrics) // columns)
    with drawing(1.92 * columns, 1.75 * rows) as figure:
        for place, (task, (name, values)) in enumerate(metrics.items()):
            axes = figure.add_subplot(rows, columns, place + 1)
            words = f"{task}, {metric(name)}"
            axes.set_title(words if len(words) < 26 else words.replace(", ", "\n"), fontsize=8.5)
            _lines(axes, epochs, {task: values}, first=place)
            if best is not None and best in epochs:
                at = epochs.index(best)
                if (value := values[at]) is not None:
                    axes.plot([best], [value], marker="o", color=colour_of(place), markersize=5.5, linestyle="none")
                    high = value > sum(axes.get_ylim()) / 2
                    offset = (0, -9 if high else 7)
                    words = number(value)
                    axes.annotate(
                        words, (best, value), xytext=offset, textcoords="offset points",
                        ha="right", va="top" if high else "bottom", color=INK, fontsize=8,
                    )  # fmt: skip
            axes.yaxis.set_major_locator(MaxNLocator(3))
        return svg(figure, "validation", f"Validation metrics of {', '.join(metrics)} per epoch.")


def sharing_movement(epochs: Sequence[float], alpha: Mapping[str, Mapping[int, Sequence[float | None]]]) -> str:
    """One panel per level, one line per task: how the sharing degrees moved during training."""
    levels = sorted({level for by_level in alpha.values() for level in by_level})
    with drawing(2.15 * len(levels) + 0.8, 2.5) as figure:
        axes = None
        for place, level in enumerate(levels):
            axes = figure.add_subplot(1, len(levels), place + 1, sharey=axes)
            axes.set_title(f"level {level}")
            series = {task: by_level[level] for task, by_level in alpha.items() if level in by_level}
            _lines(axes, epochs, series)
            axes.set_ylim(-0.04, 1.04)
            axes.set_yticks([0, 0.5, 1], ["0 own", "0.5", "1 shared"])
            if place:
                axes.tick_params(labelleft=False)
        if axes is not None:
            _name_ends(axes, epochs, series)
        return svg(figure, "movement", f"Sharing degrees of {', '.join(alpha)} per epoch and level.")


def adaptation(new_tasks: Mapping[str, Mapping[str, Mapping[str, Mapping]]], chosen: str | None) -> str:
    """One panel per new task: accuracy against labelled samples per class, one line per method, with 95 % intervals."""
    with drawing(3.7 * len(new_tasks) + 0.5, 2.7) as figure:
        for place, (task, by_shots) in enumerate(new_tasks.items()):
            axes = figure.add_subplot(1, len(new_tasks), place + 1)
            axes.set_title(f"{task}: accuracy")
            shots = sorted(by_shots, key=int)
            methods = list(dict.fromkeys(name for shot in shots for name in by_shots[shot]))
            ends = []
            for order, name in enumerate(methods):
                points = [(int(shot), by_shots[shot][name]) for shot in shots if name in by_shots[shot]]
                x = [at * (1 + 0.025 * (order - (len(methods) - 1) / 2)) for at, _ in points]
                y = [value["mean"] for _, value in points]
                bars = [half_width(value.get("ci95")) for _, value in points]
                shade = colour_of(order)
                axes.errorbar(
                    x,
                    y,
                    bars,
                    color=shade,
                    marker=MARKS[order],
                    capsize=2.5,
                    elinewidth=1,
                    linewidth=2.2 if name == chosen else 1.3,
                )
                ends.append((x[-1], y[-1], METHODS.get(name, name) + (" (chosen)" if name == chosen else ""), shade))
            axes.set_xscale("log")
            axes.set_xlim(int(shots[0]) * 0.8, int(shots[-1]) * 1.15)
            axes.set_xticks([int(shot) for shot in shots], shots)
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.grid(axis="x", visible=False)
            axes.set_xlabel("labelled samples per class")
            end_labels(axes, ends)
        return svg(figure, "adaptation", f"Accuracy on {', '.join(new_tasks)} by shots and method.")


def _relative(series: Series) -> Series:
    """Every line divided by its own first value."""
    result = {}
    for name, values in series.items():
        first = next((value for value in values if value), None)
        result[name] = [value / first if first and value is not None else None for value in values]
    return result


def _lines(axes: Axes, epochs: Sequence[float], series: Series, first: int = 0) -> None:
    for order, values in enumerate(series.values()):
        known = [(x, y) for x, y in zip(epochs, values, strict=True) if y is not None]
        if known:
            style = "-" if first + order < 8 else "--"
            mark = "." if len(known) == 1 else None
            axes.plot(*zip(*known, strict=True), color=colour_of(first + order), linestyle=style, marker=mark)
    axes.grid(axis="x", visible=False)
    axes.set_xlim(epochs[0] - 0.4, epochs[-1] + 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True) if len(epochs) > 1 else FixedLocator(epochs))
    axes.set_xlabel("epoch", fontsize=8, color=MUTED, loc="right", labelpad=1)


def _name_ends(axes: Axes, epochs: Sequence[float], series: Series) -> None:
    ends = []
    for order, (name, values) in enumerate(series.items()):
        known = [(x, y) for x, y in zip(epochs, values, strict=True) if y is not None]
        if known:
            ends.append((*known[-1], name, colour_of(order)))
    end_labels(axes, ends)
