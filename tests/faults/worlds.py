"""A project with its origin and its remote, that a run is killed in; and what there must be to see of it afterwards."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import points
import psutil
import yaml

from lepton.ops import champion, git, refs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE = 240  # seconds; for a run


@dataclass(frozen=True)
class World:
    """A folder that holds `project`, `origin.git` and `remote`; flow: the module that retrains it, with these options."""

    place: Path
    name: str
    flow: str
    options: tuple[str, ...] = ()

    @property
    def project(self) -> Path:
        return self.place / "project"

    @property
    def origin(self) -> Path:
        return self.place / "origin.git"

    @property
    def remote(self) -> Path:
        return self.place / "remote"

    @property
    def log(self) -> Path:
        return self.place / "fault.log"

    @property
    def said(self) -> Path:
        return self.place / "said.txt"

    def copy(self, place: Path) -> "World":
        shutil.copytree(self.place, place, symlinks=True)
        other = World(place, self.name, self.flow, self.options)
        other.wire()
        return other

    def wire(self) -> None:
        """Points the project at its origin, wherever it has been copied to."""
        known = "origin" in git.run(self.project, "remote").splitlines()
        git.run(self.project, "remote", "set-url" if known else "add", "origin", str(self.origin))

    def environment(self, points: Sequence[Mapping[str, Any]], server: str | None) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DVC_"))}
        paths = [HERE / "inject", HERE, self.project / "src", ROOT / "src", self.project, ROOT]
        own |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), "LEPTON_HOME": str(self.project / ".lepton")}
        own |= {"LEPTON_FAULT": json.dumps(list(points)), "LEPTON_FAULT_LOG": str(self.log)}
        return own | ({"PREFECT_API_URL": server} if server else {})

    def start(
        self, clone: bool, points: Sequence[Mapping[str, Any]] = (), server: str | None = None, said: str = "said.txt"
    ) -> "subprocess.Popen[bytes]":
        """Begins a run in a process group of its own; what it prints goes to the file `said`."""
        command = [sys.executable, "-m", self.flow, "--promote", *self.options, *(["--clone"] if clone else [])]
        with (self.place / said).open("wb") as out:
            how: dict[str, Any] = {"stdout": out, "stderr": out, "stdin": subprocess.DEVNULL, "start_new_session": True}
            return subprocess.Popen(command, cwd=self.project, env=self.environment(points, server), **how)

    def run(self, clone: bool, points: Sequence[Mapping[str, Any]] = (), server: str | None = None) -> tuple[int, str]:
        """A whole run: its exit code, negative for a signal, and what it printed."""
        code = self.start(clone, points, server).wait(PATIENCE)
        return code, self.said.read_text()

    def passed(self) -> list[str]:
        """What a run has begun, of points.PASSED: seconds and name."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def kill(self, process: "subprocess.Popen[bytes]") -> int:
        """The whole group, at once; how the run ended."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    def left_over(self) -> list[int]:
        """Processes of runs of this world that still live, after a moment's grace."""
        until = time.monotonic() + 20
        while (found := self._alive()) and time.monotonic() < until:
            time.sleep(0.2)
        return found

    def _alive(self) -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("LEPTON_FAULT_LOG") == str(self.log) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found

    def end(self) -> None:
        for pid in self._alive():
            os.kill(pid, signal.SIGKILL)


class Expected:
    """What an uninterrupted run of a world ends with, in a clone and in place; run when first asked for.

    work: the seconds, from its start, in which it does more than start and end.
    """

    def __init__(self, base: World, folder: Path, server: str):
        self.base, self.folder, self.server = base, folder, server
        self.known: dict[bool, dict[str, Any]] = {}
        self.work: dict[bool, tuple[float, float]] = {}

    def __call__(self, clone: bool) -> dict[str, Any]:
        if clone not in self.known:
            world, started = self.base.copy(self.folder / str(clone)), time.time()
            code, said = world.run(clone, points.PASSED, server=self.server)
            assert (code, "now champion/2" in said) == (0, True), said
            times = [float(line.split()[0]) - started for line in world.passed()]
            self.known[clone], self.work[clone] = outcome(world), (times[0], times[-1])
        return self.known[clone]


def promised(world: World) -> dict[str, dict[str, str]]:
    """For every champion and every published branch that a reader of origin sees, path -> hash of its data and outputs.

    Every one of them is proven to be on the remote, whole.
    """
    seen = {}
    for line in git.run(world.origin, "for-each-ref", "--format=%(refname)", "refs/tags", "refs/heads/retrain").splitlines():
        hashes = {}
        for name in ("dvc.lock", "data.dvc"):
            found = yaml.safe_load(git.show(world.origin, line, name))
            stages = found["stages"].values() if name == "dvc.lock" else [found]
            hashes |= {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
        for value in hashes.values():
            whole(world.remote, value)
        seen[line] = hashes
    return seen


def whole(remote: Path, value: str) -> None:
    """The remote has this hash, and all that is in it where it is a folder."""
    content = (remote / "files/md5" / value[:2] / value[2:]).read_bytes()
    assert hashlib.md5(content).hexdigest() == value.removesuffix(".dir"), f"{value} is not whole on the remote"
    if value.endswith(".dir"):
        for entry in json.loads(content):
            whole(remote, entry["md5"])


def champions(world: World) -> list[dict[str, Any]]:
    """All that origin knows, without what a clock or a name of a run has a say in."""
    found = []
    for one in champion.history(world.origin):
        told = {key: value for key, value in one.told.items() if key != "at"}
        rules = [{key: rule[key] for key in ("name", "holds")} for rule in told.pop("decision").get("rules", [])]
        found.append({"tag": one.tag, "tree": git.run(world.origin, "rev-parse", f"{one.commit}^{{tree}}"), "rules": rules, **told})
    return found


def outcome(world: World) -> dict[str, Any]:
    """What a run leaves for others: equal for equal data, parameters and code, however often it was begun."""
    root = world.project
    published = refs.branches(world.origin, "retrain/")
    files = [root / "dvc.lock", root / "data.dvc", *sorted(path for path in (root / "artifacts").rglob("*") if path.is_file())]
    return {
        "champions": champions(world),
        "here": [one.tag for one in champion.history(root)],
        "published": sorted(git.run(world.origin, "rev-parse", f"{commit}^{{tree}}") for _, commit in published),
        "stored": sorted(
            path.parent.name + path.name for path in (world.remote / "files/md5").glob("*/*") if path.suffix != ".tmp"
        ),
        "incoming": sorted(path.name for path in (root / "incoming").glob("*")),
        "ingested": sorted(path.name for path in (root / ".lepton/ingested").glob("*/*")),
        "files": {str(path.relative_to(root)): hashlib.md5(path.read_bytes()).hexdigest() for path in files},
        "commit": git.sha(root),
        "status": git.changed(root),
    }


def sound(world: World) -> None:
    """Both repositories are whole, and the link to the latest page leads to a whole page, where there is one."""
    for repository in (world.project, world.origin):
        git.run(repository, "fsck", "--strict", "--no-dangling")
    page = world.project / "report/latest"
    if page.is_symlink():
        assert (page / "index.html").read_text().rstrip().endswith(("page", "</html>"))
