"""int8 through ONNX Runtime: unsigned activations, signed weights per channel, calibrated on training rows alone.

u8s8 is what x86 int8 instructions take; signed activations measured at under half the speed-up (docs/how-it-works.md).
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from lepton import files
from lepton.compression.export import INPUT, quiet, strip


class Rows(CalibrationDataReader):
    """Prepared inputs [N, C, H, W], in batches."""

    def __init__(self, inputs: np.ndarray, batch: int = 32):
        self.batches = iter([inputs[start : start + batch] for start in range(0, len(inputs), batch)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}


def quantize(source: Path, target: Path, calibration: np.ndarray) -> None:
    """An int8 copy of an fp32 ONNX file. Convolutions and matrix products are quantised, what decodes their outputs is not."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        ready, small = Path(folder) / "ready.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(small),
            Rows(calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", "Gemm", "MatMul", "Add", "Relu", "MaxPool"],
        )
        graph = onnx.load(str(small))
    strip(graph)
    files.write(target, lambda temporary: temporary.write_bytes(graph.SerializeToString(deterministic=True)))
