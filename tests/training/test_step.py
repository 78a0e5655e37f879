"""Promises of the step: one backward gives what T backwards give."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import helpers
from laws import close
from lepton.sharing.adaptive import Adaptive
from lepton.sharing.base import Sharing
from lepton.tasks.base import BaseTask
from lepton.training.step import StepResult, step, task_losses
from lepton.training.weighting.base import Weighting
from lepton.training.weighting.equal import Equal
from lepton.types import Batch

every_way = pytest.mark.parametrize("way", helpers.WAYS)
NONE: dict[str, Tensor | None] = {}


class Given(Weighting):
    """Weights that a test chooses; they come out as they went in, for their sum is the number of tasks."""

    def __init__(self, *weights: float):
        super().__init__(len(weights))
        self.weights = torch.tensor(weights)

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        return self.weights.to(loss_T)[self.active_T]


def double(batch: Batch) -> Batch:
    labels = {
        name: {field: value.double() if value.is_floating_point() else value for field, value in fields.items()}
        for name, fields in batch.labels.items()
    }
    return Batch(batch.inputs.double(), labels)


def setting(way: str, chosen: dict[str, BaseTask] | None = None, seed: int = 0, missing: float = 0.4) -> tuple[Sharing, Batch]:
    model = helpers.model(way, chosen, seed=seed).double().train()
    return model, double(helpers.batch(model.tasks, rows=10, seed=seed, missing=missing))


def plain(model: Sharing, batch: Batch, weights: list[float] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
    """The losses and all gradients of their weighted sum, by one ordinary backward through the whole network."""
    loss_T, _ = task_losses(model, model(batch.inputs), batch.labels, NONE)
    total = loss_T @ loss_T.new_tensor(weights or [1.0] * len(loss_T))
    names, parameters = zip(*model.named_parameters(), strict=True)
    grads = torch.autograd.grad(total, parameters, allow_unused=True)
    found = {n: torch.zeros_like(p) if g is None else g for n, p, g in zip(names, parameters, grads, strict=True)}
    return loss_T.detach(), found


def run(
    model: Sharing, batch: Batch, weighting: Weighting | None = None, **options: object
) -> tuple[StepResult, dict[str, Tensor]]:
    result = step(model, batch, weighting or Equal(len(model.tasks)), NONE, **options)
    found = {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}
    return result, found


def by_separate_backwards(model: Sharing, batch: Batch) -> Tensor:
    """G, with γ and β as real parameters between the trunk and what reads it, a backward for each task."""
    scale, shift = at_scale_and_shift(model, batch)
    levels = [pair if model.shifts else pair[:1] for pair in zip(scale, shift, strict=True)]
    return torch.cat([one_TC for level in levels for one_TC in level], 1)


def at_scale_and_shift(model: Sharing, batch: Batch) -> tuple[list[Tensor], list[Tensor]]:
    """∂L_t/∂γ_l and ∂L_t/∂β_l of every level [T, C_l]."""
    shared = model.trunk(batch.inputs)
    gamma = [torch.ones(s.shape[1], dtype=s.dtype, requires_grad=True) for s in shared]
    beta = [torch.zeros(s.shape[1], dtype=s.dtype, requires_grad=True) for s in shared]
    moved = [g[:, None, None] * s + b[:, None, None] for g, s, b in zip(gamma, shared, beta, strict=True)]
    loss_T, _ = task_losses(model, model.rest(batch.inputs, model.read(moved)), batch.labels, NONE)
    wanted, rows = [*gamma, *beta], []
    for loss in loss_T:
        grads = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
        rows.append([torch.zeros_like(p) if g is None else g for p, g in zip(wanted, grads, strict=True)])
    each = [torch.stack(column) for column in zip(*rows, strict=True)]
    return each[: len(gamma)], each[len(gamma) :]


@every_way
def test_shifts_of_shared_channels_are_left_out_only_where_they_change_no_loss(way: str) -> None:
    model, batch = setting(way)
    scale, shift = at_scale_and_shift(model, batch)
    there = torch.cat(shift, 1).norm(dim=1) / torch.cat(scale, 1).norm(dim=1)
    if model.shifts:
        assert there.min() > 1e-3
    else:
        assert there.max() < 1e-9


@every_way
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_backward_gives_every_tasks_gradient_at_the_shared_parameters(way: str, seed: int) -> None:
    model, batch = setting(way, seed=seed)
    expected = by_separate_backwards(model, batch)
    assert expected.abs().amax(1).min() > 1e-6
    result, _ = run(model, batch)
    assert result.grad_TP.dtype == torch.float64
    close(result.grad_TP, expected, 1e-9)
    close(result.grad_TP @ result.grad_TP.T, expected @ expected.T, 1e-9)


def test_the_same_holds_where_some_reads_and_branches_are_gone() -> None:
    model, batch = setting("adaptive")
    assert isinstance(model, Adaptive)
    model.fixed_TL[:, 0] = torch.tensor([0.0, 0.0, 0.0, 0.0])
    model.fixed_TL[1, 1], model.fixed_TL[3, 2] = 0.0, 1.0
    small = model.reduced()
    assert small.structure.readers[0] == ()
    expected = by_separate_backwards(small, batch)
    result, grads = run(small, batch)
    close(result.grad_TP, expected, 1e-9)
    _, wanted = plain(small, batch)
    for name, grad in wanted.items():
        close(grads[name], grad, 1e-9)


@every_way
def test_the_same_holds_for_heads_that_come_after_others_or_stand_lower(way: str) -> None:
    tasks = {"tilt": helpers.tilt(after=("digit", "ink")), "digit": helpers.digit(level=2), "ink": helpers.ink()}
    model, batch = setting(way, tasks)
    expected = by_separate_backwards(model, batch)
    result, found = run(model, batch)
    close(result.grad_TP, expected, 1e-9)
    for name, grad in plain(model, batch)[1].items():
        close(found[name], grad, 1e-9)


def test_a_trunk_that_is_fixed_gets_no_gradient_and_all_else_its_own() -> None:
    model, batch = setting("frozen")
    model.begin(1.0)
    _, expected = plain(model.requires_grad_(True), batch)
    model.begin(1.0)
    _, found = run(model, batch)
    for name, grad in found.items():
        close(grad, torch.zeros_like(grad) if name.startswith("trunk") else expected[name], 1e-9)


def test_where_nobody_reads_the_trunk_the_branches_still_learn() -> None:
    model, batch = setting("adaptive")
    assert isinstance(model, Adaptive)
    model.fixed_TL[:] = 0.0
    small = model.reduced()
    result, grads = run(small, batch)
    assert result.grad_TP.tolist() == torch.zeros(4, sum(small.structure.trunk)).tolist()
    assert result.weight_T.tolist() == [1, 1, 1, 1]
    _, wanted = plain(small, batch)
    for name, grad in wanted.items():
        close(grads[name], grad, 1e-9)
    assert all((grads[name] == 0).all() == name.startswith(("trunk", "degree")) for name in grads)


@every_way
def test_with_equal_weights_every_gradient_is_that_of_the_plain_sum(way: str) -> None:
    model, batch = setting(way)
    loss_T, expected = plain(model, batch)
    result, found = run(model, batch)
    close(result.loss_T, loss_T, 1e-12)
    assert result.weight_T.tolist() == [1, 1, 1, 1]
    for name, grad in expected.items():
        close(found[name], grad, 1e-9)
    assert any(name.startswith("trunk") for name in expected)


@every_way
def test_weights_scale_the_trunk_and_nothing_else(way: str) -> None:
    model, batch = setting(way)
    weights = [0.25, 2.0, 0.5, 1.25]
    _, weighted = plain(model, batch, weights)
    _, unweighted = plain(model, batch)
    result, found = run(model, batch, Given(*weights))
    assert result.weight_T.tolist() == weights
    for name, grad in found.items():
        close(grad, weighted[name] if name.startswith("trunk") else unweighted[name], 1e-9)
    first = next(name for name in found if name.endswith("levels.0.down.weight"))
    assert (weighted[first] - unweighted[first]).abs().max() > 1e-6


def test_a_tasks_own_weight_multiplies_its_share_in_the_trunk() -> None:
    model, batch = setting("hard")
    model.tasks["digit"] = model.tasks["digit"].model_copy(update={"weight": 3.0})
    _, expected = plain(model, batch, [3.0, 1, 1, 1])
    result, found = run(model, batch)
    assert result.weight_T.tolist() == [3, 1, 1, 1]
    for name, grad in found.items():
        if name.startswith("trunk"):
            close(grad, expected[name], 1e-9)


@every_way
def test_a_task_without_labels_has_no_say(way: str) -> None:
    model, batch = setting(way)
    batch.labels["objects"]["present"][:] = False
    result, found = run(model, batch)
    at = list(model.tasks).index("objects")
    assert result.active_T.tolist() == [name != "objects" for name in model.tasks]
    assert result.loss_T[at] == 0
    assert (result.grad_TP[at] == 0).all()
    assert result.weight_T[at] == 0
    assert all((found[name] == 0).all() for name in found if name.startswith("heads.objects"))
    assert all(grad.isfinite().all() for grad in found.values())
    for name, grad in found.items():
        there = helpers.owners(model, name)[0]
        if there and "objects" in there and not name.startswith("trunk") and (way, name) != ("soft", "degree_TL"):
            assert (grad.chunk(len(there))[there.index("objects")] == 0).all(), name


@every_way
def test_a_batch_without_any_label_moves_nothing(way: str) -> None:
    model, batch = setting(way)
    for fields in batch.labels.values():
        fields["present"][:] = False
    result, found = run(model, batch)
    assert all((grad == 0).all() for grad in found.values())
    assert (result.weight_T == 0).all()


@every_way
def test_labels_of_rows_without_one_change_no_gradient(way: str) -> None:
    model, batch = setting(way)
    _, expected = run(model, batch)
    for fields in batch.labels.values():
        gone = ~fields["present"]
        for field in ("value", "mask"):
            if field in fields:
                fields[field][gone] = 1
    batch.labels["digit"]["class"][~batch.labels["digit"]["present"]] = 2
    model.zero_grad()
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.reset_running_stats()
    _, found = run(model, batch)
    for name, grad in expected.items():
        assert torch.equal(found[name], grad), name


@every_way
def test_gradients_of_micro_batches_add_up(way: str) -> None:
    model, batch = setting(way)
    _, other = setting(way, seed=7)
    alone = []
    for one in (batch, other):
        model.zero_grad()
        alone.append(run(model, one)[1])
    model.zero_grad()
    first, _ = run(model, batch)
    second, together = run(model, other)
    for name, grad in together.items():
        close(grad, alone[0][name] + alone[1][name], 1e-9)
    assert not torch.allclose(first.grad_TP, second.grad_TP)


@every_way
def test_a_penalty_adds_its_own_gradient_and_none_to_the_tasks(way: str) -> None:
    model, batch = setting(way)
    before, expected = run(model, batch)
    model.zero_grad()
    penalty = 0.1 * sum(parameter.square().sum() for parameter in model.parameters())
    after, found = run(model, batch, penalty=penalty)
    close(after.grad_TP, before.grad_TP, 1e-12)
    for name, parameter in model.named_parameters():
        close(found[name], expected[name] + 0.2 * parameter.detach(), 1e-9)


@every_way
def test_permuting_tasks_permutes_the_gradients(way: str) -> None:
    """The same task twice, on other rows each: exchanging the rows exchanges the two rows of G, for equal networks.

    Where each task has a trunk of its own, its channels are exchanged with it.
    """
    one = {"a": helpers.digit(), "b": helpers.digit()}
    model, batch = setting(way, one)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            there = helpers.owners(model, name)
            if there == [("a", "b")] * len(there) and len(there) == 2:
                parameter.copy_((parameter + parameter.flip(0, 1)) / 2)
            elif there[0] == ("a", "b"):
                first, second = parameter.chunk(2)
                second.copy_(first.flip(1) if there[1:] == [("a", "b")] else first)
        for twins in (model.heads, getattr(model.trunk, "columns", {}) if way != "experts" else {}):
            for first, second in itertools.pairwise(twins.values()):
                second.load_state_dict(first.state_dict())
    straight, _ = run(model, batch)
    crossed, _ = run(model, Batch(batch.inputs, {"a": batch.labels["b"], "b": batch.labels["a"]}))
    assert not torch.allclose(straight.grad_TP[0], straight.grad_TP[1])
    expected = straight.grad_TP.flip(0)
    if way in ("soft", "cross_stitch", "groups"):
        widths = [2 * width for width in model.structure.trunk]
        expected = torch.cat([torch.cat(part.chunk(2, 1)[::-1], 1) for part in expected.split(widths, 1)], 1)
    close(crossed.grad_TP, expected, 1e-9)


@every_way
def test_a_mean_over_labelled_rows_does_not_depend_on_how_many_lack_one(way: str) -> None:
    model, batch = setting(way, missing=0)
    model.eval()  # so that rows do not meet in the norms
    twice = Batch(
        torch.cat([batch.inputs, batch.inputs]),
        {name: {field: torch.cat([v, v]) for field, v in fields.items()} for name, fields in batch.labels.items()},
    )
    for fields in twice.labels.values():
        fields["present"][10:] = False
    one, other = run(model, batch)[0], run(model, twice)[0]
    close(one.loss_T, other.loss_T, 1e-12)
    close(one.grad_TP, other.grad_TP, 1e-12)


def test_class_weights_reach_the_loss() -> None:
    model, batch = setting("hard", {"digit": helpers.digit()})
    weights = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
    raw = model(batch.inputs)
    loss_T, _ = task_losses(model, raw, batch.labels, {"digit": weights})
    has, number = batch.labels["digit"]["present"], batch.labels["digit"]["class"]
    each = -raw["digit"].log_softmax(1)[torch.arange(10), number] * weights[number]
    close(loss_T[0], each[has].mean(), 1e-12)


@every_way
def test_in_bf16_gradients_stay_near_those_of_fp32(way: str) -> None:
    model = helpers.model(way).train()
    batch = helpers.batch(model.tasks, rows=16)
    exact, _ = run(model, batch)
    model.zero_grad()
    rough, found = run(model, batch, autocast=torch.autocast("cpu", dtype=torch.bfloat16))
    assert rough.grad_TP.dtype == rough.loss_T.dtype == torch.float32
    assert all(grad.dtype == torch.float32 and grad.isfinite().all() for grad in found.values())
    close(rough.loss_T, exact.loss_T, 0.05)
    assert torch.cosine_similarity(rough.grad_TP, exact.grad_TP).min() > 0.8


@every_way
def test_a_loss_scaler_leaves_no_trace_in_the_shared_gradients(way: str) -> None:
    model = helpers.model(way).train()
    batch = helpers.batch(model.tasks)
    exact, expected = run(model, batch)
    model.zero_grad()
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    scaled, found = run(model, batch, scaler=scaler)
    close(scaled.grad_TP, exact.grad_TP, 1e-4)
    close(scaled.loss_T, exact.loss_T, 1e-6)
    for name, grad in expected.items():
        close(found[name] / 256, grad, 1e-4)
