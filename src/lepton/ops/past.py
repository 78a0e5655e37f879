"""Past champions and the questions of today: what of them can still be asked, on rows that they have not seen."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lepton.errors import LeptonError
from lepton.ops import champion, git
from lepton.ops.champion import MODEL, PARAMS, Champion

FRONTIER = "artifacts/compress/frontier.json"
SAME = ("type", "classes", "range", "column")  # of a task's block: what has to be equal for two models to answer the same question


def compared(root: Path, one: Champion) -> tuple[list[str], list[str], list[str]]:
    """The champion's tasks: those that ask the same by now, those that ask something else, and those that are gone.

    A LeptonError where it cannot be asked at all: other inputs, or rows on other sides of the split.
    """
    now = yaml.safe_load((root / PARAMS).read_text(encoding="utf-8"))
    try:
        then = yaml.safe_load(git.show(root, one.commit, PARAMS))
        then, now = ({key: dict(each[key]) for key in ("inputs", "tasks", "data")} for each in (then, now))
    except (KeyError, TypeError, ValueError, yaml.YAMLError):
        raise LeptonError(f"{one.tag} has a params.yaml that cannot be read any more.") from None
    if then["inputs"] != now["inputs"]:
        raise LeptonError(f"inputs are other ones than those of {one.tag}, which cannot be asked about them.")
    if any(then["data"].get(key) != now["data"].get(key) for key in ("split", "id")):
        raise LeptonError(f"data.split or data.id are others than {one.tag} had, which may have seen these test rows.")
    gone = [name for name in then["tasks"] if name not in now["tasks"]]
    same = [name for name, task in then["tasks"].items() if name not in gone and _same(task, now["tasks"][name])]
    return same, [name for name in then["tasks"] if name not in (*gone, *same)], gone


def _same(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(then.get(key) == now.get(key) for key in SAME)


@contextmanager
def _of(number: int) -> Iterator[None]:
    """Says which key an error is of, and what to do."""
    try:
        yield
    except LeptonError as error:
        raise LeptonError(f"params.yaml: evaluate.champions: {error} Leave {number} out.") from None


def answering(root: Path, number: int, tasks: list[str]) -> Champion:
    """The champion of a number, if it answers all of `tasks`; a LeptonError where there is none or it cannot be asked."""
    with _of(number):
        one = champion.find(root, number)
        same, _, _ = compared(root, one)
        if unknown := [name for name in tasks if name not in same]:
            raise LeptonError(f"{one.tag} does not answer {', '.join(unknown)} as asked now.")
        return one


def member(root: Path, number: int, tasks: list[str]) -> tuple[Champion, bytes, Mapping[str, Any]]:
    """Likewise, with its exported model, and what that is: name, parameters, macs, bytes."""
    one = answering(root, number, tasks)
    with _of(number):
        frontier = json.loads(champion.read(root, one, FRONTIER))
        what = next(each for each in frontier["candidates"] if each["name"] == frontier["chosen"])
        return one, champion.read(root, one, MODEL), what
