"""How long a prediction takes: a record beside the sizes that decide, never a reason to choose."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def milliseconds(call: Callable[[], Any], repeats: int = 20) -> float:
    """Median wall time of a call after two warm-ups."""
    spans = []
    for number in range(repeats + 2):
        started = time.perf_counter()
        call()
        if number > 1:
            spans.append(1000 * (time.perf_counter() - started))
    return float(np.median(spans))
