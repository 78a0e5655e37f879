"""Promises of weighted boxes fusion."""

import numpy as np
import pytest

from lepton.tasks.weighted_boxes_fusion import Boxes, fuse, overlap


def boxes(*told: tuple[float, int, tuple[float, float, float, float]]) -> Boxes:
    score, number, place = zip(*told, strict=True) if told else ((), (), np.zeros((0, 4)))
    return np.array(score), np.array(number, int), np.array(place, float)


def test_overlap_is_intersection_over_union() -> None:
    others = np.array([[0.0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1], [0, 0, 4, 4]])
    np.testing.assert_allclose(overlap(np.array([0.0, 0, 2, 2]), others), [1, 1 / 3, 0, 1 / 4])


def test_boxes_on_one_object_become_their_mean_by_weight_and_score() -> None:
    one, other = boxes((0.9, 0, (0, 0, 10, 10))), boxes((0.6, 0, (1, 0, 10, 12)))
    score, number, box = fuse([one, other], np.array([1.0, 3.0]))
    assert score == pytest.approx([(0.9 + 3 * 0.6) / 4])
    assert number.tolist() == [0]
    np.testing.assert_allclose(box, [[1.8 / 2.7, 0, 10, 10 + 2 * 1.8 / 2.7]])


def test_a_box_that_one_of_two_models_sees_keeps_its_place_and_half_of_its_score() -> None:
    score, _, box = fuse([boxes((0.8, 1, (3, 4, 5, 6))), boxes()], np.ones(2))
    assert score == pytest.approx([0.4])
    np.testing.assert_allclose(box, [[3, 4, 5, 6]])


def test_other_classes_and_boxes_of_one_model_stay_apart() -> None:
    place = (0.0, 0.0, 10.0, 10.0)
    assert len(fuse([boxes((0.9, 0, place)), boxes((0.9, 1, place))], np.ones(2))[0]) == 2
    near = boxes((0.9, 0, place), (0.8, 0, (0, 0, 10, 9)))
    for count in (1, 3):
        score, number, box = fuse([near] * count, np.ones(count))
        for found, given in zip((score, number, box), near, strict=True):
            np.testing.assert_allclose(found, given, rtol=1e-12)


def test_nothing_anywhere_is_nothing() -> None:
    score, number, box = fuse([boxes(), boxes()], np.ones(2))
    assert score.shape == number.shape == (0,)
    assert box.shape == (0, 4)
