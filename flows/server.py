"""A Prefect server for the length of one command, on the project's own database, where there is none already.

Prefect would start the same one by itself, but only after importing its server into this process too, and only when the
flow is called: started here, it comes up while everything else is imported, which makes a short run several seconds shorter.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings

from lepton import environment, files
from lepton.errors import LeptonError

PATIENCE = 120  # seconds
COMMAND = ["uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "critical", "--lifespan", "on"]
ATTACHED = """
import os, runpy, signal, sys, threading
threading.Thread(target=lambda: (os.read(0, 1), os.killpg(0, signal.SIGKILL)), daemon=True).start()
sys.argv.pop(0)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
AS_PREFECT_DOES = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def _serving() -> Path:
    return environment.home() / "prefect" / "serving"


@contextmanager
def announced(url: str) -> Iterator[None]:
    """Lets commands on this machine find the server that `make serve` runs."""
    files.write_text(_serving(), url)
    try:
        yield
    finally:
        _serving().unlink(missing_ok=True)


def _found() -> str | None:
    """The server that is named by the environment, or announced and alive."""
    if named := PREFECT_API_URL.value():
        return str(named)
    told = _serving().read_text(encoding="utf-8") if _serving().exists() else ""
    return told if told and healthy(told) else None


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Returns when the server answers; a LeptonError when it ends before, or takes too long."""
    until = time.monotonic() + PATIENCE
    while not healthy(url):
        if process.poll() is not None or time.monotonic() > until:
            raise LeptonError("prefect: its server did not start. Is the disk full, or PREFECT_HOME not writable?")
        time.sleep(0.1)


def attached(module: str, *arguments: str, **how: Any) -> "subprocess.Popen[bytes]":
    """A module as a process with a group of its own, all of which ends when this process does, even if that is killed.

    Its standard input is a pipe that closes then. Otherwise a server would live on, and hold its port and its database.
    """
    command = [sys.executable, "-c", ATTACHED, module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **how)


def detach(process: "subprocess.Popen[bytes]") -> None:
    """Closes that pipe, once the process has ended."""
    if process.stdin:
        process.stdin.close()


@contextmanager
def temporary() -> Iterator[Callable[[], None]]:
    """Starts the server, and gives a function that returns when it is ready; the server ends with the block."""
    if found := _found():
        with temporary_settings({PREFECT_API_URL: found}):
            yield lambda: None
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    process = attached(*COMMAND, "--host", "127.0.0.1", "--port", str(port), env={**os.environ, **AS_PREFECT_DOES})
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield lambda: wait(url, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        detach(process)
