"""Promises of a trunk per group of related tasks."""

import torch

import helpers
from laws import close
from lepton.sharing.groups import Groups
from lepton.training import network

GROUPS = [["digit", "tilt"], ["objects"], ["ink"]]


def model() -> Groups:
    params = helpers.params(model={"trunk": [6, 8, 10], "branch": [3, 4, 5], "sharing": "groups"})
    torch.manual_seed(0)
    one = helpers.scramble(network.build(params, params.tasks, groups=GROUPS)).eval()
    assert isinstance(one, Groups)
    return one


def test_each_group_is_hard_sharing_by_itself() -> None:
    one = model()
    x = helpers.batch(one.tasks).inputs
    expected = one(x)
    for number, group in enumerate(GROUPS):
        alone = helpers.model("hard", {name: one.tasks[name] for name in group}).eval()
        state = one.state_dict()
        for key, value in list(state.items()):
            if (there := helpers.owners(one, key)[0]) and value.ndim:
                blocks = dict(zip(there, value.chunk(len(there)), strict=True))
                state[key] = torch.cat([value[:0], *(blocks[name] for name in group if name in blocks)])
        column = f"trunk.columns.{number}."
        state |= {key.replace(column, "trunk."): value for key, value in state.items() if key.startswith(column)}
        alone.load_state_dict({key: state[key] for key in alone.state_dict()})
        for name, raw in alone(x).items():
            close(raw, expected[name], 1e-5)


def test_groups_share_no_parameter_of_the_trunk() -> None:
    one = model()
    assert len(one.trunk.columns) == 3
    raw = one(helpers.batch(one.tasks).inputs)
    for name in one.tasks:
        found = torch.autograd.grad(raw[name].square().sum(), [*one.trunk.parameters()], retain_graph=True, allow_unused=True)
        for (key, _), grad in zip(one.trunk.named_parameters(), found, strict=True):
            assert (grad.abs().sum() > 0) == (name in GROUPS[int(key.split(".")[1])])


def test_without_measured_groups_all_tasks_are_one() -> None:
    params = helpers.params(model={"trunk": [6, 8, 10], "branch": [3, 4, 5], "sharing": "groups"})
    assert len(network.build(params, params.tasks).trunk.columns) == 1
