"""Timings are medians, without the first calls."""

import time

import pytest

from lepton.compression.timing import milliseconds


def test_the_median_of_the_calls_after_two_warm_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    spans = iter([9.0, 9.0, 0.001, 0.002, 0.003, 0.004, 0.5])

    def call() -> None:
        nonlocal clock
        clock += next(spans)

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    assert milliseconds(call, repeats=5) == pytest.approx(3)
