"""Promises of devices and precision, on a machine without a GPU."""

import pytest
import torch

from laws import one_line
from lepton.blocks import Compute
from lepton.training import devices

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


def test_the_cpu_is_taken_where_it_is_asked_for() -> None:
    assert devices.choose(Compute(device="cpu")).type == "cpu"


@without_gpu
def test_auto_takes_what_is_there_and_a_missing_gpu_is_one_line() -> None:
    assert devices.choose(Compute(device="auto")).type == "cpu"
    one_line(lambda: devices.choose(Compute(device="cuda")), "compute.device", "no GPU", "auto")


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_computed_in_the_precision_asked_for(precision: str, kind: torch.dtype) -> None:
    autocast, scaler = devices.mixed(Compute(precision=precision), torch.device("cpu"))
    assert scaler is None
    with autocast:
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == kind


def test_fp16_on_a_cpu_is_fp32_and_says_so() -> None:
    with pytest.warns(UserWarning, match="fp16 needs a GPU"):
        autocast, scaler = devices.mixed(Compute(precision="fp16"), torch.device("cpu"))
    assert scaler is None
    with autocast:
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
