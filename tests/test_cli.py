"""The command line as a user meets it: exit codes, one line for a mistake, examples in every help."""

import json
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import toy
from lepton import cli


def lepton(capsys, monkeypatch, *arguments):
    """(exit code, stdout, stderr) of `lepton …`."""
    monkeypatch.setattr(sys, "argv", ["lepton", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return ended.value.code or 0, said.out, said.err


@pytest.fixture
def run(project, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: lepton(capsys, monkeypatch, *arguments)


def write_samples(folder, rows=120, broken=0):
    """A table that the toy's params.yaml describes, with some images cut off in the middle."""
    import io

    images = []
    for row in range(rows):
        buffer = io.BytesIO()
        Image.fromarray(np.random.RandomState(row).randint(0, 255, (8, 8, 3), np.uint8)).save(buffer, "png")
        images.append(buffer.getvalue()[: 40 if row < broken else None])
    table = pd.DataFrame({"id": [f"r{row}" for row in range(rows)], "image": images, "digit": [row % 2 for row in range(rows)]})
    table.to_parquet(folder / "samples.parquet")


from_libraries = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what great_expectations imports


CHAMPION = [["champion", name] for name in ("list", "show", "promote", "rollback", "pull")]


@pytest.mark.parametrize("command", [["check"], ["starter", "vision"], ["relate"], ["report"], ["lineage"], *CHAMPION])
def test_help_has_an_example(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert f"Example: lepton {' '.join(command)}" in out


@pytest.fixture
def two_tasks(project):
    params = project / "params.yaml"
    task = "{type: classification, column: digit, classes: [0, 1]}"
    params.write_text(params.read_text().replace(f"tasks: {{digit: {task}}}", f"tasks: {{digit: {task}, again: {task}}}"))


@pytest.mark.usefixtures("two_tasks")
def test_relate_makes_nothing_where_there_is_no_project(run, project):
    (project / "dvc.yaml").unlink(missing_ok=True)
    before = sorted(project.rglob("*"))
    code, out, err = run("relate")
    assert (code, out) == (2, "")
    assert "there is no dvc.yaml" in err
    assert sorted(project.rglob("*")) == before


def test_relate_of_one_task_says_so_before_it_runs_anything(run, project):
    (project / "dvc.yaml").unlink(missing_ok=True)
    code, out, _ = run("relate")
    assert (code, out) == (0, "digit is the only task: there is nothing to share with.\n")


@from_libraries
def test_check_says_ready(run, project):
    write_samples(project / "data/toy")
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert "120 rows" in out
    assert "digit" in out
    assert out.splitlines()[-1] == "ready: start with `make run`"


def test_check_knows_the_stages_that_limits_may_name(run, project):
    (project / "dvc.yaml").write_text("stages: {relate: {cmd: 'true'}}\n")
    with (project / "params.yaml").open("a") as params:
        params.write("\nlimits: {stages: {realte: 5}}\n")
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err == "error: params.yaml: limits.stages: there is no stage 'realte'. Did you mean relate?\n"


def test_check_knows_that_a_champion_to_be_asked_is_not_there(run, project):
    toy.run(project, "git", "init", "--quiet")
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("{explain: 1}", "{explain: 1, champions: [9]}"))
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err.startswith("error: params.yaml: evaluate.champions: there is no champion")
    assert err.endswith("Leave 9 out.\n")


@from_libraries
def test_check_refuses_unfit_data_in_one_line(run, project):
    write_samples(project / "data/toy", broken=80)
    code, _, err = run("check")
    assert code == 3
    assert err.startswith("refused: data/toy/samples.parquet: 80 of 120 rows")
    assert err.count("\n") == 1


@from_libraries
def test_check_says_each_thing_once_with_its_path_and_names_the_given_file(run, project):
    write_samples(project / "data/toy", rows=90, broken=50)
    (project / "params.yaml").rename(project / "mine.yaml")
    code, out, err = run("check", "--params", "mine.yaml")
    assert (code, "refused" in out) == (3, False)
    few, broken = err.splitlines()
    assert few.startswith("refused: data/toy/samples.parquet: 90 rows are fewer")
    assert few.endswith("or lower validate.min_rows in mine.yaml.")
    assert broken.startswith("refused: data/toy/samples.parquet: 50 of 90 rows")


@from_libraries
def test_check_says_how_to_run_another_project(run, project):
    write_samples(project / "data/toy")
    (project / "params.yaml").rename(project / "mine.yaml")
    code, out, _ = run("check", "--params", "mine.yaml")
    assert code == 0
    assert out.splitlines()[-1] == "ready: start with `make run PARAMS=mine.yaml`"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("train:", "trian:", "error: params.yaml: unknown key 'trian'. Did you mean train?\n"),
        ("data/toy", "data/none", "error: data/none: not there in "),
        ("column: digit", "column: digits", "error: data/toy/samples.parquet: no column 'digits', which tasks.digit.column"),
    ],
)
def test_check_names_the_mistake_in_one_line(run, project, old, new, said):
    write_samples(project / "data/toy")
    toy.set_param(project, old, new)
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_check_without_a_project_says_where_to_run(run, project):
    (project / "params.yaml").unlink()
    code, _, err = run("check")
    assert (code, err) == (2, "error: params.yaml: not there. Run in the project's folder, or name the file.\n")


def test_starter_is_built_once(run, project, monkeypatch):
    from lepton.starter import vision

    built = []
    monkeypatch.setattr(vision, "build", built.append)
    code, out, _ = run("starter", "vision", "--to", "data/mine")
    assert code == 0
    assert [str(folder) for folder in built] == ["data/mine"]
    assert out.startswith("data/mine: built.")


def test_report_prints_the_page(run, project, monkeypatch):
    from lepton.reporting import page

    shown = []
    monkeypatch.setattr(page, "render", lambda root: root / "report.html")
    monkeypatch.setattr(cli.webbrowser, "open", shown.append)
    code, out, _ = run("report", "--open")
    assert (code, out) == (0, f"{project / 'report.html'}\n")
    assert shown == [(project / "report.html").as_uri()]


def test_report_of_another_project_is_made_in_its_clone(run, project, monkeypatch):
    from lepton.reporting import page

    monkeypatch.setattr(page, "render", lambda root: root / "report.html")
    code, _, err = run("report", "--params", "examples/other.yaml")
    assert code == 2
    assert err == "error: examples/other.yaml: has not been run yet. Run it: make run PARAMS=examples/other.yaml.\n"
    clone = project / ".lepton/projects/other"
    (clone / "artifacts/evaluate").mkdir(parents=True)
    code, out, err = run("report", "--params", "examples/other.yaml")
    assert (code, out) == (0, f"{clone / 'report.html'}\n")
    assert err == "Nothing has been evaluated yet. Start with: make run PARAMS=examples/other.yaml\n"
    (clone / "artifacts/evaluate/metrics.json").write_text("{}")
    assert run("report", "--params", "examples/other.yaml") == (0, out, "")


def test_report_for_the_team_is_made_offline_beside_the_page(run, project, monkeypatch):
    from lepton.reporting import page, review

    monkeypatch.setattr(page, "render", lambda root: root / "r1/index.html")
    monkeypatch.setattr(review, "tell", lambda root, name, retraining: f"{name}.json, {retraining}")
    code, out, err = run("report", "--wandb")
    assert (code, out) == (2, "")
    assert err == "error: W&B is off. Unset LEPTON_TRACKING, and set WANDB_MODE to online or offline.\n"
    monkeypatch.delenv("LEPTON_TRACKING")
    assert run("report", "--wandb")[1].splitlines()[-1] == "r1.json, False"


def test_lineage_shows_the_way_back_and_on(finished, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    run = partial(lepton, capsys, monkeypatch)
    code, out, err = run("lineage", "delta_m")
    assert (code, err) == (0, "")
    for part in (
        "delta_m",
        "mean 3.25",
        "last",
        "side",
        "first",
        "data/toy",
        "evaluate.explain: 1",
        "code",
        "forward",
        "0 champions",
    ):
        assert part in out, part
    assert "3 outputs made from it" in run("lineage", "data")[1]
    told = json.loads(run("lineage", "delta_m", "--json")[1])
    assert [step["stage"] for step in told["back"]["stages"]] == ["last", "side", "first"]


def test_lineage_of_a_wrong_name_is_one_line(finished, capsys, monkeypatch):
    said = "error: delta: nothing here has this name. Did you mean delta_m?\n"
    assert lepton(capsys, monkeypatch, "lineage", "delta") == (2, "", said)


def test_check_leaves_nothing_behind(run, project, tmp_path, monkeypatch):
    monkeypatch.setenv("LEPTON_HOME", str(tmp_path / "home"))
    toy.set_param(project, "data/toy", "data/none")
    code, _, _ = run("check")
    assert code == 2
    assert not (tmp_path / "home").exists()


def test_a_place_that_cannot_be_written_is_one_line(run, project, monkeypatch):
    (project / "file").write_text("")
    monkeypatch.setenv("LEPTON_HOME", str(project / "file" / "home"))
    code, _, err = run("report")
    assert code == 2
    assert "cannot be written" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [["show"], ["rollback"], ["pull"]])
def test_without_a_champion_each_command_says_so_in_one_line(run, command):
    code, out, err = run("champion", *command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: there is no champion yet.")


def test_the_list_of_champions_ends_with_the_present_one(run, project):
    from lepton.ops import champion, git

    code, out, err = run("champion", "list")
    assert (code, out) == (0, "")
    assert "There is no champion yet" in err
    told = {"how": "by hand", "model": "0123456789", "data": "d", "metrics": {}, "decision": {}}
    for how in ("gate", "by hand"):
        champion._tagged(project, git.sha(project), {**told, "how": how}, champion.current(project))
    code, out, _ = run("champion", "list")
    head, *lines = out.splitlines()
    assert head.split()[0] == "champion"
    assert [line.split()[0] for line in lines] == ["champion/1", "champion/2"]
    assert "by hand" in lines[-1]
    for name in ("1", "champion/1"):
        assert run("champion", "show", name)[1].count('"how": "gate"') == 1
    code, _, err = run("champion", "show", "first")
    assert (code, err) == (
        2,
        "error: first: is no champion. Name one by its number, as in 3 or champion/3: lepton champion list.\n",
    )


def test_without_its_origin_the_champions_known_here_are_shown_with_a_warning(run, project):
    toy.run(project, "git", "remote", "add", "origin", str(project / "nowhere.git"))
    code, out, err = run("champion", "list")
    assert (code, out) == (0, "")
    assert err.startswith("warning: this is what is known here: git fetch")
    assert "Traceback" not in err
