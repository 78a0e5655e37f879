"""Saliency points at the pixels that the answer hangs on."""

import torch
from torch import Tensor, nn

import helpers
from lepton.evaluation.saliency import saliency


class Peephole(nn.Module):
    """Two tasks, each reading one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks = {"tilt": helpers.tilt(), "lean": helpers.tilt()}

    def forward(self, x_BCHW: Tensor) -> dict[str, Tensor]:
        return {"tilt": self.raw(x_BCHW[:, 0, 3, 5]), "lean": self.raw(x_BCHW[:, 1, 0, 2])}

    @staticmethod
    def raw(pixel_B: Tensor) -> Tensor:
        return pixel_B[:, None]


def test_it_is_1_at_the_only_pixel_read_and_0_elsewhere() -> None:
    inputs = torch.rand(3, 3, 8, 8, generator=helpers.generator())
    for name, pixel in (("tilt", (3, 5)), ("lean", (0, 2))):
        heat_BHW = saliency(Peephole(), inputs, name)  # type: ignore[arg-type]
        assert heat_BHW.shape == (3, 8, 8)
        assert (heat_BHW[:, pixel[0], pixel[1]] == 1).all()
        assert (heat_BHW.flatten(1).sum(1) == 1).all()


def test_every_task_of_a_network_has_one_and_it_is_the_same_again() -> None:
    model = helpers.model().eval()
    inputs = helpers.batch(model.tasks, rows=2).inputs
    for name in model.tasks:
        heat_BHW = saliency(model, inputs, name)
        assert heat_BHW.min() >= 0
        assert (heat_BHW.amax((1, 2)) == 1).all()
        assert torch.equal(heat_BHW, saliency(model, inputs, name))
