"""Promises of hard sharing."""

import torch
import torch.nn.functional as F

import helpers
from laws import close


def test_tasks_read_only_the_levels_that_their_heads_need() -> None:
    structure = helpers.model("hard").structure
    assert structure.readers == (("ink",), ("objects", "ink"), ("digit", "objects", "ink", "tilt"))
    assert structure.owners == ((), (), ())


def test_with_one_pooled_task_only_the_last_level_is_read() -> None:
    model = helpers.model("hard", {"digit": helpers.digit()})
    assert [len(list(read.parameters())) for read in model.reads] == [0, 0, 1]
    assert model.reads[2].weight.shape == (5, 10, 1, 1)


def test_features_are_the_normalised_reads_and_nothing_else() -> None:
    model = helpers.model("hard").eval()
    inputs = helpers.batch(model.tasks).inputs
    shared = model.trunk(inputs)
    norm = model.norms[2]
    read = F.conv2d(shared[2], model.reads[2].weight)
    scaled = (read - norm.running_mean.view(1, -1, 1, 1)) / (norm.running_var.view(1, -1, 1, 1) + norm.eps).sqrt()
    expected = (scaled * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)).clamp(min=0)
    close(model.features(inputs, model.read(shared))[2], expected, 1e-5)


def test_each_level_of_the_trunk_halves_the_side() -> None:
    model = helpers.model("hard")
    shared = model.trunk(torch.zeros(2, 3, 16, 16))
    assert [tuple(one.shape) for one in shared] == [(2, 6, 8, 8), (2, 8, 4, 4), (2, 10, 2, 2)]
