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


def test_names_are_told_as_they_are(project):
    """With a space in them, beyond ASCII, and renamed."""
    (project / "a new one, größer.txt").write_text("")
    toy.run(project, "git", "mv", "src/toy.py", "src/toys.py")
    assert sorted(git.changed(project)) == ["a new one, größer.txt", "src/toy.py", "src/toys.py"]
    assert sorted(git.differing(project, "*.txt")) == ["a new one, größer.txt", "src/toy.py", "src/toys.py"]


def test_an_origin_beside_the_project_is_found_from_the_clone(project, tmp_path):
    origin = project.parent / "origin.git"
    toy.run(tmp_path, "git", "clone", "--quiet", "--bare", str(project), str(origin))
    toy.run(project, "git", "remote", "add", "origin", "../origin.git")
    place = tmp_path / "deep" / "clone"
    assert git.clone(project, place, pushed=True) == git.sha(project)
    assert toy.run(place, "git", "ls-remote", "origin", "HEAD").split()[0] == git.sha(project)


def test_which_pushed_commit_is_meant_needs_a_branch(project, tmp_path):
    toy.run(project, "git", "remote", "add", "origin", str(tmp_path))
    toy.run(project, "git", "checkout", "--quiet", "--detach")
    with pytest.raises(LeptonError, match="no branch is checked out"):
        git.clone(project, tmp_path / "clone", pushed=True)


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
