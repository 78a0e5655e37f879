"""Promises of detection."""

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import helpers
from laws import ignores_rows_without_label, one_entry_per_sample, one_line, weighing_repeats_them
from lepton.blocks import Augment
from lepton.tasks.average_precision import match
from lepton.tasks.base import Level
from lepton.tasks.detection import CentreHead, Detection
from lepton.types import Arrays, Labels, Source, Warp

SOURCE = Source(Path(), (16, 16))


def box(label: str, x: float, y: float, w: float, h: float) -> dict:
    return {"label": label, "x": x, "y": y, "w": w, "h": h}


def apart(rows: int, seed: int, classes: int = 2) -> Labels:
    """Three boxes a row, each in a quarter of the image of its own."""
    random = np.random.default_rng(seed)
    number = random.integers(-1, classes, size=(rows, 3))
    size = random.uniform(1, 8, (rows, 3, 2))
    centre = np.array([(4, 4), (12, 4), (12, 12)]) + random.uniform(-3.9, 1.9, (rows, 3, 2))
    boxes = torch.from_numpy(np.concatenate([centre, size], -1).astype(np.float32))
    return {"present": torch.ones(rows, dtype=torch.bool), "box": boxes, "class": torch.from_numpy(number)}


def raw_of(labels: Labels, classes: int, side: int = 16, stride: int = 4) -> torch.Tensor:
    """What a perfect network would say, written down from the definition: one sure cell per box, its offset and log size."""
    cells = side // stride
    raw = torch.zeros(len(labels["box"]), 5 + classes, cells, cells)
    raw[:, 0] = -16
    for row, (boxes, numbers) in enumerate(zip(labels["box"].tolist(), labels["class"].tolist(), strict=True)):
        for (x, y, w, h), number in zip(boxes, numbers, strict=True):
            if number >= 0:
                column, line = int(x // stride), int(y // stride)
                raw[row, 0, line, column] = 12
                raw[row, 5 + number, line, column] = 24
                told = [x / stride - column - 0.5, y / stride - line - 0.5, np.log(w / stride), np.log(h / stride)]
                raw[row, 1:5, line, column] = torch.tensor(told)
    return raw


def guesses(rows: int, classes: int, seed: int, places: int = 5) -> tuple[dict[str, np.ndarray], Arrays]:
    """Random truth, and predictions of which many are near it; scores in steps would tie, so they are drawn."""
    random = np.random.default_rng(seed)
    labels = helpers.arrays(helpers.objects(*map(str, range(classes))), rows, random)
    score = random.uniform(0.02, 1, (rows, places, classes)) * (random.random((rows, places, classes)) < 0.4)
    boxes = random.uniform(0, 0.6, (rows, places, 4)) + 0.05
    for row in range(rows):
        for slot, (number, (x, y, w, h)) in enumerate(zip(labels["class"][row], labels["box"][row].tolist(), strict=True)):
            if number >= 0 and random.random() < 0.7:
                near = np.array([x - w / 2, y - h / 2, w, h]) + random.normal(0, 0.05 * (w + h), 4) * random.choice([0, 1, 3])
                boxes[row, slot] = near.clip(0.1) / 16
                score[row, slot, number] = random.uniform(0.02, 1)
    return {"score": score.astype(np.float32), "box": boxes.astype(np.float32)}, labels


def judged_by_coco(truth: list[dict], found: list[dict], images: Iterable[int], classes: int) -> COCOeval:
    """COCOeval, asked about every class and image."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        named = [{"id": image} for image in images]
        coco.dataset = {"info": {}, "images": named, "categories": [{"id": k} for k in range(classes)], "annotations": truth}
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes([dict(box) for box in found]), "bbox")
        judge.evaluate()
    return judge


def stats_of_coco(predicted: dict[str, np.ndarray], labels: Arrays, classes: int) -> tuple[float, float]:
    """AP and AP50 as COCOeval itself sums them up."""
    truth, found = [], []
    for row in np.flatnonzero(labels["present"]):
        for number, (x, y, w, h) in zip(labels["class"][row], labels["box"][row].tolist(), strict=True):
            if number >= 0:
                shape = {"bbox": [x - w / 2, y - h / 2, w, h], "area": w * h, "iscrowd": 0}
                truth.append({"id": len(truth) + 1, "image_id": int(row), "category_id": int(number), **shape})
        for place, number in zip(*np.nonzero(predicted["score"][row]), strict=True):
            corner = (predicted["box"][row, place].astype(float) * 16).tolist()
            one = {"image_id": int(row), "category_id": int(number), "bbox": corner}
            found.append({**one, "score": float(predicted["score"][row, place, number])})
    judge = judged_by_coco(truth, found, np.flatnonzero(labels["present"]).tolist(), classes)
    with contextlib.redirect_stdout(io.StringIO()):
        judge.accumulate()
        judge.summarize()
    return judge.stats[0], judge.stats[1]


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 25), classes=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_metrics_are_those_of_cocoeval(seed: int, rows: int, classes: int) -> None:
    predicted, labels = guesses(rows, classes, seed)
    has = labels["present"]
    if not (labels["class"][has] >= 0).any() or not predicted["score"][has].any():
        return
    task = helpers.objects(*map(str, range(classes)))
    found = task.compare(predicted, labels, (16, 16)).measure()
    ap, ap50 = stats_of_coco(predicted, labels, classes)
    assert next(iter(found)) == task.metric == "ap50"
    assert found["ap50"] == pytest.approx(ap50, abs=1e-9)
    assert found["ap"] == pytest.approx(ap, abs=1e-9)


@given(seed=st.integers(0, 10**6), classes=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_matches_are_those_of_cocoeval_asked_about_every_class_and_image(seed: int, classes: int) -> None:
    random, images = np.random.default_rng(seed), 6
    truth, found = [], []
    for image in range(images):
        for number in range(classes):
            pair = {"image_id": image, "category_id": number}
            there = [[*random.uniform(0, 8, 2), *random.uniform(2, 8, 2)] for _ in range(random.integers(3))]
            truth += [{**pair, "bbox": box, "area": box[2] * box[3], "iscrowd": 0} for box in there]
            near = [[side + random.normal(0, 0.3) for side in box] for box in there for _ in range(random.integers(3))]
            alone = [[*random.uniform(0, 8, 2), 4.0, 4.0] for _ in range(random.integers(2))]
            found += [{**pair, "bbox": box, "score": float(random.integers(1, 4)) / 4} for box in near + alone]  # with ties
    if not truth or not found:
        return
    judge = judged_by_coco([{**box, "id": number + 1} for number, box in enumerate(truth)], found, range(images), classes)
    every_area = judge.params.areaRng[0]
    all_ = [one for one in judge.evalImgs if one is not None and one["dtScores"] and one["aRng"] == every_area]
    mine = [one for one in match(truth, found, images, classes) if len(one[0])]
    assert [(int(image[0]), int(number[0])) for image, number, _, _ in mine] == [(o["image_id"], o["category_id"]) for o in all_]
    for (_, _, score_D, hit_DI), one in zip(mine, all_, strict=True):
        assert score_D.tolist() == one["dtScores"]
        assert hit_DI.tolist() == (one["dtMatches"] > 0).T.tolist()


@given(seed=st.integers(0, 10**6), rows=st.lists(st.integers(0, 5), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_measuring_repeated_rows_is_measuring_a_table_that_repeats_them(seed: int, rows: list[int]) -> None:
    predicted, labels = guesses(14, 2, seed)
    if labels["present"].sum() >= 6:
        weighing_repeats_them(helpers.objects(), predicted, labels, np.array(rows), 16)


def test_no_prediction_scores_nothing_and_no_truth_is_no_error() -> None:
    predicted, labels = guesses(6, 2, 0)
    silent = {**predicted, "score": predicted["score"] * 0}
    assert helpers.objects().compare(silent, labels, (16, 16)).measure() == {"ap50": 0.0, "ap": 0.0}
    empty = {**labels, "class": np.full_like(labels["class"], -1)}
    assert helpers.objects().compare(predicted, empty, (16, 16)).measure() == {"ap50": 0.0, "ap": 0.0}


def test_perfect_predictions_score_one() -> None:
    labels = apart(20, 0)
    predicted = helpers.numpy(helpers.objects().predict(raw_of(labels, 2)))
    found = helpers.objects().compare(predicted, helpers.numpy(labels), (16, 16)).measure()
    assert found == {"ap50": pytest.approx(1), "ap": pytest.approx(1)}


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_perfect_map_gives_the_boxes_back(seed: int) -> None:
    task, labels = helpers.objects(), apart(4, seed)
    predicted = helpers.numpy(task.predict(raw_of(labels, 2)))
    for row, (boxes, numbers) in enumerate(zip(labels["box"].tolist(), labels["class"].tolist(), strict=True)):
        told = [(task.classes[k], x - w / 2, y - h / 2, w, h) for (x, y, w, h), k in zip(boxes, numbers, strict=True) if k >= 0]
        found = [(one["label"], *(one[side] for side in "xywh")) for one in task.objects(predicted, row, (16, 16))]
        assert len(found) == len(told)
        for one, other in zip(sorted(found), sorted(told), strict=True):
            assert one[0] == other[0]
            assert one[1:] == pytest.approx(other[1:], abs=1e-4)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_loss_is_nothing_when_the_model_is_right(seed: int) -> None:
    labels = apart(4, seed)
    raw = raw_of(labels, 2)
    assert helpers.objects().loss(raw, labels, None).max() < 1e-4
    some = (labels["class"] >= 0).any(1)
    for channels, value in ((slice(0, 1), -16.0), (slice(1, 5), 3.0), (slice(5, None), 0.0)):  # centres, boxes, classes
        wrong = raw.clone()
        wrong[:, channels] = value
        assert (helpers.objects().loss(wrong, labels, None)[some] > 0.5).all()


def test_loss_is_that_of_the_paper() -> None:
    """One box, by hand over the cells: focal loss (alpha 2, beta 4), L1 on offset and log size, cross-entropy on the class."""
    labels = {
        "present": torch.tensor([True]),
        "box": torch.tensor([[[5.0, 9.5, 6.0, 12.0], [0.0] * 4, [0.0] * 4]]),
        "class": torch.tensor([[1, -1, -1]]),
    }
    raw = torch.randn(1, 7, 4, 4, generator=helpers.generator())
    expected = 0.0
    for y in range(4):
        for x in range(4):
            p = float(raw[0, 0, y, x].sigmoid())
            # widths of 6 and 12 pixels at stride 4: a sixth of them is below, and above, the least of 0.4
            target = np.exp(-((x - 1) ** 2) / (2 * 0.4**2) - (y - 2) ** 2 / (2 * 0.5**2))
            expected -= (1 - p) ** 2 * np.log(p) if target == 1 else (1 - target) ** 4 * p**2 * np.log(1 - p)
    wanted = torch.tensor([5 / 4 - 1.5, 9.5 / 4 - 2.5, np.log(6 / 4), np.log(12 / 4)])
    expected += float((raw[0, 1:5, 2, 1] - wanted).abs().sum()) - float(raw[0, 5:, 2, 1].log_softmax(0)[1])
    assert float(helpers.objects().loss(raw, labels, None)) == pytest.approx(expected, rel=1e-4)


def test_rows_without_a_label_have_no_gradient() -> None:
    raw = torch.randn(12, 7, 4, 4, generator=helpers.generator())
    ignores_rows_without_label(helpers.objects(), raw, helpers.batch({"objects": helpers.objects()}).labels["objects"])


def test_outputs_have_one_entry_per_sample() -> None:
    found = helpers.objects().predict(torch.randn(3, 7, 4, 4, generator=helpers.generator()))
    one_entry_per_sample(found, 3)
    assert found["score"].shape == (3, 16, 2)
    assert found["box"].shape == (3, 16, 4)


def test_a_peak_keeps_its_chance_and_what_stands_beside_it_fades_without_a_jump() -> None:
    chance = torch.full((1, 7, 4, 4), 0.2)
    chance[0, 0, 1, 1], chance[0, 0, 1, 2] = 0.9, 0.8
    chance[0, 5] = 1 - 1e-7  # surely of the first class
    score = helpers.objects().predict(chance.logit())["score"].view(4, 4, 2)[..., 0]
    assert float(score[1, 1]) == pytest.approx(0.9)
    assert float(score[1, 2]) == pytest.approx(0.8 * (0.8 / 0.9) ** 64, rel=1e-3)
    assert float(score[0, 1]) < 1e-6
    assert float(score[3, 0]) == pytest.approx(0.2, rel=1e-3)  # far from any peak


def test_a_network_that_is_sure_of_nothing_being_there_says_so() -> None:
    found = helpers.objects().predict(torch.full((1, 7, 4, 4), -200.0))
    one_entry_per_sample(found, 1)
    assert (found["score"] == 0).all()


def test_detections_come_most_confident_first_and_none_below_the_floor() -> None:
    predicted = {"score": np.array([[[0.3, 0.0], [0.005, 0.9]]]), "box": np.array([[[0.0, 0.5, 0.25, 0.5], [0.5, 0, 0.5, 1]]])}
    found = helpers.objects().objects(predicted, 0, (8, 16))
    assert [(one["label"], one["score"]) for one in found] == [("square", 0.9), ("round", 0.3)]
    assert [found[1][side] for side in "xywh"] == [0, 4, 4, 4]


def test_boxes_become_centres_and_null_has_none() -> None:
    rows = [[box("round", 1, 2, 4, 6), box("square", 0, 0, 2, 2)], [], None, np.array([box("round", 8, 8, 2, 4)], dtype=object)]
    found = helpers.objects().encode(pd.Series(rows), SOURCE)
    np.testing.assert_array_equal(found["present"], [True, True, False, True])
    np.testing.assert_array_equal(found["class"], [[0, 1, -1], [-1] * 3, [-1] * 3, [0, -1, -1]])
    np.testing.assert_array_equal(found["box"][0, :2], [[3, 5, 4, 6], [1, 1, 2, 2]])
    np.testing.assert_array_equal(found["box"][3, 0], [9, 10, 2, 4])
    assert found["box"].dtype == np.float32


def test_impossible_boxes_are_faults_and_null_is_none() -> None:
    good = box("round", 0, 0, 16, 16)
    rows = {
        "good": [good],
        "empty": [],
        "null": None,
        "nan": float("nan"),
        "class": [good, box("other", 1, 1, 2, 2)],
        "left": [box("round", -1, 0, 4, 4)],
        "below": [box("round", 0, 14, 4, 4)],
        "flat": [box("round", 1, 1, 0, 4)],
        "unknown": [box("round", float("nan"), 1, 4, 4)],
        "crowd": [good] * 4,
    }
    faults = helpers.objects().faults(pd.Series(rows), SOURCE)
    named = {reason: {name for name in rows if found[name]} for reason, found in faults.items()}
    assert named == {
        "unknown class": {"class"},
        "box outside image": {"left", "below", "flat", "unknown"},
        "too many boxes": {"crowd"},
    }


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ([{"label": "round", "x": 1, "y": 2, "w": 3}], "row 2 has a box without h"),
        ([box("round", 0, 0, 2, 2), {**box("round", 0, 0, 2, None), "label": None}], "row 2 has a box without label, h"),
        (box("round", 0, 0, 2, 2), "row 2 holds no list but a dict"),
        ('[{"label": "round"}]', "row 2 holds text (of JSON, json.loads makes a list)"),
        ([[1, 2, 3, 4]], "row 2 has a list in its list"),
        ([box("round", "0", 0, 2, 2)], "row 2 has a box whose x is text"),
    ],
)
def test_what_is_no_list_of_boxes_is_told_with_what_is_wanted(cell: object, said: str) -> None:
    column = pd.Series([None, [], cell], dtype=object)
    message = one_line(lambda: helpers.objects().faults(column, SOURCE))
    assert message == f"needs a list of {{label, x, y, w, h}} per row, and {said}"


def test_every_fault_has_an_expectation() -> None:
    task = helpers.objects()
    faults = task.faults(pd.Series([[]]), SOURCE)
    assert {one.column for one in task.expectations(helpers.params().validate_)} == {f"objects: {reason}" for reason in faults}


@pytest.mark.parametrize("stride", [3, 6, 16, 32])
def test_a_stride_that_no_level_has_is_one_line(stride: int) -> None:
    task = helpers.objects(stride=stride)
    levels = [Level(3, 2 ** (level + 1)) for level in task.levels(3)]
    one_line(lambda: task.head(levels, (96, 96), 0.0), "objects", f"stride {stride}", "Known: 2, 4, 8.")


@pytest.mark.parametrize(("stride", "levels"), [(2, [0, 1, 2]), (4, [1, 2]), (8, [2])])
def test_the_head_reads_no_level_that_it_does_not_use(stride: int, levels: list[int]) -> None:
    assert list(helpers.objects(stride=stride).levels(3)) == levels


def test_a_channel_that_is_below_zero_everywhere_still_learns() -> None:
    head = helpers.objects().head([Level(4, 4)], (16, 16), dropout=0.0)
    assert isinstance(head, CentreHead)
    assert head.mix.bias is not None
    torch.nn.init.constant_(head.mix.bias, -100.0)
    head([torch.rand(2, 4, 4, 4)]).square().sum().backward()
    assert head.mix.bias.grad is not None
    assert (head.mix.bias.grad != 0).all()


def test_a_size_that_is_no_multiple_of_the_stride_is_one_line() -> None:
    one_line(lambda: helpers.objects().head([Level(4, 4)], (16, 18), 0.0), "[16, 18]", "objects", "stride 4")


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_the_map_has_a_pixel_per_stride(stride: int) -> None:
    task = helpers.objects(stride=stride)
    levels = [Level(3 + level, 2 ** (level + 1)) for level in task.levels(3)]
    features = [torch.randn(2, one.channels, 16 // one.stride, 16 // one.stride) for one in levels]
    assert task.head(levels, (16, 16), 0.0)(features).shape == (2, 7, 16 // stride, 16 // stride)


def find(light: torch.Tensor) -> tuple[float, float]:
    """Centre of the light [H, W], counted from the corner of the first pixel."""
    axis = torch.arange(len(light)) + 0.5
    return float((light.sum(0) * axis).sum() / light.sum()), float((light.sum(1) * axis).sum() / light.sum())


@pytest.mark.parametrize(
    "plan",
    [
        Augment(rotate=180),
        Augment(flip=True),
        Augment(scale=0.3),
        Augment(shift=0.2),
        Augment(rotate=15, scale=0.1, shift=0.1, flip=True),
    ],
)
def test_boxes_move_with_the_pixels(plan: Augment) -> None:
    side, rows = 40, 16
    images = torch.full((rows, 3, side, side), -1.0)
    images[:, :, 10:20, 8:14] = 1
    labels = {
        "present": torch.ones(rows, dtype=torch.bool),
        "box": torch.tensor([[[11.0, 15.0, 6.0, 10.0]]]).repeat(rows, 1, 1),
        "class": torch.zeros(rows, 1, dtype=torch.int64),
    }
    moved, warp = helpers.image(side).augment(images, plan, generator=helpers.generator())
    after = helpers.objects().move(labels, warp)
    assert (after["class"] == 0).all()
    centres = torch.tensor([find(picture) for picture in moved[:, 0] + 1])
    assert (centres - torch.tensor([11.0, 15.0])).abs().max() > 1
    inside = ((after["box"][:, 0, :2] > 9) & (after["box"][:, 0, :2] < side - 9)).all(1)
    assert inside.sum() >= 4
    assert (centres - after["box"][:, 0, :2])[inside].abs().max() < 0.2


def warp_of(matrix: list[list[float]], side: int = 16) -> Warp:
    one = torch.ones(1)
    return Warp(torch.tensor([matrix]), one, one, one > 0, (side, side))


def test_a_quarter_turn_exchanges_width_and_height() -> None:
    labels = {"present": torch.tensor([True]), "box": torch.tensor([[[3.0, 5.0, 2.0, 6.0]]]), "class": torch.tensor([[1]])}
    found = helpers.objects().move(labels, warp_of([[0.0, -1.0, 15.0], [1.0, 0.0, 0.0]]))
    torch.testing.assert_close(found["box"], torch.tensor([[[11.0, 3.0, 6.0, 2.0]]]))
    assert found["class"].tolist() == [[1]]


def test_a_box_whose_centre_leaves_the_image_is_gone() -> None:
    labels = {
        "present": torch.tensor([True]),
        "box": torch.tensor([[[3.0, 5.0, 2.0, 2.0], [12.0, 5.0, 2.0, 2.0], [0.0] * 4]]),
        "class": torch.tensor([[0, 1, -1]]),
    }
    found = helpers.objects().move(labels, warp_of([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0]]))
    assert found["class"].tolist() == [[0, -1, -1]]
    assert torch.equal(labels["class"], torch.tensor([[0, 1, -1]]))


def test_score_is_the_strongest_centre() -> None:
    raw = torch.full((2, 7, 4, 4), -3.0)
    raw[1, 0, 2, 2] = 4
    raw[:, 1:] = 50
    torch.testing.assert_close(helpers.objects().score(raw), torch.tensor([-3.0, 4.0]))


def test_classes_are_a_setting_of_the_task() -> None:
    assert isinstance(helpers.objects("a"), Detection)
    assert helpers.objects("a").predict(torch.zeros(1, 6, 4, 4))["score"].shape == (1, 16, 1)
