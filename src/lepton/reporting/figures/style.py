"""One look for all figures, and the way from matplotlib to an `<svg>` that lives inside the page.

Equal inputs give equal bytes: ids come from a fixed salt, no date is written, and text is left to the page's fonts.
"""

import base64
import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER, POSITIVE, NEGATIVE, FILL = "#1b1d20", "#6a6f76", "#d9d7d0", "#fdfcf9", "#1c6b7a", "#b4501e", "#2f6f9f"
DARK = "#14171a"  # in both themes, on half-tinted cells
SERIES = (
    "#20639b",
    "#c05a1f",
    "#3b8a52",
    "#a2457f",
    "#8a6d12",
    "#5b57b5",
    "#2d8b93",
    "#a33a3a",
)  # tasks, in params.yaml's order
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
VARIABLES = {
    INK: "--ink",
    DARK: "--dark",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    POSITIVE: "--positive",
    NEGATIVE: "--negative",
    FILL: "--fill",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES)},
}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lepton",
    "font.family": "DejaVu Sans",  # measured with this; shown with the page's own
    "font.size": 9,
    "text.parse_math": False,  # names may hold a dollar
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.titlepad": 8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "lines.solid_capstyle": "round",
}


def colour_of(number: int) -> str:
    return SERIES[number % len(SERIES)]


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` × `height` inches in the house style; `svg` has to be called inside the block."""
    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element. `name` keeps its ids apart from other figures', `description` is for screen readers."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    label = html.escape(description, quote=True)
    pixels = figure.get_figwidth() * 96  # a 9 pt label is shown at 12 px where there is room, and at 9 px at least
    style = f"max-width:{pixels:.0f}px;min-width:{0.75 * pixels:.0f}px"
    head = rf'<svg class="figure" role="img" aria-label="{label}" style="{style}" \1>'
    text = re.sub(r'<svg .*?(viewBox="[^"]*")[^>]*>', head, text, count=1)
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", text)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda match: _variable(match.group()), text)
    return re.sub(r"\n\s*", "\n", text).strip()


def alone(markup: str) -> str:
    """A figure's markup with the light theme's own colours and font, for where the page's style sheet is not."""
    return re.sub(r"var\((--[\w-]+)\)", lambda match: _COLOURS.get(match[1], "sans-serif"), markup)


def _variable(colour: str) -> str:
    return f"var({VARIABLES[colour]})" if colour in VARIABLES else colour


def standalone(figure: str) -> str:
    """A figure of the page as a data URI that an image anywhere may show: with its own colours, on paper."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" style="background:{PAPER}" '
    text = re.sub(r'<svg class="figure" role="img" aria-label="[^"]*" style="[^"]*" ', lambda _: head, alone(figure), count=1)
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"


_COLOURS = {name: colour for colour, name in VARIABLES.items()}


def bare(axes: Axes, keep: Sequence[str] = ()) -> None:
    """No grid and no spines but those in `keep`."""
    axes.grid(False)
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """`places` moved as little as can be to lie `gap` apart within [low, high], order kept; less apart where there is no room.

    Isotonic regression of the places less their rank times the gap (pool adjacent violators).
    """
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    order = sorted(range(len(places)), key=lambda index: (places[index], index))
    pools: list[tuple[float, int]] = []  # mean, members
    for rank, index in enumerate(order):
        pools.append((places[index] - rank * gap, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (mean, members), (before, earlier) = pools.pop(), pools.pop()
            pools.append(((mean * members + before * earlier) / (members + earlier), members + earlier))
    flat = [mean for mean, members in pools for _ in range(members)]
    top = high - (len(places) - 1) * gap
    result = [0.0] * len(places)
    for rank, index in enumerate(order):
        result[index] = min(max(flat[rank], low), top) + rank * gap
    return result


def end_labels(axes: Axes, ends: Sequence[tuple[float, float, str, str]], size: float = 8) -> None:
    """Names lines at their right ends, moved apart where they would overlap. ends: x, y, text, colour; y in data units."""
    low, high = axes.get_ylim()
    to_share = axes.transScale.transform
    bottom, top = to_share((1, low))[1], to_share((1, high))[1]
    shares = [(to_share((1, y))[1] - bottom) / (top - bottom) for _, y, _, _ in ends]
    height_points = axes.get_position().height * axes.figure.get_figheight() * 72  # type: ignore[union-attr]
    gap = 1.15 * size / max(height_points, 1)
    for (_, _, text, colour), share in zip(ends, spread(shares, gap, 0.0, 1.0), strict=True):
        axes.annotate(
            text, (1.02, share), xycoords="axes fraction", color=colour, fontsize=size, va="center", annotation_clip=False
        )
