"""A Prefect server for the length of one command, on the project's own database, where none is named by PREFECT_API_URL.

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

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings

from lepton.errors import LeptonError

PATIENCE = 120  # seconds
COMMAND = ["uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "critical", "--lifespan", "on"]
AS_PREFECT_DOES = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


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


@contextmanager
def temporary() -> Iterator[Callable[[], None]]:
    """Starts the server, and gives a function that returns when it is ready; the server ends with the block."""
    if PREFECT_API_URL.value():
        yield lambda: None
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", *COMMAND, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **AS_PREFECT_DOES}, stdin=subprocess.DEVNULL, start_new_session=True)
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
