from pathlib import Path

import toy
from lepton.ops import dvc, lineage


def test_key_changes_with_command_files_and_parameters_only(project):
    key = lineage.stage_key("first", project)
    assert lineage.stage_key("first", project) == key
    toy.set_param(project, "train: {epochs: 1}", "train: {epochs: 2}")
    assert lineage.stage_key("last", project) != key
    seen = {key}
    (project / "data/toy/samples.txt").write_text("more rows")
    seen.add(lineage.stage_key("first", project))
    toy.set_param(project, "clean: {epochs: 1}", "clean: {epochs: 2}")
    seen.add(lineage.stage_key("first", project))
    (project / "src/toy.py").write_text("")
    seen.add(lineage.stage_key("first", project))
    assert len(seen) == 4


def test_a_parameter_of_another_stage_leaves_the_key(project):
    key = lineage.stage_key("first", project)
    toy.set_param(project, "train: {epochs: 1}", "train: {epochs: 2}")
    assert lineage.stage_key("first", project) == key


def test_hashes_are_those_of_dvc(project):
    assert lineage.hashes(project) == {}
    dvc.add(project, Path("data"))
    dvc.reproduce(project, "first")
    hashes = lineage.hashes(project)
    assert set(hashes) == {"data", "artifacts/first/out.txt"}
    assert hashes["data"].endswith(".dir")
