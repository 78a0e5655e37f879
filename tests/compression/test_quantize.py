"""int8: smaller, close, and the same bytes again."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import helpers
import laws
from lepton.compression import export
from lepton.compression.candidates import inputs_of
from lepton.compression.quantize import quantize
from lepton.training import predict

ROWS = helpers.samples(helpers.tasks(), 24)
WIDE = {"trunk": (24, 32, 48), "branch": (8, 8, 8)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same network in fp32 and int8."""
    folder = tmp_path_factory.mktemp("quantize")
    plain, small = folder / "plain.onnx", folder / "small.onnx"
    model = helpers.model(**WIDE).eval()
    export.to_onnx(model, plain)
    quantize(plain, small, inputs_of(ROWS, model))
    return plain, small


def test_weights_of_convolutions_are_int8_per_channel(files: tuple[Path, Path]) -> None:
    graph = onnx.load(str(files[1])).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    kernels = [makers[node.input[1]] for node in graph.node if node.op_type == "Conv" and node.input[1] in makers]
    assert len(kernels) == sum(node.op_type == "Conv" for node in graph.node) > 0
    for kernel in kernels:
        weight, scale = stored[kernel.input[0]], stored[kernel.input[1]]
        assert weight.data_type == onnx.TensorProto.INT8
        assert list(scale.dims) == [weight.dims[0]]


def test_it_is_under_half_the_size(files: tuple[Path, Path]) -> None:
    plain, small = (path.stat().st_size for path in files)
    assert small < 0.5 * plain


def test_answers_stay_close(files: tuple[Path, Path]) -> None:
    model = helpers.model(**WIDE).eval()
    exact = predict.predict(model, ROWS)
    rough = export.run_onnx(export.session(files[1], 1), inputs_of(ROWS, model))
    for field, value in exact["digit"].items():
        assert np.abs(value - rough["digit"][field]).mean() < 0.05, field
    assert np.corrcoef(exact["tilt"]["value"], rough["tilt"]["value"])[0, 1] > 0.8


def test_equal_rows_give_equal_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    quantize(files[0], tmp_path / "again.onnx", inputs_of(ROWS, helpers.model(**WIDE)))
    laws.same_bytes(files[1], tmp_path / "again.onnx")
