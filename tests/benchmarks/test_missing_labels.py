"""Promises of the benchmark of missing labels: features, labels, choices and claims."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks import boosting, jobs, missing_labels, trainings, vectors
from benchmarks.trainings import Training, changed
from benchmarks.vector import Vector
from laws import close, one_line

ROWS = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both tables, tiny: molecules with an N are active, a third of their labels is missing; the old earn more and are married."""
    random = np.random.default_rng(0)
    smiles = ["".join(random.choice(list("CcNO"), 6)) for _ in range(ROWS)]
    table = pd.DataFrame({"smiles": smiles, "mol_id": [f"T{row}" for row in range(ROWS)]})
    for assay in vectors.ASSAYS:
        table[assay] = table["smiles"].str.contains("N").astype(float).where(random.random(ROWS) > 0.3)
    table["split"] = np.resize(["train", "train", "val", "test"], ROWS)
    (tmp_path / "tox21").mkdir()
    table.to_csv(tmp_path / "tox21/tox21.csv.gz", index=False)
    (tmp_path / "adult").mkdir()
    for side in ("train", "test"):
        age = random.integers(17, 90, ROWS)
        people = pd.DataFrame({name: random.integers(0, 50, ROWS) for name in vectors.NUMBERS} | {"age": age})
        for word in vectors.WORDS:
            people[word] = random.choice(["one", "other"], ROWS)
        people.loc[0, "workclass"] = None
        people["relationship"] = np.where(age > 40, "Husband", "Own-child")
        people["income"] = np.where(age > 50, ">50K", "<=50K")
        people["marital-status"] = np.where(age > 40, "Divorced", "Never-married")
        people.to_csv(tmp_path / f"adult/{side}.csv.gz", index=False)
    return tmp_path


def test_a_missing_label_is_no_label(folder: Path) -> None:
    data = vectors.load("Tox21", folder, ROWS)
    assert [len(side) for side in (data.train, data.valid, data.test)] == [60, 30, 30]
    present = np.mean([fields["present"].mean() for fields in data.train.labels.values()])
    assert 0.6 < present < 0.8
    assert data.train.labels.keys() == set(vectors.TASKS["Tox21"])


def test_equal_molecules_have_equal_features_and_case_matters() -> None:
    same, again, aromatic = vectors.substructures(pd.Series(["CCO", "CCO", "ccO"]))
    assert same.shape == (vectors.HASHES,)
    assert np.array_equal(same, again)
    assert not np.array_equal(same, aromatic)
    assert same.sum() == pytest.approx(np.log1p([2, 1, 1, 1, 1]).sum(), rel=1e-6)  # C twice, O, CC, CO, CCO


def test_people_are_standardised_after_the_training_rows_and_relationship_is_dropped(folder: Path) -> None:
    data = vectors.load("Adult", folder, ROWS)
    assert len(data.train) + len(data.valid) == ROWS
    assert 0 < len(data.valid) < ROWS / 4
    numbers = len(vectors.NUMBERS)
    assert data.train.inputs[:, :numbers].mean(0) == pytest.approx(np.zeros(numbers), abs=1e-5)
    assert data.train.inputs[:, :numbers].std(0) == pytest.approx(np.ones(numbers), abs=0.02)
    assert data.train.inputs.shape[1] == data.test.inputs.shape[1] == numbers + 2 * len(vectors.WORDS)
    assert set(np.unique(data.test.inputs[:, numbers:])) == {0, 1}
    age, income = data.train.inputs[:, 0], data.train.labels["income"]["class"]
    assert age[income == 1].min() > age[income == 0].max()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: vectors.load("Adult", tmp_path, 1), "train.csv.gz", "--data DIR")


def test_numbers_of_a_row_are_channels_of_one_pixel() -> None:
    kind = Vector(features=3)
    close(kind.prepare(torch.tensor([[1, 2, 3]], dtype=torch.uint8)), torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1), 0)
    assert kind.example(2).shape == (2, 3, 1, 1)


def test_every_task_is_measured_by_roc_auc() -> None:
    assert {task.metric for task in missing_labels.params("Tox21", 4).tasks.values()} == {"roc_auc"}


def test_a_network_learns_from_rows_with_missing_labels(folder: Path) -> None:
    data = vectors.load("Tox21", folder, ROWS)
    params = changed(
        missing_labels.params("Tox21", data.train.inputs.shape[1]), 0, {"trunk": (16, 8)}, {"epochs": 8, "batch_size": 16}
    )
    values, arrays = trainings.train(
        Training(("benchmarks.vectors:load", "Tox21", folder, ROWS), params, vectors.TASKS["Tox21"], (0.01,))
    )
    assert np.mean([one["roc_auc"] for one in values["test"].values()]) > 0.7
    assert arrays["SR_p53"].shape == (30, 2)


def test_boosting_stops_where_it_validates_best(folder: Path) -> None:
    source = ("benchmarks.vectors:load", "Adult", folder, ROWS)
    values, arrays = boosting.boost(source, "income", 15, 0.1)
    assert values["valid"]["income"]["roc_auc"] > 0.9
    assert 1 <= values["trees"] <= boosting.TREES
    assert arrays["income"].shape == (ROWS, 2)


def test_the_same_number_of_settings_for_everyone_and_no_mmoe_without_labels() -> None:
    for name in vectors.TASKS:
        rivals = missing_labels.methods(name, 2, Path("python"))
        assert {len(rival.settings) for rival in rivals.values()} == {6}
        assert (missing_labels.MMOE in rivals) == (name == "Adult")
    assert missing_labels.MMOE not in missing_labels.methods("Adult", 2, None)


def test_the_seed_that_chose_a_setting_is_not_trained_twice(folder: Path) -> None:
    options = argparse.Namespace(data=folder, rows=ROWS, epochs=1, peers=None)
    plain = missing_labels.params("Adult", 15)
    found = [missing_labels.job(options, "Adult", plain, "hard sharing", "all", ((64, 32), 0.01), seed) for seed in (0, 0, 1)]
    assert found[0].file == found[1].file != found[2].file


def test_measured_is_the_mean_over_tasks_and_seeds_of_labelled_rows(folder: Path) -> None:
    data = vectors.load("Tox21", folder, ROWS)
    random = np.random.default_rng(0)
    runs = [[jobs.Done({}, {task: random.random((30, 2)) for task in data.test.labels})] for _ in range(2)]
    value_R = missing_labels.measured(data, {"x": runs})["x"]
    expected = [
        roc_auc_score(fields["class"][fields["present"]], units[0].arrays[task][fields["present"], 1])
        for units in runs
        for task, fields in data.test.labels.items()
    ]
    assert value_R[0] == pytest.approx(100 * np.mean(expected))
    assert len(value_R) == missing_labels.RESAMPLES + 1


def test_claims_compare_the_default_with_everyone() -> None:
    still = np.zeros(101)
    found = {missing_labels.DEFAULT: 80 + still, missing_labels.ALONE: 79 + still, missing_labels.BOOSTING: 81 + still}
    assert [one.holds for one in missing_labels.claims("Tox21", found)] == [True, False]
