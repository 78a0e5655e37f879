"""The watch over new data on a small project with real git, DVC, Prefect and a folder as remote."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from prefect.states import State

import helpers
import toy
from flows import watch_drift as module
from lepton import files
from lepton.ops import champion, drift, dvc, git, refs
from lepton.ops.lineage import hashes

pytestmark = pytest.mark.usefixtures("prefect_server")
Run = Callable[..., State[Any]]


def table(rows: int, seed: int, share: float = 0.5, first: int = 0) -> pd.DataFrame:
    """Images of 8 × 8 pixels, of which a share is of class 1."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (rows, 8, 8, 3), dtype=np.uint8)
    ids = [f"secret-{first + row}" for row in range(rows)]
    digit = (random.random(rows) < share).astype(int)
    return pd.DataFrame({"id": ids, "image": [helpers.encoded(image) for image in images], "digit": digit})


def drop(root: Path, name: str, content: pd.DataFrame) -> Path:
    place = root / "incoming" / name
    place.mkdir(parents=True)
    content.to_parquet(place / "samples.parquet")
    return place


@pytest.fixture(scope="module")
def _crowned(_pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(_pristine, tmp_path_factory.mktemp("crowned") / "project"))
    table(300, 0).to_parquet(root / "data/toy/samples.parquet")
    toy.set_param(root, "new_tasks: {}", "new_tasks: {}\ningest: {source: incoming}")
    toy.finish(root)
    toy.run(root, sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "storage", ".lepton/remote")
    toy.commit(root)
    dvc.push(root)
    told = {"at": "", "how": "by hand", "model": "m", "data": hashes(root)["data"], "metrics": {}, "decision": {}}
    champion._tagged(root, git.sha(root), told, None)
    return root


