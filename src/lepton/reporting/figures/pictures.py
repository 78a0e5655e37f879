"""Samples of the data with what is true, what was predicted and where the model looked. H, W: pixels; C: 1 or 3 colours.

Pixels are PNG inside the page; boxes and outlines are drawn over them as vectors, in colours that stand out on any photograph.
"""

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from lepton.reporting.words import GAP, MINUS

SIDE = 320  # pixels of the longer side that a tile holds at most
CONFIDENT = 0.3  # least confidence of a box that is drawn


def tile(pixels_HWC: np.ndarray, overlay: str = "", label: str = "") -> str:
    """One picture, `overlay` being SVG in the picture's own pixels."""
    height, width = pixels_HWC.shape[:2]
    source = f"data:image/png;base64,{_png(pixels_HWC)}"
    words = html.escape(label, quote=True)
    return (
        f'<svg class="tile" viewBox="0 0 {width} {height}" role="img" aria-label="{words}">'
        f'<image href="{source}" width="{width}" height="{height}"/>{overlay}</svg>'
    )


def boxes(items: Sequence[Mapping[str, Any]], kind: str, size: tuple[int, int]) -> str:
    """Rectangles with their class. items: {label, score?, x, y, w, h} in pixels; kind: `truth` or `predicted`."""
    height, width = size
    font = max(height, width) / 8
    parts = []
    for item in items:
        if item.get("score", 1.0) < CONFIDENT:
            continue
        x, y, w, h = (float(item[side]) for side in "xywh")
        parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>')
        if kind == "predicted":
            at_x = min(max(x, 0.5), width - font * 0.7)
            at_y = y - 0.15 * font if y > font else min(y + h + 0.85 * font, height - 0.5)
            words = html.escape(str(item["label"]))
            parts.append(f'<text x="{at_x:.1f}" y="{at_y:.1f}" font-size="{font:.1f}">{words}</text>')
    return "".join(parts)


def outline(mask_HW: np.ndarray, kind: str) -> str:
    """The borders between classes, along the pixels' edges, as one path."""
    padded = np.pad(np.asarray(mask_HW).astype(int), 1)
    across, down = np.diff(padded, axis=0) != 0, np.diff(padded, axis=1) != 0
    steps = [f"M{start - 1} {row}h{end - start}" for row in range(len(across)) for start, end in _runs(across[row])]
    steps += [f"M{column} {start - 1}v{end - start}" for column in range(down.shape[1]) for start, end in _runs(down[:, column])]
    return f'<path class="{kind}" d="{"".join(steps)}"/>'


def heat(pixels_HWC: np.ndarray, saliency_HW: np.ndarray) -> np.ndarray:
    """The picture in grey under its saliency map, [H, W, 3] uint8; the brightest half percent saturates."""
    grey = pixels_HWC.mean(2, keepdims=True) / 255
    strength = np.abs(saliency_HW.astype(np.float64))
    top = np.percentile(strength, 99.5)
    strength = np.clip(strength / top, 0, 1) if top > 0 else np.zeros_like(strength)
    glow = mpl.colormaps["inferno"](strength)[..., :3]
    share = (strength**0.7)[..., None]
    return np.round(255 * (0.6 * grey * (1 - share) + glow * share)).clip(0, 255).astype(np.uint8)


def overlay(kind: str, told: Mapping[str, Any], size: tuple[int, int]) -> str | None:
    """What is drawn over the picture for a task of this kind; None for kinds that are told in words."""
    truth, predicted = told.get("truth"), told.get("predicted")
    if kind == "detection":
        return boxes(predicted or [], "predicted", size) + boxes(truth or [], "truth", size)
    if kind == "segmentation":
        return outline(np.array(predicted), "predicted") + ("" if truth is None else outline(np.array(truth), "truth"))
    return None


def wording(kind: str, told: Mapping[str, Any], unit: str = "", span: float = 1.0) -> str:
    """A class, several or a number in words, with what it should have been; empty for anything else.

    span: of the values that a regression may take, which decides how many decimals are worth telling.
    """
    truth, predicted = told.get("truth"), told.get("predicted")
    if kind == "multilabel":
        truth, predicted = (names if names is None else ", ".join(map(str, names)) or "none" for names in (truth, predicted))
    if not isinstance(predicted, str | int | float):
        return ""
    if kind == "regression":
        digits = max(0, 2 - math.floor(math.log10(span)))
        words = f"{float(predicted):.{digits}f}{GAP}{unit}".strip().replace("-", MINUS)
        if truth is None:
            return f"{words} (no label)"
        return f"{words} (true: {truth:.{digits}f}, off by {abs(predicted - truth):.{digits}f})".replace("-", MINUS)
    if truth is None:
        return f"{predicted} (no label)"
    return f"{predicted} ✓" if predicted == truth else f"{predicted} ✗ (true: {truth})"


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _png(pixels_HWC: np.ndarray) -> str:
    picture = Image.fromarray(pixels_HWC if pixels_HWC.shape[2] == 3 else pixels_HWC[..., 0])
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()
