"""Fine-tuning after pruning, taught by the labels and by the full model (Hinton et al. 2015, arXiv 1503.02531).

The teacher's raw outputs are targets on every row, labelled or not, in units of their own spread, so that kinds of task mix.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from lepton.config import Params
from lepton.data.augment import allowed, apply
from lepton.data.balance import draw
from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import optimizer
from lepton.training.step import task_losses
from lepton.types import Batch


def teaching_loss(student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> Tensor:
    """Mean squared difference of raw outputs over the teacher's variance, summed over tasks."""
    losses = []
    for name, target in teacher.items():
        spread = target.float().var().clamp(min=1e-6)
        losses.append((student[name].float() - target.float()).square().mean() / spread)
    return torch.stack(losses).sum()


def augmented(samples: Samples, params: Params, model: Sharing, epochs: float, device: torch.device, seed: int) -> Iterator[Batch]:
    """Shuffled, augmented batches for `epochs` passes."""
    generator = torch.Generator().manual_seed(seed)
    plan = allowed(params.prepare.augment, model.tasks.values())
    size = params.train.batch_size
    rows = draw(torch.ones(len(samples)).numpy(), max(size, int(epochs * len(samples))), generator=generator)
    for index in rows.split(size):
        batch = samples.batch(index, device)
        yield apply(Batch(model.kind.prepare(batch.inputs), batch.labels), model.kind, model.tasks, plan, generator=generator)


def finetune(
    student: Sharing,
    teacher: Sharing,
    samples: Samples,
    params: Params,
    class_weights: Mapping[str, Tensor | None],
    *,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Trains the student in place for `compress.epochs` passes."""
    plan = params.compress
    device = next(teacher.parameters()).device
    student.to(device).train()
    torch.manual_seed(seed)
    mover = optimizer.make(student, params.train, plan.lr, params.train.own_lr)
    total = max(1, -(-max(params.train.batch_size, int(plan.epochs * len(samples))) // params.train.batch_size))
    for number, batch in enumerate(augmented(samples, params, student, plan.epochs, device, seed)):
        optimizer.set_lr(mover, optimizer.schedule(params.train, number / total))
        with torch.no_grad():
            target = teacher(batch.inputs)
        raw = student(batch.inputs)
        losses_T, _ = task_losses(student, raw, batch.labels, class_weights)
        loss = (1 - plan.distill) * losses_T.sum() + plan.distill * teaching_loss(raw, target)
        mover.zero_grad(set_to_none=True)
        loss.backward()
        mover.step()
        advance()
    student.eval()
