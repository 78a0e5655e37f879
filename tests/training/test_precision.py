"""Promises of bf16 and of loss scaling, in whole trainings on a CPU."""

import numpy as np
import pytest
import torch
from test_loop import trainer

import helpers
from lepton.kinds import KINDS
from lepton.training import devices
from lepton.training.step import StepResult

EVERYTHING = {"accumulate": 2, "ema": 0.9, "exact_gram": 2}


@pytest.mark.parametrize("weighting", KINDS["weighting"])
def test_every_weighting_trains_in_bf16_with_everything_on(weighting: str) -> None:
    blocks = {"train": {"epochs": 1, "batch_size": 16, "weighting": weighting, **EVERYTHING}, "compute": {"precision": "bf16"}}
    one = trainer(helpers.params(**blocks))
    fit = one.fit()
    assert all(np.isfinite(value) for value in fit.history[0].values())
    assert {"gram.cosine", "gram.spearman"} <= fit.history[0].keys()
    weights = [fit.history[0][f"weight.{name}"] for name in one.model.tasks]
    assert sum(weights) == pytest.approx(4, rel=1e-4)
    assert fit.grads[-1].dtype == torch.float32
    for name, value in one.model.state_dict().items():
        assert value.dtype in (torch.float32, torch.int64), name
        assert name == "fixed_TL" or value.isfinite().all(), name


@pytest.mark.parametrize("weighting", ["uncertainty", "gradnorm", "famo", "stch", "dwa", "upgrad"])
def test_steps_that_overflow_are_skipped_and_leave_no_trace(weighting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scale so high that the first steps overflow, as in fp16; each halves it."""

    def scaled(*_: object) -> tuple[torch.autocast, torch.amp.GradScaler]:
        return torch.autocast("cpu", enabled=False), torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=2.0**-30)

    monkeypatch.setattr(devices, "mixed", scaled)
    one = trainer(helpers.params(train={"epochs": 2, "batch_size": 16, "weighting": weighting, "ema": 0.9, "exact_gram": 1}))
    skipped = []
    step = one._step

    def noted(*given: object, **how: object) -> StepResult:
        result = step(*given, **how)
        skipped.append(not result.grad_TP.isfinite().all())
        if skipped[-1]:
            states = [value for value in one.weighting.state_dict().values() if value.is_floating_point()]
            assert all(value.isnan().all() or value.isfinite().all() for value in states)
        return result

    one._step = noted
    fit = one.fit()
    assert skipped[0]
    assert not any(skipped[4:])
    assert all(grad.isfinite().all() for grad in fit.grads)
    assert fit.grads[-1].abs().sum() > 0
    for name, value in (*one.model.state_dict().items(), *one.weighting.state_dict().items()):
        assert name in ("fixed_TL", "recent_2T") or value.isfinite().all(), name
    assert all(np.isfinite(value) for row in fit.history for value in row.values())
