"""Promises of augmentation: no label becomes untrue."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers
from laws import close
from lepton.blocks import Augment
from lepton.data.augment import allowed, apply, in_words
from lepton.types import Batch


def test_a_flip_needs_every_tasks_leave() -> None:
    plan = Augment(rotate=5, flip=True)
    angle, plain = helpers.tilt(moves_with="rotation"), helpers.tilt()
    assert allowed(plan, [plain, helpers.digit()]) == plan
    assert allowed(plan, [plain, angle]) == Augment(rotate=5)
    assert allowed(Augment(), [plain]) == Augment()


def test_words_say_what_is_on_and_nothing_else() -> None:
    assert in_words(Augment()) == []
    words = in_words(Augment(rotate=8, scale=0.1, shift=0.08, color=0.15, flip=True))
    assert len(words) == 5
    for word, sentence in zip(["8 degrees", "10%", "8%", "15%", "left and right"], words, strict=True):
        assert word in sentence
    assert len(in_words(Augment(color=0.2))) == 1


def test_an_empty_plan_changes_nothing() -> None:
    tasks = helpers.tasks()
    batch = helpers.batch(tasks)
    moved = apply(batch, helpers.image(), tasks, Augment(), generator=helpers.generator())
    close(moved.inputs, batch.inputs, 1e-5)
    for name, fields in batch.labels.items():
        for field, value in fields.items():
            close(moved.labels[name][field], value, 1e-5)


@given(seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_the_seed_decides_inputs_and_labels(seed: int) -> None:
    tasks, plan = helpers.tasks(), Augment(rotate=30, scale=0.2, shift=0.1, color=0.2)
    one, other = (apply(helpers.batch(tasks), helpers.image(), tasks, plan, generator=helpers.generator(seed)) for _ in range(2))
    assert torch.equal(one.inputs, other.inputs)
    for name, fields in one.labels.items():
        for field, value in fields.items():
            assert torch.equal(value, other.labels[name][field])


def test_labels_that_do_not_move_stay_and_the_batch_is_left_alone() -> None:
    tasks = helpers.tasks()
    batch, untouched = helpers.batch(tasks), helpers.batch(tasks)
    moved = apply(batch, helpers.image(), tasks, Augment(rotate=30, color=0.1), generator=helpers.generator())
    assert torch.equal(moved.labels["digit"]["class"], batch.labels["digit"]["class"])
    assert not torch.equal(moved.labels["ink"]["mask"], batch.labels["ink"]["mask"])
    assert torch.equal(batch.inputs, untouched.inputs)
    for name, fields in untouched.labels.items():
        assert torch.equal(moved.labels[name]["present"], fields["present"])
        for field, value in fields.items():
            assert torch.equal(batch.labels[name][field], value)


def test_picture_mask_and_box_of_one_object_move_as_one() -> None:
    """A bright block in the picture, its mask and its box: whatever the plan, the three still agree."""
    side, rows = 40, 24
    tasks = {"ink": helpers.ink(), "objects": helpers.objects("block"), "tilt": helpers.tilt(-180, 180)}
    inputs, mask = torch.full((rows, 3, side, side), -1.0), torch.zeros(rows, side, side, dtype=torch.uint8)
    inputs[:, :, 14:26, 12:22], mask[:, 14:26, 12:22] = 1, 1
    present = torch.ones(rows, dtype=torch.bool)
    boxes = torch.tensor([[[17.0, 20.0, 10.0, 12.0]]]).repeat(rows, 1, 1)
    labels = {
        "ink": {"present": present, "mask": mask},
        "objects": {"present": present, "box": boxes, "class": torch.zeros(rows, 1, dtype=torch.int64)},
        "tilt": {"present": present, "value": torch.zeros(rows)},
    }
    plan = allowed(Augment(rotate=25, scale=0.2, shift=0.1, flip=True), tasks.values())
    assert plan.flip
    moved = apply(Batch(inputs, labels), helpers.image(side), tasks, plan, generator=helpers.generator())
    axis = torch.arange(side) + 0.5
    seen = moved.inputs[:, 0] + 1
    marked = moved.labels["ink"]["mask"].float()
    centres = [
        torch.stack([(one.sum(1) * axis).sum(1), (one.sum(2) * axis).sum(1)], 1) / one.sum((1, 2))[:, None]
        for one in (seen, marked)
    ]
    told = moved.labels["objects"]["box"][:, 0, :2]
    assert (told - boxes[:, 0, :2]).abs().max() > 3
    assert (centres[0] - told).abs().max() < 0.3
    assert (centres[1] - told).abs().max() < 0.6  # a mask has whole pixels
    iou = ((seen > 1) & (marked > 0)).sum((1, 2)) / ((seen > 1) | (marked > 0)).sum((1, 2))
    assert iou.min() > 0.9
