"""Promises of params.yaml."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from helpers import PARAMS
from laws import one_line
from lepton import blocks, config
from lepton.errors import LeptonError

ROOT = Path(__file__).parents[1]


def changed(path: str, value: object) -> str:
    """The tiny project with one key set, `train.epochs` for instance."""
    values = yaml.safe_load(PARAMS)
    *folders, key = path.split(".")
    place = values
    for folder in folders:
        place = place.setdefault(folder, {})
    place[key] = value
    return yaml.safe_dump(values)


def test_the_projects_own_params_are_valid() -> None:
    params = config.load(ROOT / "params.yaml")
    assert list(params.tasks) == ["digit", "objects", "ink", "photo", "tilt"]
    assert params.input.size == (40, 40)


def test_every_example_is_valid() -> None:
    for path in (ROOT / "examples").glob("**/*.yaml"):
        assert config.load(path).tasks


@pytest.mark.parametrize("place", ["README.md", "docs/bring-your-data.md"])
def test_the_example_of_the_manual_is_valid(place: str) -> None:
    example = (ROOT / place).read_text().split("```yaml\n")[1].split("```")[0]
    assert list(config.parse(example).tasks) == ["kind", "price"]


def test_blocks_that_are_left_out_take_their_defaults() -> None:
    params = config.parse(PARAMS)
    assert params.prepare == blocks.Prepare()
    assert params.validate_ == blocks.Validate()
    assert params.train.lr == blocks.Train().lr


@pytest.mark.parametrize(
    ("path", "where", "meant"),
    [
        ("train.epoch", "train", "epochs"),
        ("trian", "", "train"),
        ("tasks.objects.strid", "tasks.objects", "stride"),
        ("inputs.image.chanels", "inputs.image", "channels"),
        ("data.split.vaild", "data.split", "valid"),
        ("prepare.augment.rotat", "prepare.augment", "rotate"),
        ("validate.min_row", "validate", "min_rows"),
    ],
)
def test_an_unknown_key_is_named_with_its_path_and_the_nearest_known_one(path: str, where: str, meant: str) -> None:
    key = path.split(".")[-1]
    message = one_line(lambda: config.parse(changed(path, 1), "here.yaml"))
    colon = f"{where}: " if where else ""
    assert message == f"here.yaml: {colon}unknown key '{key}'. Did you mean {meant}?"


def test_a_key_like_no_other_is_answered_with_the_known_ones() -> None:
    known = "Known: epochs, features, folds, lookahead, rows, samples, trunks."
    one_line(lambda: config.parse(changed("relate.xyzzy", 1)), "xyzzy", known)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("tasks.digit.type", "classificaton", ["tasks.digit", "'classificaton'", "Did you mean classification?"]),
        ("tasks.digit.type", ["classification"], ["tasks.digit", "unknown tasks kind"]),
        ("tasks.digit.type", None, ["tasks.digit", "unknown tasks kind"]),
        ("inputs.image.type", "smell", ["inputs.image", "'smell'", "image"]),
        ("model.sharing", "adaptiv", ["model.sharing", "Did you mean adaptive?"]),
        ("model.sharing", {"adaptive": True}, ["model.sharing", "unknown sharing kind"]),
        ("train.weighting", "pc_grad", ["train.weighting", "Did you mean pcgrad?"]),
        ("tasks.digit", {"column": "digit"}, ["tasks.digit", "needs a type"]),
        ("tasks.digit", "digit", ["tasks.digit", "needs a type"]),
    ],
)
def test_an_unknown_kind_is_named_with_its_path(path: str, value: object, words: list[str]) -> None:
    one_line(lambda: config.parse(changed(path, value)), *words)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("tasks", {}, ["tasks"]),
        ("inputs", {}, ["inputs"]),
        ("inputs.other", {"type": "image", "column": "b", "size": [8, 8]}, ["inputs"]),
        ("inputs.image.size", [16, 2], ["inputs.image.size.1"]),
        ("tasks.digit.classes", [0], ["tasks.digit.classes"]),
        ("tasks.digit.metric", "auc", ["tasks.digit.metric", "'accuracy', 'macro_f1' or 'roc_auc'"]),
        ("evaluate.vote", "mean", ["evaluate.vote", "'average' or 'majority'"]),
        ("ensemble.seeds", -1, ["ensemble.seeds", "at least 0"]),
        ("tasks.digit.classes", [0, 1, 0], ["tasks.digit.classes", "0 stands there twice"]),
        ("tasks.objects.classes", ["a", "a"], ["tasks.objects.classes", "'a' stands there twice"]),
        ("tasks.ink.classes", ["a", "a"], ["tasks.ink.classes", "'a' stands there twice"]),
        ("tasks.tilt.range", [40, -40], ["tasks.tilt.range", "smallest", "before the largest"]),
        ("tasks.tilt.range", [4, 4], ["tasks.tilt.range"]),
        ("tasks.tilt.range", [0, float("inf")], ["tasks.tilt.range", "finite"]),
        ("tasks.a/b", {"type": "regression", "column": "a", "range": [0, 1]}, ["tasks.a/b"]),
        ("tasks.type", {"type": "regression", "column": "a", "range": [0, 1]}, ["'type'", "Choose another"]),
        ("new_tasks", {"digit": {"type": "classification", "column": "a"}}, ["'digit'", "both tasks and new_tasks"]),
        ("new_tasks", {"values": {"type": "classification", "column": "a"}}, ["'values'", "Choose another"]),
        ("new_tasks", {"a": {"type": "regression", "column": "a"}}, ["new_tasks.a.type"]),
        ("model.trunk", [8, 8], ["model.trunk", "model.branch"]),
        ("tasks.tilt.level", 4, ["tasks.tilt.level", "3 levels, not 4"]),
        ("tasks.tilt.level", 0, ["tasks.tilt.level", "at least 1"]),
        ("tasks.tilt.after", ["digt"], ["tasks.tilt.after", "no task 'digt'", "Did you mean digit?"]),
        ("tasks.tilt.after", ["digit", "digit"], ["tasks.tilt.after", "'digit' stands there twice"]),
        ("tasks.tilt.after", ["tilt"], ["tilt after tilt", "none can be first"]),
        ("tasks.tilt.after", "digit", ["tasks.tilt.after", "must be a list"]),
        ("gate.margins", {"digt": 3}, ["gate.margins", "no task 'digt'", "Did you mean digit?"]),
        ("gate.margin", -1, ["gate.margin", "at least 0"]),
        ("drift.ks", 1.5, ["drift.ks", "at most 1"]),
        ("model.freeze", 1, ["model.freeze", "less than 1"]),
        ("model.budget", 0, ["model.budget", "more than 0"]),
        ("data.split", {"valid": 0.5, "test": 0.5}, ["data.split", "nothing to train on"]),
        ("train.epochs", "many", ["train.epochs"]),
        ("train.alpha_snap", 0.5, ["train.alpha_snap"]),
        ("compute.precision", "fp8", ["compute.precision"]),
    ],
)
def test_an_impossible_value_is_refused_with_its_path(path: str, value: object, words: list[str]) -> None:
    one_line(lambda: config.parse(changed(path, value)), *words)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("inputs.image.size", 32, "inputs.image.size: must be a list, as in [32, …], not 32."),
        ("inputs.image.size", [32], "inputs.image.size: has too few entries: [32]."),
        ("inputs.image.size", [32, 32, 3], "inputs.image.size: takes 2 at most."),
        ("inputs.image.channels", 2, "inputs.image.channels: must be 1 or 3, not 2."),
        ("tasks", {}, "tasks: needs 1 at least, has 0."),
        ("tasks", ["digit"], "tasks: must be a block of keys, not ['digit']."),
        ("tasks.digit.classes", [0], "tasks.digit.classes: needs 2 at least, has 1."),
        ("tasks.digit", {"type": "regression", "range": [0, 1]}, "tasks.digit.column: is missing."),
        ("tasks.digit.column", 3, "tasks.digit.column: must be a word, not 3; quotes make it one."),
        (
            "tasks.a/b",
            {"type": "regression", "column": "a", "range": [0, 1]},
            "tasks.a/b: must be letters, digits and _, a letter first.",
        ),
        ("data", {}, "data.path: is missing."),
        ("data.path", 3, "data.path: must be a path, not 3."),
        ("data.split", None, "data.split: must be a block of keys, not null."),
        ("data.split.test", 1, "data.split.test: must be less than 1, not 1."),
        ("prepare.power", 2, "prepare.power: must be at most 1, not 2."),
        ("train.epochs", "many", "train.epochs: must be a whole number, not 'many'."),
        ("train.epochs", 1.5, "train.epochs: must be a whole number, not 1.5."),
        ("train.epochs", 0, "train.epochs: must be at least 1, not 0."),
        ("train.lr", "fast", "train.lr: must be a number, not 'fast'."),
        ("train.lr", 0, "train.lr: must be more than 0, not 0."),
        ("clean.suspects", "maybe", "clean.suspects: must be true or false, not 'maybe'."),
        ("clean.suspects", "x" * 99, f"clean.suspects: must be true or false, not '{'x' * 59}…."),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(path: str, value: object, said: str) -> None:
    assert one_line(lambda: config.parse(changed(path, value), "here.yaml")) == f"here.yaml: {said}"


def test_tasks_that_wait_for_each_other_are_named() -> None:
    values = yaml.safe_load(PARAMS)
    values["tasks"]["digit"]["after"], values["tasks"]["ink"]["after"], values["tasks"]["tilt"]["after"] = (
        ["ink"],
        ["tilt"],
        ["digit"],
    )
    message = one_line(lambda: config.parse(yaml.safe_dump(values)), "none can be first", "after")
    assert all(name in message for name in ("digit", "ink", "tilt"))


def test_a_key_that_stands_twice_is_named() -> None:
    twice = PARAMS.replace("  ink:", "  tilt: {}\n  ink:")
    message = one_line(lambda: config.parse(twice, "here.yaml"))
    assert message == "here.yaml: line 9: the key 'tilt' stands there a second time. Rename one."
    one_line(lambda: config.parse(PARAMS + "data: {path: x}"), "the key 'data'")
    merged = PARAMS.replace("train:", "relate: &short {epochs: 1}\ntrain:").replace("{epochs: 3,", "{<<: *short, epochs: 3,")
    assert config.parse(merged).train.epochs == 3


def test_an_error_counts_the_others() -> None:
    text = changed("train", {"epoch": 1})
    text = yaml.safe_dump({**yaml.safe_load(text), "relate": {"epoch": 1}})
    one_line(lambda: config.parse(text), "(1 more like it.)")


@pytest.mark.parametrize("text", ["", "3", "[1, 2]", "tasks: [", "a: b: c", "a: \x07", "? [1]: 2", "\tdata: 1"])
def test_what_is_no_configuration_is_one_line(text: str) -> None:
    one_line(lambda: config.parse(text, "here.yaml"), "here.yaml: ")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: config.load(tmp_path / "none.yaml"), "none.yaml", "not there")


def test_what_is_no_text_file_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: config.load(tmp_path), f"{tmp_path}: is a folder. Name the params file in it.")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xfa")
    one_line(lambda: config.load(tmp_path / "binary.yaml"), "binary.yaml", "cannot be read")


def test_params_are_frozen() -> None:
    params = config.parse(PARAMS)
    for block, key in ((params, "model"), (params.train, "epochs"), (params.tasks["digit"], "weight"), (params.input, "size")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(block, key, 1)


def test_keys_of_a_kind_reach_its_class() -> None:
    params = config.parse(PARAMS)
    assert params.tasks["objects"].stride == 4
    assert params.tasks["tilt"].range == (-40.0, 40.0)
    assert params.tasks["tilt"].moves_with == "rotation"


def test_errors_are_leptons() -> None:
    with pytest.raises(LeptonError):
        config.parse("{}")
