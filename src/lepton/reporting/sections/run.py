"""The run itself: where the time went, and what the numbers were made from."""

from collections.abc import Iterator

from lepton.reporting.blocks import Beside, Block, Cell, Code, Figure, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.figures import results
from lepton.reporting.words import NONE, seconds, size

NAMED = 5  # changed files
STATES = {"ran": "▶ ran", "cached": "↺ cached", "unchanged": "= unchanged", "refused": "✗ refused", "failed": "✗ failed"}


def times(content: Content) -> Iterator[Block]:
    took = {stage: content.records.get(stage, {}).get("seconds") for stage in content.stages}
    known = [value for value in took.values() if value is not None]
    parts: list[Block] = []
    if known:
        caption = f"Seconds of each stage when it last ran, {seconds(sum(known))} in all."
        parts.append(Figure(results.stage_times(took), caption))
    else:
        yield Prose("No records of this run are on this machine; they stay where the stages ran.")
    if content.states:
        rows = []
        for told in content.states:
            state = text(STATES.get(told["state"], told["state"]), "strong" if told["state"] == "ran" else "quiet")
            rows.append([text(told["stage"]), state, Cell(seconds(told.get("seconds") or None))])
        caption = "What this run had to do; equal inputs are never computed twice."
        parts.append(Table(("Stage", "In this run", "Took"), rows, caption))
    yield Beside(parts)


def revision(content: Content) -> str:
    """The commit, and whether what ran was exactly that."""
    made = content.lineage
    if made.commit is None:
        return "not in git"
    if not made.changed:
        return f"git {made.commit}, with nothing changed"
    named = ", ".join(f"`{path}`" for path in made.changed[:NAMED])
    more = f" and {len(made.changed) - NAMED} more" if len(made.changed) > NAMED else ""
    return f"git {made.commit}, with changes in {named}{more}"


def lineage(content: Content) -> Iterator[Block]:
    made = content.lineage
    versions = ", ".join(f"{package} {version}" for package, version in made.versions.items())
    yield Prose(f"Code: {revision(content)}. Installed: {versions}.")
    entries = [("data", *out) for out in made.data]
    entries += [(stage, *out) for stage, outs in made.outputs.items() for out in outs]
    if entries:
        rows = [
            [text(stage), text(path), text(digest or NONE, "code"), Cell(size(amount))] for stage, path, digest, amount in entries
        ]
        caption = "MD5 of the data and of every stage's outputs, from dvc.lock: equal hashes are equal bytes."
        yield Table(("Stage", "Path", "Hash", "Size"), rows, caption)
    else:
        yield Prose("No dvc.lock yet: no stage has run under DVC.")
    yield Code(content.params_text.rstrip(), "params.yaml, the whole configuration")
