"""What the benchmarks of cost train: Lepton's networks for T classification tasks, and images of noise."""

import numpy as np
import torch
import yaml

from lepton import config
from lepton.config import Params
from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import devices, network


def params(
    sharing: str, tasks: int, classes: int, side: int, trunk: tuple[int, ...], width: int, device: str, **train: object
) -> Params:
    """A project of T alike tasks, `width` channels for each at every level. No augmentation, no clipping: bare loops have none."""
    kind = {"type": "classification", "column": "any", "classes": list(range(classes))}
    return config.parse(
        yaml.safe_dump(
            {
                "data": {"path": "nowhere"},
                "inputs": {"image": {"type": "image", "column": "image", "size": [side, side]}},
                "tasks": {f"task{number}": kind for number in range(tasks)},
                "model": {"sharing": sharing, "trunk": list(trunk), "branch": [width] * len(trunk)},
                "compute": {"threads": torch.get_num_threads(), "device": device},
                "train": {"clip": 0.0, **train},
            }
        )
    )


def model(plan: Params) -> Sharing:
    return network.build(plan, plan.tasks).to(devices.choose(plan.compute)).train()


def samples(plan: Params, inputs: torch.Tensor, class_TN: torch.Tensor) -> Samples:
    labels = {
        name: {"present": np.ones(len(inputs), bool), "class": class_N.numpy()}
        for name, class_N in zip(plan.tasks, class_TN, strict=True)
    }
    return Samples(inputs.numpy(), labels, [str(row) for row in range(len(inputs))])