@pytest.fixture
def root(_crowned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A champion that was trained on 300 rows, half of each class; its data is in DVC's cache and on its remote."""
    monkeypatch.chdir(shutil.copytree(_crowned, tmp_path / "project"))
    monkeypatch.setenv("LEPTON_HOME", str(tmp_path / "project/.lepton"))
    return tmp_path / "project"


@pytest.fixture
def run(root: Path) -> Run:
    return lambda **options: module.watch_drift("params.yaml", return_state=True, **options)


def events(key: str) -> list[dict[str, Any]]:
    """Those of drift that the server has, of one window."""
    with get_client(sync_client=True) as client:
        wanted = {"filter": {"event": {"name": [module.EVENT]}, "order": "DESC"}, "limit": 50}
        found = client._client.post("/events/filter", json=wanted).json()["events"]
    return [one["payload"] for one in found if one["payload"]["window"]["key"] == key]


def heard(key: str) -> list[dict[str, Any]]:
    """The same, after Prefect has had time to send and store one."""
    until = time.monotonic() + 20
    while not (found := events(key)) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def reports(root: Path) -> list[dict[str, Any]]:
    return [files.read_json(path) for path in drift.reports(root)]


def test_shifted_labels_drift_and_are_told_once(root: Path, run: Run) -> None:
    place = drop(root, "monday", table(120, 1, share=0.9, first=300))
    state = run()
    assert (state.name, state.type.value) == ("Drifted", "COMPLETED"), state.message
    assert state.message.startswith("120 rows of incoming beside 300 of champion/1: tasks.digit drifts. Page .lepton/drift/")
    (report,) = reports(root)
    (event,) = heard(report["window"]["key"])
    assert event["drifted"] == ["tasks.digit"]
    assert [one["name"] for one in event["measures"]] == ["labels"]
    again = run()
    assert (again.name, len(reports(root))) == ("Unchanged", 1)
    assert "looked at before" in again.message
    place.rename(place.with_name("tuesday"))
    assert run().name == "Unchanged", "the same bytes under another name"
    assert len(events(report["window"]["key"])) == 1
    page = drift.reports(root)[0].with_name("index.html").read_text()
    assert "card.md" not in page
    for text in (page, str(report), str(event)):
        assert "secret" not in text


def test_another_server_is_told_of_what_the_first_one_heard(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(root, "monday", table(120, 2, share=0.9))
    run()
    monkeypatch.setattr(module, "_server", lambda: "http://elsewhere/api")
    assert run().name == "Drifted"
    assert run().name == "Unchanged"
    (report,) = reports(root)
    assert report["told"][1:] == ["http://elsewhere/api"]


def test_data_like_that_of_training_is_steady_and_too_little_says_nothing(root: Path, run: Run) -> None:
    place = drop(root, "monday", table(30, 3))
    assert (run().name, "too few to say anything" in run().message) == ("Unchanged", True)
    drop(root, "tuesday", table(90, 4))
    drop(root, ".hidden", table(90, 5, share=1.0))
    drop(root, "half.part", table(90, 5, share=1.0))
    state = run()
    assert state.name == "Steady", state.message
    assert reports(root)[-1]["window"]["rows"] == 120
    assert reports(root)[-1]["told"] == []
    shutil.rmtree(place)
    assert run().name == "Steady", "another window"


def test_the_snapshot_is_the_champions_not_what_lies_in_the_folder(root: Path, run: Run) -> None:
    assert run().message == "nothing waits in incoming, and the data has no rows that champion/1 lacks"
    table(300, 0).assign(digit=0).to_parquet(root / "data/toy/samples.parquet")
    assert run().message.endswith("has no rows that champion/1 lacks"), "other labels of the same rows"
    grown = pd.concat([table(300, 0), table(100, 6, share=0.9, first=300)], ignore_index=True)
    grown.to_parquet(root / "data/toy/samples.parquet")
    state = run()
    assert state.name == "Drifted", state.message
    assert state.message.startswith("100 rows of data/toy that champion/1 lacks beside 300 of champion/1: tasks.digit drifts.")
    shutil.rmtree(root / "data")
    shutil.rmtree(root / ".dvc/cache")
    drop(root, "monday", table(120, 7, first=300))
    assert run().name == "Steady", "from the remote"


def test_without_a_champion_the_present_data_is_the_snapshot(root: Path, run: Run) -> None:
    refs.drop_tags(root, "champion/*")
    assert run().name == "Unchanged"
    logged = table(90, 8).drop(columns="digit").assign(image=[helpers.encoded(np.full((8, 8, 3), 9, np.uint8))] * 90)
    logged.to_parquet(root / "logged.parquet")
    state = run(window="logged.parquet")
    assert state.name == "Drifted"
    assert state.message.startswith("90 rows of logged.parquet beside 300 of data/toy: inputs.image drifts.")
    assert reports(root)[0]["skipped"] == {"tasks.digit": "no values in the window"}


def test_what_cannot_be_read_is_one_line(root: Path, run: Run) -> None:
    state = run(window="nowhere")
    assert (state.name, state.type.value) == ("Failed", "FAILED")
    assert state.message.startswith("nowhere: holds no samples.parquet")
    place = drop(root, "monday", table(90, 9))
    (place / "samples.parquet").write_text("no table")
    assert run().message.startswith(f"{place}/samples.parquet: not a Parquet file")
    table(90, 9).drop(columns="image").to_parquet(place / "samples.parquet")
    assert "no column 'image'" in run().message
    toy.set_param(root, "column: image,", "column: photo,")
    table(90, 9).rename(columns={"image": "photo"}).to_parquet(place / "samples.parquet")
    assert run().message.startswith("champion/1/samples.parquet: no column 'photo'")
    assert reports(root) == []


def test_the_command_says_one_line_and_its_exit_code(root: Path) -> None:
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    drop(root, "monday", table(120, 10, share=0.9))
    command = [sys.executable, "-m", "flows.watch_drift"]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Drifted: 120 rows of incoming beside 300 of champion/1: tasks.digit drifts.")
    assert len(heard(reports(root)[0]["window"]["key"])) == 1, "before the process ended"


def test_a_failed_command_ends_with_2(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        module.main(["--window", "nowhere"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Failed: nowhere: holds no samples.parquet")
