"""Networks from parameters, and from what a stage has written: structure as JSON, weights as safetensors."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lepton import files
from lepton.config import Params
from lepton.kinds import load as load_kind
from lepton.sharing.base import Sharing, Structure
from lepton.tasks.base import BaseTask


def build(
    params: Params, tasks: Mapping[str, BaseTask], sharing: str | None = None, groups: Sequence[Sequence[str]] | None = None
) -> Sharing:
    """A fresh network for some tasks, its weights drawn from torch's global generator; no deeper than its heads read.

    groups: of related tasks, for ways of sharing that ask; None: not known.
    """
    plain = params.model
    way = load_kind("sharing", sharing or plain.sharing)
    depth = 1 + max(max(task.read_levels(len(plain.trunk))) for task in tasks.values())
    plan = way.plan(plain.model_copy(update={"trunk": plain.trunk[:depth], "branch": plain.branch[:depth]}), tasks)
    return way(params.input, tasks, plan if groups is None else way.grouped(plan, groups), plain.dropout)


def save(model: Sharing, path: Path) -> None:
    """Weights and structure in one file; equal networks are equal bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(model.state_dict().items())}
    metadata = {"structure": json.dumps(model.structure.to_dict(), sort_keys=True)}
    files.write(path, lambda temporary: save_file(tensors, temporary, metadata))


def load(path: Path, params: Params, tasks: Mapping[str, BaseTask] | None = None) -> Sharing:
    """A network as `save` wrote it, ready to predict."""
    with safe_open(path, "pt") as stored:
        structure = Structure.from_dict(json.loads(stored.metadata()["structure"]))
        state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    model = load_kind("sharing", structure.sharing)(params.input, tasks or params.tasks, structure, params.model.dropout)
    model.load_state_dict(state)
    return model.eval()


def shaped(model: Sharing, structure: Structure) -> Sharing:
    """`model`, or where its structure is another one, a network of this structure for the same tasks, with fresh weights."""
    if model.structure == structure:
        return model
    other = type(model)(model.kind, model.tasks, structure, model.dropout).to(next(model.parameters()).device)
    return other.train(model.training)


def seeded(seed: int, *salt: str | int) -> None:
    """Seeds torch's global generator for one purpose, so that purposes do not disturb each other."""
    digest = hashlib.sha256(repr((seed, *salt)).encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:7], "big"))
