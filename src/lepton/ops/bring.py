"""Makes a project's data present: as it stands, else from DVC's cache or remote, else the starter's where its params are in use."""

import sys
from pathlib import Path

from lepton import files
from lepton.errors import LeptonError
from lepton.ops import dvc
from lepton.ops.lineage import hashes

STARTER = Path("data/vision")


def data(root: Path, path: Path) -> None:
    """path: data.path of params.yaml.

    A folder that holds anything is never checked out over: that could remove what has not been added yet. Where a version is asked
    for, nothing else takes its place.
    """
    place, top = root / path, Path(path.parts[0])
    inside = not path.is_absolute() and ".." not in path.parts
    lost = inside and not (root / top).exists() and (root / f"{top}.dvc").exists() and dvc.bring_data(root, top)
    if not place.exists() and path == STARTER:
        _build_starter(root, f"{top}.dvc: {lost}. Where it was made: dvc push." if lost else "")
    elif lost:
        raise LeptonError(f"{top}.dvc: {lost}. Where it was made: dvc push.")
    if not place.exists():
        raise LeptonError(f"params.yaml: data.path: {path} is not there. Put samples.parquet in it, or change the path.")
    if inside and not (root / f"{top}.dvc").exists():
        dvc.add(root, top)


def _build_starter(root: Path, lost: str) -> None:
    """lost: why the version of the data that is asked for is not there; said where the starter's is another one."""
    from lepton.starter import vision

    print(f"{STARTER} is not there: making the starter data", file=sys.stderr)
    if not lost:
        return vision.build(root / STARTER)
    top = STARTER.parts[0]
    with files.replacing_folder(root / top) as temporary:
        vision.build(temporary / STARTER.relative_to(top))
        if dvc.version_of(root, temporary) != hashes(root).get(top):
            raise LeptonError(lost)
