"""What the gate decided, and what has changed since the champion."""

from collections.abc import Iterator

from lepton.ops.champion import Champion
from lepton.reporting.blocks import Block, Cell, Prose, Table, text
from lepton.reporting.content import Content
from lepton.reporting.words import NONE, metric, number

HOLDS = {True: text("holds", "better"), False: text("broken", "worse")}


def decision(content: Content) -> Iterator[Block]:
    if (told := content.decision) is None:
        yield Prose("The gate has not decided about this model yet. `make run` does so after its last stage.")
    else:
        beside = (
            f"{told['champion']}, on the same test rows" if told["champion"] else "its single-task models: there is no champion yet"
        )
        yield Prose(f"The gate {'lets this model through' if told['promote'] else 'holds this model back'}, beside {beside}.")
        rules = [[text(rule["says"]), HOLDS[rule["holds"]]] for rule in told["rules"]]
        sure = ", with their 95 % interval" if told["champion"] else ""
        yield Table(
            ("Rule", "Verdict"), rules, f"Changes are of the exported model{sure}; the bounds stand in `gate` in params.yaml."
        )
    if content.champion:
        yield from _since(content, content.champion)


def _since(content: Content, champion: Champion) -> Iterator[Block]:
    """What the champion was, and what has changed."""
    rows = [[text(what), text(then), text(now)] for what, then, now in content.since]
    measured = (content["evaluate"] or {"tasks": {}})["tasks"]
    for name, was in champion.told["metrics"].items():
        now = measured.get(name, {})
        value = number(now.get("compressed")) if now.get("metric") == was["metric"] else NONE
        rows.append([text(f"{name}, {metric(was['metric'])}"), Cell(number(was["value"])), Cell(value)])
    caption = (
        f"{champion.tag} is the model in use since {champion.told['at']} UTC ({champion.told['how']}). Metrics are those of the "
        "exported models, each on the test split of its day; the rules above compare both on the same rows."
    )
    yield Table((f"Since {champion.tag}", "Then", "Now"), rows, caption)
