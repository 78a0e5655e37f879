"""Every way of sharing from random weights to int8: trained, left without what does not count, on disk, exported, quantised."""

from pathlib import Path

import numpy as np
import pytest
import torch

import helpers
from laws import same_state
from lepton.adaptation.features import extract
from lepton.compression import candidates, export, quantize
from lepton.relatedness import probe
from lepton.training import network, predict
from lepton.training.loop import Trainer

pytestmark = pytest.mark.timeout(420)
AFTER = {"tilt": {"level": 2, "after": ["digit", "ink"]}}  # and everything that a head may ask for
PARITY = 1e-4


@pytest.mark.parametrize("way", helpers.WAYS)
def test_a_way_of_sharing_goes_all_the_way(tmp_path: Path, way: str) -> None:
    options = {"trunk": [6, 8, 10], "branch": [3, 4, 5], "sharing": way, **helpers.WAYS[way]}
    plain = helpers.params(model=options, train={"epochs": 2, "alpha_snap": 0.45, "alpha_lr": 9})
    tasks = {name: task.model_copy(update=AFTER.get(name, {})) for name, task in plain.tasks.items()}
    params = plain.model_copy(update={"tasks": tasks})
    torch.manual_seed(0)
    model = network.build(params, tasks, groups=[["digit", "tilt"], ["objects", "ink"]])
    model.start({name: [0.3, 0.5, 0.7] for name in tasks})
    train, valid = helpers.samples(tasks, 48, seed=1), helpers.samples(tasks, 16, seed=2)
    fit = Trainer(model, params, train, valid, np.ones(48), dict.fromkeys(tasks), 0.003, 2, "train").fit()
    assert all(np.isfinite(value) for row in fit.history for value in row.values())
    assert any(key.startswith("alpha.") for key in fit.history[0]) == bool(model.degrees()) == (way in ("adaptive", "soft"))

    small, expected = model.reduced(), predict.predict(model, valid)
    network.save(small, tmp_path / "model")
    loaded = network.load(tmp_path / "model", params)
    same_state(loaded, small)
    found = predict.predict(loaded, valid)
    inputs = candidates.inputs_of(valid, loaded)
    export.to_onnx(loaded, tmp_path / "model.onnx")
    elsewhere = export.run_onnx(export.session(tmp_path / "model.onnx", 1), inputs)
    for task, fields in expected.items():
        for field, value in fields.items():
            np.testing.assert_allclose(found[task][field], value, atol=1e-5)
            np.testing.assert_allclose(elsewhere[task][field], value, atol=PARITY)
    quantize.quantize(tmp_path / "model.onnx", tmp_path / "int8.onnx", inputs)
    rough = export.run_onnx(export.session(tmp_path / "int8.onnx", 1), inputs)
    assert {task: fields.keys() for task, fields in rough.items()} == {task: fields.keys() for task, fields in expected.items()}
    assert extract(loaded, valid, torch.device("cpu")).isfinite().all()
    assert probe.features(loaded, valid).keys() == tasks.keys()
