"""What adapting costs the tasks already known, measured."""

import pytest
import torch

import helpers
from lepton.adaptation.forgetting import forgetting, snapshot

CPU = torch.device("cpu")


def test_a_model_left_alone_forgets_exactly_nothing() -> None:
    model, samples = helpers.model().eval(), helpers.samples(helpers.tasks(), 12)
    before, after = snapshot(model, samples, CPU), snapshot(model, samples, CPU)
    assert before == after
    assert {str(value) for value in forgetting(model, before, after).values()} == {"0.0"}


def test_a_changed_parameter_and_what_it_loses_are_seen() -> None:
    chosen = {"digit": helpers.digit(), "tilt": helpers.tilt()}
    model, samples = helpers.model("hard", chosen).eval(), helpers.samples(chosen, 30)
    before = snapshot(model, samples, CPU)
    with torch.no_grad():
        next(model.heads["tilt"].parameters()).fill_(50.0)
    after = snapshot(model, samples, CPU)
    assert before.parameters != after.parameters
    assert before.predictions != after.predictions
    lost = forgetting(model, before, after)
    assert lost["tilt"] == pytest.approx(after.metric["tilt"] - before.metric["tilt"])  # an error that grows is a loss
    assert lost["digit"] == 0.0
