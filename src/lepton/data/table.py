"""Tables of samples as they lie in a project's data folder: one Parquet file per set, read whole."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lepton.blocks import Input, Task, nearest
from lepton.config import Params
from lepton.errors import LeptonError
from lepton.files import write

STARTERS = {"vision"}


def tasks_of(name: str, params: Params) -> Mapping[str, Task]:
    """The tasks whose labels are in table `name`: samples or new_tasks."""
    return params.new_tasks if name == "new_tasks" else params.tasks


def columns_of(name: str, params: Params) -> dict[str, str]:
    """Column -> the key of params.yaml that names it, for all columns that table `name` must have."""
    readers: dict[str, Input | Task] = {f"inputs.{key}.column": kind for key, kind in params.inputs.items()}
    block = "new_tasks" if name == "new_tasks" else "tasks"
    readers |= {f"{block}.{key}.column": kind for key, kind in tasks_of(name, params).items()}
    columns = {params.data.id: "data.id"}
    if params.data.split.group:
        columns.setdefault(params.data.split.group, "data.split.group")
    for key, kind in readers.items():
        columns.setdefault(kind.column, key)
    return columns


def read_table(folder: Path, name: str, params: Params) -> pd.DataFrame:
    """Table `name` (samples or new_tasks) with every column that params.yaml names; a LeptonError says what is missing."""
    return read_arrow(folder, name, params).to_pandas()


def read_arrow(folder: Path, name: str, params: Params) -> pa.Table:
    """The same with the types of its file."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        starter = folder.name if folder.parts[:1] == ("data",) and folder.name in STARTERS else None
        remedy = f"Build it with: lepton starter {starter}." if starter else "Put it there, or fix data.path in params.yaml."
        if folder.is_file():
            raise LeptonError(f"params.yaml: data.path: {folder} is a file. Name the folder of samples.parquet: {folder.parent}.")
        here = "" if folder.is_absolute() else f" in {Path.cwd()}"
        raise LeptonError(f"{path if folder.is_dir() else folder}: not there{here}. {remedy}")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).split(". ")[0].splitlines()[0]
        raise LeptonError(f"{path}: not a Parquet file that can be read ({reason}). Export it again.") from None
    except OSError as error:
        raise LeptonError(f"{path}: cannot be read ({error.strerror or error}). Fix its permissions or export it again.") from None
    for column, key in columns_of(name, params).items():
        if column not in table.column_names:
            own = " It names the rows; without data.id it is 'id'." if key == "data.id" else ""
            hint = nearest(column, table.column_names, cutoff=0.75)  # "id" is not "kind"
            raise LeptonError(f"{path}: no column {column!r}, which {key} in params.yaml names.{own} {hint}")
    if table.num_rows == 0:
        raise LeptonError(f"{path}: holds no rows. Export it again.")
    return table


def write_table(path: Path, table: pd.DataFrame, like: Path) -> None:
    """Writes `table` with the column types of the Parquet file `like`, so that equal tables are equal bytes."""
    schema = pq.read_schema(like).remove_metadata()
    arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False).replace_schema_metadata(None)
    write(path, lambda temporary: pq.write_table(arrow, temporary, compression="NONE", store_schema=False))


def digests(column: pd.Series, folder: Path) -> pd.Series:
    """A hash of what each cell holds, or of the file in `folder` that it names; None where it is null."""

    def digest(value: bytes | str) -> str:
        if isinstance(value, str) and os.path.isfile(folder / value):
            value = (folder / value).read_bytes()
        data = value if isinstance(value, bytes) else np.asarray(value).tobytes() if not isinstance(value, str) else value.encode()
        return hashlib.sha256(data).hexdigest()

    return column.astype(object).map(digest, na_action="ignore")
