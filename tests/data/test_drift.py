"""Laws of the measures of drift, how often they raise a false alarm, and that planted shifts are found."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

import helpers
from laws import one_line
from lepton.blocks import Drift
from lepton.data import drift
from lepton.data.drift import Described, Report
from lepton.inputs.base import BaseInput
from lepton.types import Source

OPTIONS = Drift()
SOURCE = Source(Path(), (helpers.SIDE, helpers.SIDE))
counts = arrays.arrays(np.int64, st.shared(st.integers(2, 12), key="bins"), elements=st.integers(0, 10_000)).filter(np.any)
numbers = arrays.arrays(np.float64, st.integers(50, 120), elements=st.floats(-1e3, 1e3) | st.integers(0, 3).map(float))


@given(counts, counts)
def test_the_stability_index_is_a_symmetric_distance(reference: np.ndarray, window: np.ndarray) -> None:
    there, back = drift.stability(reference, window), drift.stability(window, reference)
    assert there == pytest.approx(back)
    assert there[0] >= 0
    assert 0 <= there[1] <= 1
    assert drift.stability(reference, reference) == (0, 1)


def test_the_stability_index_is_the_closed_form() -> None:
    index, _ = drift.stability(np.array([60_000, 40_000]), np.array([20_000, 80_000]))
    assert index == pytest.approx(0.4 * math.log(3) + 0.4 * math.log(2), rel=1e-4)


def test_the_stability_index_by_chance_has_the_distribution_that_is_cited() -> None:
    random = np.random.default_rng(0)
    draws = [random.multinomial(rows, np.full(10, 0.1), size=800) for rows in (3000, 400)]
    p_values = [drift.stability(*pair)[1] for pair in zip(*draws, strict=True)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


@given(numbers, numbers)
def test_numbers_are_measured_as_scipy_does(reference: np.ndarray, window: np.ndarray) -> None:
    told = {name: (value, p) for name, value, p in drift._measured(reference, window)}
    wanted = stats.ks_2samp(reference, window, method="asymp")
    assert told["ks"] == (wanted.statistic, wanted.pvalue)
    cuts = drift.edges(reference)
    assert (np.diff(cuts) > 0).all()
    then, now = (np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1) for values in (reference, window))
    p, q = ((one[then + now > 0] + 0.5) / (one[then + now > 0] + 0.5).sum() for one in (then, now))
    assert told["psi"][0] == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-9)
    assert {name: value for name, value, _ in drift._measured(reference, reference)} == {"psi": 0, "ks": 0}


def test_bins_hold_equally_many_and_a_heavy_value_has_its_own() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    assert np.bincount(np.searchsorted(drift.edges(values), values)).tolist() == [100] * 10
    for other in (-1.0, 9.0):
        told = {name: value for name, value, _ in drift._measured(np.full(100, 4.0), np.full(100, other))}
        assert told["ks"] == 1
        assert told["psi"] > 1, "a constant that became another one"


@given(st.lists(st.integers(0, 300), min_size=4, max_size=4), st.lists(st.integers(1, 300), min_size=4, max_size=4))
def test_one_class_per_row_is_pearsons_test(reference: list[int], window: list[int]) -> None:
    if not any(reference):
        return
    value, p = drift.shift(*(np.repeat(np.eye(4), one, axis=0) for one in (reference, window)))
    wanted = stats.chi2_contingency(np.array([reference, window]), correction=False)
    assert p == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-12)
    shares = [np.array(one) / sum(one) for one in (reference, window)]
    assert value == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)


def test_objects_of_one_image_are_no_independent_witnesses() -> None:
    """Ten objects of one class per image: counted one by one they would be ten times as sure as they are."""
    random = np.random.default_rng(0)
    p_values = []
    for _ in range(400):
        reference, window = (10 * np.eye(2)[random.integers(2, size=rows)] for rows in (600, 100))
        p_values.append(drift.shift(reference, window)[1])
    assert np.mean(np.array(p_values) < 0.05) < 0.08
    naive = stats.chi2_contingency([reference.sum(0), window.sum(0)], correction=False).pvalue
    assert naive <= p_values[-1]


@given(arrays.arrays(np.float64, (7, 3), elements=st.integers(0, 3).map(float)), st.integers(1, 5))
def test_a_shift_is_none_between_equals_and_where_nothing_is(rows: np.ndarray, times: int) -> None:
    value, p = drift.shift(rows, np.tile(rows, (times, 1)))
    assert value == pytest.approx(0, abs=1e-12)
    assert p == pytest.approx(1)
    assert drift.shift(rows, np.zeros((5, 3))) == (0, 1)


@given(st.lists(st.floats(0, 1), max_size=20))
def test_corrected_p_values_keep_their_order_and_lie_between_plain_and_bonferronis(p_values: list[float]) -> None:
    corrected = drift.holm(p_values)
    assert all(p <= one <= min(1, len(p_values) * p) + 1e-12 for p, one in zip(p_values, corrected, strict=True))
    assert [corrected[at] for at in np.argsort(p_values, kind="stable")] == sorted(corrected)


def project(rows: int, random: np.random.Generator, **other: object) -> dict[str, Described]:
    """A described table: six numbers that go together, three kinds of label, of which half are missing."""
    shift, classes, missing = other.get("shift", 0.0), other.get("classes", [0.5, 0.3, 0.2]), other.get("missing", 0.5)
    base = random.normal(size=(rows, 1)) + shift
    seen = base + random.normal(size=(rows, 6))
    labelled = int((random.random(rows) >= missing).sum())
    one, several = np.eye(3)[random.choice(3, p=classes, size=labelled)], random.poisson(1.0, (labelled, 3))
    return {
        "inputs.image": Described(rows, rows, {f"n{number}": seen[:, number] for number in range(6)}),
        "tasks.digit": Described(rows, labelled, {"classes": one}, ["a", "b", "c"]),
        "tasks.objects": Described(rows, labelled, {"classes": several, "objects": several.sum(1)}, ["a", "b", "c"]),
        "tasks.tilt": Described(rows, labelled, {"value": random.gamma(2.0, size=labelled)}),
    }


@pytest.mark.parametrize("rows", [100, 400])
def test_a_window_of_the_same_data_rarely_alarms(rows: int) -> None:
    """Limits so low that chance alone decides: the p-values keep the promise of `alpha` by themselves."""
    options = Drift(psi=1e-9, ks=1e-9, labels=1e-9, missing=1e-9, alpha=0.05)
    random = np.random.default_rng(0)
    alarms = [bool(drift.compare(project(1500, random), project(rows, random), options).drifted) for _ in range(120)]
    assert sum(alarms) <= stats.binom.ppf(0.999, len(alarms), options.alpha)


def test_a_huge_window_does_not_alarm_for_nothing() -> None:
    random = np.random.default_rng(0)
    report = drift.compare(project(60_000, random), project(60_000, random, shift=0.06), OPTIONS)
    assert min(one.p for one in report.measures) < 1e-3, "no chance, but of no weight"
    assert report.drifted == []


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"shift": 1.0}, {("inputs.image", "psi"), ("inputs.image", "ks")}),
        ({"classes": [0.2, 0.3, 0.5]}, {("tasks.digit", "labels")}),
        ({"missing": 0.2}, {(f"tasks.{task}", "missing") for task in ("digit", "objects", "tilt")}),
    ],
)
def test_planted_shifts_are_found_and_nothing_else(other: Mapping[str, object], found: set[tuple[str, str]]) -> None:
    random = np.random.default_rng(0)
    report = drift.compare(project(2000, random), project(300, random, **other), OPTIONS)
    assert {(one.of, one.name) for one in report.measures if one.drifts} == found
    assert report.drifted == list(dict.fromkeys(of for of, _ in sorted(found)))


def test_too_few_rows_say_so() -> None:
    random = np.random.default_rng(0)
    report = drift.compare(project(2000, random), project(40, random, shift=9.0), OPTIONS)
    assert (report.measures, report.shapes) == ([], [])
    assert set(report.skipped.values()) == {"40 rows say too little"}
    report = drift.compare(project(2000, random), project(80, random), OPTIONS)
    assert "usable values say too little" in report.skipped["tasks.digit"]
    assert [one.name for one in report.measures if one.of == "tasks.digit"] == ["missing"]


def table(rows: int, seed: int = 0, bright: int = 200) -> pd.DataFrame:
    """Images up to a brightness with a label of every kind."""
    random = np.random.default_rng(seed)
    images = random.integers(0, bright, (rows, helpers.SIDE, helpers.SIDE, 3), dtype=np.uint8)
    masks = random.integers(0, 2, (rows, helpers.SIDE, helpers.SIDE), dtype=np.uint8)
    box = {"label": "round", "x": 2, "y": 3, "w": 5, "h": 6}
    return pd.DataFrame(
        {
            "id": [f"secret-{row}" for row in range(rows)],
            "image": [helpers.encoded(image) for image in images],
            "digit": random.integers(0, 3, rows).astype(float),
            "objects": pd.Series([[box] * int(number) for number in random.integers(0, 3, rows)], dtype=object),
            "ink": [helpers.encoded(mask) for mask in masks],
            "tilt": random.uniform(-30, 30, rows),
            "tags": pd.Series([["a"] if number else [] for number in random.integers(0, 2, rows)], dtype=object),
            "grade": random.integers(0, 4, rows),
        }
    )


PARAMS = helpers.params(
    tasks={
        "tags": {"type": "multilabel", "column": "tags", "classes": ["a", "b"]},
        "grade": {"type": "ordinal", "column": "grade", "classes": [0, 1, 2, 3]},
    }
)


def compared(before: pd.DataFrame, after: pd.DataFrame) -> Report:
    return drift.compare(drift.describe(before, PARAMS, SOURCE), drift.describe(after, PARAMS, SOURCE), OPTIONS)


def test_every_kind_is_described_and_no_sample_stands_in_the_report() -> None:
    report = compared(table(120), table(100, seed=1))
    assert report.drifted == []
    assert {(one.of, one.what) for one in report.measures if one.what != "missing"} == {
        *(("inputs.image", what) for what in ("brightness", "contrast", "roughness", "red", "green", "blue", "height", "width")),
        *(("tasks." + task, "classes") for task in ("digit", "objects", "ink", "tags", "grade")),
        *(("tasks.objects", "objects"), ("tasks.tags", "classes per sample"), ("tasks.tilt", "value")),
    }
    assert all(sum(shares) == pytest.approx(1) for shape in report.shapes for shares in (shape.reference, shape.window))
    assert "secret" not in str(report.to_dict())


def test_a_description_is_what_its_name_says() -> None:
    half = np.zeros((helpers.SIDE, helpers.SIDE, 3), np.uint8)
    half[:, 8:, 0] = 90
    images = pd.Series([helpers.encoded(half)])
    told = {name: float(value) for name, (value,) in helpers.image().describe(images, SOURCE).items()}
    assert told == pytest.approx(
        {"brightness": 15, "contrast": 15, "roughness": 2, "red": 45, "green": 0, "blue": 0, "height": 16, "width": 16}
    )
    assert {name: float(value) for name, (value,) in BaseInput.describe(helpers.image(), images, SOURCE).items()} == pytest.approx(
        {"mean": 15, "spread": np.std(half)}
    )
    boxes = pd.Series([[{"label": name, "x": 1, "y": 1, "w": 2, "h": 2} for name in ("square", "square", "round")], []])
    objects = helpers.objects().describe(helpers.objects().encode(boxes, SOURCE))
    assert (objects["classes"].tolist(), objects["objects"].tolist()) == ([[1, 2], [0, 0]], [3, 0])
    masks = pd.Series([helpers.encoded((half[..., 0] > 0).astype(np.uint8))])
    assert helpers.ink().describe(helpers.ink().encode(masks, SOURCE))["classes"].tolist() == [[0.5, 0.5]]


def test_brighter_images_drift() -> None:
    report = compared(table(120), table(100, seed=1, bright=255))
    assert report.drifted == ["inputs.image"]
    assert ("brightness", True) in {(one.what, one.drifts) for one in report.measures}


def test_what_cannot_be_used_is_missing() -> None:
    after = table(100, seed=1)
    after.loc[:29, "image"] = after["image"].map(lambda cell: cell[:40])
    after.loc[30:79, "digit"] = 9.0  # a class that nobody knows
    report = compared(table(120), after)
    found = {one.of: round(one.value, 6) for one in report.measures if one.drifts}
    assert found == {"inputs.image": 0.3, "tasks.digit": 0.5}


def test_absent_labels_are_no_drift() -> None:
    after = table(100, seed=1).drop(columns=["digit", "ink"]).assign(tilt=None)
    report = compared(table(120), after)
    assert report.drifted == []
    assert report.skipped == dict.fromkeys(("tasks.digit", "tasks.ink", "tasks.tilt"), "no values in the window")


def test_several_tables_are_one_window() -> None:
    whole = table(100)
    parts = [drift.describe(part, PARAMS, SOURCE) for part in (whole[:30], whole[30:].drop(columns="tilt"))]
    joined, wanted = drift.joined(parts), drift.describe(whole, PARAMS, SOURCE)
    assert joined.keys() == wanted.keys()
    assert joined["tasks.tilt"].rows == 30
    for path in wanted.keys() - {"tasks.tilt"}:
        assert (joined[path].rows, joined[path].usable) == (wanted[path].rows, wanted[path].usable)
        for what, values in wanted[path].values.items():
            np.testing.assert_array_equal(joined[path].values[what], values)


def test_a_column_of_another_type_is_one_line() -> None:
    bad = table(60).assign(tilt="steep")
    one_line(lambda: drift.describe(bad, PARAMS, SOURCE), "column tilt cannot be read as regression, it holds 'steep'")
    bad = table(60).assign(objects="[]")
    one_line(lambda: drift.describe(bad, PARAMS, SOURCE), "column objects needs a list", "tasks.objects in params.yaml")
