"""One network as ONNX and as TFLite; every output is named `task.field`. Equal networks give equal bytes."""

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from lepton import files
from lepton.errors import LeptonError
from lepton.sharing.base import Sharing
from lepton.training.predict import Predictions

INPUT = "input"


class Exported(nn.Module):
    """The network as others call it: prepared inputs [B, C, H, W] to a flat tuple of predictions."""

    def __init__(self, model: Sharing):
        super().__init__()
        # litert-torch 0.10 sometimes misreads kernels that are channels-last in memory, differently from run to run
        self.model = deepcopy(model).cpu().eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    @torch.no_grad()
    def names(self) -> list[str]:
        outputs = self.model.predict(self.model.kind.example(1))
        return [f"{task}.{field}" for task, fields in outputs.items() for field in fields]

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(value for fields in self.model.predict(inputs).values() for value in fields.values())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Exporters print and warn about their own internals, in Python and in C++."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        tempfile.TemporaryFile() as said,
    ):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        errors = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(errors, 2)
            os.close(errors)
            logging.disable(before)


def strip(graph: onnx.ModelProto) -> None:
    """Removes what differs between machines and says nothing: stack traces with paths, documentation strings."""
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (
        graph.graph,
        *graph.graph.node,
        *graph.graph.input,
        *graph.graph.output,
        *graph.graph.value_info,
        *graph.graph.initializer,
    ):
        del item.metadata_props[:]
        item.doc_string = ""


def to_onnx(model: Sharing, path: Path) -> None:
    """fp32 ONNX with a free batch size."""
    wrapped = Exported(model)
    names = wrapped.names()
    with quiet():
        program = torch.onnx.export(
            wrapped,
            (model.kind.example(2).contiguous(),),
            dynamo=True,
            input_names=[INPUT],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    strip(graph)
    files.write(path, lambda temporary: temporary.write_bytes(graph.SerializeToString(deterministic=True)))


def to_tflite(model: Sharing, path: Path, batch: int = 1) -> None:
    """fp32 TFLite for a fixed batch size; outputs in the order of `Exported.names`."""
    try:
        with quiet():
            import litert_torch
    except ImportError:
        raise LeptonError("compress: TFLite export needs more packages: pip install --no-deps -r requirements-tflite.txt") from None
    with quiet(), tempfile.TemporaryDirectory() as folder:
        edge = litert_torch.convert(Exported(model), (model.kind.example(batch).contiguous(),))
        target = Path(folder) / "model.tflite"
        edge.export(str(target))
        content = target.read_bytes()
    files.write(path, lambda temporary: temporary.write_bytes(content))


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_onnx(runner: onnxruntime.InferenceSession, inputs: np.ndarray, batch: int = 256) -> Predictions:
    """Predictions of all rows of prepared inputs [N, C, H, W]."""
    names = [output.name for output in runner.get_outputs()]
    parts = [runner.run(names, {INPUT: inputs[start : start + batch]}) for start in range(0, len(inputs), batch)]
    return _by_task(names, [np.concatenate(column) for column in zip(*parts, strict=True)])


def run_tflite(path: Path, names: list[str], inputs: np.ndarray) -> Predictions:
    """Predictions of a TFLite model of batch size 1."""
    with quiet():
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(str(path), num_threads=1)
        runner.allocate_tensors()
    place = runner.get_input_details()[0]["index"]
    outputs = sorted(runner.get_output_details(), key=lambda output: output["name"])
    columns: list[list[np.ndarray]] = [[] for _ in names]
    for row in inputs:
        runner.set_tensor(place, row[None])
        runner.invoke()
        for column, output in zip(columns, outputs, strict=True):
            column.append(runner.get_tensor(output["index"]).copy())
    return _by_task(names, [np.concatenate(column) for column in columns])


def _by_task(names: list[str], values: list[np.ndarray]) -> Predictions:
    found: Predictions = {}
    for name, value in zip(names, values, strict=True):
        task, field = name.split(".")
        found.setdefault(task, {})[field] = value
    return found
