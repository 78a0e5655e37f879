"""The adaptable part: a linear map of the frozen features, normalised, and a linear head on it.

    z = √D · (A x + a) / ‖A x + a‖        logits = B z + b

Meta-learning learns where (A, a) starts; (B, b) always starts at zero, so that no class of an episode is special and permuting
classes permutes predictions. From zero, the head's first step points at the support set's class means.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from lepton import files
from lepton.adaptation.features import Standard

WIDTH = 64  # D

Map = tuple[Tensor, Tensor]
"""A [..., D, F] and a [..., D]; with a leading E, one for every episode."""

Head = tuple[Tensor, Tensor]
"""B [E, W, D] and b [E, W]."""


def whitening(features_NF: Tensor, width: int) -> Map:
    """Where meta-learning starts: the first `width` principal components of standardised features, each of variance 1."""
    _, singular_F, axes_FF = torch.linalg.svd(features_NF - features_NF.mean(0), full_matrices=False)
    scale_D = singular_F[:width].clamp(min=1e-3 * float(singular_F[0])) / len(features_NF) ** 0.5
    map_DF = axes_FF[:width] / scale_D[:, None]
    return map_DF, map_DF.new_zeros(len(map_DF))


def embed(map_: Map, features: Tensor) -> Tensor:
    """z [..., S, D] of features [..., S, F]."""
    weight, bias = map_
    return F.normalize(features @ weight.mT + bias.unsqueeze(-2), dim=-1) * weight.shape[-2] ** 0.5


def zero(count: int, ways: int, width: int, dtype: torch.dtype = torch.float32) -> Head:
    """Where every episode's head starts."""
    return torch.zeros(count, ways, width, dtype=dtype), torch.zeros(count, ways, dtype=dtype)


def logits(head: Head, z_EQD: Tensor) -> Tensor:
    """[E, Q, W]."""
    weight_EWD, bias_EW = head
    return torch.baddbmm(bias_EW[:, None], z_EQD, weight_EWD.mT)


def loss(logits_EQW: Tensor, label_EQ: Tensor) -> Tensor:
    """Mean cross-entropy of each episode [E]."""
    return F.cross_entropy(logits_EQW.mT, label_EQ, reduction="none").mean(1)


def fit(z_ESD: Tensor, label_ES: Tensor, ways: int, steps: int, lr: float) -> Head:
    """`steps` of gradient descent on the support loss from zero, written out, so that autograd can go through them.

    Only the head moves: almost no inner loop (ANIL, Raghu et al. 2020, arXiv 1909.09157).
    """
    weight_EWD, bias_EW = zero(len(z_ESD), ways, z_ESD.shape[2], z_ESD.dtype)
    truth_ESW = F.one_hot(label_ES, ways).to(z_ESD.dtype)
    for _ in range(steps):
        error_ESW = (logits((weight_EWD, bias_EW), z_ESD).softmax(2) - truth_ESW) / z_ESD.shape[1]
        weight_EWD = weight_EWD - lr * torch.bmm(error_ESW.mT, z_ESD)
        bias_EW = bias_EW - lr * error_ESW.sum(1)
    return weight_EWD, bias_EW


def save(path: Path, map_: Map, standard: Standard) -> None:
    """The adapter with what its input was standardised by; equal adapters are equal bytes."""
    tensors = {"map.weight": map_[0], "map.bias": map_[1], "standard.mean": standard.mean_F, "standard.std": standard.std_F}
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    files.write(path, lambda temporary: save_file(contiguous, temporary))
