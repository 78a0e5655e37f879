"""How much of a model is a simple rule."""

import numpy as np
import pytest

from lepton.evaluation.surrogate import image_facts, imitate

RANDOM = np.random.default_rng(0)
FACTS = RANDOM.random((300, 3))
NAMES = ["mean red", "mean green", "spread red"]


def test_a_model_that_is_a_simple_rule_is_imitated_whole_and_its_rule_told() -> None:
    found = imitate(FACTS, NAMES, np.where(FACTS[:, 1] > 0.5, "day", "night"), depth=2, seed=0)
    assert found.fidelity > 0.97
    assert "mean green" in found.rules
    assert "day" in found.rules


def test_a_quantity_is_imitated_as_one() -> None:
    found = imitate(FACTS, NAMES, 10 * (FACTS[:, 0] > 0.3), depth=2, seed=0)
    assert found.fidelity > 0.97
    assert imitate(FACTS, NAMES, np.where(FACTS[:, 0] > 0.3, 10.5, 0.25), depth=2, seed=0).fidelity > 0.9


def test_what_has_no_rule_has_no_fidelity() -> None:
    assert imitate(FACTS, NAMES, RANDOM.normal(size=300), depth=2, seed=0).fidelity < 0.1


def test_facts_about_an_image_are_the_numbers_they_are_named_after() -> None:
    images = np.zeros((2, 3, 9, 9), np.uint8)
    images[0, 0] = 90
    images[1, :, :3, 6:] = 60
    facts, names = image_facts(images)
    told = [dict(zip(names, row, strict=True)) for row in facts]
    assert (told[0]["mean red"], told[0]["mean green"], told[0]["spread red"]) == (90, 0, 0)
    assert told[0]["middle centre"] == 30
    assert (told[1]["top right"], told[1]["top left"], told[1]["bottom right"]) == (60, 0, 0)
    assert told[1]["mean blue"] == pytest.approx(60 / 9)


def test_grey_images_have_one_channel_of_facts() -> None:
    facts, names = image_facts(np.zeros((4, 1, 6, 6), np.uint8))
    assert facts.shape == (4, len(names))
    assert names[:2] == ["mean grey", "spread grey"]
