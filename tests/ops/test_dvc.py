"""DVC as the flows use it, on a toy project."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

import toy
from lepton.errors import LeptonError
from lepton.ops import children, dvc, git
from lepton.ops.repository import Busy


@contextmanager
def running(root):
    """Another process that is in the midst of `first`, which takes long."""
    command = "import signal, sys; from pathlib import Path; from lepton.ops import dvc; "
    command += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); dvc.reproduce(Path.cwd(), 'first')"
    process = subprocess.Popen([sys.executable, "-c", command])
    until = time.monotonic() + 60
    while not ((root / "pid").exists() and (root / "pid").read_text()) and time.monotonic() < until:
        time.sleep(0.1)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def nothing_there():
    """The URL of a server that has nothing and takes nothing, with all that a person could put in it to log in."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://team:hushhush@127.0.0.1:{server.server_port}/store?token=hushhush"
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_a_remote_is_logged_in_with_is_never_printed(finished, nothing_there):
    toy.run(finished, sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "storage", nothing_there)
    command = "from pathlib import Path; from lepton.ops import dvc, network; network.WAITS = (0,); dvc.push(Path.cwd())"
    done = subprocess.run([sys.executable, "-c", command], cwd=finished, capture_output=True, text=True, check=False)
    assert "http://***@127.0.0.1" in done.stderr
    assert "token=***" in done.stderr
    assert "hushhush" not in done.stdout + done.stderr


def test_every_stage_runs_once(project):
    dvc.add(project, Path("data"))
    assert [dvc.reproduce(project, stage) for stage in dvc.plan(project).todo] == ["ran"] * 3
    assert toy.ran(project) == ["first", "side", "last"]
    assert [dvc.reproduce(project, stage) for stage in dvc.plan(project).stages] == ["unchanged"] * 3


def test_plan_is_in_the_graphs_order_and_goes_downstream(finished):
    assert dvc.plan(finished) == dvc.Plan(["first", "side", "last"], [], [])
    toy.set_param(finished, "train: {epochs: 1}", "train: {epochs: 2}")
    assert dvc.plan(finished).todo == ["side", "last"]
    (finished / "data/toy/samples.txt").write_text("more rows")
    assert dvc.plan(finished) == dvc.Plan(["first", "side", "last"], ["first", "side", "last"], ["data.dvc"])


def test_asking_changes_nothing(finished):
    before = toy.run(finished, "git", "status", "--porcelain"), (finished / "dvc.lock").read_bytes()
    dvc.plan(finished)
    assert dvc.differences(finished) == {}
    assert (toy.run(finished, "git", "status", "--porcelain"), (finished / "dvc.lock").read_bytes()) == before


def test_lost_outputs_come_from_the_cache(finished):
    (finished / "artifacts/side/out.txt").unlink()
    assert dvc.plan(finished).todo == ["side", "last"]
    assert dvc.reproduce(finished, "side") == "cached"
    assert dvc.reproduce(finished, "last") == "unchanged"
    assert dvc.differences(finished) == {}
    assert toy.ran(finished) == []


def test_failure_has_its_code_and_outputs_can_be_put_back(finished):
    before = (finished / "artifacts/first/out.txt").read_bytes()
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 8}")
    with pytest.raises(dvc.StageFailed) as failed:
        dvc.reproduce(finished, "first")
    assert failed.value.code == 2
    assert (finished / "artifacts/first/out.txt").read_bytes() == b"half"
    assert dvc.restore(finished, "first")
    assert (finished / "artifacts/first/out.txt").read_bytes() == before


def test_nothing_is_put_back_where_there_was_nothing(project):
    toy.set_param(project, "clean: {epochs: 1}", "clean: {epochs: 8}")
    with pytest.raises(dvc.StageFailed):
        dvc.reproduce(project, "first")
    assert not dvc.restore(project, "first")


def test_what_dvc_has_against_a_project_is_one_line(project):
    (project / "dvc.yaml").write_text("stages: [")
    with pytest.raises(LeptonError, match=r"^dvc: .*dvc\.yaml") as said:
        dvc.plan(project)
    assert "\n" not in str(said.value)


def test_ctrl_c_is_no_failure_of_the_stage():
    for code in (130, -signal.SIGINT):
        assert str(dvc.StageFailed("first", code)) == "interrupted. Run again: what was finished is not repeated."


