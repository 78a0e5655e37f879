"""Numbers as people read them: three figures that count, a true minus, units, a dash where there is none."""

import math
from collections.abc import Sequence

NONE = "–"
MINUS = "−"
GAP = "\N{NO-BREAK SPACE}"  # between a number and its unit
METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "roc_auc": "ROC-AUC",
    "ap50": "AP50",
    "ap": "AP",
    "iou": "IoU",
    "mae": "mean abs. error",
    "r2": "R²",
    "quadratic_kappa": "quadratic kappa",
}


def metric(name: str) -> str:
    """A metric's name as it is written in prose; unknown ones lose their underscores."""
    return METRICS.get(name, name.replace("_", " "))


def number(value: float | None, figures: int = 3) -> str:
    """`figures` significant figures, without an exponent, thousands separated."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    digits = max(0, figures - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS)


def power(value: float) -> str:
    """Two figures and a power of ten, for what is tiny."""
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}·10{raised}" if value else "0"


def count(value: float | None) -> str:
    return NONE if value is None else f"{round(value):,}"


def signed(value: float | None, digits: int = 1, unit: str = "") -> str:
    """+1.2 or −0.4, then the unit; what rounds to zero has no sign."""
    if value is None or not math.isfinite(value):
        return NONE
    rounded = round(value, digits)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):.{digits}f}{GAP + unit if unit else ''}"


def plus_minus(value: float, deviation: float) -> str:
    return f"{signed(value, 2)} ± {deviation:.1f}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share of one, in percent; digits are added where rounding would show 0 or 100 for what is neither."""
    if share is None or not math.isfinite(share):
        return NONE
    while digits < 2 and round(share * 100, digits) in (0, 100) and share not in (0, 1):
        digits += 1
    return f"{share * 100:.{digits}f}{GAP}%".replace("-", MINUS)


def interval(bounds: Sequence[float] | None, digits: int = 1) -> str:
    if not bounds:
        return NONE
    low, high = bounds
    return f"{signed(low, digits)} to {signed(high, digits)}"


def half_width(ci95: float | Sequence[float] | None) -> float:
    """Of a 95 % interval, given as its half width or as its ends."""
    if ci95 is None:
        return 0.0
    return float(ci95) if isinstance(ci95, int | float) else (ci95[1] - ci95[0]) / 2


def size(num_bytes: float | None, figures: int = 3) -> str:
    """Decimal units, as file managers show them."""
    if num_bytes is None:
        return NONE
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{number(num_bytes / scale, figures)}{GAP}{unit}"
    return f"{num_bytes:.0f}{GAP}bytes"


def seconds(value: float | None) -> str:
    if value is None:
        return NONE
    if value < 10:
        return f"{value:.1f}{GAP}s"
    if value < 120:
        return f"{value:.0f}{GAP}s"
    whole = round(value)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}{GAP}h{GAP}{minutes:02d}{GAP}min" if hours else f"{minutes}{GAP}min{GAP}{whole % 60:02d}{GAP}s"


def milliseconds(value: float | None) -> str:
    return NONE if value is None else f"{number(value)}{GAP}ms"


def arrow(value: float | None) -> str:
    """▲ for better, ▼ for worse, so that colour is not the only carrier."""
    if value is None or round(value, 1) == 0:
        return "="
    return "▲" if value > 0 else "▼"


def listing(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def plural(amount: int, word: str) -> str:
    return f"{count(amount)} {word}" if amount == 1 else f"{count(amount)} {word}s"
