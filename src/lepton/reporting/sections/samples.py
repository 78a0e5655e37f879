"""The model made plain: single rows with what was predicted, where it looked, and a small tree that imitates it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lepton.reporting.blocks import Beside, Block, Code, Example, Prose
from lepton.reporting.content import Content
from lepton.reporting.figures import pictures
from lepton.reporting.words import number


def examples(content: Content) -> Iterator[Block]:
    if not content["examples"]:
        yield content.absent("examples")
        return
    yield Prose(
        "Rows of the test split. Dashed white is true, solid yellow is predicted; bright regions of a saliency map are the "
        "pixels that the task's answer depends on most."
    )
    images = content.examples.get("images")
    for index, row in enumerate(content["examples"]):
        pixels = images[index] if images is not None and index < len(images) else None
        yield _example(content, index, row, pixels)


def _example(content: Content, index: int, row: Mapping[str, Any], pixels_HWC: np.ndarray | None) -> Example:
    predictions, saliency, words = [], [], []
    if pixels_HWC is not None:
        predictions.append(("input", pictures.tile(pixels_HWC, label=f"{row['id']}: input")))
    for task, told in row["tasks"].items():
        settings = content.params.tasks.get(task)
        kind, unit = getattr(settings, "type", ""), getattr(settings, "unit", "")
        low, high = getattr(settings, "range", (0.0, 1.0))
        label = f"{row['id']}: {task}"
        if pixels_HWC is not None and (overlay := pictures.overlay(kind, told, pixels_HWC.shape[:2])) is not None:
            caption = task if told.get("truth") is not None else f"{task} (no label)"
            predictions.append((caption, pictures.tile(pixels_HWC, overlay, label)))
        elif told_in_words := pictures.wording(kind, told, unit, high - low):
            words.append((task, told_in_words))
        maps = content.examples.get(f"saliency.{task}")
        if maps is not None and pixels_HWC is not None:
            saliency.append((task, pictures.tile(pictures.heat(pixels_HWC, maps[index]), label=f"{label}, saliency")))
    return Example(str(row["id"]), predictions, saliency, words)


def rules(content: Content) -> Iterator[Block]:
    evaluation = content["evaluate"]
    if not evaluation:
        yield content.absent("evaluate")
        return
    surrogate = (evaluation.get("explanations") or {}).get("surrogate") or {}
    if not surrogate:
        yield Prose("No surrogate tree was fitted in this run.")
        return
    yield Prose(
        "A small decision tree imitates each task; its fidelity is 1 where it always agrees with the model, and 0 or less where "
        "it tells nothing."
    )
    yield Beside(
        [Code(told["rules"].rstrip(), f"{task}, fidelity {number(told['fidelity'], 2)}") for task, told in surrogate.items()]
    )