def test_a_second_run_at_once_says_who_is_at_it(finished):
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 6}")
    with running(finished) as process:
        for ask in (dvc.plan, lambda root: dvc.reproduce(root, "first")):
            with pytest.raises(Busy) as said:
                ask(finished)
            assert str(said.value) == f"another run of this project is under way (PID {process.pid}). Wait for it or end it."


def test_a_run_that_is_asked_to_end_leaves_no_stage_behind(finished):
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 6}")
    with running(finished) as process:
        stage = psutil.Process(int((finished / "pid").read_text()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143
        stage.wait(timeout=10)
    assert dvc.restore(finished, "first")


def test_a_clone_shares_the_cache_the_remote_beside_it_and_what_is_set_on_this_machine_alone(project, tmp_path):
    remote = (toy.sys.executable, "-m", "dvc", "remote")
    toy.run(project, *remote, "add", "--quiet", "beside", "../remote")
    toy.run(project, *remote, "add", "--quiet", "far", "https://example.org/data")
    toy.run(project, *remote, "modify", "--quiet", "--local", "far", "password", "only here")
    toy.run(project, *remote, "default", "--quiet", "--local", "beside")
    toy.commit(project)
    cache, folder = project / ".dvc/cache", project.parent / "remote"
    for place in (tmp_path / "deep/clone", tmp_path / "deep/clone of it"):
        git.clone(project, place)
        dvc.share(project, place)
        assert dvc.remote(place) == dvc.Remote("beside", str(folder))
        told = toy.run(place, toy.sys.executable, "-m", "dvc", "config", "--list")
        assert f"cache.dir={cache}" in told.splitlines()
        assert "remote.far.password=only here" in told
        assert git.changed(place) == []
        project = place


def test_a_list_of_locks_that_a_kill_cut_short_locks_nothing(finished):
    list_of_locks = finished / ".dvc/tmp/rwlock"
    list_of_locks.write_text('{"write": {')
    assert dvc.plan(finished).todo == []
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")
    list_of_locks.write_text("")
    assert dvc.reproduce(finished, "last") == "ran"


def test_dvc_lock_is_written_whole_or_not_at_all(finished, monkeypatch):
    from dvc.utils.serialize import _yaml

    before = (finished / "dvc.lock").read_bytes()
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")

    def half(data, stream):
        stream.write("schema: '2.0'\nsta")
        raise OSError("No space left on device")

    dump = _yaml._dump
    monkeypatch.setattr(_yaml, "_dump", half)
    with pytest.raises(LeptonError):
        dvc.reproduce(finished, "last")
    assert (finished / "dvc.lock").read_bytes() == before
    monkeypatch.setattr(_yaml, "_dump", dump)
    assert dvc.reproduce(finished, "last") == "ran"
    assert (finished / "dvc.lock").read_bytes() != before


def test_an_entry_of_the_run_cache_that_a_kill_left_empty_is_none(finished):
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")
    assert dvc.reproduce(finished, "last") == "ran"
    for entry in (finished / ".dvc/cache/runs").glob("*/*/*"):
        entry.unlink()
    toy.set_param(finished, "{explain: 2}", "{explain: 1}")
    assert dvc.reproduce(finished, "last") == "ran"


def test_a_stage_that_takes_too_long_is_ended_with_its_processes(finished):
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 6}")
    with pytest.raises(dvc.TookTooLong, match=r"took more than 0\.05 minutes and was ended; see limits in params\.yaml"):
        dvc.reproduce(finished, "first", minutes=0.05)
    pid = (finished / "pid").read_text()
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    assert dvc.restore(finished, "first")
    toy.set_param(finished, "clean: {epochs: 6}", "clean: {epochs: 1}")
    assert dvc.plan(finished).todo == []


def test_a_stage_that_ignores_being_asked_is_ended_too(finished, monkeypatch):
    monkeypatch.setattr(children, "GRACE", 0.5)
    code = finished / "src/toy.py"
    code.write_text("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + code.read_text())
    toy.set_param(finished, "clean: {epochs: 1}", "clean: {epochs: 6}")
    with pytest.raises(dvc.TookTooLong):
        dvc.reproduce(finished, "first", minutes=0.05)
