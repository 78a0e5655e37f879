"""Runs that take in new data, on a toy project with real git, DVC, Prefect and a folder as remote."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.states import State

import arrivals
import toy
from flows import places, steps
from flows import retrain as module
from laws import one_line
from lepton.config import load
from lepton.errors import LeptonError
from lepton.evaluation.gate import Decision, Rule
from lepton.ops import bring as bringing
from lepton.ops import champion, drops, dvc, git, refs
from lepton.ops.lineage import hashes

pytestmark = pytest.mark.usefixtures("prefect_server")
Run = Callable[..., State[Any]]
MODEL = "artifacts/first/out.txt"


def decide(of: places.Project) -> Decision:
    """The toy's models have no answers to compare."""
    reigning = champion.current(of.root)
    return Decision(hashes(of.root)[MODEL], reigning.tag if reigning else None, [Rule("mean", True, "mean: fine")])


@pytest.fixture
def root(project: Path, plain_page: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(steps, "gate", decide)
    monkeypatch.setattr(champion, "MODEL", MODEL)
    monkeypatch.setattr(champion, "METRICS", "artifacts/last/metrics.json")
    return arrivals.make(project)


def nightly() -> State[Any]:
    """A run as prefect.yaml schedules it."""
    return module.retrain("params.yaml", clone=True, promote=True, return_state=True)


def branches(root: Path) -> list[tuple[str, str]]:
    return refs.branches(root, "retrain/")


def published(root: Path) -> str:
    """The ids and labels that the newest publication was made from."""
    return dvc.read(root, max(branches(root))[1], MODEL).decode()


def test_new_data_is_published_and_promoted_and_the_next_run_begins_with_it(root: Path) -> None:
    before = git.sha(root), (root / "data.dvc").read_bytes(), arrivals.ids(root)
    arrivals.drop(root, "monday", arrivals.rows(["e"]))
    first = nightly()
    assert (first.name, "ingested monday (1 new rows, 0 replaced)" in first.message) == ("Promoted", True), first.message
    assert "d=0 e=0" in published(root)
    assert list((root / "incoming").iterdir()) == []
    (kept,) = (root / ".lepton/ingested").glob("*/monday/samples.parquet")
    assert branches(root)[0][0] == f"retrain/{kept.parents[1].name}"
    assert (git.sha(root), (root / "data.dvc").read_bytes(), arrivals.ids(root)) == before, "the working tree stays"
    second = nightly()
    assert second.name == "Unchanged", second.message
    assert len(branches(root)) == 1
    arrivals.drop(root, "tuesday", arrivals.rows(["f"]))
    third = nightly()
    assert third.name == "Promoted", third.message
    assert "e=0 f=0" in published(root)
    (_, one), (name, two) = sorted(branches(root))
    assert git.run(root, "rev-parse", f"{name}^1", f"{name}^2").split() == [git.sha(root), one]
    assert champion.find(root).commit == two
    assert '"ingested": [\n  "tuesday"\n ]' in git.run(root, "log", "-1", "--format=%B", two)


def test_a_corrupt_drop_ends_refused_and_nothing_else_happens(root: Path) -> None:
    assert nightly().name == "Promoted"
    one, known = champion.find(root), branches(root)
    (arrivals.drop(root, "monday", arrivals.rows(["e"])) / "samples.parquet").write_bytes(b"half a file")
    toy.set_param(root, "clean: {epochs: 1}", "clean: {epochs: 2}")
    toy.commit(root)
    state = nightly()
    assert (state.name, state.type.value) == ("Refused", "CANCELLED")
    assert state.message.startswith("incoming/monday/samples.parquet: not a Parquet file that can be read")
    (place,) = (root / ".lepton/quarantine").iterdir()
    assert f"In quarantine: .lepton/quarantine/{place.name}." in state.message
    assert (place / "reason.json").exists()
    assert (champion.history(root), branches(root)) == ([one], known)
    assert nightly().name == "Promoted", "the next run goes on without it"


def test_what_a_stage_refuses_is_quarantined_too(root: Path) -> None:
    arrivals.drop(root, "monday", arrivals.rows(["odd"]))
    state = nightly()
    assert (state.name, state.message.startswith("first: an odd row In quarantine: ")) == ("Refused", True), state.message
    assert branches(root) == []
    assert list((root / "incoming").iterdir()) == []
    assert len(list((root / ".lepton/quarantine").glob("*-monday/reason.json"))) == 1


def test_a_run_that_ends_before_or_after_it_publishes_leaves_the_drop_and_the_rows_are_there_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals.drop(root, "monday", arrivals.rows(["e"]))
    remote = root.parent / "remote"
    remote.write_text("a file where the folder should be")
    assert nightly().name == "Failed"
    remote.unlink()

    def killed(drop: drops.Drop, run: str) -> None:
        raise LeptonError("ended before the drop was put away")

    with monkeypatch.context() as patch:
        patch.setattr(drops, "consume", killed)
        assert nightly().name == "Failed"
    assert len(branches(root)) == 1
    assert [path.name for path in (root / "incoming").iterdir()] == ["monday"]
    state = nightly()
    assert (state.name, "ingested monday (nothing new)" in state.message) == ("Unchanged", True), state.message
    assert len(branches(root)) == 1
    assert list((root / "incoming").iterdir()) == []
    assert published(root).count("e=0") == 1


def test_a_run_in_place_ingests_when_asked(root: Path) -> None:
    arrivals.drop(root, "monday", arrivals.rows(["e"]))
    assert module.retrain("params.yaml", return_state=True).name == "Completed"
    assert arrivals.ids(root) == ["a", "b", "c", "d"]
    state = module.retrain("params.yaml", ingest=True, return_state=True)
    assert (state.name, "ingested monday" in state.message) == ("Completed", True), state.message
    assert arrivals.ids(root) == ["a", "b", "c", "d", "e"]
    assert git.changed(root) == ["data.dvc", "dvc.lock"]
    assert list((root / "incoming").iterdir()) == []
    arrivals.drop(root, "tuesday", arrivals.rows(["odd"]))
    assert module.retrain("params.yaml", ingest=True, return_state=True).name == "Refused"
    assert arrivals.ids(root) == ["a", "b", "c", "d", "e"], "what was refused is out again"


def bring(root: Path) -> None:
    bringing.data(root, load(root / "params.yaml").data.path)


def test_data_that_is_only_on_the_remote_is_brought_from_there(root: Path) -> None:
    dvc.push(root)
    shutil.rmtree(root / "data")
    shutil.rmtree(root / ".dvc/cache")
    bring(root)
    assert arrivals.ids(root) == ["a", "b", "c", "d"]
    assert dvc.plan(root).data == []


def test_data_that_is_nowhere_is_one_line_and_only_the_same_starter_takes_its_place(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = tmp_path / "made", (root / "data.dvc").read_text()
    monkeypatch.setattr("lepton.starter.vision.build", lambda place: shutil.copytree(made, place))
    shutil.rmtree(root / "data/other")
    (root / "data/toy").rename(root / "data/vision")
    dvc.add(root, Path("data"))
    (root / "data/vision").rename(made)
    for folder in (root / "data", root / ".dvc/cache"):
        shutil.rmtree(folder)
    one_line(lambda: bring(root), "data.dvc: ", "Where it was made: dvc push.")
    toy.set_param(root, "data/toy", "data/vision")
    before = (root / "data.dvc").read_text()
    bring(root)
    dvc.add(root, Path("data"))
    assert (root / "data.dvc").read_text() == before
    shutil.rmtree(root / "data")
    (root / "data.dvc").write_text(asked)
    one_line(lambda: bring(root), "data.dvc: ", "Where it was made: dvc push.")
    assert [path.name for path in root.glob("*data*")] == ["data.dvc"]


def test_a_base_that_moved_while_new_data_was_taken_in_takes_it_in_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prove, pushed = steps.prove, list[str]()

    def meanwhile(of: places.Project) -> None:
        prove(of)
        if not pushed:
            toy.set_param(root, "{explain: 1}", "{explain: 2}")
            toy.commit(root)
            pushed.append(git.sha(root))

    monkeypatch.setattr(steps, "prove", meanwhile)
    arrivals.drop(root, "monday", arrivals.rows(["e"]))
    state = nightly()
    assert state.name == "Promoted", state.message
    assert "ingested monday (1 new rows, 0 replaced)" in state.message
    ((_, commit),) = branches(root)
    assert git.run(root, "rev-parse", f"{commit}^") == pushed[0]
    assert '"ingested"' in git.run(root, "log", "-1", "--format=%B", commit), "else the next run would not begin with it"
    assert "d=0 e=0" in published(root)
