"""What of a past champion can be asked today."""

import json
from pathlib import Path

import pytest

import toy
from laws import one_line
from lepton.ops import champion, past
from lepton.ops.champion import Champion

PARAMS = """
data: {path: data/toy, split: {valid: 0.2}}
inputs: {image: {type: image, size: [8, 8]}}
tasks:
  digit: {type: classification, column: digit, classes: [0, 1]}
  tilt: {type: regression, column: tilt, range: [0, 1], weight: 2.0}
  ink: {type: segmentation, column: ink, classes: [paper, ink]}
"""
MODEL = b"an exported model"
FRONTIER = {"chosen": "small", "candidates": [{"name": "full", "parameters": 9}, {"name": "small", "parameters": 5, "macs": 7}]}


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Champion:
    """champion/1, made from PARAMS, which stand in params.yaml still."""
    toy.run(tmp_path, "git", "init", "--quiet")
    (tmp_path / "params.yaml").write_text(PARAMS)
    toy.run(tmp_path, "git", "add", "--all")
    toy.run(tmp_path, "git", "-c", "user.name=toy", "-c", "user.email=toy@localhost", "commit", "--quiet", "--message", "base")
    made = Champion(1, "HEAD", {})
    outputs = {past.MODEL: MODEL, past.FRONTIER: json.dumps(FRONTIER).encode()}
    monkeypatch.setattr(champion, "history", lambda root: [made])
    monkeypatch.setattr(champion, "read", lambda root, one, path: outputs[path])
    return made


def rewrite(root: Path, old: str, new: str) -> None:
    (root / "params.yaml").write_text(PARAMS.replace(old, new))


def test_its_tasks_are_the_same_or_others_or_gone(tmp_path: Path, one: Champion) -> None:
    assert past.compared(tmp_path, one) == (["digit", "tilt", "ink"], [], [])
    rewrite(tmp_path, "weight: 2.0", "weight: 1.0")
    assert past.compared(tmp_path, one) == (["digit", "tilt", "ink"], [], [])
    rewrite(tmp_path, "classes: [0, 1]", "classes: [1, 0]")
    assert past.compared(tmp_path, one) == (["tilt", "ink"], ["digit"], [])
    rewrite(tmp_path, "  ink:", "  mask:")
    assert past.compared(tmp_path, one) == (["digit", "tilt"], [], ["ink"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("[8, 8]", "[9, 9]", "inputs are other ones"), ("valid: 0.2", "valid: 0.3", "may have seen these test rows")],
)
def test_other_inputs_or_another_split_and_it_cannot_be_asked(tmp_path: Path, one: Champion, old: str, new: str, said: str) -> None:
    rewrite(tmp_path, old, new)
    one_line(lambda: past.compared(tmp_path, one), said, "champion/1")
    one_line(lambda: past.member(tmp_path, 1, ["digit"]), "params.yaml: evaluate.champions", said, "Leave 1 out.")


def test_as_a_member_it_is_its_exported_model_with_its_cost(tmp_path: Path, one: Champion) -> None:
    assert past.member(tmp_path, 1, ["digit", "tilt"]) == (one, MODEL, FRONTIER["candidates"][1])


@pytest.mark.usefixtures("one")
def test_a_member_answers_every_task(tmp_path: Path) -> None:
    rewrite(tmp_path, "classes: [0, 1]", "classes: [1, 0]")
    one_line(
        lambda: past.member(tmp_path, 1, ["digit", "tilt", "new"]),
        "champion/1 does not answer digit, new as asked now",
        "Leave 1 out.",
    )


@pytest.mark.usefixtures("one")
def test_who_was_never_champion_is_told(tmp_path: Path) -> None:
    one_line(lambda: past.member(tmp_path, 7, ["digit"]), "evaluate.champions: there is no champion/7", "Leave 7 out.")
