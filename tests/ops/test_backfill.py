"""Promises of past versions of the data: each once, in order, wherever git knows of it."""

from pathlib import Path

import pytest

import toy
from lepton.config import load
from lepton.errors import LeptonError
from lepton.ops import backfill, dvc, git, publishing, refs


def version(root: Path, rows: str) -> str:
    """Another version of the data, committed; returns the text of its .dvc file."""
    (root / "data/toy/samples.txt").write_text(rows)
    dvc.add(root, Path("data"))
    toy.commit(root)
    return (root / "data.dvc").read_text().strip()


def test_every_version_comes_once_and_the_oldest_first(project: Path) -> None:
    one, two = version(project, "one"), version(project, "two")
    version(project, "one")  # somebody went back
    toy.run(project, "git", "rm", "--quiet", "--cached", "data.dvc")
    toy.run(project, "git", "commit", "--quiet", "--message", "without")
    three = version(project, "three")
    found = backfill.versions(project, load())
    assert [one_.text for one_ in found] == [one, two, three]
    assert [git.show(project, one_.commit, "data.dvc") for one_ in found] == [one, two, three]
    assert all(one_.key in one_.text and len(one_.key) == 8 for one_ in found)


def test_what_a_run_published_is_a_version_too(project: Path) -> None:
    before = version(project, "one")
    (project / "data/toy/samples.txt").write_text("ingested")
    dvc.add(project, Path("data"))
    commit = refs.committed(project, publishing.OWN, "a run")
    refs.put(project, "refs/heads/retrain/1", commit)
    toy.run(project, "git", "checkout", "--quiet", "data.dvc")
    assert [one.text == before for one in backfill.versions(project, load())] == [True, False]


def test_a_clone_has_the_present_params_and_that_version(project: Path) -> None:
    version(project, "one")
    toy.set_param(project, "{explain: 1}", "{explain: 2}")
    version(project, "two")
    place = backfill.clone(project, load(), backfill.versions(project, load())[0])
    assert "explain: 2" in (place / "params.yaml").read_text()
    assert dvc.bring_data(place, Path("data")) == ""
    assert (place / "data/toy/samples.txt").read_text() == "one"


def test_data_outside_of_the_project_has_no_versions(project: Path) -> None:
    toy.set_param(project, "data/toy", "/elsewhere")
    with pytest.raises(LeptonError, match="outside of the project"):
        backfill.versions(project, load())
