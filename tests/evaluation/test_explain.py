"""The rows that a team looks at."""

import numpy as np

import helpers
from lepton.evaluation import explain
from lepton.training import predict

MODEL = helpers.model().eval()
TEST = helpers.samples(MODEL.tasks, 40)
PREDICTED = predict.predict(MODEL, TEST)


def test_the_rows_with_most_labels_are_shown_with_truth_prediction_and_saliency() -> None:
    arrays, told = explain.examples(MODEL, TEST, PREDICTED, 3)
    assert arrays["images"].shape == (3, helpers.SIDE, helpers.SIDE, 3)
    assert arrays.keys() == {"images", *(f"saliency.{name}" for name in MODEL.tasks)}
    labelled = np.sum([fields["present"] for fields in TEST.labels.values()], axis=0)
    shown = [int(one["id"]) for one in told]
    assert sorted(labelled[shown]) == sorted(labelled)[-3:]
    for place, row in enumerate(shown):
        assert np.array_equal(arrays["images"][place], TEST.inputs[row].transpose(1, 2, 0))
        for name, task in MODEL.tasks.items():
            assert told[place]["tasks"][name]["truth"] == task.show_label(TEST.labels[name], row)
            assert told[place]["tasks"][name]["predicted"] == task.show_prediction(PREDICTED[name], row, MODEL.kind.size)


def test_tasks_with_one_answer_a_row_get_a_tree() -> None:
    trees = explain.surrogates(MODEL, TEST, PREDICTED, depth=2, seed=0)
    assert {"digit", "tilt"} <= trees.keys()
    assert "objects" not in trees
    assert all(tree["rules"] for tree in trees.values())
