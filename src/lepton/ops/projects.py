"""Another params file is another project: it runs in a clone of its own, so that projects never overwrite each other."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from lepton.blocks import Limits, nearest
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.ops import dvc, git, refs

OWN = ("data.dvc", "dvc.lock")  # the versions of a project's data and outputs


def place_of(root: Path, params: Path) -> Path:
    """Where the project of `params` runs."""
    return home(root) / "projects" / params.stem


def is_clone(root: Path) -> bool:
    return root.parent.name == "projects" and (root / ".dvc/config.local").exists()


def stages(root: Path) -> dict[str, Any]:
    """The stages of dvc.yaml, as they are written there."""
    return yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def require_known(limits: Limits, known: Collection[str]) -> None:
    """Raises a LeptonError where a limit is of no stage."""
    for name in limits.stages:
        if name not in known:
            raise LeptonError(f"params.yaml: limits.stages: there is no stage {name!r}. {nearest(name, list(known))}")


def left_out(root: Path, params: Path) -> list[str]:
    """Blocks of dvc.yaml that the params file leaves to their defaults; DVC wants each of them to stand there."""
    given = yaml.safe_load(params.read_text(encoding="utf-8"))
    keys = dict.fromkeys(key for stage in stages(root).values() for key in stage.get("params", []))
    return [key for key in keys if "." not in key and key not in given]


def clone(root: Path, params: Path, data: Path) -> Path:
    """Brings .lepton/projects/<name> to the commit of `root`, with its own params.yaml, data.dvc and dvc.lock.

    Blocks that `params` leaves out stand there empty. It shares the cache of DVC and the records. A relative `data` path is a
    folder of `root`, and is mirrored.
    """
    place = place_of(root, params)
    own = {name: (place / name).read_bytes() for name in OWN if (place / name).exists() and (place / ".dvc/config.local").exists()}
    git.clone(root, place)
    refs.drop_tags(place, "champion/*")  # another project's
    for name in OWN:
        (place / name).unlink(missing_ok=True)
    for name, content in own.items():
        (place / name).write_bytes(content)
    blocks = "".join(f"\n{name}: {{}}" for name in left_out(place, params))
    (place / "params.yaml").write_text(params.read_text(encoding="utf-8") + blocks, encoding="utf-8")
    dvc.share(root, place)
    if not data.is_absolute() and (root / data).exists():
        mirror(root / data, place / data)
    return place


def mirror(source: Path, target: Path) -> None:
    """Makes `target` equal to `source`; files of the same size and time are taken as equal."""
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target) not in wanted:
            path.unlink()
    for name in sorted(wanted):
        old, new = target / name, (source / name).stat()
        if not old.exists() or (old.stat().st_size, old.stat().st_mtime_ns) != (new.st_size, new.st_mtime_ns):
            old.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, old)
