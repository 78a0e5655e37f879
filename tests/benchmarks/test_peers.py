"""Promises of what Lepton is measured against: the same network, or the comparison says nothing."""

import pytest
import torch

from benchmarks import noise, step_cost
from benchmarks.memory import peak
from benchmarks.peers import bare
from laws import close
from lepton.training import cost

SHAPE = (6, 8, 10), 3, 4, 5  # trunk, width, tasks, classes


def test_batched_heads_compute_what_heads_one_by_one_do() -> None:
    torch.manual_seed(0)
    alone, batched = bare.OneByOne(*SHAPE), bare.Batched(*SHAPE)
    batched.trunk.load_state_dict(alone.trunk.state_dict())
    with torch.no_grad():
        reads, linears = zip(*alone.heads, strict=True)
        batched.read[0].weight.copy_(torch.cat([read[0].weight for read in reads]))
        batched.weight_TCK.copy_(torch.stack([linear.weight.T for linear in linears]))
        batched.bias_T1K.copy_(torch.stack([linear.bias for linear in linears])[:, None])
    x, class_TB = torch.randn(6, 3, 16, 16), torch.randint(5, (4, 6))
    close(batched.losses(x, class_TB), alone.losses(x, class_TB), 1e-5)


def test_leptons_network_has_as_many_parameters_and_multiplications() -> None:
    trunk, width, tasks, classes = SHAPE
    ours = noise.model(noise.params("hard", tasks, classes, 16, trunk, width, "cpu"))
    theirs = bare.OneByOne(*SHAPE)
    x = torch.zeros(1, 3, 16, 16)
    assert cost.parameters(ours) == cost.parameters(theirs) == cost.parameters(bare.Batched(*SHAPE))

    class Whole(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return theirs.answers(theirs.trunk(x))

    theirs.eval()
    assert cost.macs(ours, x) == cost.macs(Whole(), x)


def test_peak_memory_counts_what_lives_at_once() -> None:
    def call() -> None:
        first = torch.ones(250_000)  # 1 MB
        second = first + 1
        del first
        second + 1

    assert 2_000_000 <= peak(call, "cpu") < 2_100_000


def test_every_way_takes_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_cost, "SIDE", 8)
    place = step_cost.Place("cpu", rows=4, trunk=(4, 4), budget=4)
    rows = step_cost.measure(place, 2, 1, 2, None)
    step_cost.ceiling_shares(rows, place)
    *measured, libmtl = rows
    assert libmtl["way"] == "LibMTL MGDA"
    assert libmtl["ms"] is None
    for row in measured:
        assert all(row[key] > 0 for key in ("ms", "× bare", "forward", "backward", "optimiser", "peak MB", "of the ceiling")), row
