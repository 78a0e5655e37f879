"""Promises of a batch in parts: the same step as of the whole, in less memory."""

import pytest
import torch
from test_step import Given, double, every_way, run, setting

import helpers
from laws import close
from lepton.training.parts import split
from lepton.types import Batch


@every_way
@pytest.mark.parametrize("parts", [2, 5])
def test_a_batch_in_parts_gives_the_gradients_of_the_whole_where_norms_stand_still(way: str, parts: int) -> None:
    model, batch = setting(way, missing=0.7)
    model.eval()
    weights = Given(0.25, 2.0, 0.5, 1.25)
    penalty = 0.1 * sum(parameter.square().sum() for parameter in model.parameters())
    whole, expected = run(model, batch, weights, penalty=penalty, exact=True)
    model.zero_grad()
    penalty = 0.1 * sum(parameter.square().sum() for parameter in model.parameters())
    result, found = run(model, batch, weights, penalty=penalty, exact=True, parts=parts)
    for field in ("loss_T", "grad_TP", "weight_T", "exact_TP"):
        close(getattr(result, field), getattr(whole, field), 1e-9)
    assert torch.equal(result.active_T, whole.active_T)
    for name, grad in expected.items():
        close(found[name], grad, 1e-9)


@every_way
def test_computing_the_trunk_again_moves_no_statistics_again(way: str) -> None:
    model, batch = setting(way)
    expected, _ = setting(way)
    for part in split(batch, 2):
        expected(part.inputs)
    run(model, batch, parts=2, exact=True)
    for name, value in expected.named_buffers():
        if name.startswith("trunk"):
            close(model.get_buffer(name), value, 1e-12)
    counts = [count for name, count in model.trunk.named_buffers() if name.endswith("num_batches_tracked")]
    assert counts
    assert all(count == 2 for count in counts)


def kept(way: str, parts: int) -> int:
    """Most bytes of activations that stand at one time between the two backwards of a step."""
    model = helpers.model(way, trunk=(32, 32, 32), branch=(2, 2, 2)).double().train()
    batch = double(helpers.batch(model.tasks, rows=16))
    now, most = 0, 0

    class Held:
        def __init__(self, value: torch.Tensor):
            nonlocal now, most
            self.value, self.size = value, value.numel() * value.element_size()
            now += self.size
            most = max(most, now)

        def __del__(self) -> None:
            nonlocal now
            now -= self.size

    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.value):
        run(model, batch, parts=parts)
    return most


@every_way
def test_parts_hold_fewer_activations(way: str) -> None:
    assert kept(way, 4) < kept(way, 1) / 2


def test_splitting_keeps_every_row_and_its_labels() -> None:
    batch = helpers.batch(helpers.tasks(), rows=7)
    parts = split(batch, 3)
    assert [len(part.inputs) for part in parts] == [3, 2, 2]
    assert torch.equal(torch.cat([part.inputs for part in parts]), batch.inputs)
    for name, fields in batch.labels.items():
        for field, value in fields.items():
            assert torch.equal(torch.cat([part.labels[name][field] for part in parts]), value)
    alone = Batch(batch.inputs, batch.labels)
    assert split(alone, 1) == [alone]
