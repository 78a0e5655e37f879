"""What people are told: a line in a local file always, and Prefect's notification blocks that `notify` in params.yaml names."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from lepton.blocks import Notify
from lepton.environment import home


def path_of(root: Path) -> Path:
    return home(root) / "notifications.jsonl"


def keep(root: Path, state: str, message: str) -> None:
    """Adds a line to the local file: {at, state, message}."""
    line = json.dumps({"at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}", "state": state, "message": message}, ensure_ascii=False)
    path_of(root).parent.mkdir(parents=True, exist_ok=True)
    with path_of(root).open("ab", buffering=0) as file:  # one write, which other processes cannot break up
        file.write(f"{line}\n".encode())


def tell(root: Path, state: str, message: str, plan: Notify) -> None:
    """From outside a flow: keeps it, and has flows.notify, a process of its own, send it to the blocks."""
    keep(root, state, message)
    if plan.blocks and state in plan.states:
        paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "flows.notify", state, message]
        subprocess.run(command, cwd=root, check=False, env={**os.environ, "PYTHONPATH": paths})
