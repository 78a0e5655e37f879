"""Promises of how scores are compared with true gains."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks import pairs, task_sets
from benchmarks.relatedness import Truth, calibration, ceiling, correlation, regret
from lepton import config, files


def truth(noise: float = 0.0, seeds: int = 6, tasks: int = 6) -> Truth:
    """Tasks 0, 1 and 2 gain from each other, the others lose from anybody."""
    random = np.random.default_rng(0)
    alone = np.full((seeds, tasks), 0.5)
    gain = np.where(np.maximum.outer(np.arange(tasks), np.arange(tasks)) < 3, 0.05, -0.05) + 0.001 * np.arange(tasks)
    paired = 0.5 * (1 + gain) + noise * random.normal(size=(seeds, tasks, tasks))
    paired[:, range(tasks), range(tasks)] = np.nan
    return Truth([f"task{number}" for number in range(tasks)], alone, paired, 10.0)


def test_gains_are_percent_of_the_metric_alone() -> None:
    gain = truth().gain()
    assert gain[0, 1] == pytest.approx(5.1)
    assert gain[0, 3] == pytest.approx(-4.7)
    assert np.isnan(gain.diagonal()).all()


def test_the_ceiling_is_one_without_noise_and_none_with_nothing_else() -> None:
    rng = np.random.default_rng(0)
    assert ceiling(truth(), spearmanr, rng) == pytest.approx(1)
    assert 0.5 < ceiling(truth(noise=0.05), spearmanr, rng) < 1
    assert ceiling(truth(noise=10.0), spearmanr, rng) < 0.5


def test_the_gains_themselves_correlate_fully_and_regret_nothing() -> None:
    one = truth()
    gain = np.nan_to_num(one.gain())
    found = correlation(one, np.stack([gain, gain]), spearmanr, np.random.default_rng(0))
    assert found.mean == pytest.approx(1)
    assert found.low == pytest.approx(1)
    assert regret(one, gain, gain=True) == pytest.approx(0)
    assert regret(one, -gain, gain=True) > 2


def test_a_score_that_is_no_gain_is_taken_from_its_mean() -> None:
    one = truth()
    gain = np.nan_to_num(one.gain())
    assert regret(one, gain + 100, gain=False) == pytest.approx(regret(one, gain, gain=False))
    assert regret(one, gain + 100, gain=True) > regret(one, gain, gain=False)


def test_measured_gains_come_back_as_they_were_written(tmp_path: Path) -> None:
    values = {"tasks": ["a", "b"], "alone": [[0.5, 0.8]], "paired": [[[None, 0.6], [0.7, None]]], "seconds": {"paired": 3.0}}
    files.write_json(tmp_path / "set.json", values)
    found = Truth.load(tmp_path / "set.json")
    np.testing.assert_allclose(found.gain(), [[np.nan, 20], [-12.5, np.nan]])
    assert found.seconds == 3


def test_every_task_of_a_disjoint_set_has_rows_of_its_own() -> None:
    pictures = {name: (np.full((rows, 28, 28), rows, np.uint8), np.arange(rows) % 2) for name, rows in (("a", 3), ("b", 4))}
    found = task_sets.disjoint(pictures)
    present = [found.labels[name]["present"] for name in pictures]
    assert (present[0] ^ present[1]).all()
    assert (found.inputs[present[1]] == 4).all()
    assert found.labels["b"]["class"][present[1]].tolist() == [0, 1, 0, 1]


def test_all_single_tasks_and_all_pairs_are_trained_with_every_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    params = config.parse(task_sets.written({"a": 2, "b": 3, "c": 2}, **task_sets.TRAINED["planted"]))
    monkeypatch.setattr(task_sets, "params", lambda name, folder: params)
    wanted = pairs.trainings("planted", Path("data"), 2)
    groups = [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")]
    assert list(wanted) == [(group, seed) for seed in range(2) for group in groups]
    assert len({job.file for job in wanted.values()}) == 12


def test_a_calibrated_prediction_has_slope_one_and_its_share_within_the_deviation() -> None:
    one = truth(noise=0.001)
    gain = np.nan_to_num(one.gain())
    found = calibration(one, np.broadcast_to(gain, (2, 4, *gain.shape)))
    assert found["slope"] == pytest.approx(1)
    assert found["at 0, %"] == pytest.approx(0, abs=1e-6)
    assert found["within ±"] == 1
    doubled = calibration(one, np.broadcast_to(2 * gain + 3, (2, 4, *gain.shape)))
    assert doubled["slope"] == pytest.approx(0.5)
    assert doubled["within ±"] < 0.5
