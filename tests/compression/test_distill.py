"""A pruned network is taught by the full one."""

import pytest
import torch
from torch import Tensor

import helpers
import laws
from lepton.compression.distill import augmented, finetune, teaching_loss
from lepton.compression.prune import importance, prune
from lepton.sharing.base import Sharing

TASKS = {"digit": helpers.digit(), "ink": helpers.ink()}
NO_WEIGHTS = dict.fromkeys(TASKS)
SAMPLES = helpers.samples(TASKS, 64)


def taught(distill: float, seed: int = 0) -> tuple[Sharing, Sharing]:
    """Teacher and student."""
    params = helpers.params(compress={"epochs": 6, "distill": distill, "lr": 0.01})
    teacher = helpers.model(chosen=TASKS).eval()
    scores = importance(teacher, [helpers.batch(teacher.tasks)], NO_WEIGHTS)
    student = prune(teacher, scores, 0.6)
    finetune(student, teacher, SAMPLES, params, NO_WEIGHTS, seed=seed)
    return teacher, student


@torch.no_grad()
def distance(student: Sharing, teacher: Sharing) -> float:
    inputs = helpers.batch(teacher.tasks, rows=32, seed=9).inputs
    return float(teaching_loss(student(inputs), teacher(inputs)))


def test_with_a_teacher_it_ends_closer_to_it_than_with_labels_alone() -> None:
    teacher, taught_so = taught(0.9)
    _, alone = taught(0.0)
    assert distance(taught_so, teacher) < 0.5 * distance(alone, teacher)
    assert not taught_so.training


def test_the_teacher_is_left_as_it_was() -> None:
    teacher, _ = taught(0.5)
    laws.same_state(teacher, helpers.model(chosen=TASKS))
    assert all(value.grad is None for value in teacher.parameters())


def test_equal_seeds_teach_equal_networks() -> None:
    one, other, third = (taught(0.5, seed)[1] for seed in (1, 1, 2))
    laws.same_state(one, other)
    with pytest.raises(AssertionError):
        laws.same_state(one, third)


def test_the_teaching_loss_has_no_unit() -> None:
    generator = helpers.generator()
    student, teacher = ({"tilt": torch.randn(9, 2, generator=generator)} for _ in range(2))

    def scaled(raw: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: 1000 * value for name, value in raw.items()}

    assert teaching_loss(teacher, teacher) == 0
    assert float(teaching_loss(scaled(student), scaled(teacher))) == pytest.approx(float(teaching_loss(student, teacher)), rel=1e-5)


def test_rows_are_seen_as_often_as_asked() -> None:
    batches = augmented(SAMPLES, helpers.params(), helpers.model(chosen=TASKS), 1.5, torch.device("cpu"), seed=0)
    assert sum(len(batch.inputs) for batch in batches) == 96
