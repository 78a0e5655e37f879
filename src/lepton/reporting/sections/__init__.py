"""The page's sections in their order. A new one is one function that yields blocks, and one line in `SECTIONS`."""

from collections.abc import Callable, Iterator

from lepton.reporting.blocks import Block, Section
from lepton.reporting.content import Content
from lepton.reporting.sections import data, drift, gate, results, run, samples, sharing

SECTIONS: dict[str, tuple[str, Callable[[Content], Iterator[Block]]]] = {
    "gate": ("May it take the champion's place, and what has changed", gate.decision),
    "tasks": ("What sharing gained", results.tasks),
    "relatedness": ("Which tasks are related", sharing.relatedness),
    "sharing": ("How much each task shares", sharing.sharing),
    "training": ("How training went", sharing.training),
    "adaptation": ("How fast it learns a new task", results.adaptation),
    "compression": ("How small and fast it gets", results.compression),
    "examples": ("Examples, and where the model looked", samples.examples),
    "rules": ("The model in rules", samples.rules),
    "drift": ("Is new data like the training data", drift.newest),
    "data": ("What was checked and cleaned", data.checks),
    "prepare": ("What training was given", data.prepared),
    "time": ("Where the time went", run.times),
    "lineage": ("What these numbers were made from", run.lineage),
}


def build(content: Content) -> list[Section]:
    return [Section(name, title, list(blocks(content))) for name, (title, blocks) in SECTIONS.items()]
