"""Who is asked beside the model: other seeds, which `train` has made, and past champions, as they were exported."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from lepton.compression import candidates, export
from lepton.config import Params
from lepton.data.store import Samples
from lepton.evaluation.ensemble import Member
from lepton.sharing.base import Sharing
from lepton.stages.runner import ARTIFACTS
from lepton.training import cost, network, predict


def exported(content: bytes, model: Sharing, threads: int) -> Member:
    """An exported model, which takes its inputs as `model` does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        session = export.session(path, threads)

    def answer(samples: Samples) -> predict.Predictions:
        return export.run_onnx(session, candidates.inputs_of(samples, model))

    return answer


def members(model: Sharing, params: Params) -> tuple[list[Member], list[dict[str, Any]]]:
    """The model and who is asked beside it, and of each its name, parameters and multiply-accumulates per answer."""
    networks = {"model": model}
    networks |= {
        f"seed {path.stem}": network.load(path, params) for path in sorted((ARTIFACTS / "train/ensemble").glob("*.safetensors"))
    }
    asked: list[Member] = [partial(predict.predict, one) for one in networks.values()]
    told = [
        {"name": name, "parameters": cost.parameters(one), "macs": cost.macs(one, one.kind.example(1))}
        for name, one in networks.items()
    ]
    if params.evaluate.champions:
        from lepton.ops import past  # DVC takes seconds to import

        for number in dict.fromkeys(params.evaluate.champions):
            champion, content, what = past.member(Path.cwd(), number, list(params.tasks))
            asked.append(exported(content, model, params.compute.threads))
            told.append({"name": champion.tag, "parameters": what["parameters"], "macs": what["macs"]})
    return asked, told
