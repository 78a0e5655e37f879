"""The report as it would be saved, and the champion's alias; nothing here asks the network."""

import json

import wandb

from lepton.tracking.wandb_report import Curves, Heading, Markdown, Picture, Retrainings, build, crown, written

PARTS = [
    Heading("What sharing gained"),
    Markdown("| task | gain |\n| --- | --: |"),
    Curves(["loss.digit", "loss.ink"], "train-1"),
    Picture("figures/tasks.1", "retrain-1"),
    Retrainings(["delta_m.mean"]),
]


def blocks():
    return json.loads(written(build("lepton", "title", "", PARTS)))["spec"]["blocks"]


def grids():
    return [block["metadata"] for block in blocks() if block["type"] == "panel-grid"]


def panel(grid):
    return grid["panelBankSectionConfig"]["panels"][0]


def test_parts_become_blocks_in_their_order():
    kinds = [block["type"] for block in blocks() if block["type"] != "paragraph"]
    assert kinds == ["table-of-contents", "heading", "markdown-block", "panel-grid", "panel-grid", "panel-grid"]


def test_panels_show_the_runs_they_are_of():
    curves, picture, retrainings = grids()
    assert (panel(curves)["viewType"], panel(curves)["config"]["metrics"]) == ("Run History Line Plot", ["loss.digit", "loss.ink"])
    assert panel(curves)["config"]["xAxis"] == "step"
    assert (panel(picture)["viewType"], panel(picture)["config"]["mediaKeys"]) == ("Media Browser", ["figures/tasks.1"])
    chosen = [grid["runSets"][0]["filters"]["filters"][0] for grid in (curves, picture, retrainings)]
    assert [(one["key"]["name"], one["value"]) for one in chosen] == [
        ("name", "train-1"),
        ("name", "retrain-1"),
        ("jobType", "retrain"),
    ]
    shown = retrainings["runSets"][0]["runFeed"]["columnVisible"]
    assert shown.keys() >= {"summary:outcome", "summary:delta_m.mean", "summary:data"}


def test_it_belongs_to_the_entity_that_it_is_saved_for():
    assert [grid["runSets"][0]["project"] for grid in grids()] == [None] * 3
    report = build("lepton", "title", "", PARTS, "team")  # only the network can tell the ids that saving needs
    runsets = [block.runsets[0] for block in report.blocks if hasattr(block, "runsets")]
    assert [(one.entity, one.project) for one in runsets] == [("team", "lepton")] * 3


def test_the_champion_is_an_alias_of_the_model_that_its_run_sent(monkeypatch):
    class Artifact:
        def __init__(self, type):
            self.type, self.aliases, self.saved = type, ["latest"], 0

        def save(self):
            self.saved += 1

    class Api:
        def run(self, path):
            asked.append(path)
            return self

        def logged_artifacts(self):
            return sent

    asked, sent = [], [Artifact("run_table"), Artifact("model")]
    monkeypatch.setattr(wandb, "Api", Api)
    crown("lepton", "compress-1", 3)
    assert asked == ["lepton/compress-1"]
    assert [(one.aliases, one.saved) for one in sent] == [(["latest"], 0), (["latest", "champion", "champion-3"], 1)]
