"""Where training runs, and in which precision."""

import warnings

import torch

from lepton.blocks import Compute
from lepton.errors import LeptonError

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose(compute: Compute) -> torch.device:
    """`auto` takes a GPU where there is one."""
    if compute.device == "cuda" and not torch.cuda.is_available():
        raise LeptonError("params.yaml: compute.device is cuda, but this machine shows no GPU. Use auto or cpu.")
    return torch.device("cuda" if compute.device != "cpu" and torch.cuda.is_available() else "cpu")


def mixed(compute: Compute, device: torch.device) -> tuple[torch.autocast, torch.amp.GradScaler | None]:
    """The autocast context for `compute.precision`, and a loss scaler where fp16 needs one; fp32 where the device lacks it."""
    dtype = DTYPES.get(compute.precision)
    if dtype is torch.float16 and device.type == "cpu":
        warnings.warn("compute.precision: fp16 needs a GPU; training in fp32", stacklevel=2)
        dtype = None
    if dtype is torch.bfloat16 and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        warnings.warn("compute.precision: this GPU lacks bf16; training in fp32", stacklevel=2)
        dtype = None
    autocast = torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None)
    return autocast, torch.amp.GradScaler(device.type) if dtype is torch.float16 else None
