"""The smallest candidate that every task can live with."""

import numpy as np
import pytest

import helpers
import laws
from lepton.compression.frontier import Candidate, judge, parity, relative, require

TASKS = {"digit": helpers.digit(tolerance=0.05), "tilt": helpers.tilt(tolerance=0.10)}
FULL = {"digit": 0.90, "tilt": 5.0}


def candidate(name: str, size: int, digit: float, tilt: float, macs: int = 100) -> Candidate:
    return Candidate(name, size, macs, size, {"digit": digit, "tilt": tilt})


def test_the_smallest_within_every_tolerance_is_chosen() -> None:
    rows = [
        candidate("full", 400, 0.90, 5.0),
        candidate("int8", 160, 0.89, 5.2),
        candidate("digit lost", 90, 0.80, 5.0),  # -11 %
        candidate("tilt lost", 80, 0.90, 5.6),  # 12 % more error
    ]
    assert judge(rows, FULL, TASKS).name == "int8"
    assert [row.within for row in rows] == [True, True, False, False]


def test_when_nothing_smaller_will_do_the_full_model_stays() -> None:
    assert judge([candidate("full", 400, 0.90, 5.0), candidate("small", 80, 0.5, 9.0)], FULL, TASKS).name == "full"


def test_equal_sizes_are_told_apart_by_their_work() -> None:
    rows = [candidate("full", 400, 0.9, 5.0), candidate("slow", 80, 0.9, 5.0, macs=90), candidate("fast", 80, 0.9, 5.0, macs=50)]
    assert judge(rows, FULL, TASKS).name == "fast"


def test_a_change_is_positive_when_it_is_for_the_better() -> None:
    assert relative(0.99, 0.90, higher_is_better=True) == pytest.approx(0.1)
    assert relative(4.5, 5.0, higher_is_better=False) == pytest.approx(0.1)


def test_parity_is_the_largest_difference_of_each_output() -> None:
    one = {"digit": {"probabilities": np.array([[0.1, 0.9], [0.5, 0.5]])}}
    other = {"digit": {"probabilities": np.array([[0.1, 0.9], [0.2, 0.8]])}}
    assert parity(one, other) == {"digit.probabilities": pytest.approx(0.3)}


@pytest.mark.parametrize("difference", [2e-4, float("nan")])
def test_an_export_that_differs_is_refused_by_name(difference: float) -> None:
    fields = {"onnx": {"digit.probabilities": 1e-6}, "tflite": {"tilt.value": difference}}
    laws.one_line(lambda: require(fields, 1e-4), "tilt.value", "tflite", "compress.parity")
    require({"onnx": fields["onnx"]}, 1e-4)
