"""What joins the data, and what stays out, with a real DVC."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import arrivals
import helpers
import toy
from laws import one_line
from lepton.config import load
from lepton.errors import LeptonError, Refusal
from lepton.ops import dvc, ingest
from lepton.ops.ingest import Arrived
from lepton.ops.lineage import hashes


@pytest.fixture
def root(project: Path) -> Path:
    return arrivals.make(project)


def take(root: Path, run: str = "r") -> Arrived | None:
    return ingest.take(root, root, load(root / "params.yaml"), run)


def version(root: Path) -> str:
    return hashes(root)["data"]


def test_nothing_arrives_where_nothing_lies(root: Path) -> None:
    assert take(root) is None
    (root / "incoming/empty").mkdir(parents=True)
    assert take(root) is None


def test_drops_join_in_the_order_of_their_names_as_one_version_and_only_once(root: Path) -> None:
    before = version(root)
    arrivals.drop(root, "2", arrivals.rows(["b", "f"], digit=1))
    arrivals.drop(root, "1", arrivals.rows(["e", "f"]))
    arrived = take(root)
    assert str(arrived) == "ingested 1, 2 (2 new rows, 2 replaced)"
    table = pd.read_parquet(root / "data/toy/samples.parquet")
    assert dict(zip(table["id"], table["digit"], strict=True)) == {"a": 0, "b": 1, "c": 0, "d": 0, "e": 0, "f": 1}
    after = version(root)
    assert after != before
    assert dvc.plan(root).data == []
    assert str(take(root)) == "ingested 1, 2 (nothing new)"
    assert version(root) == after
    assert not list((root / "data").rglob(".*")), "nothing temporary is in the data"


def test_the_cache_keeps_the_version_before_though_its_files_are_linked(root: Path) -> None:
    toy.run(root, toy.sys.executable, "-m", "dvc", "config", "cache.type", "hardlink")
    toy.run(root, toy.sys.executable, "-m", "dvc", "checkout", "--relink", "--quiet", "data.dvc")
    before = (root / "data.dvc").read_text()
    arrivals.drop(root, "1", arrivals.rows(["e"]))
    arrived = take(root)
    assert arrived
    ingest.reject(root, load(root / "params.yaml"), arrived, "r", "a reason")
    assert (root / "data.dvc").read_text() == before
    assert arrivals.ids(root) == ["a", "b", "c", "d"]


def test_an_unfit_drop_goes_into_quarantine_with_its_reason_and_fit_ones_wait(root: Path) -> None:
    before = (root / "data.dvc").read_bytes(), (root / "data/toy/samples.parquet").read_bytes()
    arrivals.drop(root, "fit", arrivals.rows(["e"]))
    arrivals.drop(root, "unfit", arrivals.rows(["f", "g"], digit=7))
    with pytest.raises(Refusal, match=r"unfit/samples.parquet: 2 of 2 rows have digit = 7.*In quarantine: .lepton/quarantine/"):
        take(root, "20260101T000000Z-a")
    (place,) = (root / ".lepton/quarantine").iterdir()
    assert place.name.endswith("-unfit")
    told = json.loads((place / "reason.json").read_text())
    assert told["reason"].startswith(f"{root}/incoming/unfit/samples.parquet: 2 of 2 rows have digit = 7")
    assert (told["drop"], told["run"]) == ("unfit", "20260101T000000Z-a")
    assert [(one["column"], one["unexpected"]) for one in told["failed"]] == [("digit", 2)]
    assert len(pd.read_parquet(place / "samples.parquet")) == 2
    assert [drop.name for drop in (root / "incoming").iterdir()] == ["fit"]
    assert ((root / "data.dvc").read_bytes(), (root / "data/toy/samples.parquet").read_bytes()) == before
    assert str(take(root)) == "ingested fit (1 new rows, 0 replaced)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no table", "not a Parquet file that can be read"),
        (pd.DataFrame({"id": ["e"], "digit": [0]}), "no column 'image'"),
        (arrivals.rows(["e"]).assign(note=""), "it has note besides"),
        (arrivals.rows(["e", "e"]), "2 of 2 rows share their id"),
        (arrivals.rows(["e", "f"], images=[b"no image"] * 2), "2 of 2 rows have a fault in image (undecodable)"),
    ],
    ids=["corrupt", "a column less", "a column more", "ids", "images"],
)
def test_what_validate_would_refuse_is_unfit(root: Path, content: bytes | pd.DataFrame, words: str) -> None:
    place = arrivals.drop(root, "1", arrivals.rows(["e"]))
    if isinstance(content, bytes):
        (place / "samples.parquet").write_bytes(content)
    else:
        content.to_parquet(place / "samples.parquet")
    one_line(lambda: take(root), words, "In quarantine")
    assert not place.exists()


def test_a_small_drop_need_not_have_what_only_the_whole_table_must(root: Path) -> None:
    """validate.min_rows is 100, and no row of this drop has a label."""
    arrivals.drop(root, "1", arrivals.rows(["e"]).assign(digit=pd.Series([None], dtype="float")))
    assert str(take(root)) == "ingested 1 (1 new rows, 0 replaced)"


def with_files(root: Path) -> Path:
    """A project whose table names files."""
    (root / "data/toy/old.png").write_bytes(helpers.encoded(np.zeros((8, 8, 3), np.uint8)))
    arrivals.rows(["a"], images=["old.png"]).to_parquet(root / "data/toy/samples.parquet")
    dvc.add(root, Path("data"))
    return root


def png(shade: int) -> bytes:
    return helpers.encoded(np.full((8, 8, 3), shade, np.uint8))


def test_files_that_the_table_names_come_with_it_and_those_of_the_data_may_be_named(root: Path) -> None:
    with_files(root)
    arrivals.drop(root, "1", arrivals.rows(["b", "a"], digit=1, images=["./new.png", "old.png"]), new=png(9), stray=png(8))
    assert str(take(root)) == "ingested 1 (1 new rows, 1 replaced)"
    assert (root / "data/toy/new.png").read_bytes() == png(9)
    assert not (root / "data/toy/stray.png").exists(), "nobody names it"
    assert dvc.plan(root).data == []


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("old.png", "the data has another file of that name"),
        ("none.png", "file not found, as '"),
        ("../secret.png", "file not found, as '"),
        ("link.png", "file not found, as '"),
        ("/", "is a path from the root"),
    ],
)
def test_other_files_are_unfit(root: Path, named: str, words: str) -> None:
    with_files(root)
    secret = root / "incoming/secret.png"
    place = arrivals.drop(root, "1", arrivals.rows(["b"], images=[str(secret) if named == "/" else named]), old=png(1))
    secret.write_bytes(png(2))
    (place / "link.png").symlink_to(secret)
    one_line(lambda: take(root), words)
    assert sorted(path.name for path in (root / "data/toy").iterdir()) == ["old.png", "samples.parquet"]


def test_rows_for_new_tasks_join_theirs_where_the_data_has_such_a_table(root: Path) -> None:
    place = arrivals.drop(root, "1", arrivals.rows(["e"]))
    arrivals.rows(["n2"]).to_parquet(place / "new_tasks.parquet")
    one_line(lambda: take(root), "new_tasks.parquet: the data has no such table. Leave it out.")
    arrivals.rows(["n1"]).to_parquet(root / "data/toy/new_tasks.parquet")
    place = arrivals.drop(root, "1", arrivals.rows(["e"]))
    arrivals.rows(["n2"]).to_parquet(place / "new_tasks.parquet")
    assert str(take(root)) == "ingested 1 (2 new rows, 0 replaced)"
    assert pd.read_parquet(root / "data/toy/new_tasks.parquet")["id"].to_list() == ["n1", "n2"]


def test_what_a_url_holds_joins_once_and_again_when_it_changes(root: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.parquet"
    toy.set_param(root, "source: incoming", f'source: "{export.as_uri()}"')
    arrivals.rows(["a", "e"]).to_parquet(export)
    assert str(take(root)) == "ingested download (1 new rows, 1 replaced)"
    assert str(take(root)) == "ingested download (nothing new)"
    arrivals.rows(["a", "e"], digit=7).to_parquet(export)
    one_line(lambda: take(root), "2 of 2 rows have digit = 7", "In quarantine: .lepton/quarantine/")
    export.unlink()
    one_line(lambda: take(root), "export.parquet cannot be fetched")
    assert arrivals.ids(root) == ["a", "b", "c", "d", "e"]


def test_no_place_and_data_outside_are_one_line(root: Path, tmp_path: Path) -> None:
    arrivals.drop(root, "1", arrivals.rows(["e"]))
    toy.set_param(root, "data/toy", str(tmp_path / "elsewhere"))
    one_line(lambda: take(root), "params.yaml: ingest.source: data.path", "outside the project")
    toy.set_param(root, "source: incoming", "source: null")
    one_line(lambda: take(root), "params.yaml: ingest.source names no place")
    toy.set_param(root, str(tmp_path / "elsewhere"), "data/toy")
    toy.set_param(root, "source: null", "source: data/incoming")
    with pytest.raises(LeptonError, match=r"ingest.source: lies in data/"):
        load(root / "params.yaml")
