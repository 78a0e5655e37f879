"""Runs that publish and promote, in place and in clones, on a toy project with real git, DVC, Prefect and a folder as remote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.states import State

import toy
from flows import places, steps
from flows import retrain as module
from lepton.evaluation.gate import Rule
from lepton.ops import champion, dvc, git, refs, runs
from lepton.ops.lineage import hashes

pytestmark = pytest.mark.usefixtures("prefect_server")
Run = Callable[..., State[Any]]
MODEL = "artifacts/first/out.txt"


def status(root: Path) -> tuple[str, str, str]:
    return git.sha(root), toy.run(root, "git", "status", "--porcelain"), toy.run(root, "git", "rev-parse", "--abbrev-ref", "HEAD")


def branches(root: Path) -> list[str]:
    return [name for name, _ in refs.branches(root, "retrain/")]


def test_a_run_in_place_publishes_and_promotes_nothing_unless_asked(project: Path, run: Run) -> None:
    state = run()
    assert (state.name, "gate lets it through as the first champion" in state.message) == ("Completed", True)
    assert branches(project) == []
    assert champion.history(project) == []


def test_promoted_then_unchanged(project: Path, run: Run) -> None:
    before = status(project)
    first = run(promote=True)
    assert first.name == "Promoted", first.message
    assert "now champion/1" in first.message
    (branch,) = branches(project)
    assert f"published on {branch}" in first.message
    one = champion.find(project)
    assert one.told["how"] == "gate"
    assert one.told["model"] == hashes(project)[MODEL]
    assert toy.run(project, "git", "rev-parse", branch).strip() == one.commit
    assert git.show(project, one.commit, "dvc.lock").strip() == (project / "dvc.lock").read_text().strip()
    assert dvc.not_in_remote(project) == []
    assert (status(project)[0], status(project)[2]) == (before[0], before[2]), "what is checked out stays"
    second = run(promote=True)
    assert second.name == "Unchanged", second.message
    assert branches(project) == [branch]
    assert champion.history(project) == [one]


def test_held_back_is_published_all_the_same_and_the_champion_stays(project: Path, run: Run, gate: list[Rule]) -> None:
    run(promote=True)
    one = champion.find(project)
    toy.set_param(project, "clean: {epochs: 1}", "clean: {epochs: 2}")
    gate[:] = [Rule("digit", False, "digit: worse")]
    state = run(promote=True, reason="drift")
    assert state.name == "Completed"
    assert "gate holds it back beside champion/1 (digit: worse)" in state.message
    assert "reason: drift" in state.message
    assert '"reason": "drift"' in toy.run(project, "git", "log", "-1", "--format=%B", branches(project)[-1])
    assert len(branches(project)) == 2
    assert champion.history(project) == [one]


def test_a_model_that_is_held_back_once_may_be_promoted_later(project: Path, run: Run, gate: list[Rule]) -> None:
    good, gate[:] = list(gate), [Rule("digit", False, "digit: worse")]
    assert run(promote=True).name == "Completed"
    gate[:] = good
    state = run(promote=True)
    assert state.name == "Promoted"
    assert toy.run(project, "git", "rev-parse", branches(project)[0]).strip() == champion.find(project).commit


def test_a_rollback_stays_until_another_model_comes(project: Path, run: Run, gate: list[Rule]) -> None:
    for explain in (1, 2):
        (project / "params.yaml").write_text(toy.PARAMS.replace("clean: {epochs: 1}", f"clean: {{epochs: {explain}}}"))
        assert run(promote=True).name == "Promoted"
    assert champion.rollback(project).told["how"] == "rollback to champion/1"
    good, gate[:] = list(gate), [Rule("new", False, "was champion/2, which another one followed")]  # as the gate says of it
    assert run(promote=True).name == "Unchanged"
    assert champion.find(project).tag == "champion/3"
    toy.set_param(project, "clean: {epochs: 2}", "clean: {epochs: 3}")
    gate[:] = good
    assert run(promote=True).name == "Promoted"
    assert champion.find(project).tag == "champion/4"


def test_a_broken_remote_fails_and_publishes_nothing_and_the_next_run_goes_on(project: Path, run: Run) -> None:
    remote = project.parent / "remote"
    remote.write_text("a file where the folder should be")
    state = run(promote=True)
    assert (state.name, state.type.value) == ("Failed", "FAILED")
    assert state.message.startswith("dvc: ")
    assert branches(project) == []
    assert champion.history(project) == []
    remote.unlink()
    toy.ran(project)
    assert run(promote=True).name == "Promoted"
    assert toy.ran(project) == [], "nothing ran again"


def test_a_run_in_a_clone_never_touches_the_working_tree(project: Path, run: Run) -> None:
    (project / "src/toy.py").write_text("a change that nobody committed")
    (project / "params.yaml").write_text("broken: [")
    before, files = status(project), {file for file in project.rglob("*") if file.is_file() and ".lepton" not in file.parts}
    state = run(clone=True, promote=True)
    assert state.name == "Promoted", state.message
    assert status(project) == before
    after = {file for file in project.rglob("*") if file.is_file() and not {".lepton", ".git", "cache"} & set(file.parts)}
    assert after <= files
    assert not (project / "artifacts").exists()
    one, (branch,) = champion.find(project), branches(project)
    assert toy.run(project, "git", "rev-parse", branch).strip() == one.commit
    assert champion.read(project, one, MODEL).startswith(b"rows")
    assert run(clone=True, promote=True).name == "Unchanged", "the next clone finds all of it in the cache, and published"
    assert len(branches(project)) == 1


def test_a_clone_is_of_what_was_pushed(project: Path, run: Run, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    toy.run(tmp_path, "git", "init", "--quiet", "--bare", str(origin))
    toy.run(project, "git", "remote", "add", "origin", str(origin))
    state = run(clone=True, promote=True)
    assert state.name == "Failed"
    assert "Push it: git push origin" in state.message
    toy.run(project, "git", "push", "--quiet", "origin", "HEAD")
    pushed = git.sha(project)
    toy.set_param(project, "{explain: 1}", "{explain: 2}")
    toy.commit(project)
    assert run(clone=True, promote=True).name == "Promoted"
    one = champion.find(origin)
    assert toy.run(origin, "git", "rev-parse", f"{one.commit}^").strip() == pushed
    assert [name.startswith("retrain/") for name, _ in refs.branches(project, "retrain/")] == [True]


@pytest.fixture
def origin(project: Path, run: Run, tmp_path: Path) -> Path:
    """A bare repository that the project's branch is pushed to."""
    place = tmp_path / "origin.git"
    toy.run(tmp_path, "git", "init", "--quiet", "--bare", str(place))
    toy.run(project, "git", "remote", "add", "origin", str(place))
    toy.run(project, "git", "push", "--quiet", "origin", "HEAD")
    return place


