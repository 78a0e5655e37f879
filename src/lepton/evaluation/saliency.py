"""Which pixels a task's answer hangs on: SmoothGrad on the input's gradient (Smilkov et al. 2017, arXiv 1706.03825), by captum."""

import torch
from torch import Tensor

from lepton.sharing.base import Sharing

NOISE = 0.1  # standard deviation, in the network's input units (pixels span 2)
DRAWS = 16


def saliency(model: Sharing, inputs: Tensor, name: str) -> Tensor:
    """Attribution of each pixel [B, H, W] to the task's score, at least 0, at most 1 in each sample."""
    from captum.attr import NoiseTunnel, Saliency

    task = model.tasks[name]
    torch.manual_seed(0)
    tunnel = NoiseTunnel(Saliency(lambda x: task.score(model(x)[name])))
    heat = tunnel.attribute(inputs.clone().requires_grad_(), nt_samples=DRAWS, stdevs=NOISE).abs().sum(1)
    return (heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-12)).detach()
