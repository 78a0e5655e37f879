"""What a table must be, and the one line that a user reads when it is not."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import helpers
import laws
from lepton.config import Params
from lepton.data import checks
from lepton.data.table import read_table, write_table
from lepton.types import Source

ROWS = 120
WHERE = "data/vision/samples.parquet"
LIMITS = helpers.params(data={"split": {"group": "family"}})


def good(rows: int = ROWS) -> pd.DataFrame:
    """A table without faults: every task labelled on every other row at least."""
    random = np.random.default_rng(0)
    box = {"label": "round", "x": 2, "y": 3, "w": 5, "h": 6}
    mask = helpers.encoded(np.eye(helpers.SIDE, dtype=np.uint8))
    images = random.integers(0, 256, (rows, helpers.SIDE, helpers.SIDE, 3), dtype=np.uint8)
    half = np.arange(rows) % 2 == 0
    return pd.DataFrame(
        {
            "id": [f"r{row}" for row in range(rows)],
            "family": [f"f{row % 7}" for row in range(rows)],
            "image": [helpers.encoded(image) for image in images],
            "digit": np.where(half, random.integers(0, 3, rows), np.nan),
            "objects": pd.Series([[box] if is_half else None for is_half in half], dtype=object),
            "ink": pd.Series([mask if is_half else None for is_half in half], dtype=object),
            "tilt": np.where(half, random.uniform(-30, 30, rows), np.nan),
            "new": np.arange(rows) % 2,
        }
    )


def report(table: pd.DataFrame, params: Params = LIMITS, *, strict: bool = False, name: str = "samples") -> checks.Report:
    source = Source(Path("data/vision"), (helpers.SIDE, helpers.SIDE))
    return checks.check(table, params, source, strict=strict, docs=None, name=name)


def refused(table: pd.DataFrame, params: Params = LIMITS, *, strict: bool = False, name: str = "samples") -> str:
    return checks.refusal(report(table, params, strict=strict, name=name), WHERE)


def with_cells(column: str, rows: int, value: object) -> pd.DataFrame:
    """The good table with `value` in the first `rows` labelled cells of a column."""
    table = good()
    cells = table[column].astype(object).to_list()
    for row in range(0, 2 * rows, 2):
        cells[row] = value
    return table.assign(**{column: pd.Series(cells, dtype=object).infer_objects()})


def test_a_good_table_passes_even_strictly():
    for strict in (False, True):
        result = report(good(), strict=strict)
        assert (result.ok, result.rows, result.failed) == (True, ROWS, [])
        assert result.expectations > 20


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            with_cells("digit", 4, 11),
            "4 of 60 rows have digit = 11, not in tasks.digit.classes (0–2). Fix the export or add the class in params.yaml.",
        ),
        (
            with_cells("tilt", 20, 170.0),
            "20 of 60 rows have tilt = 170, outside tasks.tilt.range (-40 to 40), and at most 10 % may. "
            "Fix the export or widen the range in params.yaml.",
        ),
        (
            with_cells("image", 40, b"no image"),
            "40 of 120 rows have a fault in image (undecodable), and at most 20 % may. "
            "Export image again, or raise validate.max_undecodable.",
        ),
        (
            with_cells("image", 40, "photos/a.png"),
            "40 of 120 rows have a fault in image (file not found, as 'data/vision/photos/a.png'), and at most 20 % may. "
            "File names in image are relative to the folder of the table: put the files there, or mend the names.",
        ),
        (
            with_cells("objects", 7, [{"label": "round", "x": 14, "y": 3, "w": 5, "h": 6}]),
            "7 of 60 rows have a fault in objects (box outside image), and at most 10 % may. "
            "Boxes are {label, x, y, w, h} in pixels from the top left, inside the image, with w and h above 0.",
        ),
        (
            good().assign(digit=np.nan),
            "no row has a label for digit: column digit is all null. Fix the export, or take tasks.digit out of params.yaml.",
        ),
        (
            good().assign(ink=None),
            "no row has a label for ink: column ink is all null. Fix the export, or take tasks.ink out of params.yaml.",
        ),
        (
            good(60),
            "60 rows are fewer than the 100 of validate.min_rows. Add samples, or lower validate.min_rows in params.yaml.",
        ),
        (
            good().assign(id="r0"),
            "120 of 120 rows share their id with another. Give every row an id of its own, or name another column in data.id.",
        ),
        (
            with_cells("family", 3, None),
            "3 of 120 rows have no family. Fill family in, or name another column in data.split.group.",
        ),
    ],
    ids=["class", "range", "undecodable", "file", "boxes", "unlabelled", "unlabelled mask", "few", "ids", "group"],
)
def test_refusals_say_what_where_and_what_to_do(table: pd.DataFrame, line: str):
    assert refused(table) == f"{WHERE}: {line}"


def test_a_message_names_three_values_and_one_count():
    table = with_cells("digit", 5, 11)
    table["digit"] += np.where(table["digit"] == 11, np.arange(ROWS), 0)
    assert "5 of 60 rows have digit = 11, 13, 15, …, not in" in refused(table)


def test_what_clean_can_mend_is_a_warning_and_strictly_a_refusal():
    table = with_cells("image", 3, b"no image")
    result = report(table)
    assert result.ok
    undecodable, duplicate = result.failed
    assert (undecodable.hard, undecodable.unexpected, undecodable.checked) == (False, 3, ROWS)
    assert undecodable.says == "3 of 120 rows have a fault in image (undecodable)"
    assert undecodable.fix == "clean drops these rows."
    assert duplicate.says == "2 of 120 rows repeat the image of an earlier row"
    assert refused(table, strict=True).startswith(f"{WHERE}: 3 of 120 rows have a fault in image (undecodable). ")


def test_many_missing_labels_are_a_warning():
    table = good()
    table.loc[4:, "tilt"] = np.nan
    (failure,) = report(table).failed
    assert failure.says == "118 of 120 rows have no label for tilt"
    assert not failure.hard


def test_report_has_the_fixed_keys():
    result = report(with_cells("digit", 1, 9)).to_dict()
    assert set(result) == {"ok", "expectations", "rows", "failed"}
    assert {"expectation", "column", "unexpected", "checked", "hard", "fix"} <= set(result["failed"][0])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("tilt", "steep", "cannot be read as regression, it holds 'steep'"),
        ("tilt", "x" * 99, f"cannot be read as regression, it holds '{'x' * 59}…"),
        (
            "objects",
            [{"name": "round"}],
            "needs a list of {label, x, y, w, h} per row, and row 0 has a box without label, x, y, w, h",
        ),
    ],
)
def test_cells_of_another_type_are_one_line(column: str, value: object, said: str):
    fix = "Fix the export, or the type in params.yaml."
    assert refused(with_cells(column, 60, value)) == f"{WHERE}: column {column} {said}. {fix}"


def test_new_tasks_need_two_classes_and_enough_rows_of_each():
    params = helpers.params(data={}, new_tasks={"unseen": {"type": "classification", "column": "new", "shots": [5]}})
    assert report(good(60), params, name="new_tasks").failed == []
    line = "tasks.unseen needs two classes at least, new has 1. Add rows of another class, or take new_tasks.unseen out of"
    assert line in refused(good().assign(new=1), params, name="new_tasks")
    (failure,) = report(good().assign(new=[2, 2, *[1] * 50, *[0] * 68]), params, name="new_tasks").failed
    assert (failure.says, failure.hard) == ("2 of 120 rows are of a class with no more than 5 rows", False)


def test_data_docs_show_no_media(tmp_path: Path):
    source = Source(tmp_path, (helpers.SIDE, helpers.SIDE))
    checks.check(good(), LIMITS, source, strict=False, docs=tmp_path / "docs", name="samples")
    assert (tmp_path / "docs/index.html").exists()
    assert list((tmp_path / "docs/validations").rglob("*.html"))
    assert not any("PNG" in path.read_text() for path in (tmp_path / "docs/validations").rglob("*.html"))


def test_great_expectations_is_imported_only_to_check():
    import subprocess

    code = "import sys, lepton.data.checks; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def folder(tmp_path: Path, table: pd.DataFrame) -> Path:
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), tmp_path / "samples.parquet")
    return tmp_path


def test_absent_data_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    starter, own = Path("data/vision"), Path("data/own")
    there = f"not there in {tmp_path}."
    laws.one_line(lambda: read_table(starter, "samples", LIMITS), f"data/vision: {there} Build it with: lepton starter vision.")
    laws.one_line(lambda: read_table(own, "samples", LIMITS), f"data/own: {there} Put it there, or fix data.path in params.yaml.")
    laws.one_line(lambda: read_table(tmp_path / "none", "samples", LIMITS), f"{tmp_path}/none: not there. Put")
    own.mkdir(parents=True)
    laws.one_line(lambda: read_table(own, "new_tasks", LIMITS), f"data/own/new_tasks.parquet: {there}")
    file = Path("data/own/samples.parquet")
    file.write_text("")
    line = "params.yaml: data.path: data/own/samples.parquet is a file. Name the folder of samples.parquet: data/own."
    laws.one_line(lambda: read_table(file, "samples", LIMITS), line)


def test_a_missing_column_names_the_nearest(tmp_path: Path):
    place = folder(tmp_path, good().rename(columns={"digit": "digits"}))
    line = "no column 'digit', which tasks.digit.column in params.yaml names. Did you mean digits?"
    laws.one_line(lambda: read_table(place, "samples", LIMITS), line)


def test_a_missing_id_is_explained_and_not_mistaken_for_another_column(tmp_path: Path):
    place = folder(tmp_path, pd.DataFrame({"kind": [1], "price": [2.0]}))
    line = "no column 'id', which data.id in params.yaml names. It names the rows; without data.id it is 'id'. Known: kind, price."
    laws.one_line(lambda: read_table(place, "samples", LIMITS), line)


def test_an_empty_table_is_one_line(tmp_path: Path):
    laws.one_line(lambda: read_table(folder(tmp_path, good().iloc[:0]), "samples", LIMITS), "samples.parquet: holds no rows.")


@pytest.mark.parametrize("content", [b"", b"id,image\n1,x.png\n", b"PAR1 and then nonsense PAR1"])
def test_another_format_is_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "samples.parquet").write_bytes(content)
    laws.one_line(lambda: read_table(tmp_path, "samples", LIMITS), "not a Parquet file that can be read", "Export it again.")


def test_a_folder_in_the_files_place_is_one_line(tmp_path: Path):
    (tmp_path / "samples.parquet").mkdir()
    laws.one_line(lambda: read_table(tmp_path, "samples", LIMITS), "samples.parquet")


def test_a_table_comes_back_as_it_was(tmp_path: Path):
    place = folder(tmp_path, good())
    table = read_table(place, "samples", LIMITS)
    write_table(tmp_path / "again.parquet", table, like=place / "samples.parquet")
    write_table(tmp_path / "third.parquet", pd.read_parquet(tmp_path / "again.parquet"), like=place / "samples.parquet")
    assert pq.read_table(tmp_path / "again.parquet").to_pylist() == pq.read_table(place / "samples.parquet").to_pylist()
    laws.same_bytes(tmp_path / "again.parquet", tmp_path / "third.parquet")


TAGGED = helpers.params(tasks={
    "tags": {"type": "multilabel", "column": "tags", "classes": ["a", "b"]},
    "grade": {"type": "ordinal", "column": "grade", "classes": ["good", "fair", "bad"]},
})  # fmt: skip


@pytest.mark.parametrize(
    ("column", "cell", "line"),
    [
        (
            "tags",
            ["a", "z"],
            "60 of 60 rows have a fault in tags (unknown class). Fix the export or add the class to classes (a, b) in params.yaml.",
        ),
        (
            "tags",
            "a, b",
            "column tags needs a list of classes per row, and row 0 holds text (of JSON, json.loads makes a list). "
            "Fix the export, or the type in params.yaml.",
        ),
        (
            "grade",
            "awful",
            "60 of 60 rows have grade = 'awful', not in tasks.grade.classes (good, fair, bad). "
            "Fix the export or add the class in params.yaml.",
        ),
    ],
)
def test_lists_of_classes_and_ordered_classes_are_checked_too(column: str, cell: object, line: str):
    half = [row % 2 == 0 for row in range(ROWS)]
    labels = {"tags": [["a"] if has else None for has in half], "grade": ["fair" if has else None for has in half]}
    table = good().assign(**{name: pd.Series(cells, dtype=object) for name, cells in labels.items()})
    assert report(table, TAGGED, strict=True).ok
    table[column] = pd.Series([cell if has else None for has in half], dtype=object)
    assert refused(table, TAGGED) == f"{WHERE}: {line}"
