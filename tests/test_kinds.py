"""Promises of the registry of kinds."""

import pytest

from lepton import kinds
from lepton.inputs.base import BaseInput
from lepton.sharing.base import Sharing
from lepton.sharing.trunk import Trunk
from lepton.tasks.base import BaseTask
from lepton.training.weighting.base import Weighting

BASES = {"inputs": BaseInput, "tasks": BaseTask, "sharing": Sharing, "trunk": Trunk, "weighting": Weighting}


@pytest.mark.parametrize(("room", "name"), [(room, name) for room, names in kinds.KINDS.items() for name in names])
def test_a_registered_name_is_a_whole_class_of_its_room(room: str, name: str) -> None:
    kind = kinds.load(room, name)
    assert issubclass(kind, BASES[room])
    assert not kind.__abstractmethods__


@pytest.mark.parametrize(("room", "name"), [(room, name) for room in ("inputs", "tasks") for name in kinds.KINDS[room]])
def test_a_kinds_type_is_its_registered_name(room: str, name: str) -> None:
    assert kinds.load(room, name).model_fields["type"].annotation.__args__ == (name,)


def test_every_room_has_a_base() -> None:
    assert kinds.KINDS.keys() == BASES.keys()


def test_a_name_that_is_not_registered_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        kinds.load("tasks", "guessing")
