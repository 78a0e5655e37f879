"""Promises of written files."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laws import one_line
from lepton import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"kept": True})

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.write(path, fail)
    assert json.loads(path.read_text()) == {"kept": True}
    assert list(tmp_path.iterdir()) == [path]


def test_the_target_is_not_there_before_the_write_is_done(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"

    def save(temporary: Path) -> None:
        assert temporary.parent == path.parent
        temporary.write_text("whole")
        assert not path.exists()

    files.write(path, save)
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "a.json", tmp_path / "file" / "b" / "a.json", tmp_path / "folder"):
        one_line(lambda path=path: files.write_json(path, {}), str(path), "cannot be written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert not list((tmp_path / "folder").iterdir())


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    for name in ("old", "new"):
        with files.replacing_folder(path) as temporary:
            (temporary / name).write_text(name)
            assert not (path / name).exists()
        assert [one.name for one in path.iterdir()] == [name]
    assert [one.name for one in path.parent.iterdir()] == ["folder"]


def test_a_failed_folder_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "kept").write_text("whole")

    def fail() -> None:
        with files.replacing_folder(path) as temporary:
            (temporary / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [one.name for one in path.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    def write(path: Path) -> None:
        with files.replacing_folder(path) as temporary:
            (temporary / "a").write_text("")

    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        one_line(lambda path=path: write(path), str(path), "cannot be written")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: files.read_json(tmp_path / "a.json"), "a.json", "not there")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    files.write_json(path, value)
    assert files.read_json(path) == value


def test_numbers_of_numpy_are_plain_in_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"a": np.float32(0.5), "b": np.arange(3), "c": np.bool_(True), "d": Path("x/y")})
    assert files.read_json(path) == {"a": 0.5, "b": [0, 1, 2], "c": True, "d": "x/y"}


def test_nan_and_strange_objects_have_no_place_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})
    with pytest.raises(TypeError, match="set"):
        files.write_json(tmp_path / "a.json", {"a": {1}})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3)[:, ::2], np.zeros((0, 3), np.uint8), np.array([True, False])])
def test_arrays_come_back_memory_mapped(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "a.npy"
    files.write_array(path, array)
    read = np.load(path, mmap_mode="r")
    assert isinstance(read, np.memmap)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_half_a_folder_that_a_killed_process_of_the_same_number_left_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / f".folder.{os.getpid()}").mkdir()
    (tmp_path / f".folder.{os.getpid()}" / "half").touch()
    with files.replacing_folder(tmp_path / "folder") as temporary:
        (temporary / "whole").touch()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["folder", "folder/whole"]