def push_another(project: Path, number: int) -> str:
    """Somebody pushes a commit with another parameter; returns it."""
    toy.set_param(project, f"{{explain: {number}}}", f"{{explain: {number + 1}}}")
    toy.commit(project)
    toy.run(project, "git", "push", "--quiet", "origin", "HEAD")
    return git.sha(project)


def test_a_base_that_moved_meanwhile_is_run_again_and_only_that_is_published(
    project: Path, run: Run, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove, pushed = steps.prove, list[str]()

    def meanwhile(of: places.Project) -> None:
        prove(of)
        if not pushed:
            pushed.append(push_another(project, 1))

    monkeypatch.setattr(steps, "prove", meanwhile)
    state = run(clone=True, promote=True)
    assert state.name == "Promoted", state.message
    (branch,) = branches(project)
    one = champion.find(origin)
    assert toy.run(origin, "git", "rev-parse", branch).strip() == one.commit
    assert toy.run(origin, "git", "rev-parse", f"{one.commit}^").strip() == pushed[0]
    assert "explain: 2" in git.show(origin, one.commit, "dvc.lock")
    (folder,) = (project / ".lepton/runs").iterdir()
    assert toy.ran(folder) == ["first", "side", "last", "last"], "only what the commit changed ran again"


def test_a_base_that_never_rests_fails_and_publishes_nothing(
    project: Path, run: Run, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove, numbers = steps.prove, iter(range(1, 9))

    def meanwhile(of: places.Project) -> None:
        prove(of)
        push_another(project, next(numbers))

    monkeypatch.setattr(steps, "prove", meanwhile)
    state = run(clone=True, promote=True)
    assert (state.name, "other commits were pushed during the run, 3 times" in state.message) == ("Failed", True)
    assert branches(project) == []
    assert champion.history(project) == []


def test_folders_of_old_runs_go(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 2)
    for number in range(3):
        runs.fresh(project, f"2026010{number}T000000Z-x")
        (project / f".lepton/runs/2026010{number}T000000Z-x" / runs.PID).write_text("0" if number == 0 else "4194999")
    assert [place.name[:8] for place in sorted((project / ".lepton/runs").iterdir())] == ["20260101", "20260102"]


def test_a_folder_that_a_run_is_in_stays(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 1)
    (project / ".lepton/runs").mkdir(parents=True)
    (project / ".lepton/runs/a file").write_text("")
    for number in (2, 0, 1):  # the clock went back
        runs.fresh(project, f"2026010{number}T000000Z-x")
    assert len(list((project / ".lepton/runs").iterdir())) == 4


def test_another_params_file_publishes_and_promotes_nothing(project: Path, run: Run) -> None:
    run(promote=True)
    one = champion.find(project)
    for options in ({"publish": True}, {"promote": True}):
        state = module.retrain("examples/other.yaml", return_state=True, **options)
        assert state.name == "Failed"
        assert state.message.startswith("examples/other.yaml: a project beside the root's own has no champions")
    assert champion.history(project) == [one]
    assert champion.history(project / ".lepton/projects/other") == []
