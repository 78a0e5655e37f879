"""Peak memory of a call, in bytes above what was there before."""

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile


def peak(call: Callable[[], object], device: str) -> int:
    """On CUDA what the allocator counts, on a CPU the largest sum of what torch allocated and freed, in their order."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        call()
    assert seen.profiler is not None
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    level = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        level += event.nbytes()
        most = max(most, level)
    return most
