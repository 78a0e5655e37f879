"""Promises of the lookahead."""

import numpy as np
import torch

import helpers
from laws import close
from lepton.relatedness.tag import Ahead, lookahead
from lepton.training.step import task_losses


def test_it_is_what_a_step_along_one_tasks_gradient_takes_from_anothers_loss() -> None:
    torch.manual_seed(0)
    model = helpers.model().train()
    batch = helpers.batch(model.tasks)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = lookahead(model, batch, 0.1, {})
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True)

    loss_T, _ = task_losses(model, model(batch.inputs), batch.labels, {})
    trunk = list(model.trunk.parameters())
    steps = [torch.autograd.grad(loss, trunk, retain_graph=True) for loss in loss_T]
    for b, step in enumerate(steps):
        model.load_state_dict(before)
        with torch.no_grad():
            for parameter, grad in zip(trunk, step, strict=True):
                parameter -= 0.1 * grad
            moved_T, _ = task_losses(model, model(batch.inputs), batch.labels, {})
        close(found[:, b], 1 - moved_T / loss_T.detach(), 1e-5)


def test_a_task_without_a_label_in_the_batch_says_nothing() -> None:
    model = helpers.model().train()
    batch = helpers.batch(model.tasks)
    batch.labels["tilt"]["present"][:] = False
    found = lookahead(model, batch, 0.1, {})
    silent = np.array([name == "tilt" for name in model.tasks])
    assert found[silent].isnan().all()
    assert found[:, silent].isnan().all()
    assert found[~silent][:, ~silent].isfinite().all()


def test_a_mean_over_batches_leaves_out_those_that_say_nothing() -> None:
    ahead = Ahead(2, [np.array([[0.2, np.nan], [0.4, np.nan]]), np.array([[0.4, np.nan], [np.nan, np.nan]])])
    np.testing.assert_allclose(ahead.mean(), [[0.3, np.nan], [0.4, np.nan]])
