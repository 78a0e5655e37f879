"""MAML's outer gradient."""

import torch
import torch.nn.functional as F
from few import episodes, start
from torch import Tensor

from lepton.adaptation import maml
from lepton.adaptation.episodes import Episodes
from lepton.adaptation.head import Map

STEPS, LR = 3, 0.4


def unrolled(weight: Tensor, bias: Tensor, drawn: Episodes, number: int) -> Tensor:
    """One episode's query loss, its inner loop left to autograd."""

    def embed(rows: Tensor) -> Tensor:
        mapped = drawn.features_NF[rows] @ weight.T + bias
        return mapped / mapped.norm(dim=1, keepdim=True) * len(bias) ** 0.5

    support, query = embed(drawn.support_ES[number]), embed(drawn.query_EQ[number])
    head = [torch.zeros(drawn.ways, len(bias), dtype=weight.dtype), torch.zeros(drawn.ways, dtype=weight.dtype)]
    for _ in range(STEPS):
        head = [part.requires_grad_() for part in head]
        inner = F.cross_entropy(support @ head[0].T + head[1], drawn.support_label_ES[number])
        slopes = torch.autograd.grad(inner, head, create_graph=True)
        head = [part - LR * slope for part, slope in zip(head, slopes, strict=True)]
    return F.cross_entropy(query @ head[0].T + head[1], drawn.query_label_EQ[number])


def doubled(drawn: Episodes, map_: Map) -> tuple[Episodes, Map]:
    return Episodes(**{**vars(drawn), "features_NF": drawn.features_NF.double()}), (map_[0].double(), map_[1].double())


def test_outer_gradient_is_autograds_through_the_unrolled_loop() -> None:
    drawn, map_ = doubled(episodes(count=3), start(width=4))
    weight, bias = (part.clone().requires_grad_() for part in map_)
    torch.stack([unrolled(weight, bias, drawn, number) for number in range(3)]).mean().backward()
    torch.testing.assert_close(maml.gradient(map_, drawn, STEPS, LR), (weight.grad, bias.grad))


def test_outer_gradient_is_a_finite_difference() -> None:
    drawn, map_ = doubled(episodes(count=2), start(width=4))
    slope_DF, _ = maml.gradient(map_, drawn, STEPS, LR)
    step = torch.zeros_like(map_[0])
    step[1, 2] = 1e-5
    ahead, behind = (
        torch.stack([unrolled(map_[0] + sign * step, map_[1], drawn, number) for number in range(2)]).mean() for sign in (1, -1)
    )
    torch.testing.assert_close(slope_DF[1, 2], (ahead - behind) / 2e-5, rtol=1e-4, atol=1e-8)


def test_the_start_is_left_as_it_was() -> None:
    map_ = start()
    before = [part.clone() for part in map_]
    maml.gradient(map_, episodes(), STEPS, LR)
    assert all(torch.equal(*pair) for pair in zip(map_, before, strict=True))
    assert not map_[0].requires_grad
