"""params.yaml becomes one frozen object, or one line that says what is wrong with it.

One file is the whole configuration of one project: its data, its inputs and tasks, then one block per stage (`lepton.blocks`).
Kinds of input and task are looked up by name in `lepton.kinds`; each brings its own options.
"""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from lepton.blocks import (
    Adapt,
    Baseline,
    Clean,
    Compress,
    Compute,
    Data,
    Drift,
    Ensemble,
    Evaluate,
    Gate,
    Ingest,
    Input,
    Limits,
    Model,
    NewTask,
    Notify,
    Prepare,
    Relate,
    Strict,
    Task,
    Tracking,
    Train,
    Validate,
    chosen,
    nearest,
    shorten,
)
from lepton.errors import LeptonError
from lepton.kinds import load as load_kind

Name = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$")]  # of a task: also of its files and of its outputs in exported models


def _of_kind(room: str) -> WrapValidator:
    def build(value: Any, _: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, dict) or "type" not in value:
            raise PydanticCustomError("type", "needs a type, as in {type: image, column: photo}")
        return load_kind(room, chosen(room, value["type"])).model_validate(value)

    return WrapValidator(build)


if TYPE_CHECKING:
    from lepton.inputs.base import BaseInput as AnyInput
    from lepton.tasks.base import BaseTask as AnyTask
else:
    AnyInput = Annotated[Input, _of_kind("inputs")]
    AnyTask = Annotated[Task, _of_kind("tasks")]


class Params(Strict):
    """One project. Built by `load`."""

    @property
    def input(self) -> "AnyInput":
        """The one input."""
        return next(iter(self.inputs.values()))

    data: Data
    inputs: Annotated[dict[str, AnyInput], Field(min_length=1, max_length=1)]
    tasks: Annotated[dict[Name, AnyTask], Field(min_length=1)]
    new_tasks: dict[Name, NewTask] = Field(default={})
    compute: Compute = Compute()
    model: Model = Model()
    validate_: Annotated[Validate, Field(alias="validate")] = Validate()
    clean: Clean = Clean()
    prepare: Prepare = Prepare()
    relate: Relate = Relate()
    train: Train = Train()
    ensemble: Ensemble = Ensemble()
    baseline: Baseline = Baseline()
    adapt: Adapt = Adapt()
    compress: Compress = Compress()
    evaluate: Evaluate = Evaluate()
    gate: Gate = Gate()
    notify: Notify = Notify()
    drift: Drift = Drift()
    limits: Limits = Limits()
    tracking: Tracking = Tracking()
    ingest: Ingest = Ingest()

    @model_validator(mode="after")
    def _consistent(self) -> "Params":
        from torch.nn import ModuleDict  # slow to import, and here already: tasks need it

        if len(self.model.trunk) != len(self.model.branch):
            raise PydanticCustomError("levels", "model.trunk and model.branch need one number of channels per level each")
        if clash := set(self.tasks) & set(self.new_tasks):
            raise PydanticCustomError("name", f"{sorted(clash)[0]!r} stands in both tasks and new_tasks")
        if taken := [name for name in (*self.tasks, *self.new_tasks) if hasattr(ModuleDict(), name)]:
            raise PydanticCustomError("name", f"a task cannot be named {taken[0]!r}, a word that PyTorch needs. Choose another.")
        if self.data.split.valid + self.data.split.test >= 1:
            raise PydanticCustomError("split", "data.split: valid and test leave nothing to train on")
        if not self.data.path.is_absolute() and Path(self.ingest.source or "").is_relative_to(self.data.path.parts[0]):
            raise PydanticCustomError("ingest", f"ingest.source: lies in {self.data.path.parts[0]}/. Name a folder outside of it.")
        return self

    @model_validator(mode="after")
    def _attached(self) -> "Params":
        depth, names = len(self.model.trunk), list(self.tasks)
        for name, task in self.tasks.items():
            if task.level and task.level > depth:
                raise PydanticCustomError("level", f"tasks.{name}.level: model.trunk has {depth} levels, not {task.level}")
            for other in task.after:
                if other not in names:
                    raise PydanticCustomError("after", f"tasks.{name}.after: there is no task {other!r}. {nearest(other, names)}")
        for name in self.gate.margins:
            if name not in names:
                raise PydanticCustomError("gate", f"gate.margins: there is no task {name!r}. {nearest(name, names)}")
        try:
            TopologicalSorter({name: task.after for name, task in self.tasks.items()}).prepare()
        except CycleError as error:
            ring = " after ".join(reversed(error.args[1]))
            raise PydanticCustomError("after", f"tasks: {ring}: none can be first. Take a name out of `after`") from None
        return self


