"""The retraining flow on a toy project with real git, DVC and Prefect."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.states import State

import toy
from flows import retrain as module

pytestmark = pytest.mark.usefixtures("prefect_server")
Run = Callable[..., State[Any]]


@pytest.fixture
def run(plain_page: None) -> Run:
    """The flow."""
    return lambda params="params.yaml": module.retrain(params, return_state=True)


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file that a run might touch."""
    places = [root / "artifacts", root / "data", root / "report", root / "data.dvc", root / "dvc.lock"]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def tasks(state: State[Any]) -> dict[str, tuple[str, int]]:
    """Task name -> (name of its state, how often it ran), as Prefect has them."""
    with get_client(sync_client=True) as client:
        own = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[state.state_details.flow_run_id]))
        return {run.name.rsplit("-", 1)[0]: (run.state.name, run.run_count) for run in client.read_task_runs(task_run_filter=own)}


def test_completed_then_unchanged(project: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    first = run()
    assert (first.name, first.type.value) == ("Completed", "COMPLETED"), first.message
    assert toy.ran(project) == ["first", "side", "last"]
    assert "Δm +3.25 % [+1.00, +5.50]" in first.message
    assert [line.split()[:2] for line in capfd.readouterr().out.splitlines()[-3:]] == [
        ["first", "ran"],
        ["side", "ran"],
        ["last", "ran"],
    ]
    before, status = snapshot(project), toy.run(project, "git", "status", "--porcelain")
    second = run()
    assert (second.name, second.type.value) == ("Unchanged", "COMPLETED")
    assert toy.ran(project) == []
    assert snapshot(project) == before
    assert toy.run(project, "git", "status", "--porcelain") == status
    assert tasks(second) == {}


def test_one_parameter_runs_its_stages_only_and_going_back_is_cached(finished: Path, run: Run) -> None:
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")
    assert tasks(run()) == {"last": ("Ran", 1)}
    assert toy.ran(finished) == ["last"]
    toy.set_param(finished, "{explain: 2}", "{explain: 1}")
    assert tasks(run()) == {"last": ("Cached", 1)}
    assert toy.ran(finished) == []


@pytest.mark.parametrize(
    ("epochs", "name", "kind", "reason"),
    [
        (7, "Refused", "CANCELLED", "first: half of the images cannot be read"),
        (8, "Failed", "FAILED", "first: loss of digit is not a number"),
        (5, "Failed", "FAILED", "first: interrupted. Run again: what was finished is not repeated."),
        (9, "Failed", "FAILED", "first: ended with exit code 1; its own message stands above."),
    ],
)
def test_a_stage_that_stops_keeps_earlier_outputs(finished: Path, run: Run, epochs: int, name: str, kind: str, reason: str) -> None:
    before = {file: content for file, (_, content) in snapshot(finished).items()}
    toy.set_param(finished, "clean: {epochs: 1}", f"clean: {{epochs: {epochs}}}")
    state = run()
    assert (state.name, state.type.value, state.message) == (name, kind, reason)
    assert tasks(state) == {"first": (name, 1)}, "stopped at the first, and tried once"
    assert {file: content for file, (_, content) in snapshot(finished).items()} == before
    toy.set_param(finished, f"clean: {{epochs: {epochs}}}", "clean: {epochs: 1}")
    assert run().name == "Unchanged"


def test_a_bug_is_not_explained_by_the_failure_before(finished: Path, run: Run) -> None:
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 8}")
    assert run().message == "first: loss of digit is not a number"
    toy.set_param(finished, "clean: {epochs: 8}", "clean: {epochs: 9}")
    assert run().message == "first: ended with exit code 1; its own message stands above."


def test_a_champion_that_cannot_be_asked_ends_a_run_before_its_first_stage(project: Path, run: Run) -> None:
    toy.set_param(project, "{explain: 1}", "{explain: 1, champions: [9]}")
    state = run()
    assert state.name == "Failed"
    assert "params.yaml: evaluate.champions: there is no champion" in state.message
    assert toy.ran(project) == []


