"""Meta-training: episodes of the tasks that the model knows teach the map a start from which new classes are learned fast."""

from collections.abc import Sequence

import torch
from rich.progress import track
from torch import Generator

from lepton.adaptation import maml, reptile
from lepton.adaptation.episodes import Pool, draw, eligible
from lepton.adaptation.head import Map
from lepton.blocks import Adapt

GRADIENTS = {"maml": maml.gradient, "reptile": reptile.gradient}
BATCH = 4  # episodes per outer step


def learn(start: Map, pools: Sequence[Pool], plan: Adapt, shots: int, *, generator: Generator) -> Map:
    """The map after `plan.episodes` episodes of `shots` shots; the start itself when no pool is eligible.

    A task is drawn in proportion to its classes. The outer optimiser is Adam, its rate falling to 0.
    """
    usable, ways = eligible(pools, plan.ways, shots + plan.queries)
    if not usable:
        return start
    share = torch.tensor([float(len(pool.rows)) for pool in usable])
    steps = max(1, plan.episodes // BATCH)
    chosen = torch.multinomial(share, steps, replacement=True, generator=generator).tolist()
    parts = [part.clone().requires_grad_() for part in start]
    optimizer = torch.optim.Adam(parts, lr=plan.outer_lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    gradient = GRADIENTS[plan.method]
    for number in track(chosen, plan.method):
        episodes = draw(usable[number], ways, shots, plan.queries, BATCH, generator=generator)
        parts[0].grad, parts[1].grad = gradient((parts[0].detach(), parts[1].detach()), episodes, plan.inner_steps, plan.inner_lr)
        optimizer.step()
        schedule.step()
    return parts[0].detach(), parts[1].detach()
