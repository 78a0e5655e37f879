"""Laws of joining tables."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laws
from lepton.data import merge
from lepton.errors import Refusal

WHERE = Path("incoming/a/samples.parquet")
SCHEMA = pa.schema([("id", pa.string()), ("box", pa.list_(pa.struct([("x", pa.int64())]))), ("image", pa.binary())])
CELLS = {"box": st.none() | st.lists(st.fixed_dictionaries({"x": st.integers(0, 9)}), max_size=2), "image": st.none() | st.binary()}


def tables(max_size: int = 8) -> st.SearchStrategy[pa.Table]:
    """Small tables whose ids are unique; those of two of them overlap."""
    row = st.fixed_dictionaries({"id": st.sampled_from("abcdefghijkl"), **CELLS})
    rows = st.lists(row, max_size=max_size, unique_by=lambda row: row["id"])
    return rows.map(lambda rows: pa.Table.from_pylist(rows, schema=SCHEMA))


def by_id(table: pa.Table) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in table.to_pylist()}


@given(tables(), tables())
def test_every_row_is_there_once_known_ones_at_their_place_and_new_ones_in_order(old: pa.Table, new: pa.Table) -> None:
    merged = merge.upsert(old, new, "id")
    assert merged.schema == old.schema
    assert by_id(merged) == {**by_id(old), **by_id(new)}
    known = old["id"].to_pylist()
    assert merged["id"].to_pylist() == known + [name for name in new["id"].to_pylist() if name not in known]


@given(tables(), tables(), tables())
def test_the_same_rows_again_change_nothing(old: pa.Table, one: pa.Table, other: pa.Table) -> None:
    once = merge.upsert(merge.upsert(old, one, "id"), other, "id")
    assert merge.upsert(merge.upsert(once, one, "id"), other, "id").equals(once)
    assert merge.upsert(old, old.slice(1), "id").equals(old)


@settings(max_examples=30)
@given(table=tables(), cut=st.integers(0, 8))
def test_equal_tables_are_equal_bytes(table: pa.Table, cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    merge.write(folder / "whole", table)
    merge.write(folder / "parts", pa.concat_tables([table.slice(0, cut), table.slice(cut)]))
    merge.write(folder / "again", merge.plain(pq.read_table(folder / "whole")))
    laws.same_bytes(folder / "whole", folder / "parts")
    laws.same_bytes(folder / "whole", folder / "again")


def test_an_export_of_pandas_takes_the_types_of_the_data(tmp_path: Path) -> None:
    old = merge.plain(pa.table({"id": ["a"], "digit": [1], "kind": ["x"]}))
    frame = pd.DataFrame({"kind": ["x", "y", "x"], "digit": [1.0, None, 2.0], "id": ["a", "b", "c"]}).astype({"kind": "category"})
    frame[frame["id"] != "a"].to_parquet(tmp_path / "export.parquet")  # keeps its index as a column
    new = merge.conform(merge.plain(pq.read_table(tmp_path / "export.parquet")), old, WHERE)
    assert new.schema == old.schema
    assert new.to_pylist() == [{"id": "b", "digit": None, "kind": "y"}, {"id": "c", "digit": 2, "kind": "x"}]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ({"id": ["a"], "image": [b""]}, ["it lacks digit."]),
        ({"id": ["a"], "image": [b""], "digit": [1], "note": [""]}, ["it has note besides."]),
        ({"id": ["a"], "image": ["a.png"], "digit": [1]}, ["column image holds string, the data has binary there."]),
        ({"id": ["a"], "image": [b""], "digit": ["1"]}, ["column digit holds string, the data has int64 there."]),
        ({"id": ["a"], "image": [b""], "digit": [1.5]}, ["column digit holds double, the data has int64 there (", "truncated"]),
    ],
)
def test_other_columns_and_types_are_refused_in_one_line(new: dict[str, list[object]], words: list[str]) -> None:
    old = merge.plain(pa.table({"id": ["a"], "image": [b""], "digit": [1]}))
    laws.one_line(lambda: merge.conform(merge.plain(pa.table(new)), old, WHERE), f"{WHERE}: ", *words)
    with pytest.raises(Refusal):
        merge.conform(merge.plain(pa.table(new)), old, WHERE)


def test_a_column_without_any_value_has_any_type() -> None:
    old = merge.plain(pa.table({"id": ["a"], "image": [b"x"]}))
    new = merge.plain(pa.table({"id": ["b"], "image": pa.nulls(1)}))
    assert merge.conform(new, old, WHERE).to_pylist() == [{"id": "b", "image": None}]
