"""Episodes of drawn classes: Gaussian clouds whose centres lie in a few directions among many that say nothing."""

import numpy as np
import torch

import helpers
from lepton.adaptation.episodes import Episodes, Pool, draw
from lepton.adaptation.head import Map
from lepton.blocks import Adapt

CLASSES, ROWS, TELLING, NOISE = 6, 40, 4, 20


def pool(seed: int = 0, classes: int = CLASSES, rows: int = ROWS, task: str = "digit", noise: float = 2.0) -> Pool:
    """Features [classes · rows, 24], of which the first four tell classes apart and the others are loud."""
    torch.manual_seed(seed)
    class_N = torch.arange(classes).repeat_interleave(rows)
    telling = 2 * torch.randn(classes, TELLING)[class_N] + 0.5 * torch.randn(len(class_N), TELLING)
    features_NF = torch.cat([telling, noise * torch.randn(len(class_N), NOISE)], 1)
    return Pool.of(task, features_NF, {"present": np.ones(len(class_N), bool), "class": class_N.numpy()})


def episodes(ways: int = 3, shots: int = 4, queries: int = 5, count: int = 6, seed: int = 0) -> Episodes:
    return draw(pool(seed), ways, shots, queries, count, generator=helpers.generator(seed))


def start(width: int = 8, seed: int = 0) -> Map:
    torch.manual_seed(seed)
    return 0.3 * torch.randn(width, TELLING + NOISE), 0.1 * torch.randn(width)


def plan(**options: object) -> Adapt:
    return Adapt.model_validate({"inner_lr": 0.2, "outer_lr": 0.01, "episodes": 80, "test_episodes": 50, **options})
