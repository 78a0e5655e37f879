"""New rows join a table: those with a known id take the place of the old ones, all others follow at the end.

Adding the same rows again changes nothing, and equal tables are equal bytes, so that equal data has one hash.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lepton.errors import Refusal

PLAIN = {"compression": "NONE", "use_dictionary": False, "write_statistics": False, "store_schema": False}  # as the starter's


def plain(table: pa.Table) -> pa.Table:
    """The table without what libraries add to an export: metadata, the index of pandas, categories, columns that are never null."""
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    types = [table.schema.field(name).type for name in names]
    fields = [(name, kind.value_type if pa.types.is_dictionary(kind) else kind) for name, kind in zip(names, types, strict=True)]
    return pa.table([table[name].cast(kind) for name, kind in fields], schema=pa.schema(fields))


def conform(new: pa.Table, old: pa.Table, where: Path) -> pa.Table:
    """`new`, of the file `where`, with columns and types as those of `old`; a Refusal where it has others. Both are plain."""
    names, known = set(new.column_names), set(old.column_names)
    if names != known:
        lacks, more = (", ".join(sorted(some)) for some in (known - names, names - known))
        says = " and ".join(filter(None, [lacks and f"lacks {lacks}", more and f"has {more} besides"]))
        raise Refusal(f"{where}: its columns are not those of the data: it {says}. Export it again, with the data's columns.")
    return pa.table([_cast(new[field.name], field, where) for field in old.schema], schema=old.schema)


def _cast(column: pa.ChunkedArray, field: pa.Field, where: Path) -> pa.ChunkedArray:
    says = f"{where}: column {field.name} holds {column.type}, the data has {field.type} there"
    if is_text(column.type) and not is_text(field.type):  # Arrow would read a number in it, or take a file's name for its bytes
        raise Refusal(f"{says}. Export it again, with the data's types.")
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise Refusal(f"{says} ({str(error).splitlines()[0]}). Export it again, with the data's types.") from None


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def upsert(old: pa.Table, new: pa.Table, key: str) -> pa.Table:
    """All rows of both, one for each value of the column `key`: the place is that of its first row, the content that of its last.

    new: with the columns and types of `old`.
    """
    both = pa.concat_tables([old, new])
    rows = np.array(list({value: row for row, value in enumerate(both[key].to_pylist())}.values()), int)
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    slices = [both.slice(int(run[0]), len(run)) for run in runs if len(run)]  # Table.take fails beyond 2 GiB of media
    return pa.concat_tables([old.slice(0, 0), *slices]).combine_chunks()


def write(path: Path, table: pa.Table) -> None:
    pq.write_table(table.combine_chunks(), path, **PLAIN)  # the chunks show in the bytes
