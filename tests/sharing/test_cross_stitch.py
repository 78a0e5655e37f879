"""Promises of cross-stitch units."""

import torch

import helpers
from laws import close
from lepton.sharing.cross_stitch import CrossStitch, Stitched, unit


def model() -> CrossStitch:
    one = helpers.model("cross_stitch").eval()
    assert isinstance(one, CrossStitch)
    return one


def test_units_begin_with_nine_tenths_of_a_tasks_own() -> None:
    close(unit(3), torch.tensor([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]), 1e-6)
    assert unit(1).tolist() == [[1]]


def test_with_identity_units_each_task_is_a_network_of_its_own() -> None:
    one = model()
    assert isinstance(one.trunk, Stitched)
    names = list(one.tasks)
    with torch.no_grad():
        for stitch in one.trunk.stitches:
            stitch.copy_(torch.eye(4))
        for level, readers in enumerate(one.structure.readers):
            one.reads[level].weight.copy_(torch.eye(4)[[names.index(name) for name in readers]])
    x = helpers.batch(one.tasks).inputs
    shared, q = {name: one.trunk.columns[name](x) for name in names}, one.read(one.trunk(x))
    for level, readers in enumerate(one.structure.readers):
        close(q[level], torch.cat([shared[name][level] for name in readers], 1), 1e-6)


def test_a_level_goes_on_from_the_mix_of_the_level_below() -> None:
    """x[t,l+1] = Σ_i A_l[t,i] f[i,l], written down task by task."""
    one = model()
    x = helpers.batch(one.tasks).inputs
    found, names = one.trunk(x), list(one.tasks)
    below = dict.fromkeys(names, x)
    for level in range(3):
        own = {name: one.trunk.columns[name].levels[level](below[name]) for name in names}
        close(found[level], torch.cat([own[name] for name in names], 1), 1e-5)
        if level < 2:
            unit_TT = one.trunk.stitches[level]
            below = {name: sum(unit_TT[t, i] * own[other] for i, other in enumerate(names)) for t, name in enumerate(names)}


def test_heads_read_through_a_unit_of_their_own() -> None:
    one = model()
    x = helpers.batch(one.tasks).inputs
    shared = one.trunk(x)
    parts = shared[1].chunk(4, 1)
    assert one.structure.readers[1] == ("objects", "ink")
    wanted = torch.cat([sum(w * part for w, part in zip(row, parts, strict=True)) for row in one.reads[1].weight], 1)
    close(one.read(shared)[1], wanted, 1e-5)
