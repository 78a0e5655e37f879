"""New data beside the training snapshot: how near each comparison came to its limit, and both distributions of what drifts."""

from collections.abc import Mapping, Sequence
from typing import Any

from lepton.reporting.figures.style import FILL, INK, MUTED, NEGATIVE, drawing, svg
from lepton.reporting.words import number

SHOWN = 24  # comparisons, those nearest to their limit or beyond it
EDGE = 4.0  # limits, where bars are cut


def summary(measures: Sequence[Mapping[str, Any]]) -> str:
    """Each measure as a multiple of its limit, the largest first; those that drift stand out.

    measures: {of, what, name, value, limit, drifts}.
    """
    largest = sorted(measures, key=lambda one: (not one["drifts"], -one["value"] / one["limit"]))[:SHOWN]
    with drawing(7.6, 0.75 + 0.24 * len(largest)) as figure:
        axes = figure.add_subplot()
        for place, one in enumerate(largest):
            ratio = one["value"] / one["limit"]
            colour = NEGATIVE if one["drifts"] else FILL
            axes.barh(place, min(ratio, EDGE), height=0.6, color=colour, alpha=1.0 if one["drifts"] else 0.55)
            words = f"{number(one['value'], 2)}{' drifts' if one['drifts'] else ''}"
            axes.annotate(
                words, (min(ratio, EDGE), place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8,
                color=NEGATIVE if one["drifts"] else MUTED,
            )  # fmt: skip
        axes.axvline(1, color=INK, linewidth=0.8, linestyle=(0, (5, 3)))
        axes.set_yticks(range(len(largest)), [label(one) for one in largest], color=INK, fontsize=8.5)
        axes.set_ylim(len(largest) - 0.4, -0.6)
        axes.set_xlim(0, max(1.3, min(EDGE, max(one["value"] / one["limit"] for one in largest)) * 1.2))
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("times its limit")
        return svg(figure, "drift", "Every measure of drift as a multiple of its limit.")


def label(one: Mapping[str, Any]) -> str:
    """`tasks.digit: classes, labels` in fewer words where they say the same."""
    name = one["of"].split(".", 1)[1]
    return f"{name}, {one['what']}" if one["name"] in ("labels", "missing") else f"{name}, {one['what']}, {one['name'].upper()}"


def overlay(shape: Mapping[str, Any], place: int) -> str:
    """The snapshot's distribution in grey, the window's as a line or as marks. place: keeps several figures of a page apart."""
    with drawing(3.7, 2.3) as figure:
        axes = figure.add_subplot()
        axes.set_title(f"{shape['of'].split('.', 1)[1]}: {shape['what']}")
        then, now = shape["reference"], shape["window"]
        if shape["edges"]:
            axes.stairs(then, shape["edges"], fill=True, color=MUTED, alpha=0.4)
            axes.stairs(now, shape["edges"], color=NEGATIVE, linewidth=1.6)
        else:
            axes.bar(range(len(then)), then, width=0.7, color=MUTED, alpha=0.4)
            axes.plot(range(len(now)), now, color=NEGATIVE, marker="D", linestyle="none")
            axes.set_xticks(range(len(then)), shape["classes"], color=INK)
            if max(map(len, shape["classes"])) > 4:
                for tick in axes.get_xticklabels():
                    tick.set(rotation=40, ha="right", rotation_mode="anchor")
        axes.set_ylim(0)
        axes.grid(axis="x", visible=False)
        axes.set_ylabel("share")
        said = f"Distribution of {shape['what']} of {shape['of']} in the snapshot and in the window."
        return svg(figure, f"drift-{place}", said)
