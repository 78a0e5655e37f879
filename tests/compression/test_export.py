"""What is exported answers as the network does, and equal networks are equal files. TFLite: tests/pipeline."""

import sys
from pathlib import Path

import onnx
import pytest
import torch

import helpers
import laws
from lepton.compression import export, frontier
from lepton.compression.candidates import inputs_of
from lepton.sharing.base import Sharing
from lepton.training import predict

ROWS = 12


@pytest.fixture(scope="module")
def model() -> Sharing:
    return helpers.model().eval()


@pytest.fixture(scope="module")
def file(model: Sharing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    export.to_onnx(model, path)
    return path


@pytest.mark.parametrize("batch", [1, 5, ROWS])
def test_onnx_agrees_with_the_network_on_every_head_at_any_batch_size(model: Sharing, file: Path, batch: int) -> None:
    rows = helpers.samples(model.tasks, ROWS)
    found = export.run_onnx(export.session(file, 1), inputs_of(rows, model), batch)
    differences = frontier.parity(predict.predict(model, rows), found)
    assert {name.split(".")[0] for name in differences} == set(model.tasks)
    assert max(differences.values()) <= 1e-4


def test_equal_networks_are_equal_bytes_and_name_no_folder(model: Sharing, file: Path, tmp_path: Path) -> None:
    export.to_onnx(helpers.model().eval(), tmp_path / "again.onnx")
    laws.same_bytes(file, tmp_path / "again.onnx")
    assert str(Path(export.__file__).parent).encode() not in file.read_bytes()


def test_the_file_names_its_input_and_outputs(model: Sharing, file: Path) -> None:
    graph = onnx.load(str(file)).graph
    assert [one.name for one in graph.input] == ["input"]
    assert [one.name for one in graph.output] == export.Exported(model).names()


def test_detection_needs_no_suppression_in_the_graph(model: Sharing, file: Path) -> None:
    """Peaks are found by pooling: no node whose output's size depends on the picture."""
    assert "objects" in model.tasks
    kinds = {node.op_type for node in onnx.load(str(file)).graph.node}
    assert "MaxPool" in kinds
    assert not kinds & {"NonMaxSuppression", "NonZero", "TopK", "If", "Loop"}


def test_a_network_in_training_is_exported_for_use_and_goes_on_training(model: Sharing, file: Path, tmp_path: Path) -> None:
    busy = helpers.model().train()
    export.to_onnx(busy, tmp_path / "busy.onnx")
    laws.same_bytes(file, tmp_path / "busy.onnx")
    assert busy.training


def test_without_its_packages_tflite_says_what_to_install(model: Sharing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    laws.one_line(lambda: export.to_tflite(model, tmp_path / "model.tflite"), "requirements-tflite.txt")
    assert not list(tmp_path.iterdir())


def test_what_exporters_print_is_held_back_and_errors_are_not(capfd: pytest.CaptureFixture[str]) -> None:
    with export.quiet():
        torch.ops.aten  # noqa: B018
        print("chatter")
        print("chatter", file=sys.stderr)
    print("mine", file=sys.stderr)
    assert capfd.readouterr() == ("", "mine\n")
    with pytest.raises(ValueError, match="loud"), export.quiet():
        raise ValueError("loud")
