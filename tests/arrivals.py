"""The toy project with a table of small images for its data, and what may arrive at its drop folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import helpers
import toy
from lepton.ops import dvc

READ = 'data = Path(params["data"]["path"], "samples.txt").read_text()'
COUNT = """\
data = ""
if name == "first":
    import pyarrow.parquet
    table = pyarrow.parquet.read_table(Path(params["data"]["path"], "samples.parquet"), columns=["id", "digit"])
    data = " ".join(f"{row['id']}={row['digit']}" for row in table.to_pylist())
if "odd" in data:
    words = {"stage": name, "run": os.environ["LEPTON_OWNER"], "reason": "an odd row"}
    Path(os.environ["LEPTON_HOME"], "last-words.json").write_text(json.dumps(words))
    sys.exit(3)
"""


def rows(ids: Sequence[str], digit: object = 0, images: Sequence[object] | None = None) -> pd.DataFrame:
    """A row each, with an image that is like no other's, or what `images` says."""
    if images is None:
        images = [helpers.encoded(np.full((8, 8, 3), sum(map(ord, name)) % 251, np.uint8)) for name in ids]
    return pd.DataFrame({"id": ids, "image": images, "digit": digit})


def make(project: Path) -> Path:
    """Turns the toy `project` into one of a table of four rows, committed, with a remote of DVC beside it."""
    (project / "data/toy/samples.txt").unlink()
    rows(["a", "b", "c", "d"]).to_parquet(project / "data/toy/samples.parquet")
    code = project / "src/toy.py"
    assert READ in code.read_text()
    code.write_text(code.read_text().replace(READ, COUNT))
    with (project / "params.yaml").open("a") as params, (project / ".gitignore").open("a") as ignored:
        params.write("ingest: {source: incoming}\n")
        ignored.write("/incoming\n")
    dvc.add(project, Path("data"))
    with (project / ".dvc/config").open("a") as config:
        config.write(f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {project.parent}/remote\n")
    toy.commit(project)
    return project


def drop(project: Path, name: str, table: pd.DataFrame, **media: bytes) -> Path:
    """Puts a drop where it is looked for."""
    folder = project / "incoming" / name
    folder.mkdir(parents=True)
    for file, content in media.items():
        (folder / f"{file}.png").write_bytes(content)
    table.to_parquet(folder / "samples.parquet")
    return folder


def ids(root: Path) -> list[str]:
    """Of the data as it stands in a folder."""
    return pd.read_parquet(root / "data/toy/samples.parquet")["id"].to_list()
