"""What a network lets down is asked again; nothing else is."""

import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import toy
from flows import server
from laws import one_line
from lepton.errors import LeptonError
from lepton.ops import dvc, git, network, refs


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "WAITS", (0.01, 0.02))


class Flaky(SimpleHTTPRequestHandler):
    """Serves a folder; the first requests end with what `fails` says."""

    fails: list[int]

    def do_GET(self) -> None:
        if self.fails:
            self.send_error(self.fails.pop())
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin(project: Path, tmp_path: Path) -> Iterator[Path]:
    """The project's origin, behind HTTP, with one branch of a run."""
    place = tmp_path / "origin.git"
    toy.run(project, "git", "branch", "retrain/one")
    toy.run(tmp_path, "git", "clone", "--quiet", "--bare", str(project), str(place))
    toy.run(place, "git", "update-server-info")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Flaky, directory=tmp_path)) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        toy.run(project, "git", "remote", "add", "origin", f"http://127.0.0.1:{made.server_port}/origin.git")
        yield place
        made.shutdown()
        thread.join()


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(
    project: Path, origin: Path, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Flaky, "fails", [code], raising=False)
    assert refs.branches(project, "retrain/") == [("retrain/one", git.sha(project))]
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("warning: git ls-remote in ")
    assert said.endswith("; trying again in 0.01 s.")


@pytest.mark.parametrize("code", [403, 404])
def test_a_server_that_says_no_is_not_asked_again(project: Path, origin: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flaky, "fails", [code] * 9, raising=False)
    one_line(lambda: refs.branches(project, "retrain/"), "git ls-remote")
    assert len(Flaky.fails) >= 7, "one call, of at most two requests"


def test_a_server_that_is_not_there_is_asked_so_often_and_no_more(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy.run(project, "git", "remote", "add", "origin", f"http://127.0.0.1:{server.free_port()}/origin.git")
    one_line(lambda: refs.put(project, "refs/heads/retrain/one", git.sha(project)), "git push")
    assert capsys.readouterr().err.count("trying again") == 2


def test_files_that_did_not_arrive_are_sent_again(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{server.free_port()}/none"
    toy.run(finished, sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "storage", url)
    with pytest.raises(network.TransferFailed, match="files failed to upload"):
        dvc.push(finished)
    assert capsys.readouterr().err.count("trying again") == 2


def test_what_is_no_networks_fault_fails_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refs.put(project, "refs/heads/retrain/one", git.sha(project))
    with pytest.raises(LeptonError):
        refs.put(project, "refs/heads/retrain/one", git.sha(project))
    assert capsys.readouterr().err == ""
