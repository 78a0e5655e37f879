"""Promises of the training loop."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import helpers
from laws import close, one_line, same_bytes
from lepton.config import Params
from lepton.data.balance import demanded
from lepton.data.store import Samples
from lepton.errors import Diverged
from lepton.kinds import KINDS
from lepton.sharing.adaptive import Adaptive
from lepton.sharing.base import Sharing, Structure
from lepton.training import network, optimizer, predict
from lepton.training.loop import Fit, Trainer
from lepton.training.step import StepResult


def trainer(params: Params | None = None, seed: int = 0, rows: int = 64, **options: object) -> Trainer:
    """Three small epochs on four tasks whose labels are random."""
    params = params or helpers.params()
    torch.manual_seed(seed)
    model = network.build(params, params.tasks)
    train, valid = helpers.samples(params.tasks, rows, seed=1), helpers.samples(params.tasks, 24, seed=2)
    weights = {name: task.balance(train.labels[name], 0.5) for name, task in params.tasks.items()}
    return Trainer(model, params, train, valid, np.ones(rows), weights, 0.003, params.train.epochs, **options)


def saved(model: Sharing, path: Path) -> Path:
    network.save(model, path)
    return path


def same(one: Fit, other: Fit) -> None:
    assert one.history == other.history
    assert (one.samples_seen, one.best_epoch) == (other.samples_seen, other.best_epoch)
    assert torch.equal(torch.stack(one.grads), torch.stack(other.grads))


SETTINGS = {
    "plain": {},
    "all at once": {
        "train": {"epochs": 3, "batch_size": 16, "weighting": "uncertainty", "l1": 1e-4, "alpha_pressure": 0.5, "alpha_snap": 0.4},
        "prepare": {"augment": {"rotate": 20, "scale": 0.1, "shift": 0.1, "color": 0.2, "flip": True}},
        "model": {"trunk": [6, 8, 10], "branch": [3, 4, 5], "dropout": 0.3},
    },
    "hard with momentum": {
        "train": {"epochs": 3, "batch_size": 16, "optimizer": "momentum", "weighting": "pcgrad"},
        "model": {"trunk": [6, 8, 10], "branch": [3, 4, 5], "sharing": "hard"},
    },
    "frozen in the middle of an epoch": {"model": {"trunk": [6, 8, 10], "branch": [3, 4, 5], "sharing": "frozen"}},
    "a budget of branches": {
        "train": {"epochs": 3, "batch_size": 16, "ema": 0.8, "alpha_snap": 0.4},
        "model": {"trunk": [6, 8, 10], "branch": [3, 4, 5], "budget": 0.5, "divide": 0.25},
    },
    "in parts, averaged and compared": {
        "train": {
            "epochs": 3,
            "batch_size": 16,
            "accumulate": 2,
            "ema": 0.9,
            "exact_gram": 3,
            "optimizer": "sgd",
            "schedule": "step",
        },
    },
}
every_setting = pytest.mark.parametrize("blocks", SETTINGS.values(), ids=SETTINGS)


@every_setting
def test_two_fits_end_with_the_same_bytes(tmp_path: Path, blocks: dict) -> None:
    paths, fits = [], []
    for number in (1, 2):
        torch.manual_seed(number)  # what the global generator was before has no say in training
        one = trainer(helpers.params(**blocks))
        fits.append(one.fit())
        paths.append(saved(one.model, tmp_path / f"{number}.safetensors"))
    same_bytes(*paths)
    same(*fits)


class Interrupted(Exception):
    pass


def interrupt(epoch: int) -> Callable[[dict[str, float], int], None]:
    def stop(row: dict[str, float], step: int) -> None:
        if row["epoch"] == epoch:
            raise Interrupted

    return stop


@every_setting
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_resumed_fit_equals_an_uninterrupted_one(tmp_path: Path, blocks: dict, epoch: int) -> None:
    whole = trainer(helpers.params(**blocks), keep=tmp_path / "whole.pt")
    expected = whole.fit()
    broken = trainer(helpers.params(**blocks), keep=tmp_path / "broken.pt", on_epoch=interrupt(epoch))
    with pytest.raises(Interrupted):
        broken.fit()
    assert (tmp_path / "broken.pt").exists() == (epoch > 1)
    again = trainer(helpers.params(**blocks), seed=0 if epoch == 1 else 99, keep=tmp_path / "broken.pt")
    found = again.fit()
    same(found, expected)
    assert found.history[-1]["epoch"] == 3
    same_bytes(saved(again.model, tmp_path / "a"), saved(whole.model, tmp_path / "b"))


def test_resuming_a_finished_fit_trains_no_more(tmp_path: Path) -> None:
    one = trainer(keep=tmp_path / "a.pt")
    expected = one.fit()
    other = trainer(seed=5, keep=tmp_path / "a.pt", on_epoch=interrupt(1))
    same(other.fit(), expected)
    same_bytes(saved(one.model, tmp_path / "a"), saved(other.model, tmp_path / "b"))


def test_without_a_place_to_keep_them_there_are_no_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trainer().fit()
    assert not list(tmp_path.iterdir())


def test_a_loss_that_is_no_number_names_its_task_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    one = trainer(keep=tmp_path / "a.pt", name="baseline tilt")
    seen = []

    def poison(row: dict[str, float], step: int) -> None:
        seen.append(row["epoch"])
        if len(seen) == 2:
            one.train.labels["tilt"]["value"][:] = np.nan

    one.on_epoch = poison
    message = one_line(one.fit, "baseline tilt", "loss of tilt", "epoch 3, step 9", "checkpoint of epoch 2 is kept", "0.003")
    assert "digit" not in message
    assert seen == [1, 2]
    one.train.labels["tilt"]["value"][:] = 0
    assert torch.load(tmp_path / "a.pt", weights_only=True)["epoch"] == 2
    assert all(value.isfinite().all() for key, value in torch.load(tmp_path / "a.pt")["model"].items() if key != "fixed_TL")


@pytest.mark.parametrize("weighting", KINDS["weighting"])
def test_a_loss_that_is_no_number_in_the_first_epoch_speaks_of_no_checkpoint(weighting: str) -> None:
    one = trainer(helpers.params(train={"weighting": weighting}))
    one.train.labels["tilt"]["value"][:] = np.nan
    with pytest.raises(Diverged) as caught:
        one.fit()
    assert "loss of tilt" in str(caught.value)
    assert "checkpoint" not in str(caught.value)


def test_a_far_too_high_learning_rate_diverges_in_one_line() -> None:
    one = trainer(helpers.params(train={"epochs": 30, "optimizer": "sgd", "clip": 0}))
    one.lr = 1e12
    one_line(one.fit, "learning rate of 1e+12")


def learnable(rows: int, seed: int) -> Samples:
    inputs, sort = helpers.stripes(rows, seed)
    labels = {"digit": {"present": np.ones(rows, bool), "class": sort}}
    return Samples(inputs, labels, [str(row) for row in range(rows)])


@pytest.mark.parametrize("way", ["hard", "adaptive"])
def test_what_can_be_learned_is_learned(way: str) -> None:
    params = helpers.params(model={"sharing": way}, train={"epochs": 8, "batch_size": 32})
    torch.manual_seed(0)
    model = network.build(params, {"digit": params.tasks["digit"]})
    train, valid = learnable(256, 0), learnable(128, 1)
    before = predict.metrics(model, valid)["digit"]["accuracy"]
    fit = Trainer(model, params, train, valid, np.ones(256), {"digit": None}, 0.01, 8).fit()
    assert before < 0.6
    assert predict.metrics(model, valid)["digit"]["accuracy"] > 0.9
    assert fit.history[-1]["loss.digit"] < fit.history[0]["loss.digit"] / 2


def test_the_weights_that_validate_best_are_kept() -> None:
    one = trainer(helpers.params(train={"epochs": 6}))
    fit = one.fit()
    best = max(fit.history, key=lambda row: row["valid"])
    assert fit.best_epoch == best["epoch"]
    assert not one.model.training
    measured = predict.metrics(one.model, one.valid)
    assert predict.utility(one.model.tasks, measured) == pytest.approx(best["valid"], abs=1e-9)
    assert measured["digit"]["accuracy"] == pytest.approx(best["valid.digit.accuracy"])


@pytest.mark.parametrize("labels", [False, None])
def test_without_validation_labels_the_last_weights_are_kept(labels: bool | None) -> None:
    one = trainer()
    if labels is None:
        one.valid = None
    else:
        for fields in one.valid.labels.values():
            fields["present"][:] = False
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    fit = one.fit()
    assert fit.best_epoch == 3
    assert "valid" not in fit.history[0]
    assert not torch.equal(one.model.state_dict()["trunk.levels.0.down.weight"], before["trunk.levels.0.down.weight"])


def test_history_has_a_flat_row_per_epoch() -> None:
    fit = trainer().fit()
    assert [row["epoch"] for row in fit.history] == [1, 2, 3]
    assert [row["step"] for row in fit.history] == [4, 8, 12]
    wanted = {"lr", "loss.digit", "weight.tilt", "alpha.ink.1", "alpha.ink.3", "valid", "valid.objects.ap50", "valid.ink.iou"}
    for row in fit.history:
        assert wanted <= row.keys()
        assert all(np.isfinite(value) for value in row.values())


def test_samples_seen_are_steps_times_batch() -> None:
    assert trainer().fit().samples_seen == 3 * 64
    assert trainer(rows=40).fit().samples_seen == 3 * 2 * 16
    assert trainer(rows=5).fit().samples_seen == 3 * 16
    short = trainer()
    short.epochs = 1.5
    fit = short.fit()
    assert fit.samples_seen == 6 * 16
    assert [row["step"] for row in fit.history] == [4, 6]


def test_labels_seen_are_those_of_the_rows_that_were_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    one, drawn = trainer(), []
    whole = Samples.batch
    monkeypatch.setattr(Samples, "batch", lambda self, rows, device: drawn.append(rows) or whole(self, rows, device))
    one.valid, present = None, {name: fields["present"] for name, fields in one.train.labels.items()}
    fit, rows = one.fit(), torch.cat(drawn).numpy()
    for name in one.model.tasks:
        assert 0 < fit.labels_seen(name) == present[name][rows].sum() < fit.samples_seen


def test_rows_are_drawn_by_weight_and_those_of_weight_zero_never(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    pick = Samples.batch

    def spy(self: Samples, rows: torch.Tensor, device: torch.device) -> object:
        drawn.extend(rows.tolist())
        return pick(self, rows, device)

    monkeypatch.setattr(Samples, "batch", spy)
    one = trainer(helpers.params(train={"demand": 0}))
    one.weight_N = np.array([0.0] * 32 + [1.0] * 16 + [3.0] * 16)
    one.fit()
    found = np.bincount(drawn, minlength=64)
    assert found.sum() == 192
    assert (found[:32] == 0).all()
    assert (found[32:48] == 3).all()
    assert (found[48:] == 9).all()
    assert drawn[:64] != drawn[64:128]


@pytest.mark.parametrize("demand", [0.0, 2.0])
def test_after_an_epoch_rows_are_drawn_by_what_their_tasks_lack(demand: float) -> None:
    one = trainer(helpers.params(train={"epochs": 1, "batch_size": 16, "demand": demand}))
    assert one.valid is not None
    one.valid.labels["tilt"]["present"][:] = False  # nobody knows how good it is: it lacks all
    (row,) = one.fit().history
    if not demand:
        assert one.weight_N.tolist() == [1.0] * len(one.train)
        return
    lacking = {name: 1 - row[f"valid.{name}.{task.metric}"] for name, task in one.model.tasks.items() if name != "tilt"}
    present = {name: fields["present"] for name, fields in one.train.labels.items()}
    expected_N = demanded(present, {**lacking, "tilt": 1.0}, demand)
    np.testing.assert_allclose(one.weight_N, expected_N)


def test_a_task_alone_has_nothing_to_choose_between() -> None:
    params = helpers.params(train={"epochs": 1, "batch_size": 16})
    one = trainer(params.model_copy(update={"tasks": {"digit": params.tasks["digit"]}}))
    before = one.weight_N.copy()
    one.fit()
    assert one.weight_N.tolist() == before.tolist()


def test_the_learning_rate_follows_the_schedule() -> None:
    one = trainer(helpers.params(train={"alpha_lr": 10}))
    rates = []

    step = one._step

    def noted(*given: object, **how: object) -> object:
        rates.append([group["lr"] for group in one.optimizer.param_groups])
        return step(*given, **how)

    one._step = noted
    one.fit()
    shares = [optimizer.schedule(one.params.train, step / 12) for step in range(12)]
    np.testing.assert_allclose(rates, np.outer(shares, [0.003, 0.003, 0.009, 0.009, 0.03]))


def test_the_gradient_is_clipped() -> None:
    one = trainer(helpers.params(train={"epochs": 1, "clip": 1e-3, "optimizer": "sgd", "l2": 0, "alpha_lr": 1}))
    one.lr = 1.0
    before = torch.cat([p.detach().flatten() for p in one.model.parameters()])
    moves = []

    def note(*_: object) -> None:
        grads = [p.grad.flatten() for p in one.model.parameters() if p.grad is not None]
        moves.append(float(torch.cat(grads).norm()))

    one._check = note
    one.fit()
    after = torch.cat([p.detach().flatten() for p in one.model.parameters()])
    assert max(moves) <= 1e-3 * 1.001
    assert 0 < (after - before).norm() < 0.05


def test_pressure_and_snapping_decide_degrees_during_training() -> None:
    fits = []
    for pressure in (0.0, 3.0):
        one = trainer(helpers.params(train={"epochs": 6, "alpha_pressure": pressure, "alpha_snap": 0.15, "alpha_lr": 30}))
        assert isinstance(one.model, Adaptive)
        one.model.start({name: [0.3, 0.4, 0.7] for name in one.model.tasks})
        one.valid = None
        fits.append((one.fit(), int((~one.model.fixed_TL.isnan()).sum())))
    (_, without), (fit, decided) = fits
    assert decided >= without + 4
    alpha = one.model.alpha_TL.detach()
    close(alpha[~one.model.fixed_TL.isnan()] * (1 - alpha[~one.model.fixed_TL.isnan()]), torch.zeros(decided), 0.0)
    snapped = [key for key in fit.history[-1] if key.startswith("alpha.") and fit.history[-1][key] in (0, 1)]
    assert len(snapped) == decided
    small = one.model.reduced()
    expected, found = predict.predict(one.model, one.train), predict.predict(small, one.train)
    np.testing.assert_allclose(found["ink"]["probability"], expected["ink"]["probability"], atol=1e-6)


DECIDED = {"digit": [1.0, 0.5, 0.0], "tilt": [0.0, 1.0, 0.5], "objects": [0.5, 0.5, 1.0], "ink": [1.0, 1.0, 0.5]}


@pytest.mark.parametrize("optimizer", ["adamw", "momentum"])
def test_what_counts_for_nothing_leaves_during_training_and_changes_nothing_else(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(leaves: bool) -> tuple[Trainer, list[Structure]]:
        one = trainer(helpers.params(train={"epochs": 4, "batch_size": 16, "ema": 0.8, "optimizer": optimizer, "l2": 0.1}))
        shapes = []

        def decide(row: dict[str, float], step: int) -> None:
            if row["epoch"] == 1:
                for network in (one.model, one.ema.network):
                    values = torch.tensor([DECIDED[name] for name in network.tasks])
                    network.fixed_TL.copy_(torch.where(values == 0.5, torch.nan, values))
            shapes.append(one.model.structure)

        one.on_epoch, one.valid = decide, None
        if not leaves:
            monkeypatch.setattr(one, "_reduce", lambda: None)
        one.fit()
        return one, shapes

    small, shapes = trained(leaves=True)
    whole, _ = trained(leaves=False)
    assert shapes[0] == whole.model.structure
    assert shapes[1] == shapes[-1] == whole.model.reduced().structure != whole.model.structure
    expected = whole.model.reduced().state_dict()
    assert expected.keys() == small.model.state_dict().keys()
    for key, value in small.model.state_dict().items():
        close(value.nan_to_num(9).float(), expected[key].nan_to_num(9).float(), 2e-4)


def test_the_best_weights_keep_their_own_shape(tmp_path: Path) -> None:
    """Validation was best before branches left the network that trained on."""
    one = trainer(helpers.params(train={"epochs": 3}), keep=tmp_path / "a.pt")

    def spoil(row: dict[str, float], step: int) -> None:
        one.model.fixed_TL[:, 0] = 1.0
        one.valid.labels["digit"]["class"][:] = (one.valid.labels["digit"]["class"] + row["epoch"]) % 3
        one.valid.labels["tilt"]["value"][:] = -one.valid.labels["tilt"]["value"]

    built, one.on_epoch = one.model.structure, spoil
    utilities = iter([0.9, 0.2, 0.1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "utility", lambda *_: next(utilities))
        fit = one.fit()
    assert fit.best_epoch == 1
    assert one.model.structure == built
    again = trainer(helpers.params(train={"epochs": 3}), seed=9, keep=tmp_path / "a.pt")
    again.fit()
    same_bytes(saved(one.model, tmp_path / "a"), saved(again.model, tmp_path / "b"))


def test_only_weights_within_the_budget_of_branches_count_as_best() -> None:
    blocks = {"model": {"trunk": [6, 8, 10], "branch": [3, 4, 5], "budget": 0.5, "divide": 0.7}}
    one = trainer(helpers.params(train={"epochs": 3}, **blocks))
    fit = one.fit()
    assert fit.best_epoch == 3
    assert sum(map(len, one.model.reduced().structure.owners)) == 6


def test_without_snapping_every_degree_stays_free() -> None:
    one = trainer(helpers.params(train={"epochs": 2, "alpha_pressure": 3.0, "alpha_snap": 0, "alpha_lr": 30}))
    one.fit()
    assert one.model.fixed_TL.isnan().all()


def test_the_fit_keeps_the_mean_gradients_of_every_epoch() -> None:
    one, found = trainer(), []
    step = one._step

    def note(*given: object, **named: object) -> StepResult:
        found.append(step(*given, **named))
        return found[-1]

    one._step = note
    fit = one.fit()
    each = torch.stack([result.grad_TP for result in found]).chunk(3)
    close(torch.stack(fit.grads), torch.stack([steps.mean(0) for steps in each]), 1e-7)


def test_l1_makes_kernels_smaller_and_leaves_degrees_alone() -> None:
    sizes = []
    for l1 in (0.0, 0.01):
        one = trainer(helpers.params(train={"epochs": 4, "l1": l1, "l2": 0, "alpha_pressure": 0}))
        one.valid = None
        one.fit()
        sizes.append(sum(float(kernel.detach().abs().sum()) for kernel in optimizer.kernels(one.model)))
    assert sizes[1] < 0.95 * sizes[0]
    assert not any(parameter is one.model.degree_TL for parameter in optimizer.kernels(one.model))


def test_history_says_how_near_the_shared_gradients_are_to_all_of_them() -> None:
    fit = trainer(helpers.params(train={"epochs": 3, "exact_gram": 5})).fit()  # steps 0, 5 and 10 of 4 an epoch
    for row in fit.history:
        assert -1 <= row["gram.spearman"] <= 1
        assert 0 < row["gram.cosine"] <= 1
    rare = trainer(helpers.params(train={"epochs": 3, "exact_gram": 8})).fit()
    assert ["gram.cosine" in row for row in rare.history] == [True, False, True]
    assert [row["loss.ink"] for row in rare.history] == [row["loss.ink"] for row in trainer().fit().history]


def test_a_batch_that_does_not_part_evenly_is_said_before_training() -> None:
    one_line(trainer(helpers.params(train={"accumulate": 3})).fit, "train.batch_size", "16 rows", "multiple of 3")


def test_dropout_acts_in_training_alone() -> None:
    blocks = {"model": {"trunk": [6, 8, 10], "branch": [3, 4, 5], "dropout": 0.5}}
    model = network.build(helpers.params(**blocks), helpers.tasks())
    x = helpers.batch(model.tasks).inputs
    for training in (True, False):
        model.train(training)
        first, second = model(x), model(x)
        assert all(torch.equal(first[name], second[name]) != training for name in model.tasks)
