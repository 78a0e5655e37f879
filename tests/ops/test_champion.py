"""Promises of the champion's tags, in a real repository."""

from pathlib import Path

import pytest

import toy
from laws import one_line
from lepton.errors import LeptonError
from lepton.ops import champion, git, refs


def crown(root: Path, model: str) -> champion.Champion:
    """A champion of what is committed in `root` now."""
    told = {"how": "by hand", "model": model, "data": "d", "metrics": {}, "decision": {}}
    return champion._tagged(root, git.sha(root), told, champion.current(root))


@pytest.fixture
def three(project: Path) -> list[champion.Champion]:
    """Three champions on two commits."""
    found = [crown(project, "one")]
    toy.set_param(project, "{explain: 1}", "{explain: 2}")
    toy.commit(project)
    return [*found, crown(project, "two"), crown(project, "three")]


def test_there_is_none_at_first(project: Path) -> None:
    assert champion.history(project) == []
    assert champion.current(project) is None
    one_line(lambda: champion.find(project), "no champion yet", "lepton champion promote")


def test_history_is_in_order_and_the_last_one_is_the_champion(project: Path, three: list[champion.Champion]) -> None:
    assert champion.history(project) == three
    assert [one.tag for one in three] == ["champion/1", "champion/2", "champion/3"]
    assert champion.current(project) == three[-1] == champion.find(project)
    assert champion.find(project, 2) == three[1]
    assert three[0].commit != three[1].commit == git.sha(project)
    one_line(lambda: champion.find(project, 9), "champion/9", "1 to 3")


def test_ten_comes_after_nine(project: Path) -> None:
    for number in range(1, 11):
        assert crown(project, str(number)).number == number
    assert champion.find(project).told["model"] == "10"


def test_tags_of_others_are_left_alone(project: Path) -> None:
    refs.tag(project, "champion/by-hand", git.sha(project), "{}")
    refs.tag(project, "champion/7", git.sha(project), "the seventh wonder")
    toy.run(project, "git", "tag", "champion/8")
    refs.tag(project, "champion/9", git.sha(project), "{not JSON")
    assert champion.history(project) == []


def test_going_back_is_a_new_tag_on_the_old_commit(project: Path, three: list[champion.Champion]) -> None:
    back = champion.rollback(project, 1)
    assert (back.tag, back.commit, back.told["model"]) == ("champion/4", three[0].commit, "one")
    assert back.told["how"] == "rollback to champion/1"
    assert back.told["at"] >= champion.history(project)[-2].told["at"], "since then, not since it was champion before"
    assert champion.history(project)[:3] == three, "nothing is deleted"
    assert champion.current(project) == back
    assert champion.rollback(project).told["how"] == "rollback to champion/3"


def test_going_back_without_a_number_is_to_the_last_one_with_another_model(project: Path, three: list[champion.Champion]) -> None:
    crown(project, "three")
    assert champion.rollback(project).told["model"] == "two"


def test_the_first_has_none_before_it_and_nobody_goes_back_to_himself(project: Path) -> None:
    crown(project, "one")
    one_line(lambda: champion.rollback(project), "champion/1", "first")
    one_line(lambda: champion.rollback(project, 1), "champion/1", "already")


