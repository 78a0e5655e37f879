"""Reptile's outer gradient."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from few import episodes, start

from lepton.adaptation import head, reptile


def test_one_step_is_the_gradient_of_training_on_all_episodes_together() -> None:
    drawn, map_ = episodes(count=4), start()
    weight_EWD, bias_EW = torch.randn(4, 3, 8), torch.randn(4, 3)
    (end_EDF, end_ED), _ = reptile.descend(map_, (weight_EWD, bias_EW), drawn.support_ESF, drawn.support_label_ES, 1, 0.05)
    leaves = tuple(part.clone().requires_grad_() for part in map_)
    logits_ESW = head.logits((weight_EWD, bias_EW), head.embed(leaves, drawn.support_ESF))
    F.cross_entropy(logits_ESW.flatten(0, 1), drawn.support_label_ES.flatten()).backward()
    torch.testing.assert_close((map_[0] - end_EDF.mean(0)) / 0.05, leaves[0].grad, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close((map_[1] - end_ED.mean(0)) / 0.05, leaves[1].grad, rtol=1e-3, atol=1e-5)


def test_outer_gradient_points_back_from_the_mean_end() -> None:
    drawn, map_ = episodes(count=2), start()
    ends = []
    for number in range(2):
        one = drawn.take(slice(number, number + 1))
        features = torch.cat([one.support_ESF, one.query_EQF], 1)
        label = torch.cat([one.support_label_ES, one.query_label_EQ], 1)
        (weight_1DF, _), _ = reptile.descend(map_, head.zero(1, 3, 8), features, label, 5, 0.1)
        ends.append(weight_1DF[0])
    torch.testing.assert_close(
        reptile.gradient(map_, drawn, 5, 0.1)[0], (map_[0] - torch.stack(ends)).mean(0) / 0.1, rtol=1e-4, atol=1e-5
    )


def test_from_a_zero_head_the_map_moves_at_the_second_step() -> None:
    drawn, map_ = episodes(), start()
    assert not reptile.gradient(map_, drawn, 1, 0.1)[0].any()
    assert reptile.gradient(map_, drawn, 2, 0.1)[0].any()


def test_more_steps_lower_the_loss() -> None:
    drawn, map_ = episodes(), start()
    losses = []
    for steps in (1, 2, 5, 20):
        (weight, bias), found = reptile.descend(map_, head.zero(6, 3, 8), drawn.support_ESF, drawn.support_label_ES, steps, 0.1)
        losses.append(head.loss(head.logits(found, head.embed((weight, bias), drawn.support_ESF)), drawn.support_label_ES))
    assert all(bool((late < early).all()) for early, late in pairwise(losses))
