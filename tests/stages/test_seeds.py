"""What the training of all tasks begins with."""

from pathlib import Path
from typing import Any

import pytest

import helpers
from lepton import files
from lepton.sharing.base import Sharing
from lepton.stages import seeds
from lepton.stages.runner import Stage
from lepton.tracking.tracker import NoTracker
from lepton.training import distributed
from lepton.training.loop import Fit

ALPHA = {"digit": [0.2, 0.4, 0.6], "tilt": [0.9, 0.7, 0.3]}
GROUPS = [["tilt"], ["digit"]]


class Prepared:
    """Trains nothing, and takes two seconds for it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Sharing]] = []

    def trainer(self, stage: Stage, model: Sharing, lr: float, epochs: float, name: str, **options: Any) -> "Prepared":
        self.asked.append((name, model))
        self.model = model
        return self

    def fit(self) -> Fit:
        return Fit(0, 2.0, 0)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stage of a project of two tasks, with some blocks of its parameters set."""
    monkeypatch.chdir(tmp_path)
    files.write_json(tmp_path / "artifacts/relate/relatedness.json", {"alpha": ALPHA, "groups": GROUPS})

    def stage(**blocks: dict) -> Stage:
        params = helpers.params(**blocks)
        chosen = {name: task for name, task in params.tasks.items() if name in ALPHA}
        return Stage("train", params.model_copy(update={"tasks": chosen}), NoTracker(), tmp_path / ".lepton", "key")

    return stage


def test_degrees_start_where_relate_says(begin: Any) -> None:
    model, _, branches = seeds.trained(begin(), Prepared())  # type: ignore[arg-type]
    assert {name: pytest.approx(values) for name, values in ALPHA.items()} == model.degrees()
    assert branches == sum(map(len, model.structure.owners)) > 0


def test_groups_are_those_that_relate_found(begin: Any) -> None:
    model, _, _ = seeds.trained(begin(model={"sharing": "groups"}), Prepared())  # type: ignore[arg-type]
    assert sorted(map(sorted, model.structure.options["groups"])) == [["digit"], ["tilt"]]


def test_other_seeds_are_other_networks_with_their_seconds_and_their_validation(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds.predict, "metrics", lambda model, valid: {"digit": {"accuracy": 0.5}})
    stage, prepared = begin(ensemble={"seeds": 2}), Prepared()
    prepared.valid = None  # type: ignore[attr-defined]
    seeds.more_seeds(stage, prepared)  # type: ignore[arg-type]
    assert [name for name, _ in prepared.asked] == ["seed 1", "seed 2"]
    assert stage.record == {"ensemble_seconds": 4.0}
    one, two = (stage.out / f"ensemble/{number}.safetensors" for number in (1, 2))
    assert one.read_bytes() != two.read_bytes()
    assert files.read_json(stage.out / "ensemble/members.json") == [{"digit": {"accuracy": 0.5}}] * 2


def test_without_other_seeds_there_is_an_empty_list_of_them(begin: Any) -> None:
    assert distributed.rank() == 0
    stage = begin()
    seeds.more_seeds(stage, Prepared())  # type: ignore[arg-type]
    assert stage.record == {}
    assert [path.name for path in (stage.out / "ensemble").iterdir()] == ["members.json"]
