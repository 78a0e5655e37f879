"""Promises that hold for many things alike, as asserts to call on each of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lepton.errors import LeptonError
from lepton.tasks.base import BaseTask, Evidence
from lepton.training.weighting.base import Weighting
from lepton.types import Arrays, Outputs


def close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def one_line(call: Callable[[], object], *words: str) -> str:
    """`call` ends with a LeptonError of one line that has all the words."""
    with pytest.raises(LeptonError) as caught:
        call()
    message = str(caught.value)
    assert message
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


def same_state(one: torch.nn.Module, other: torch.nn.Module) -> None:
    """Every number of two networks is the same; what was not set, nan, is not set in either."""
    theirs = other.state_dict()
    assert one.state_dict().keys() == theirs.keys()
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, theirs[name], rtol=0, atol=0, equal_nan=True, msg=name)


def same_bytes(one: Path, other: Path) -> None:
    assert one.read_bytes() == other.read_bytes(), f"{one} and {other} differ"


def one_entry_per_sample(outputs: Outputs, rows: int) -> None:
    assert outputs
    for field, value in outputs.items():
        assert isinstance(value, Tensor), field
        assert value.shape[0] == rows, field
        assert value.isfinite().all(), field


def ignores_rows_without_label(task: BaseTask, raw: Tensor, labels: dict[str, Tensor]) -> None:
    """What `raw` says of a row without a label changes no bit of the masked loss, and gets a gradient of exactly zero."""
    present = labels["present"]
    assert present.any()
    assert not present.all()
    raw = raw.detach().requires_grad_()
    loss_B = task.loss(raw, labels, None)
    assert loss_B.shape == present.shape
    assert loss_B.isfinite().all()
    loss = torch.where(present, loss_B, 0.0).sum()
    (grad,) = torch.autograd.grad(loss, raw)
    assert (grad[~present] == 0).all()
    assert (grad[present].flatten(1).abs().sum(1) > 0).all()
    other = torch.where(present.view(-1, *[1] * (raw.ndim - 1)), raw, 7.0)
    assert torch.where(present, task.loss(other, labels, None), 0.0).sum() == loss


def class_weights_have_mean_one(weights: list[float], number_N: np.ndarray) -> None:
    """Mean over the samples, so that balancing leaves the size of the loss as it is."""
    assert np.asarray(weights)[number_N].mean() == pytest.approx(1, abs=1e-9)


def weighing_repeats_them(task: BaseTask, outputs: dict[str, np.ndarray], labels: Arrays, rows: np.ndarray, side: int) -> None:
    """Measuring rows [0, 0, 2] is measuring a table that has row 0 twice and row 2 once."""
    evidence = task.compare(outputs, labels, (side, side))
    chosen = evidence.rows()[rows]
    repeated = {field: value[chosen] for field, value in outputs.items()}, {field: value[chosen] for field, value in labels.items()}
    again: Evidence = task.compare(*repeated, (side, side))
    assert evidence.measure(rows)[task.metric] == pytest.approx(again.measure()[task.metric], abs=1e-9)


def weights_sum_to_active_tasks(weight_T: Tensor, active_T: Tensor) -> None:
    assert (weight_T >= 0).all()
    assert (weight_T[~active_T] == 0).all()
    assert float(weight_T.sum()) == pytest.approx(int(active_T.sum()), rel=1e-5)


def permuting_tasks_permutes_weights(make: Callable[[], Weighting], loss_T: Tensor, gram_TT: Tensor, order: list[int]) -> None:
    """Over as many steps as a state needs to have a say, with losses that move apart."""
    active_T = torch.ones(len(loss_T), dtype=torch.bool)
    straight, turned = make(), make()
    for _ in range(6):
        weight_T = straight(loss_T, gram_TT, active_T)
        close(turned(loss_T[order], gram_TT[order][:, order], active_T), weight_T[order], 1e-3)
        loss_T = loss_T * torch.linspace(0.95, 0.99, len(loss_T), dtype=loss_T.dtype)


def scaling_a_loss_changes_no_direction(make: Callable[[], Weighting], loss_T: Tensor, grad_TP: Tensor, scale_T: Tensor) -> None:
    """The trunk moves along Σ w_t g_t; that direction does not depend on the unit that a loss is written in."""
    active_T = torch.ones(len(loss_T), dtype=torch.bool)

    def direction(loss_T: Tensor, grad_TP: Tensor) -> Tensor:
        move_P = make()(loss_T, grad_TP @ grad_TP.T, active_T) @ grad_TP
        return move_P / move_P.norm()

    close(direction(scale_T * loss_T, scale_T[:, None] * grad_TP), direction(loss_T, grad_TP), 1e-3)
