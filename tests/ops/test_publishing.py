"""Promises of publishing, with real git, DVC and a folder as remote."""

import json
import shutil
import threading
from pathlib import Path

import pytest

import toy
from laws import one_line
from lepton.errors import LeptonError
from lepton.ops import dvc, git, publishing, refs


@pytest.fixture
def remote(finished: Path) -> Path:
    """The remote of a project that has run and whose own files are not committed yet."""
    place = finished.parent / "remote"
    toy.run(finished, "git", "add", ".dvc")
    toy.run(finished, "git", "commit", "--quiet", "--allow-empty", "--message", "before")
    toy.run(finished, toy.sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "storage", str(place))
    toy.run(finished, "git", "commit", "--quiet", "--all", "--message", "remote")
    return place


def files(place: Path) -> set[str]:
    return {file.name for file in place.rglob("*") if file.is_file()}


def known(root: Path) -> str:
    return toy.run(root, "git", "for-each-ref", "--format=%(refname) %(objectname)")


def test_a_publication_is_a_commit_that_a_fresh_clone_can_check_out(finished: Path, remote: Path, tmp_path: Path) -> None:
    before = toy.run(finished, "git", "status", "--porcelain"), git.sha(finished), (finished / ".git/index").read_bytes()
    done = publishing.publish(finished, "20260102T030405Z-abcdef", {"gain": "Δm +3 %", "run": "r"})
    assert done.branch == "retrain/20260102T030405Z-abcdef"
    assert (toy.run(finished, "git", "status", "--porcelain"), git.sha(finished)) == before[:2], "the folder stays as it was"
    subject, _, body = toy.run(finished, "git", "log", "-1", "--format=%B", done.commit).partition("\n\n")
    assert subject == "Retrained 20260102T030405Z-abcdef: Δm +3 %"
    assert json.loads(body) == {"gain": "Δm +3 %", "run": "r"}
    clone = tmp_path / "clone"
    toy.run(tmp_path, "git", "clone", "--quiet", "--branch", done.branch, str(finished), str(clone))
    toy.run(clone, toy.sys.executable, "-m", "dvc", "pull", "--quiet")
    for path in ("artifacts/first/out.txt", "artifacts/last/metrics.json", "data/toy/samples.txt"):
        assert (clone / path).read_bytes() == (finished / path).read_bytes()
    assert dvc.differences(clone) == {}


def test_what_stands_here_is_known_to_be_published_until_it_changes(finished: Path, remote: Path) -> None:
    assert publishing.already(finished) is None
    first = publishing.publish(finished, "20260101T000000Z-a", {})
    assert first.new
    again = publishing.already(finished)
    assert again == publishing.Published(first.commit, first.branch) == publishing.publish(finished, "20260101T000001Z-again", {})
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")
    assert publishing.already(finished) is None
    for stage in dvc.plan(finished).todo:
        dvc.reproduce(finished, stage)
    assert publishing.already(finished) is None
    second = publishing.publish(finished, "20260102T000000Z-b", {})
    assert publishing.already(finished) == publishing.Published(second.commit, second.branch)


def test_it_goes_to_origin_where_there_is_one(finished: Path, remote: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    toy.run(tmp_path, "git", "init", "--quiet", "--bare", str(origin))
    toy.run(finished, "git", "remote", "add", "origin", str(origin))
    toy.run(finished, "git", "push", "--quiet", "origin", "HEAD")
    here = known(finished)
    done = publishing.publish(finished, "20260101T000000Z-a", {})
    assert f"refs/heads/{done.branch} {done.commit}" in known(origin)
    assert done.branch not in here
    assert publishing.already(finished) == publishing.Published(done.commit, done.branch)
    with pytest.raises(LeptonError, match="git push"):
        refs.put(finished, f"refs/heads/{done.branch}", git.sha(finished))
    assert f"refs/heads/{done.branch} {done.commit}" in known(origin), "a branch that is there is never moved"


def test_without_a_remote_there_is_nothing_to_publish_to(finished: Path) -> None:
    before = known(finished)
    one_line(lambda: publishing.publish(finished, "r", {}), "no remote", "dvc remote add")
    assert known(finished) == before


def test_a_remote_that_cannot_be_written_publishes_nothing(finished: Path, remote: Path) -> None:
    before = known(finished)
    remote.write_text("a file where the folder should be")
    one_line(lambda: publishing.publish(finished, "r", {}), "dvc")
    assert known(finished) == before
    remote.unlink()
    publishing.publish(finished, "r", {})
    assert dvc.not_in_remote(finished) == []


def test_what_did_not_arrive_is_found_before_git_hears_of_it(finished: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, push = known(finished), dvc.push

    def lossy(root: Path) -> None:
        push(root)
        shutil.rmtree(remote)

    monkeypatch.setattr(dvc, "push", lossy)
    one_line(lambda: publishing.publish(finished, "r", {}), "did not arrive", "Nothing was published")
    assert known(finished) == before


def test_code_that_is_not_committed_is_not_published(finished: Path, remote: Path) -> None:
    (finished / "src/toy.py").write_text("pass")
    (finished / "src/more.py").write_text("pass")
    one_line(lambda: publishing.publish(finished, "r", {}), "src/toy.py", "src/more.py", "Commit them first")
    assert files(remote) == set()


def test_two_publishers_wait_for_each_other(finished: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push, inside, most = dvc.push, [0], [0]

    def counted(root: Path) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.3)
        inside[0] -= 1

    push(finished)
    monkeypatch.setattr(dvc, "push", counted)
    monkeypatch.setattr(dvc, "not_in_remote", lambda root: [])
    monkeypatch.setattr(dvc, "remote", lambda root: "there")
    monkeypatch.setattr(publishing, "already", lambda *_: None)
    workers = [threading.Thread(target=publishing.publish, args=(finished, f"r{number}", {})) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == [1]
    assert {"refs/heads/retrain/r0", "refs/heads/retrain/r1", "refs/heads/retrain/r2"} <= {
        line.split()[0] for line in known(finished).splitlines()
    }


def test_what_is_committed_here_already_needs_no_branch(finished: Path, remote: Path) -> None:
    toy.commit(finished)
    before = known(finished)
    assert publishing.publish(finished, "r", {}) == publishing.Published(git.sha(finished))
    assert known(finished) == before
    assert dvc.not_in_remote(finished) == [], "its outputs are on the remote all the same"
