"""The gate: may a new model take the champion's place? Rules, each with its figure, its bound and a sentence.

A task is not worse when the lower end of the 95 % interval of its change, by a paired bootstrap over the same test rows, is within
its margin (non-inferiority, as in clinical trials: Piaggio et al. 2012, JAMA 308:2594); the tasks' mean has a bound of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lepton.blocks import Gate
from lepton.evaluation import gain
from lepton.tasks.base import BaseTask, Evidence


@dataclass(frozen=True)
class Rule:
    """One condition. value, bound: None where there is nothing to measure."""

    name: str
    holds: bool
    says: str
    value: float | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Decision:
    """What the gate says of the model whose file has the hash `model`, beside `champion`, a tag; None: there is none yet."""

    model: str
    champion: str | None
    rules: Sequence[Rule]

    @property
    def promote(self) -> bool:
        return all(rule.holds for rule in self.rules)

    @property
    def reasons(self) -> list[str]:
        """Why not; empty where nothing speaks against it."""
        return [rule.says for rule in self.rules if not rule.holds]

    def to_dict(self) -> dict[str, Any]:
        return {
            "promote": self.promote,
            "model": self.model,
            "champion": self.champion,
            "rules": [asdict(one) for one in self.rules],
        }


def not_worse(
    tasks: Mapping[str, BaseTask],
    challenger: Mapping[str, Evidence],
    champion: Mapping[str, Evidence],
    plan: Gate,
    resamples: int,
    *,
    rng: np.random.Generator,
) -> list[Rule]:
    """A rule for each task that both answer, and one for their mean. Evidence of both is on the same rows."""
    both = {name: one for name, one in challenger.items() if name in champion}
    if not both:
        return [Rule("tasks", False, "no task has a test label and an answer of both models")]
    per_task, mean = gain.bootstrap(tasks, both, champion, resamples, rng=rng)
    rules = []
    for name, change in per_task.items():
        margin = plan.margins.get(name, plan.margin)
        says = f"{name}: {change.mean:+.2f} % [{change.low:+.2f}, {change.high:+.2f}]; the lower end may be {-margin:g} %"
        rules.append(Rule(name, change.low >= -margin, says, change.low, -margin))
    says = f"mean of the tasks: {mean.mean:+.2f} % [{mean.low:+.2f}, {mean.high:+.2f}]; at least {plan.mean:+g} % is wanted"
    return [*rules, Rule("mean", mean.mean >= plan.mean, says, mean.mean, plan.mean)]


def good_enough(tasks: Mapping[str, BaseTask], model: Mapping[str, float], single: Mapping[str, float], plan: Gate) -> list[Rule]:
    """The first model has no champion to be measured against: no task far below its single-task model. Both: its own metric."""
    rules = []
    for name, value in model.items():
        change = gain.delta_percent(value, single[name], tasks[name].higher_is_better)
        says = f"{name}: {change:+.2f} % against its single-task model; at least {-plan.floor:g} % is wanted of a first model"
        rules.append(Rule(name, change >= -plan.floor, says, change, -plan.floor))
    return rules


def keeps(missing: Sequence[str], other: Sequence[str]) -> list[Rule]:
    """Does it answer all that the champion answers? missing: tasks that it lacks; other: those that are other ones by now."""
    says = f"lacks {', '.join(missing)}, which the champion answers" if missing else "answers every task of the champion"
    rules = [Rule("tasks", not missing, says)]
    if other:
        says = f"{', '.join(other)}: another type, range or other classes than the champion's, so they cannot be compared"
        rules.append(Rule("comparable", False, says))
    return rules


def limits(size: int, milliseconds: float, plan: Gate) -> list[Rule]:
    """Those that are set, on the exported file's size in bytes and on its time for one sample on this machine."""
    rules = []
    if plan.max_bytes is not None:
        says = f"{size:,} bytes; at most {plan.max_bytes:,.0f} are allowed"
        rules.append(Rule("bytes", size <= plan.max_bytes, says, size, plan.max_bytes))
    if plan.max_milliseconds is not None:
        says = f"{milliseconds:.2f} ms for one sample; at most {plan.max_milliseconds:g} are allowed"
        rules.append(Rule("milliseconds", milliseconds <= plan.max_milliseconds, says, milliseconds, plan.max_milliseconds))
    return rules
