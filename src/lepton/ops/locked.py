"""dvc.lock as a graph: what each stage made, of which data, code and parameters; of the project here, or of a commit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lepton.errors import LeptonError
from lepton.ops import champion, git, refs
from lepton.ops.publishing import BRANCH

HERE = "here"
Hashes = dict[str, str]


def _touches(one: str, other: str) -> bool:
    """Is one path the other, or a folder that holds it?"""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


@dataclass(frozen=True)
class View:
    """A project as dvc.lock and the .dvc files have it: those in the folder, or those of a commit. stages: upstream
    first. data: what .dvc files hold, and what stages read of it."""

    name: str
    commit: str
    stages: Mapping[str, Mapping[str, Any]]
    data: Hashes

    def outs(self, stage: str) -> Hashes:
        return {out["path"]: out["md5"] for out in self.stages[stage].get("outs", [])}

    def all(self) -> Hashes:
        return self.data | {path: digest for stage in self.stages for path, digest in self.outs(stage).items()}

    def maker(self, path: str) -> str | None:
        """The stage that makes what lies at or in `path`; None for data and code."""
        return next((stage for stage in self.stages if any(_touches(path, out) for out in self.outs(stage))), None)

    def reads(self, stage: str) -> list[str]:
        """The stages that made what this one reads."""
        made = (self.maker(dep["path"]) for dep in self.stages[stage].get("deps", []))
        return [other for other in dict.fromkeys(made) if other and other != stage]

    def code(self, stage: str) -> list[str]:
        deps = [dep["path"] for dep in self.stages[stage].get("deps", [])]
        return [path for path in deps if not self.maker(path) and not self.raw(path)]

    def raw(self, path: str) -> bool:
        """Is it data?"""
        return any(_touches(path, held) for held in self.data) or path.startswith(("/", ".."))

    def behind(self, stages: set[str]) -> list[str]:
        """They and all that they come from, upstream first."""
        found, ahead = set(stages), list(stages)
        while ahead:
            new = set(self.reads(ahead.pop())) - found
            found |= new
            ahead += new
        return [stage for stage in self.stages if stage in found]

    def params(self, stage: str) -> dict[str, Any]:
        """Key -> value of what it reads of params.yaml."""
        return {key: value for given in (self.stages[stage].get("params") or {}).values() for key, value in given.items()}

    def after(self, stages: set[str]) -> list[str]:
        """Those that read what `stages` make, at once or by way of others."""
        found = set(stages)
        for stage in self.stages:
            if found & set(self.reads(stage)):
                found.add(stage)
        return [stage for stage in self.stages if stage in found - stages]


def here(root: Path) -> View:
    texts = [file.read_text(encoding="utf-8") for file in sorted(root.glob("[!.]*.dvc"))]
    lock = root / "dvc.lock"
    return _view(HERE, git.sha(root), lock.read_text(encoding="utf-8") if lock.exists() else "", texts)


def at(root: Path, name: str, commit: str) -> View:
    """As a commit has it; a LeptonError where it has no dvc.lock."""
    held = [path for path in git.run(root, "ls-tree", "--name-only", commit).splitlines() if re.fullmatch(r"[^.].*\.dvc", path)]
    return _view(name, commit, git.show(root, commit, "dvc.lock"), [git.show(root, commit, path) for path in held])


def _view(name: str, commit: str, lock: str, data: Sequence[str]) -> View:
    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    outs = [out for text in data for out in (yaml.safe_load(text) or {}).get("outs", [])]
    unordered = View(name, commit, stages, {out["path"]: out["md5"] for out in outs if "md5" in out})
    ordered: dict[str, Any] = {}

    def visit(stage: str) -> None:
        for other in unordered.reads(stage):
            if other not in ordered:
                visit(other)
        ordered[stage] = stages[stage]

    for stage in stages:
        if stage not in ordered:
            visit(stage)
    read = {dep["path"]: dep["md5"] for block in stages.values() for dep in block.get("deps", []) if unordered.raw(dep["path"])}
    return View(name, commit, ordered, unordered.data | read)


def views(root: Path) -> tuple[list[View], str]:
    """All champions and published runs, the newest first, and what could not be asked; empty: all of it could."""
    trouble, published = "", []
    try:
        published = refs.branches(root, BRANCH)
    except LeptonError as error:
        trouble = f"published runs are not known here: {error}"
    crowned = [(one.tag, one.commit) for one in reversed(champion.history(root))]
    return [at(root, name, commit) for name, commit in [*crowned, *sorted(published, reverse=True)]], trouble
