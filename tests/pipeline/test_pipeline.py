"""The real pipeline, small, in a temporary clone: real data, real stages, real DVC and Prefect."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import leaks
import pandas as pd
import pytest
import small
import yaml

pytestmark = pytest.mark.timeout(420)
STAGES = ["validate", "clean", "prepare", "relate", "train", "baseline", "adapt", "compress", "evaluate"]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The finished project, and what its first run printed."""
    from lepton.starter import vision

    place = tmp_path_factory.mktemp("pipeline")
    vision.build(place / "starter")
    root = small.make(place / "project", place / "starter")
    return root, small.retrain(root)


@pytest.fixture
def project(first: tuple[Path, str], tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished project, to change."""
    root = tmp_path / "project"
    shutil.copytree(first[0], root, symlinks=True)
    yield root
    shutil.rmtree(root)


def read(root: Path, name: str) -> dict:
    return json.loads((root / "artifacts" / name).read_text())


def outputs(root: Path) -> dict[str, str]:
    """Every stage output's hash, as dvc.lock has it."""
    stages = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


def test_a_run_ends_completed_with_every_stage_delta_m_and_a_page(first: tuple[Path, str]) -> None:
    root, said = first
    assert "Completed: Δm" in said
    assert "gate lets it through as the first champion" in said
    for stage in STAGES:
        assert stage in said
    page = (root / "report/latest/index.html").read_text()
    assert "Δm" in page
    assert (root / "report/latest/card.md").exists()


def test_every_artifact_holds_the_keys_that_others_read(first: tuple[Path, str]) -> None:
    root, _ = first
    tasks = {"digit", "objects", "ink", "photo", "tilt"}
    assert read(root, "validate/report.json")["ok"] is True
    assert read(root, "clean/report.json").keys() >= {"rows_in", "rows_out", "dropped", "repaired"}
    related = read(root, "relate/relatedness.json")
    assert related["matrices"].keys() == {"cosine", "pearson", "cka", "labels", "gradient"}
    assert [len(related[key]) for key in ("gain", "error")] == [5, 5]
    assert len(related["ranking"]) == 10
    assert sorted(name for group in related["groups"] for name in group) == sorted(tasks)
    assert read(root, "train/sharing.json")["alpha"].keys() == tasks
    for stage in ("train", "baseline"):
        assert read(root, f"{stage}/metrics.json").keys() >= {"tasks", "samples_seen", "parameters", "macs"}
    together, apart = (read(root, f"{stage}/metrics.json") for stage in ("train", "baseline"))
    assert together["samples_seen"] == apart["samples_seen"]
    assert apart["labels_seen"] == dict.fromkeys(tasks, apart["samples_seen"])  # all of a separate model's samples have one
    assert all(0 < together["labels_seen"][name] < together["samples_seen"] for name in tasks)
    adapted = read(root, "adapt/metrics.json")
    assert adapted["new_tasks"]["unseen_digit"].keys() == {"1", "5"}
    frontier = read(root, "compress/frontier.json")
    assert frontier["chosen"] in {candidate["name"] for candidate in frontier["candidates"]}
    assert all(value <= 1e-4 for fields in frontier["parity"].values() for value in fields.values())
    evaluated = read(root, "evaluate/metrics.json")
    assert evaluated["tasks"].keys() == tasks
    assert evaluated["delta_m"]["ci95"][0] <= evaluated["delta_m"]["mean"] <= evaluated["delta_m"]["ci95"][1]


def test_nothing_of_the_data_is_in_what_goes_to_wandb(first: tuple[Path, str]) -> None:
    """tracking.media is false: no sample, however encoded, no id, free text or file name."""
    root, _ = first
    home, mark = root / ".lepton", small.MARK.encode()
    (report,) = home.glob("reports/*/report.wandb.json")
    sent = [report, *leaks.files(*(home / name for name in ("wandb", "wandb-cache", "wandb-data")))]
    assert sum(path.suffix == ".wandb" for path in sent) == len(STAGES) + 1
    assert small.MARK in (root / "artifacts/validate/report.json").read_text(), "else there was nothing to leak"
    assert small.MARK in (root / "report/latest/index.html").read_text(), "the page is local"
    assert leaks.holding([report], b"objects"), "else nothing was searched"
    assert leaks.holding(sent, mark) == []
    assert leaks.pictures(sent) == []
    samples = list(leaks.runs_of(pd.read_parquet(root / "data/small/samples.parquet")))
    assert len(samples) > 100
    prepared = b"".join(path.read_bytes() for path in (root / "artifacts/prepare").rglob("*.npy"))
    assert any(run in prepared for run in samples), "else nothing was searched"
    everything = b"\0".join(map(leaks.content, sent))
    assert [run for run in samples if run in everything] == []


def test_no_secret_is_in_anything_that_a_run_leaves_behind(first: tuple[Path, str]) -> None:
    root, said = first
    secret = small.SECRET.encode()
    given = root / ".dvc/config.local"
    places = root, Path(os.environ["PREFECT_HOME"])
    left = [path for path in leaks.files(*places) if path != given and not path.is_relative_to(root / ".git")]
    assert secret in given.read_bytes()
    assert {"prefect.db", "index.html", "report.wandb.json", "debug.log"} <= {path.name for path in left}
    assert leaks.holding(left, secret) == []
    assert small.SECRET not in said
    assert secret not in leaks.in_git(root)


def test_a_second_run_is_unchanged_and_changes_nothing(first: tuple[Path, str]) -> None:
    root, _ = first
    before = outputs(root), subprocess.run(["git", "status", "-s"], cwd=root, capture_output=True, text=True).stdout
    assert "Unchanged" in small.retrain(root)
    assert before == (outputs(root), subprocess.run(["git", "status", "-s"], cwd=root, capture_output=True, text=True).stdout)
    assert "Data and pipelines are up to date" in small.run(root, "dvc", "status")


def test_other_compress_parameters_ask_for_nothing_before_compress(project: Path) -> None:
    small.change(project, compress={"calibration": 32})
    assert re.findall(r"Running stage '(\w+)'", small.run(project, "dvc", "repro", "--dry")) == ["compress"]


def test_a_champion_is_made_followed_and_brought_back(project: Path) -> None:
    """One model after another: the gate compares the second one with the first, and the first one's bytes come back."""

    def lepton(*arguments: str, code: int = 0) -> str:
        return small.run(project, sys.executable, "-m", "lepton.cli", "champion", *arguments, code=code)

    model = project / "artifacts/compress/model.onnx"
    assert "There is no champion yet" in lepton("list")
    assert "differ from the commit" in lepton("promote", code=2)
    small.commit(project)
    assert "champion/1: promoted" in lepton("promote")
    assert "champion/1 is this model already" in lepton("promote")
    one, first = json.loads(lepton("show")), model.read_bytes()
    assert one["model"] == outputs(project)["artifacts/compress/model.onnx"]
    assert one["data"] == yaml.safe_load((project / "data.dvc").read_text())["outs"][0]["md5"]
    assert one["metrics"].keys() == {"digit", "objects", "ink", "photo", "tilt"}
    assert one["how"] == "by hand"
    assert one["decision"]["champion"] is None

    small.change(project, relate={"epochs": 2}, compress={"widths": []}, evaluate={"champions": [1]}, gate={"mean": 1e6})
    said = small.retrain(project)
    assert "gate holds it back beside champion/1 (mean of the tasks" in said
    page = (project / "report/latest/index.html").read_text()
    assert "holds this model back, beside champion/1" in page
    assert "relate.epochs" in page[page.index("Since champion/1") :]
    assert "The ensemble is 2 models asked together (model, champion/1)" in page
    evaluated = read(project, "evaluate/metrics.json")
    assert [one["parameters"] > 0 for one in evaluated["ensemble"]] == [True, True]
    assert all(told["ensemble"] >= 0 for told in evaluated["tasks"].values())
    small.commit(project)
    held = lepton("promote", code=2)
    assert "the gate holds it back: mean of the tasks" in held
    assert "Traceback" not in held
    assert "champion/2: promoted" in lepton("promote", "--force")
    second = model.read_bytes()
    assert second != first
    assert json.loads(lepton("show", "2"))["how"] == "by hand, against the gate"

    assert "champion/3: rollback to champion/1" in lepton("rollback")
    lepton("pull", "--to", "served.onnx")
    assert (project / "served.onnx").read_bytes() == first
    lepton("pull", "2", "--to", "served.onnx")
    assert (project / "served.onnx").read_bytes() == second
    assert model.read_bytes() == second, "the project's own files stay as they are"
    assert [line.split()[0] for line in lepton("list").splitlines()[1:]] == ["champion/1", "champion/2", "champion/3"]


def test_training_and_compressing_again_elsewhere_gives_the_same_bytes(project: Path) -> None:
    made = [path for stage in ("train", "compress") for path in (project / "artifacts" / stage).rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in made}
    for path in before:
        path.unlink()
    for stage in ("train", "compress"):
        small.run(project, sys.executable, "-m", f"lepton.stages.{stage}")
    assert [path.name for path, content in before.items() if path.read_bytes() != content] == []


def test_a_loss_that_is_not_finite_stops_training_and_leaves_the_earlier_model(project: Path) -> None:
    before = outputs(project)
    small.change(project, train={"lr": 1e9, "clip": 0.0})
    said = small.retrain(project, code=2)
    assert "stopped being a finite number" in said
    assert "Traceback" not in said
    assert (project / "artifacts/train/model.safetensors").exists()
    assert outputs(project)["artifacts/train/model.safetensors"] == before["artifacts/train/model.safetensors"]


def test_half_of_the_images_undecodable_is_refused_with_one_line(project: Path) -> None:
    path = project / "data/small/samples.parquet"
    table = pd.read_parquet(path)
    table.loc[table.index % 2 == 0, "image"] = b"not an image"
    table.to_parquet(path, index=False)
    before = outputs(project)
    said = small.retrain(project, code=3)
    assert "Refused" in said
    assert "undecodable" in said
    assert "Traceback" not in said
    assert outputs(project) == before
    assert (project / "artifacts/validate/report.json").exists()


def test_a_misspelt_key_is_named_before_anything_runs(project: Path) -> None:
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("warmup:", "warmpu:"))
    said = small.retrain(project, code=2)
    assert "unknown key 'warmpu'. Did you mean warmup?" in said
    assert "Traceback" not in said


def test_relate_on_its_own_says_who_should_share_and_runs_only_what_has_changed(project: Path) -> None:
    shutil.rmtree(project / "artifacts/train")
    command = [sys.executable, "-m", "lepton.cli", "relate"]
    done = subprocess.run(command, cwd=project, env=os.environ, capture_output=True, text=True, check=True)
    assert "share a trunk" in done.stdout
    assert "Reliability: the order of the pairs" in done.stdout
    assert "index.html#relatedness" in done.stdout
    assert "Nothing has changed since this was found." in done.stdout
    assert not (project / "artifacts/train").exists(), "nor one behind it"