def test_two_at_once_never_share_a_number(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = crown(project, "one")
    monkeypatch.setattr(champion, "history", lambda root: [])
    with pytest.raises(LeptonError, match=r"git update-ref .*champion/1.* already exists"):
        crown(project, "two")
    monkeypatch.undo()
    assert champion.history(project) == [first]


def test_git_needs_to_know_nobody(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    toy.run(project, "git", "config", "--remove-section", "user")
    assert crown(project, "one").number == 1


def test_what_differs_from_the_commit_is_no_champion(finished: Path) -> None:
    one_line(lambda: champion.promote(finished, "by hand", {}), "data.dvc", "dvc.lock", "Commit them first")
    toy.commit(finished)
    (finished / "src/new.py").write_text("")
    one_line(lambda: champion.promote(finished, "by hand", {}), "src/new.py", "Commit them first")
    (finished / "src/new.py").rename(finished / "new.txt")  # new files elsewhere are nobody's business
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")
    one_line(lambda: champion.promote(finished, "by hand", {}), "params.yaml", "Commit them first")
    toy.commit(finished)
    one_line(lambda: champion.promote(finished, "by hand", {}), "last", "not up to date", "make run")


def test_a_champions_file_is_read_as_its_commit_had_it(finished: Path) -> None:
    toy.commit(finished)
    one, path = crown(finished, "one"), "artifacts/first/out.txt"
    expected = (finished / path).read_bytes()
    (finished / path).unlink()
    (finished / path).write_bytes(b"another run's")
    assert champion.read(finished, one, path) == expected
    one_line(lambda: champion.read(finished, one, "artifacts/first/none.txt"), "champion/1", "artifacts/first/none.txt")


def test_a_file_that_is_neither_in_the_cache_nor_remote_is_one_line(finished: Path) -> None:
    toy.commit(finished)
    one, path = crown(finished, "one"), "artifacts/first/out.txt"
    for file in (finished / ".dvc/cache").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.unlink()
    one_line(lambda: champion.read(finished, one, path), "champion/1", "neither in DVC's cache nor on its remote")


def test_nothing_has_changed_since_a_champion_of_what_stands_here(finished: Path) -> None:
    toy.commit(finished)
    assert champion.since(finished, replaced(crown(finished, "one"), data=champion._data(finished))) == []


def test_what_has_changed_since_a_champion_is_told_by_kind(finished: Path) -> None:
    toy.commit(finished)
    one = crown(finished, "one")
    toy.set_param(finished, "{explain: 1}", "{explain: 2}")
    toy.set_param(finished, "new_tasks: {}", "relate: {epochs: 3}")
    (finished / "src/toy.py").write_text("pass")
    found = {what: (then, now) for what, then, now in champion.since(finished, one)}
    assert found["evaluate.explain"] == ("1", "2")
    assert found["relate.epochs"] == ("left out", "3")
    assert found["code"] == (one.commit[:8], "1 file differs")
    assert found["data"] == ("d", champion._data(finished)[:8])
    assert found.keys() == {"data", "code", "evaluate.explain", "relate.epochs"}


def replaced(one: champion.Champion, **told: object) -> champion.Champion:
    return champion.Champion(one.number, one.commit, {**one.told, **told})


@pytest.fixture
def elsewhere(project: Path, tmp_path: Path) -> Path:
    """Another clone of what is now the origin of both."""
    origin, other = tmp_path / "origin.git", tmp_path / "other"
    toy.run(tmp_path, "git", "clone", "--quiet", "--bare", str(project), str(origin))
    toy.run(project, "git", "remote", "add", "origin", str(origin))
    toy.run(tmp_path, "git", "clone", "--quiet", str(origin), str(other))
    return other


def test_all_clones_of_an_origin_have_one_champion(project: Path, elsewhere: Path) -> None:
    crown(project, "one")
    assert champion.history(elsewhere) == []
    champion.refresh(elsewhere)
    assert champion.history(elsewhere) == champion.history(project)
    two = crown(elsewhere, "two")
    assert champion.rollback(project).told["how"] == "rollback to champion/1"
    champion.refresh(elsewhere)
    assert [one.told["model"] for one in champion.history(elsewhere)] == ["one", "two", "one"]
    assert champion.history(project)[1] == two


def test_who_comes_second_is_told_and_keeps_no_tag(project: Path, elsewhere: Path) -> None:
    crown(project, "one")
    with pytest.raises(LeptonError, match="git push"):
        crown(elsewhere, "two")
    assert champion.history(elsewhere) == []
    champion.refresh(elsewhere)
    assert champion.find(elsewhere).told["model"] == "one"


def test_an_origin_that_cannot_be_asked_is_one_line(project: Path, elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "origin.git").rename(tmp_path / "gone.git")
    one_line(lambda: champion.refresh(project), "git fetch")
    one_line(lambda: champion.rollback(project), "git fetch")


def test_an_interrupted_push_leaves_no_champion_behind(project: Path, elsewhere: Path, tmp_path: Path) -> None:
    hook = project / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(LeptonError, match="git push"):
        crown(project, "one")
    assert champion.history(project) == []
    hook.unlink()
    assert crown(project, "one").number == 1


def test_who_signs_tags_gets_champions_that_can_be_read(project: Path) -> None:
    toy.run(project, "git", "config", "tag.gpgSign", "true")
    toy.run(project, "git", "config", "gpg.program", "false")
    one = crown(project, "one")
    assert champion.history(project) == [one]


def test_who_was_measured_beside_another_champion_is_measured_again(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.commit(finished)
    crown(finished, "one")
    for beside in (None, "champion/7"):
        decision = {"champion": beside}
        one_line(lambda decision=decision: champion.promote(finished, "gate", decision), "champion/1 is the champion by now")
    monkeypatch.setattr(champion, "MODEL", "artifacts/first/out.txt")
    monkeypatch.setattr(champion, "METRICS", "artifacts/last/metrics.json")
    assert champion.promote(finished, "gate", {"champion": "champion/1"}).number == 2
    assert champion.promote(finished, "gate", {"champion": "champion/1"}).number == 2, "a run beside came to the same model"


def test_a_tag_that_another_run_here_has_fetched_meanwhile_is_no_fault(
    project: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = refs.put

    def put_and_fetch(root: Path, ref: str, commit: str) -> None:
        put(root, ref, commit)
        refs.fetch_tags(root, "champion/*")

    monkeypatch.setattr(refs, "put", put_and_fetch)
    refs.tag(project, "champion/1", git.sha(project), "{}")
    assert [name for name, _, _ in refs.tags(project, "champion/*")] == ["champion/1"]
