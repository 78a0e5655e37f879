"""Promises of the running mean of weights."""

from pathlib import Path

import pytest
import torch
from test_loop import same, saved, trainer

import helpers
from laws import close, same_bytes, same_state
from lepton.sharing.adaptive import Adaptive
from lepton.training import predict
from lepton.training.ema import EMA


def test_with_decay_zero_it_is_the_trained_network_itself() -> None:
    model = helpers.model()
    ema = EMA(model, 0.0)
    ema.update()
    assert ema.network is model


def test_numbers_are_the_mean_and_decisions_are_copied() -> None:
    model = helpers.model()
    assert isinstance(model, Adaptive)
    ema = EMA(model, 0.5)
    ema.updates = 100  # past the start
    before = {name: value.clone() for name, value in model.state_dict().items()}
    helpers.scramble(model)
    with torch.no_grad():
        model.trunk.levels[0].down.weight.mul_(3)
        model.fixed_TL[0, 0] = 1.0
        model.trunk.levels[0].down_norm.num_batches_tracked += 7
    ema.update()
    for name, value in ema.network.state_dict().items():
        now = model.state_dict()[name]
        if name == "fixed_TL" or name.endswith("num_batches_tracked"):
            torch.testing.assert_close(value, now, equal_nan=True)
        else:
            close(value, (before[name] + now) / 2, 1e-6)


def test_the_start_is_soon_forgotten() -> None:
    model = helpers.model()
    ema = EMA(model, 0.999)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    for _ in range(100):
        ema.update()
    for parameter in ema.network.parameters():
        close(parameter.detach(), torch.ones_like(parameter), 1e-3)


def test_a_fit_validates_and_keeps_the_mean() -> None:
    blocks = {"train": {"epochs": 3, "batch_size": 16, "ema": 0.9}}
    one, plain = trainer(helpers.params(**blocks)), trainer()
    fit, without = one.fit(), plain.fit()
    assert one.ema.network is not one.model
    best = max(fit.history, key=lambda row: row["valid"])
    assert predict.utility(one.model.tasks, predict.metrics(one.model, one.valid)) == pytest.approx(best["valid"], abs=1e-9)
    assert [row["loss.ink"] for row in fit.history] == [row["loss.ink"] for row in without.history]  # training itself is the same
    assert [row["valid"] for row in fit.history] != [row["valid"] for row in without.history]
    one.valid = None
    last = trainer(helpers.params(**blocks))
    last.valid = None
    last.fit()
    same_state(last.model, last.ema.network)


@pytest.mark.parametrize("end", [-200.0, 200.0])
def test_a_degree_that_has_come_to_its_end_in_the_trained_network_alone_leaves_both(end: float) -> None:
    """The sigmoid of so large a number is 0 or 1 without any snapping; the mean is still on its way there."""
    model = helpers.model()
    ema = EMA(model, 0.9)
    with torch.no_grad():
        model.degree_TL[0] = end
    ema.update()
    small = model.reduced()
    assert small.structure != model.structure == ema.network.structure
    before = {name: value.clone() for name, value in ema.network.named_parameters()}
    ema.follow(small)
    assert ema.network.structure == small.structure
    expected = model.carried(before, small)
    for name, value in ema.network.named_parameters():
        close(value.detach(), expected[name].detach(), 0)
    ema.update()


def test_it_survives_a_checkpoint(tmp_path: Path) -> None:
    blocks = {"train": {"epochs": 3, "batch_size": 16, "ema": 0.9}}
    whole = trainer(helpers.params(**blocks))
    expected = whole.fit()

    def stop(row: dict[str, float], step: int) -> None:
        if row["epoch"] == 3:
            raise InterruptedError

    broken = trainer(helpers.params(**blocks), keep=tmp_path / "a.pt", on_epoch=stop)
    with pytest.raises(InterruptedError):
        broken.fit()
    again = trainer(helpers.params(**blocks), seed=5, keep=tmp_path / "a.pt")
    same(again.fit(), expected)
    same_bytes(saved(again.model, tmp_path / "a"), saved(whole.model, tmp_path / "b"))
