"""Which data a run begins with, told by git's graph alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import toy
from laws import one_line
from lepton.ops import git, refs, versions


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A repository whose data is of version 0."""
    toy.run(tmp_path, "git", "init", "--quiet", "--initial-branch", "main")
    toy.run(tmp_path, "git", "config", "user.name", "toy")
    toy.run(tmp_path, "git", "config", "user.email", "toy@localhost")
    commit(tmp_path, "0")
    return tmp_path


def commit(root: Path, data: str, code: str = "") -> None:
    (root / "data.dvc").write_text(data)
    (root / "code.py").write_text(code)
    toy.run(root, "git", "add", "--all")
    toy.run(root, "git", "commit", "--quiet", "--allow-empty", "--message", "base")


def published(root: Path, number: int, data: str, begun: Sequence[str] = (), ingested: bool = True) -> str:
    """What a run that stands where `root` does publishes; its folder is then as before."""
    (root / "data.dvc").write_text(data)
    told = {"run": str(number), **({"ingested": ["a"]} if ingested else {})}
    made = refs.committed(root, ["*.dvc"], f"Retrained\n\n{json.dumps(told)}\n", begun)
    refs.put(root, f"refs/heads/retrain/{number}", made)
    git.run(root, "restore", "data.dvc")
    return made


def begun_with(root: Path) -> str:
    """The version that a run of the present commit begins with."""
    versions.begin(root)
    data = (root / "data.dvc").read_text()
    git.run(root, "restore", "data.dvc")
    return data


def test_the_commits_own_where_nothing_was_taken_in(base: Path) -> None:
    assert versions.newest(base) == []
    published(base, 1, "0", ingested=False)
    published(base, 2, "a person's own, in place", ingested=False)
    toy.run(base, "git", "branch", "retrain/mine")
    assert versions.newest(base) == []
    assert begun_with(base) == "0"


def test_that_of_the_newest_run_and_its_followers_hold_it(base: Path) -> None:
    first = published(base, 1, "1")
    assert versions.newest(base) == [first]
    second = published(base, 2, "2", [first])
    third = published(base, 3, "2", [second], ingested=False)
    assert versions.newest(base) == [third]
    assert begun_with(base) == "2"
    assert git.run(base, "rev-parse", f"{third}^") == git.sha(base)


def test_a_publication_that_began_with_none_hides_no_row(base: Path) -> None:
    first = published(base, 1, "1")
    published(base, 2, "0", ingested=False)
    assert versions.newest(base) == [first]


def test_the_commit_may_move_on_and_take_what_was_published(base: Path) -> None:
    first = published(base, 1, "1")
    commit(base, "0", "more code")
    assert begun_with(base) == "1"
    second = published(base, 2, "1", [first], ingested=False)
    git.run(base, "merge", "--quiet", "--no-edit", "retrain/1")
    assert begun_with(base) == "1"
    assert versions.newest(base) == [], "it has that version itself"
    third = published(base, 3, "2", [second])
    assert versions.newest(base) == [third]
    git.run(base, "merge", "--quiet", "--no-edit", "retrain/3")
    commit(base, "a person's own", "more code")
    assert begun_with(base) == "a person's own"


def test_the_commits_own_follows_what_it_has_merged_though_a_run_went_on_without_new_rows(base: Path) -> None:
    first = published(base, 1, "1")
    published(base, 2, "1", [first], ingested=False)
    git.run(base, "merge", "--quiet", "--no-edit", "retrain/1")
    commit(base, "a person's own")
    assert begun_with(base) == "a person's own"


def test_two_that_lack_what_the_other_has_are_never_chosen_between(base: Path) -> None:
    published(base, 1, "1")
    commit(base, "a person's own")
    one_line(lambda: versions.newest(base), "git: retrain/1 holds a version of the data with new rows", "Merge it")
    git.run(base, "merge", "--quiet", "--strategy", "ours", "--no-edit", "retrain/1")
    assert begun_with(base) == "a person's own"
    published(base, 2, "2")
    published(base, 3, "3")
    one_line(lambda: versions.newest(base), "retrain/2 and retrain/3 hold versions", "neither began with the other's")


def test_two_of_one_version_are_as_good_as_one(base: Path) -> None:
    both = {published(base, 1, "1"), published(base, 2, "1", ingested=True)}
    assert set(versions.newest(base)) == both
    third = published(base, 3, "3", list(both))
    assert versions.newest(base) == [third]


def test_what_others_have_published_meanwhile_is_not_passed_over(base: Path) -> None:
    (base / "data.dvc").write_text("1")
    versions.check(base, [])
    first = published(base, 1, "1")
    (base / "data.dvc").write_text("1")
    versions.check(base, [])
    (base / "data.dvc").write_text("2")
    versions.check(base, [first])
    one_line(lambda: versions.check(base, []), "git: retrain/1 holds new rows that this data lacks", "Run again")


def test_a_commit_without_data_may_get_it_from_a_run(base: Path) -> None:
    git.run(base, "rm", "--quiet", "data.dvc")
    toy.commit(base)
    (base / "data.dvc").write_text("1")
    made = refs.committed(base, ["*.dvc"], 'Retrained\n\n{"ingested": []}')
    refs.put(base, "refs/heads/retrain/1", made)
    (base / "data.dvc").unlink()
    assert versions.begin(base) == [made]
    assert (base / "data.dvc").read_text() == "1"
