"""What a network costs: parameters and multiply-accumulates of one sample, counted on the layers that it really runs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def macs(model: nn.Module, example: Tensor, call: Callable[[Tensor], Any] | None = None) -> int:
    """Multiply-accumulates of convolutions and linear maps for one sample; example is a batch of one."""
    total = 0

    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d | nn.Linear)
        total += module.weight.numel() * (output.shape[2] * output.shape[3] if isinstance(module, nn.Conv2d) else 1)

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    was_training = model.training
    model.eval()
    (call or model)(example.to(next(model.parameters()).device))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return total
