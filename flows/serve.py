"""Prefect's server, a worker and the schedules of prefect.yaml, on this machine's loopback address only.

    python -m flows.serve [--every SECONDS]

Ctrl-C ends all of it. `python -m flows.serve --list` shows the latest runs with the names of their states.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterStartTime
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending
from rich.console import Console
from rich.table import Table

from flows import ROOT, server, zombies
from lepton import environment
from lepton.errors import LeptonError

POOL = "lepton"
PORT = 4200  # where it is free
GRACE = 10  # seconds from asking to end to ending


@contextmanager
def child(*command: str, shown: bool) -> "Iterator[subprocess.Popen[bytes]]":
    """A process with a group of its own, which ends with the block: workers outlive a SIGTERM at times."""
    variables = {**os.environ, "PREFECT_LOGGING_LEVEL": "INFO"}
    log = environment.home() / "prefect" / f"{command[0]}.log"
    with log.open("w") as file:
        out = None if shown else file
        process = server.attached("prefect", *command, cwd=ROOT, env=variables, stdout=out, stderr=out)
        try:
            yield process
        finally:
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Asks the whole group to end, and ends what is left of it after a while."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(timeout=GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    server.detach(process)


def prefect(*command: str) -> None:
    """One call of Prefect's command line; its output is shown only when it fails."""
    done = subprocess.run([sys.executable, "-m", "prefect", "--no-prompt", *command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise LeptonError(f"prefect {command[0]}: {' '.join((done.stdout + done.stderr).split())[-400:]}")


def deploy(every: int | None) -> None:
    """The work pool, what prefect.yaml schedules, and, to try it out, a deployment that runs every few seconds."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
    prefect("deploy", "--all")
    if every:
        how = ("--params", '{"clone": true, "promote": true, "reason": "schedule"}')
        once = ("--concurrency-limit", "1", "--collision-strategy", "CANCEL_NEW")
        prefect("deploy", "flows/retrain.py:retrain", "--name", "often", "--pool", POOL, "--interval", str(every), *how, *once)
    zombies.watch()


def serve(every: int | None) -> None:
    port = PORT if server.is_free(PORT) else server.free_port()
    url = f"http://127.0.0.1:{port}/api"
    console = Console(highlight=False)
    os.environ["PREFECT_API_URL"] = url
    with (
        temporary_settings({PREFECT_API_URL: url}),
        child("server", "start", "--host", "127.0.0.1", "--port", str(port), shown=False) as running,
    ):
        server.wait(url, running)
        for run in zombies.close():
            console.print(f"{run}: {zombies.LOST}")
        deploy(every)
        with server.announced(url), child("worker", "start", "--pool", POOL, "--type", "process", shown=True) as worker:
            console.print(f"serving at {url.removesuffix('/api')}; deployments: prefect.yaml; Ctrl-C ends it", soft_wrap=True)
            while running.poll() is None and worker.poll() is None:
                time.sleep(1)
            raise LeptonError("prefect: its server or worker ended by itself; see above, and .lepton/prefect/server.log.")


def listing(limit: int = 20) -> Table:
    """The latest runs, newest first; Prefect's own listing shows the type of a state instead of its name."""
    table = Table("run", "deployment", "state", "started (UTC)", "seconds", "message", box=None, header_style="bold")
    with get_client(sync_client=True) as client:
        deployed: dict[Any, str] = {found.id: found.name for found in client.read_deployments()}
        begun = FlowRunFilter(start_time=FlowRunFilterStartTime(is_null_=False))
        for run in client.read_flow_runs(flow_run_filter=begun, limit=limit, sort=FlowRunSort.START_TIME_DESC):
            state, seconds = run.state or Pending(), run.total_run_time.total_seconds()
            started = f"{run.start_time:%m-%d %H:%M:%S}"
            table.add_row(
                run.name, deployed.get(run.deployment_id, "by hand"), state.name, started, f"{seconds:.0f}", state.message
            )
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m flows.serve", description="Runs the schedules of prefect.yaml on this machine."
    )
    parser.add_argument("--every", type=int, metavar="SECONDS", help="also deploy a run every few seconds, to try it out (off)")
    parser.add_argument("--list", action="store_true", help="show the latest runs, and end")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if given.list:
            with server.temporary() as ready:
                ready()
                Console(width=160, highlight=False).print(listing())
        else:
            serve(given.every)
    except LeptonError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("ended")


if __name__ == "__main__":
    main()
