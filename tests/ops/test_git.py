import pytest

import toy
from lepton.errors import LeptonError
from lepton.ops import git


def test_sha_and_changes(project):
    assert git.sha(project) == toy.run(project, "git", "rev-parse", "HEAD").strip()
    assert git.changed(project) == []
    toy.set_param(project, "{explain: 1}", "{explain: 2}")
    (project / "new.txt").write_text("")
    assert git.changed(project) == ["params.yaml", "new.txt"]


def test_clone_follows_the_commit_and_keeps_what_is_untracked(project, tmp_path):
    place = tmp_path / "deep" / "clone"
    assert git.clone(project, place) == git.sha(place) == git.sha(project)
    (place / "own.txt").write_text("mine")
    (place / "params.yaml").write_text("changed")
    toy.set_param(project, "{explain: 1}", "{explain: 2}")
    toy.commit(project)
    assert git.clone(project, place) == git.sha(place) == git.sha(project)
    assert "{explain: 2}" in (place / "params.yaml").read_text()
    assert (place / "own.txt").read_text() == "mine"


def test_no_repository_is_one_line(tmp_path):
    with pytest.raises(LeptonError, match=r"^git rev-parse in .*not a git repository"):
        git.sha(tmp_path)
