import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from synthetic_artifacts import TASKS

from lepton.reporting import card
from lepton.reporting.content import gather


@pytest.fixture
def text(project: Path) -> str:
    return card.text(gather(project))


def test_names_each_task_with_its_numbers(text: str) -> None:
    for task in TASKS:
        assert len(re.findall(rf"^\| {task} \|", text, re.MULTILINE)) == 2
    assert "| digit | accuracy | 0.918 | 0.936 | 0.931 | +2.0 | +0.4 to +3.6 |" in text


def test_tables_are_whole(text: str) -> None:
    """Every run of table lines has one number of columns, and an empty line before it."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
        assert re.match(r"\|[ -]", block)
    assert not re.search(r"^[^|\n].*\n\|", text, re.MULTILINE)
    assert "\n\n\n\n" not in text


def test_tells_shapes_units_limits_and_files(text: str) -> None:
    for part in ("`image` | float | [batch, 3, 40, 40]", "-40", "degrees", "ink is worse than in a model of its own", "0.75 int8",
                 "ink was labelled on", "model.tflite", "whoever publishes the model states it here"):  # fmt: skip
        assert part.replace("-40", "−40") in text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_example_runs_as_written(
    text: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]  # type: ignore[index]
    assert len([line for line in code.splitlines() if line]) <= 11
    monkeypatch.chdir(project)
    Image.fromarray(np.full((50, 60, 3), 255, np.uint8)).save("one.png")
    exec(compile(code, "card.md", "exec"), {})
    assert "digit.probability (1, 3, 40, 40) [1. 1. 1. 1. 1.]" in capsys.readouterr().out
    assert onnxruntime.InferenceSession("artifacts/compress/model.onnx").get_inputs()[0].shape == ["batch", 3, 40, 40]


def test_a_project_that_has_not_run_yet(project: Path) -> None:
    (project / "artifacts").rename(project.parent / "gone")
    told = card.text(gather(project))
    assert all(f"dvc repro {stage}" in told for stage in ("compress", "clean", "evaluate"))
    assert all(task in told for task in TASKS)


def test_same_content_same_text(project: Path) -> None:
    assert card.text(gather(project)) == card.text(gather(project))
