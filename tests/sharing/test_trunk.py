"""Promises of every kind of trunk, and of LeNet."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import helpers
from laws import close, one_line
from lepton import blocks
from lepton.compression.candidates import narrower
from lepton.data.store import Samples
from lepton.inputs.image import Image
from lepton.kinds import KINDS
from lepton.kinds import load as load_kind
from lepton.sharing import trunk
from lepton.sharing.adaptive import Adaptive
from lepton.sharing.base import Sharing
from lepton.training.cost import parameters
from lepton.training.step import step
from lepton.training.weighting.equal import Equal
from lepton.types import Batch

every_kind = pytest.mark.parametrize("name", KINDS["trunk"])
DIGITS = {"left": helpers.digit(), "right": helpers.digit(4)}
GREY = Image(type="image", column="image", size=(28, 28), channels=1)


def lenet(way: str, seed: int = 0) -> Sharing:
    """LeNet for two digits on 28 × 28 grey pixels."""
    torch.manual_seed(seed)
    kind = load_kind("sharing", way)
    plan = blocks.Model(trunk_kind="lenet", trunk=(10, 20, 50), branch=(3, 4, 5))
    return helpers.scramble(kind(GREY, DIGITS, kind.plan(plan, DIGITS)))


def samples(rows: int) -> Samples:
    """Random grey images with random labels."""
    random = np.random.default_rng(0)
    labels = {name: helpers.arrays(task, rows, random) for name, task in DIGITS.items()}
    return Samples(random.integers(0, 256, (rows, 1, 28, 28), np.uint8), labels, [str(row) for row in range(rows)])


def batch(rows: int = 6) -> Batch:
    """The same as the network sees them."""
    stored = samples(rows).batch(torch.arange(rows), torch.device("cpu"))
    return Batch(GREY.prepare(stored.inputs), stored.labels)


@every_kind
@pytest.mark.parametrize("size", [(16, 16), (28, 28), (33, 20)])
def test_a_branch_that_makes_the_trunks_moves_ends_on_its_pixels(name: str, size: tuple[int, int]) -> None:
    kind = Image(type="image", column="image", size=size)
    one = trunk.build(name, kind, (4, 5, 6))
    own, moves = kind.example(2), one.plan(3, kind.kernel, size)
    for move, channels, shared in zip(moves, (4, 5, 6), one(kind.example(2)), strict=True):
        own = move.pooled(move.convolution(own.shape[1], channels)(own))
        assert own.shape == shared.shape


@every_kind
def test_channels_are_those_asked_for(name: str) -> None:
    assert [s.shape[1] for s in trunk.build(name, helpers.image(), (4, 5, 6))(helpers.image().example(2))] == [4, 5, 6]


def test_a_strided_trunk_halves_the_side() -> None:
    one = trunk.build("strided", helpers.image(), (4, 5, 6))
    assert [tuple(s.shape[2:]) for s in one(helpers.image().example(1))] == [(8, 8), (4, 4), (2, 2)]
    assert trunk.strides(one.plan(3, 3, (16, 16))) == [2, 4, 8]
    assert trunk.strides(one.plan(3, 1, (1, 1))) == [1, 1, 1]


def test_lenet_is_that_of_the_paper() -> None:
    """Two convolutions of side 5 with pooling and ReLU, and a fully connected layer from 320 to 50, written without tricks."""
    one = trunk.build("lenet", GREY, (10, 20, 50))
    assert [parameters(level) for level in one.levels] == [10 * 25 + 10, 20 * 10 * 25 + 20, 320 * 50 + 50]
    x = batch().inputs
    weight, bias = zip(*[(level.convolution.weight, level.convolution.bias) for level in one.levels], strict=True)
    first = F.relu(F.max_pool2d(F.conv2d(x, weight[0], bias[0]), 2))
    second = F.relu(F.max_pool2d(F.conv2d(first, weight[1], bias[1]), 2))
    third = F.relu(F.linear(second.flatten(1), weight[2].flatten(1), bias[2]))
    for mine, theirs in zip(one(x), (first, second, third[:, :, None, None]), strict=True):
        close(mine, theirs, 1e-5)


@pytest.mark.parametrize("way", ["adaptive", "hard"])
def test_every_task_answers_on_lenet(way: str) -> None:
    raw = lenet(way)(batch(5).inputs)
    assert {name: tuple(value.shape) for name, value in raw.items()} == {"left": (5, 3), "right": (5, 4)}


def test_own_features_are_pooled_like_the_shared_ones() -> None:
    """h = ReLU(norm(α W s + (1 − α) pool(p))), level by level."""
    one, x = lenet("adaptive").eval(), batch().inputs
    assert isinstance(one, Adaptive)
    shared = one.trunk(x)
    features = one.features(x, one.read(shared))
    below = x
    for level, width in enumerate(one.structure.branch):
        alpha = one.alpha_TL[1, level]
        q = F.conv2d(shared[level], one.reads[level].weight[width:])
        p = F.conv2d(below, one.branches[level].weight[width:])
        p = F.max_pool2d(p, 2) if level < 2 else p
        norm = one.norms[level]
        statistics = [part[width:] for part in (norm.running_mean, norm.running_var, norm.weight, norm.bias)]
        below = F.batch_norm(alpha * q + (1 - alpha) * p, *statistics).relu()
        close(one.by_task(level, features[level])["right"], below, 1e-5)


def test_removing_a_snapped_branch_of_lenet_changes_no_output() -> None:
    one, x = lenet("adaptive").eval(), batch().inputs
    assert isinstance(one, Adaptive)
    one.fixed_TL[:] = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, torch.nan]])
    small = one.reduced()
    assert small.structure.trunk_kind == "lenet"
    assert parameters(small) < parameters(one)
    for name, raw in small(x).items():
        close(raw, one(x)[name], 1e-6)


def test_one_backward_through_lenet_gives_what_autograd_gives() -> None:
    one, data = lenet("hard").double().train(), batch()
    data = Batch(data.inputs.double(), data.labels)
    step(one, data, Equal(2), {})
    mine = [parameter.grad.clone() for parameter in one.trunk.parameters()]
    one.zero_grad()
    raw = one(data.inputs)
    for name, task in one.tasks.items():
        present = data.labels[name]["present"]
        task.loss(raw[name], data.labels[name], None)[present].mean().backward(retain_graph=True)
    for grad, parameter in zip(mine, one.trunk.parameters(), strict=True):
        close(grad, parameter.grad, 1e-9)


def test_lenet_says_where_an_image_is_too_small() -> None:
    small = Image(type="image", column="image", size=(12, 28))
    one_line(lambda: trunk.build("lenet", small, (10, 20, 50)), "[12, 28]", "lenet", "strided")


def test_lenet_says_which_task_it_cannot_serve() -> None:
    plan = blocks.Model(trunk_kind="lenet")
    hard, tasks = load_kind("sharing", "hard"), {"ink": helpers.ink()}
    one_line(lambda: hard(helpers.image(), tasks, hard.plan(plan, tasks)), "ink", "lenet", "strided")


def test_what_cannot_be_pruned_is_compressed_in_full() -> None:
    model = lenet("hard").eval()
    params = helpers.params(compress={"widths": [0.5]})
    assert list(narrower(model, samples(32), params, dict.fromkeys(DIGITS))) == ["full"]
