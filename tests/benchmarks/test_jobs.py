"""Promises of jobs: what is done is not done again, and other settings are other jobs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import jobs
from lepton.errors import Diverged


def noted(folder: Path, number: int) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """Leaves a line each time that it is called."""
    with (folder / "ran.log").open("a") as log:
        log.write(f"{number}\n")
    if number < 0:
        raise Diverged("the loss of digit stopped being a finite number")
    return {"double": 2 * number}, {"count": np.arange(number)}


def job(folder: Path, number: int) -> jobs.Job:
    return jobs.Job(f"number {number}", "test_jobs:noted", (folder, number))


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes cost seconds; one test starts them."""

    class Here:
        def __init__(self, *_: object): ...
        def __enter__(self) -> "Here":
            return self

        def __exit__(self, *_: object) -> None: ...
        def submit(self, call, *args):  # type: ignore[no-untyped-def]
            from concurrent.futures import Future

            ended: Future = Future()
            ended.set_result(call(*args))
            return ended

    monkeypatch.setattr(jobs, "ProcessPoolExecutor", Here)


@pytest.mark.usefixtures("in_this_process")
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    first = jobs.finish([job(tmp_path, 1)], tmp_path / "work", 1)
    both = jobs.finish([job(tmp_path, 1), job(tmp_path, 2)], tmp_path / "work", 1)
    assert (tmp_path / "ran.log").read_text() == "1\n2\n"
    assert first["number 1"].values == both["number 1"].values == {"double": 2}
    assert both["number 2"].arrays["count"].tolist() == [0, 1]


@pytest.mark.usefixtures("in_this_process")
def test_a_training_that_diverges_is_told_and_stops_no_other(tmp_path: Path) -> None:
    found = jobs.finish([job(tmp_path, -1), job(tmp_path, 2)], tmp_path / "work", 1)
    assert found["number -1"].values == {"diverged": "the loss of digit stopped being a finite number"}
    assert found["number 2"].values == {"double": 4}


@pytest.mark.usefixtures("in_this_process")
def test_findings_of_other_code_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.finish([job(tmp_path, 1)], tmp_path / "work", 1)
    assert "other code" not in capsys.readouterr().out
    monkeypatch.setattr(jobs, "code", lambda: "another")
    jobs.finish([job(tmp_path, 1)], tmp_path / "work", 1)
    assert "1 of 1 trainings are of other code than this" in capsys.readouterr().out


def test_a_bug_in_a_process_ends_the_run_and_leaves_no_findings(tmp_path: Path) -> None:
    broken = jobs.Job("broken", "benchmarks.jobs:call", ("math:sqrt", 4))  # a number is not values and arrays
    with pytest.raises(TypeError):
        jobs.finish([broken], tmp_path, 1)
    assert not list(tmp_path.glob("*.json"))


def test_other_settings_are_another_file(tmp_path: Path) -> None:
    one, other = job(tmp_path, 1), jobs.Job("number 1", "test_jobs:noted", (tmp_path, 2))
    assert one.file != other.file
    assert one.file == job(tmp_path, 1).file
    assert "/" not in jobs.Job("Lepton's default / x", "a:b", ()).file