class _Twice(yaml.YAMLError):
    """A key stands twice in one block."""


class _Loader(yaml.SafeLoader):
    """YAML in which a key may stand once: the first of two would be lost without a word."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
            if key.value in seen:
                raise _Twice(f"line {key.start_mark.line + 1}: the key {key.value!r} stands there a second time. Rename one.")
            seen.add(key.value)
        return node


NUMBER = "must be a number, not {given}."
WHOLE = "must be a whole number, not {given}."
BLOCK = "must be a block of keys, not {given}."
SWITCH = "must be true or false, not {given}."
PLAIN = {  # pydantic's types of error in words for someone who knows YAML and no Python
    "missing": "is missing.",
    "tuple_type": "must be a list, as in [{given}, …], not {given}.",
    "dict_type": BLOCK,
    "model_type": BLOCK,
    "int_type": WHOLE,
    "int_parsing": WHOLE,
    "int_from_float": WHOLE,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "bool_type": SWITCH,
    "bool_parsing": SWITCH,
    "string_type": "must be a word, not {given}; quotes make it one.",
    "path_type": "must be a path, not {given}.",
    "literal_error": "must be {expected}, not {given}.",
    "greater_than": "must be more than {gt:g}, not {given}.",
    "greater_than_equal": "must be at least {ge:g}, not {given}.",
    "less_than": "must be less than {lt:g}, not {given}.",
    "less_than_equal": "must be at most {le:g}, not {given}.",
    "too_short": "needs {min_length} at least, has {actual_length}.",
    "too_long": "takes {max_length} at most.",
    "string_pattern_mismatch": "must be letters, digits and _, a letter first.",
}


def _plain(error: ErrorDetails) -> str:
    """One error of pydantic: where, and what is wanted."""
    where, given = [part for part in error["loc"] if part != "[key]"], error["input"]
    said = PLAIN.get(error["type"])
    if error["type"] == "missing" and isinstance(where[-1], int):  # of a list
        where, said = where[:-1], "has too few entries: {given}."
    words = said.format(given="null" if given is None else shorten(repr(given)), **error.get("ctx", {})) if said else error["msg"]
    return ": ".join(filter(None, [".".join(map(str, where)), words]))


def parse(text: str, source: str = "params.yaml") -> Params:
    """The configuration written in YAML `text`; a LeptonError names the first key at fault."""
    try:
        values = yaml.load(text, Loader=_Loader)
        return Params.model_validate(values if values is not None else {})
    except _Twice as error:
        raise LeptonError(f"{source}: {error}") from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split()).replace('in "<unicode string>", ', "")
        raise LeptonError(f"{source}: not valid YAML ({said}).") from None
    except ValidationError as error:
        first, *others = error.errors()
        more = f" ({len(others)} more like it.)" if others else ""
        raise LeptonError(f"{source}: {_plain(first)}{more}") from None


def load(path: str | Path = "params.yaml") -> Params:
    try:
        return parse(Path(path).read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise LeptonError(f"{path}: not there. Run in the project's folder, or name the file.") from None
    except IsADirectoryError:
        raise LeptonError(f"{path}: is a folder. Name the params file in it.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LeptonError(f"{path}: cannot be read as a text file ({error}).") from None
