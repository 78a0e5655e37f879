"""What came out: gains per task, what compression costs, where the time went."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from lepton.reporting.figures.style import FILL, INK, MUTED, NEGATIVE, PAPER, POSITIVE, RULE, bare, drawing, end_labels, svg
from lepton.reporting.words import arrow, milliseconds, percent, seconds, signed, size


def gains(tasks: Mapping[str, Mapping[str, Any]], compressed: Mapping[str, float | None], mean: Mapping[str, Any] | None) -> str:
    """Relative change of each task against its own single-task model, in percent, with 95 % bars; positive is better.

    tasks: name -> {delta_percent, ci95}; compressed: the same change of the compressed model; mean: {mean, ci95} of all.
    """
    rows = [(name, task.get("delta_percent"), task.get("ci95"), compressed.get(name)) for name, task in tasks.items()]
    if mean:
        rows.append(("mean, Δm", mean.get("mean"), mean.get("ci95"), None))
    edge = _edge([[delta, *(ci95 or ()), small or 0.0] for _, delta, ci95, small in rows[: len(tasks)] if delta is not None])
    with drawing(7.6, 0.75 + 0.36 * len(rows)) as figure:
        axes = figure.add_subplot()
        for place, (name, delta, ci95, small) in enumerate(rows):
            last = bool(mean) and name == rows[-1][0]
            if delta is None:
                axes.text(0, place, "no label in the test split", color=MUTED, fontsize=8, va="center")
                continue
            colour = POSITIVE if delta >= 0 else NEGATIVE
            shown = max(-edge, min(delta, edge))
            axes.barh(place, shown, height=0.46 if last else 0.34, color=colour, alpha=1.0 if last else 0.75)
            if shown != delta:
                axes.plot(
                    [shown], [place], color=PAPER, marker=(3, 0, -90 if delta > 0 else 90), markersize=9, markeredgecolor=colour
                )
            if ci95 and max(map(abs, ci95)) <= edge:
                axes.plot(ci95, [place, place], color=INK, linewidth=1.1, marker="|", markersize=6)
            if small is not None and abs(small) <= edge:
                axes.plot([small], [place], marker="D", markersize=5, color=PAPER, markeredgecolor=INK, markeredgewidth=1.1)
            axes.text(
                1.01, place, f"{arrow(delta)} {signed(delta, unit='%')}", transform=axes.get_yaxis_transform(),
                va="center", color=colour if round(delta, 1) else MUTED, fontsize=9,
            )  # fmt: skip
        if mean:
            axes.axhline(len(rows) - 1.5, color=RULE, linewidth=0.8)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [row[0] for row in rows], color=INK, fontsize=9)
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(value, 0)))
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        axes.set_xlabel("% against the single-task model, positive is better")
        return svg(figure, "gains", "Relative change of every task against its single-task model, with 95 % intervals.")


def _edge(extents: Sequence[Sequence[float]]) -> float:
    """Where bars are cut: one task that dwarfs all others by four times would hide them. inf: nowhere."""
    reach = sorted(max(map(abs, extent)) for extent in extents)
    return 1.5 * max(reach[-2], 1.0) if len(reach) > 2 and reach[-1] > 4 * max(reach[-2], 1.0) else inf


def frontier(candidates: Sequence[Mapping[str, Any]], chosen: str | None, tolerance: Mapping[str, float]) -> str:
    """Bytes against the worst relative change of any task, in percent; milliseconds at batch 1 stand beside each mark.

    candidates: {name, bytes, relative: {task: share}, within_tolerance, ms}.
    """
    points = [(candidate["bytes"], 100 * min(candidate["relative"].values(), default=0.0), candidate) for candidate in candidates]
    limits = sorted({-100 * value for value in tolerance.values()})
    with drawing(8.8, 3.4) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        small, large = min(x for x, _, _ in points), max(x for x, _, _ in points)
        large = max(large, 3 * small)  # room for names and ticks
        axes.set_xlim(small * 0.8, large * (large / small) ** 0.32 * 1.1)
        _percent_axis(axes, [y for _, y, _ in points], limits)
        ends = []
        for limit in limits:
            names = [task for task, value in tolerance.items() if -100 * value == limit]
            axes.axhline(limit, color=NEGATIVE, linewidth=1, linestyle=(0, (5, 3)))
            ends.append((0.0, limit, "tolerance" if len(limits) == 1 else f"tolerance: {', '.join(names)}", NEGATIVE))
        end_labels(axes, ends)
        for x, y, candidate in points:
            best, fits = candidate["name"] == chosen, candidate["within_tolerance"]
            if best:
                axes.plot([x], [y], marker="o", markersize=15, color=FILL, alpha=0.22, linestyle="none")
            axes.plot(
                [x], [y], marker="o" if fits else "X", markersize=7, color=FILL if fits else NEGATIVE,
                markeredgecolor=PAPER, markeredgewidth=0.8, linestyle="none",
            )  # fmt: skip
        _name_points(figure, axes, points, chosen)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: size(value, 1)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title("worst change of any task, % of its metric", color=MUTED, fontsize=9)
        axes.set_xlabel("size of the file")
        return svg(figure, "frontier", "Size, worst relative change and milliseconds of every compression candidate.")


def _percent_axis(axes: Axes, values: Sequence[float], limits: Sequence[float]) -> None:
    """Linear, or logarithmic beyond twice the tolerances where a candidate is far outside of them."""
    low, high = min(*values, *limits, 0.0), max(*values, 0.0)
    bend = 2 * max(map(abs, limits), default=1.0) or 1.0
    if low < -2 * bend:
        axes.set_yscale("symlog", linthresh=bend, linscale=1.2)
        steps = [sign * step * 10**power for power in range(4) for step in (1, 2, 5) for sign in (-1, 1)]
        axes.yaxis.set_major_locator(
            FixedLocator([0, *(step for step in steps if 1.25 * low < step < high and abs(step) > bend / 10)])
        )
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(2.5 * low, max(high, 0.2 * bend))
    else:
        span = high - low or 1.0
        axes.set_ylim(low - 0.16 * span, high + 0.16 * span)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(value, 0 if low < -2 * bend else 1)))


def _name_points(figure: Figure, axes: Axes, points: Sequence[tuple[float, float, Mapping[str, Any]]], chosen: str | None) -> None:
    """Name and milliseconds right of each mark, lowered where they would cover a name above."""
    figure.draw_without_rendering()
    to_pixels, line, letter = axes.transData.transform, 11 / 72 * figure.dpi, 4.9 / 72 * figure.dpi
    placed: list[tuple[float, float, float]] = []  # left, right, height in pixels
    for x, y, candidate in sorted(points, key=lambda point: -point[1]):
        best = candidate["name"] == chosen
        time = f" · {milliseconds(candidate['ms'])}" if candidate.get("ms") is not None else ""
        words = f"{candidate['name']}{time}{' · chosen' if best else ''}"
        left, height = to_pixels((x, y))
        right, wanted = left + letter * (len(words) + 3), height
        for other_left, other_right, other in placed:
            if left < other_right and other_left < right and abs(height - other) < line:
                height = other - line
        placed.append((left, right, height))
        axes.annotate(
            words, (x, y), xytext=(9 if best else 7, (height - wanted) * 72 / figure.dpi), textcoords="offset points",
            va="center", fontsize=8, color=INK, weight="bold" if best else "normal",
        )  # fmt: skip


def stage_times(times: Mapping[str, float | None]) -> str:
    """Seconds of each stage, in the order of the graph, with its share of all."""
    known = {stage: value for stage, value in times.items() if value is not None}
    total = sum(known.values()) or 1.0
    with drawing(5.4, 0.2 + 0.29 * len(known)) as figure:
        axes = figure.add_subplot()
        longest = max(known.values())
        for place, value in enumerate(known.values()):
            axes.barh(place, value, height=0.56, color=FILL, alpha=0.85)
            words = f"{seconds(value)}, {percent(value / total)}"
            axes.annotate(words, (value, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK)
        axes.set_yticks(range(len(known)), list(known), color=INK, fontsize=9)
        axes.set_xticks([])
        axes.set_xlim(0, longest * 1.32)
        axes.set_ylim(len(known) - 0.5, -0.5)
        bare(axes, keep=("left",))
        return svg(figure, "times", "Seconds of every stage.")