def test_changed_data_is_a_new_version_and_equal_bytes_are_not(finished: Path, run: Run) -> None:
    version, samples = (finished / "data.dvc").read_bytes(), finished / "data/toy/samples.txt"
    samples.write_text("rows")
    assert run().name == "Unchanged"
    assert (finished / "data.dvc").read_bytes() == version
    samples.write_text("more rows")
    assert run().name == "Completed"
    assert (finished / "data.dvc").read_bytes() != version
    assert toy.ran(finished) == ["first", "side", "last"]


def test_data_comes_back_from_the_cache(finished: Path, run: Run) -> None:
    shutil.rmtree(finished / "data")
    assert run().name == "Unchanged"
    assert (finished / "data/toy/samples.txt").read_text() == "rows"


def test_data_that_was_not_added_yet_is_never_checked_out_over(finished: Path, run: Run) -> None:
    shutil.rmtree(finished / "data/toy")
    (finished / "data/new.txt").write_text("not added yet")
    assert run().name == "Failed"
    assert (finished / "data/new.txt").exists()


def test_absent_data_is_one_line(project: Path, run: Run) -> None:
    toy.set_param(project, "data/toy", "data/none")
    state = run()
    assert (state.name, state.type.value) == ("Failed", "FAILED")
    assert state.message.startswith("params.yaml: data.path: data/none is not there.")


def test_a_file_in_the_place_of_the_datas_folder_is_one_line(project: Path, run: Run) -> None:
    toy.set_param(project, "data/toy", "data/toy/samples.txt")
    assert run().message == "params.yaml: data.path: data/toy/samples.txt is a file. Name its folder: data/toy."


def test_a_block_that_dvc_misses_is_one_line(project: Path, run: Run) -> None:
    toy.set_param(project, "new_tasks: {}", "")
    said = "params.yaml: DVC wants every block to stand there. Add what is left out, empty: new_tasks: {}."
    assert run().message == said


def test_messages_name_the_file_that_was_given(project: Path, run: Run) -> None:
    (project / "mine.yaml").write_text((project / "params.yaml").read_text().replace("data/toy", "data/none"))
    assert run("mine.yaml").message.startswith("mine.yaml: data.path: data/none is not there.")


def test_another_params_file_runs_in_a_clone(project: Path, run: Run) -> None:
    assert run("examples/other.yaml").name == "Completed"
    clone = project / ".lepton/projects/other"
    assert (clone / "params.yaml").read_text().endswith("new_tasks: {}"), "a block that was left out is there for DVC"
    assert "other rows" in (clone / "artifacts/first/out.txt").read_text()
    assert not (project / "artifacts").exists()
    assert not (project / "dvc.lock").exists()
    assert run().name == "Completed"
    assert run("examples/other.yaml").name == "Unchanged"
    (project / "data/other/samples.txt").write_text("newer rows")
    assert run("examples/other.yaml").name == "Completed"
    assert "newer rows" in (clone / "artifacts/first/out.txt").read_text()


def test_the_command_says_one_line_and_its_exit_code(project: Path) -> None:
    root = Path(__file__).parents[2]
    variables = {**os.environ, "PYTHONPATH": str(root)}

    def command() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "flows.retrain"], cwd=project, env=variables, capture_output=True, text=True)

    toy.set_param(project, "clean: {epochs: 1}", "clean: {epochs: 7}")
    refused = command()
    assert refused.returncode == 3, refused.stderr
    assert refused.stderr.splitlines()[-1] == "Refused: first: half of the images cannot be read"
    assert "Traceback" not in refused.stderr
    toy.set_param(project, "train:", "trian:")
    misspelt = command()
    assert misspelt.returncode == 2
    assert misspelt.stderr.splitlines() == ["Failed: params.yaml: unknown key 'trian'. Did you mean train?"]


def test_a_stage_over_its_limit_fails_with_its_name_and_keeps_earlier_outputs(finished: Path, run: Run) -> None:
    before = {file: content for file, (_, content) in snapshot(finished).items()}
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 6}\nlimits: {stages: {first: 0.05}}")
    state = run()
    assert (state.name, state.message) == ("Failed", "first: took more than 0.05 minutes and was ended; see limits in params.yaml.")
    assert {file: content for file, (_, content) in snapshot(finished).items()} == before
    toy.set_param(finished, "{first: 0.05}", "{frist: 0.05}")
    assert run().message == "params.yaml: limits.stages: there is no stage 'frist'. Did you mean first?"
