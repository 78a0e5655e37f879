"""From any name back to the data, and on to champions, on a toy project with real git and DVC."""

import json

import pytest

import toy
from lepton import files
from lepton.errors import LeptonError
from lepton.ops import champion, git, records, refs
from lepton.ops.lineage import hashes
from lepton.ops.trace import trace

MODEL = "artifacts/first/out.txt"


@pytest.fixture
def committed(finished, monkeypatch):
    """The finished toy, committed."""
    monkeypatch.setattr(champion, "MODEL", MODEL)
    toy.commit(finished)
    return finished


def crown(root):
    """The project as it stands becomes the champion."""
    told = {"how": "by hand", "model": hashes(root)[MODEL], "data": hashes(root)["data"], "metrics": {}, "decision": {}}
    return champion._tagged(root, git.sha(root), told, champion.current(root))


def test_a_metric_goes_back_to_the_data(committed):
    told = trace(committed, "delta_m")
    assert told.found.what == {"artifacts/last/metrics.json": hashes(committed)["artifacts/last/metrics.json"]}
    assert (told.found.key, told.found.value["mean"]) == ("delta_m", 3.25)
    assert [step.stage for step in told.back] == ["last", "side", "first"]
    last, side, first = told.back
    assert set(last.reads) == {"first", "side"}
    assert first.data.keys() == {"data/toy"}
    assert told.found.view.data["data"] == hashes(committed)["data"]
    assert last.params == {"evaluate.explain": 1, "new_tasks": {}}
    assert side.params == {"train.epochs": 1}


def test_code_is_traced_to_the_commit_that_changed_it_last(committed):
    changed = git.sha(committed)
    (committed / "notes.txt").write_text("of no stage")
    toy.commit(committed)
    assert toy.run(committed, "git", "log", "-1", "--format=%H", "--", "src/toy.py").strip() != changed
    first = trace(committed, "first").back[-1]
    assert first.commit == toy.run(committed, "git", "log", "-1", "--format=%H", "--", "src/toy.py").strip()
    assert first.changed == []
    (committed / "src/toy.py").write_text("other")
    assert trace(committed, "first").back[-1].changed == ["src/toy.py"]


def test_the_record_of_the_run_is_named_where_it_is(committed):
    assert trace(committed, "side").back[0].record is None
    record = {"seconds": 2.5, "ended": 1.0, "wandb": {"id": "abc123", "dir": "wandb/offline-run-abc123"}}
    files.write_json(records.path_of("side", committed), record)
    step = trace(committed, "side").back[0]
    assert (committed / step.record).exists()
    assert (step.wandb, step.seconds, step.ended) == ("abc123", 2.5, 1.0)


@pytest.mark.parametrize("name", ["data", "data/toy", "hash"])
def test_data_goes_on_to_outputs_champions_and_published_runs(committed, name):
    crown(committed)
    refs.put(committed, "refs/heads/retrain/r1", git.sha(committed))
    (committed / "data/toy/samples.txt").write_text("more rows")
    told = trace(committed, hashes(committed)["data"][:8] if name == "hash" else name)
    assert told.back == []
    assert told.outputs.keys() == {"artifacts/first/out.txt", "artifacts/side/out.txt", "artifacts/last/metrics.json"}
    assert [one["tag"] for one in told.champions] == ["champion/1"]
    assert [one["branch"] for one in told.branches] == ["retrain/r1"]


def test_a_champion_that_has_other_data_is_not_named(committed):
    crown(committed)
    (committed / "data/toy/samples.txt").write_text("more rows")
    toy.finish(committed)
    assert trace(committed, "data").champions == []
    assert trace(committed, "model").champions == []


def test_a_champion_and_a_commit_are_traced_as_they_were(committed):
    one, model = crown(committed), hashes(committed)[MODEL]
    toy.set_param(committed, "clean: {epochs: 1}", "clean: {epochs: 2}")
    toy.finish(committed)
    toy.commit(committed)
    assert trace(committed, "model").found.what != {MODEL: model}
    for name in ("champion", "champion/1", one.commit[:12], "HEAD~1"):
        told = trace(committed, name)
        assert told.found.what == {MODEL: model}, name
        assert told.back[0].params == {"clean.epochs": 1}
        assert [held["tag"] for held in told.champions] == ["champion/1"]
    assert [step.stage for step in trace(committed, "champion").back] == ["first"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("delta", "Did you mean delta_m?"),
        ("frist", "Did you mean first?"),
        ("metrics.jsn", "Did you mean metrics.json?"),
        ("qqqq", "Name a metric, a stage, an output, a hash, a champion or a commit."),
    ],
)
def test_a_wrong_name_is_one_line_with_the_nearest(committed, name, near):
    with pytest.raises(LeptonError) as error:
        trace(committed, name)
    assert str(error.value) == f"{name}: nothing here has this name. {near}"


def test_it_can_be_written_as_json(committed):
    told = json.loads(json.dumps(trace(committed, "delta_m").to_dict()))
    assert told.keys() >= {"what", "commit", "paths", "key", "value", "back", "forward"}
    assert [step["stage"] for step in told["back"]["stages"]] == ["last", "side", "first"]


def test_an_origin_that_does_not_answer_is_said(committed):
    toy.run(committed, "git", "remote", "add", "origin", str(committed / "nowhere.git"))
    assert trace(committed, "model").trouble.startswith("published runs are not known here: git ls-remote")
