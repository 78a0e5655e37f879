"""The augmentation plan: what the loop may do to a sample without making any label untrue."""

from collections.abc import Iterable

import torch

from lepton.blocks import Augment
from lepton.inputs.base import BaseInput
from lepton.tasks.base import BaseTask
from lepton.types import Batch, Share


def allowed(plan: Augment, tasks: Iterable[BaseTask]) -> Augment:
    """The plan less the flip, where a task's label would not survive it."""
    return plan.model_copy(update={"flip": plan.flip and all(task.flips for task in tasks)})


def in_words(plan: Augment) -> list[str]:
    """One sentence a transformation, for people."""
    sentences = []
    if plan.rotate:
        sentences.append(f"rotated by up to {plan.rotate:g} degrees either way")
    if plan.scale:
        sentences.append(f"scaled by up to {plan.scale:.0%} either way")
    if plan.shift:
        sentences.append(f"cropped by shifting up to {plan.shift:.0%} of the side")
    if plan.color:
        sentences.append(f"brightness and contrast of each channel changed by up to {plan.color:.0%}")
    if plan.flip:
        sentences.append("left and right exchanged in half of the samples")
    return sentences


def apply(
    batch: Batch,
    kind: BaseInput,
    tasks: dict[str, BaseTask],
    plan: Augment,
    *,
    generator: torch.Generator,
    share: Share = Share(),
) -> Batch:
    """Moves the inputs by the plan and every label with them. The rows are those of `share`, the inputs as networks see them."""
    if plan == Augment():
        return batch  # resampling in place costs a small network more than its step
    inputs, warp = kind.augment(batch.inputs, plan, generator=generator, share=share)
    return Batch(inputs, {name: task.move(batch.labels[name], warp) for name, task in tasks.items()})
