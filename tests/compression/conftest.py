"""Networks of every shape run here, and oneDNN compiles kernels for each shape anew: without it the tests are six times as fast."""

import warnings
from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def light_kernels() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about Intel's GPUs, on every change of the flag
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    torch.set_num_threads(threads)
