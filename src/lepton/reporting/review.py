"""The team's review in Weights & Biases: the page's sections as a report, and one run that stands for the whole retraining.

Numbers, names of tasks and figures leave the machine with it, and nothing of the data: no sample, id, value or file name.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from lepton import files, tracking
from lepton.environment import home
from lepton.ops.champion import Champion
from lepton.reporting import headline, markdown, sections
from lepton.reporting.blocks import Figure, Section
from lepton.reporting.content import Content, gather
from lepton.reporting.figures.style import alone

if TYPE_CHECKING:  # heavy, and needs the extra `review`
    from lepton.tracking.wandb_report import Part

KEPT_BACK = ("examples",)  # sections that show samples
PROJECT = ("src/", "flows/", "params.yaml", "dvc.yaml", "dvc.lock", "data.dvc")  # files whose names tell nothing of the data
WRITTEN = "report.wandb.json"


def tell(root: Path, run: str, crowned: Champion | None = None, *, reason: str = "", retraining: bool = True) -> str:
    """Tracks the project at `root` as it stands and makes its report; returns the report's URL, offline the path of its JSON.

    run: that of the page, beside which the JSON is written. reason: why it ran, a tag in W&B. retraining: whether the run in W&B
    is to be compared with others.
    Empty where tracking is off. Trouble is one warning.
    """
    if tracking.off():
        return ""
    try:
        return _told(root.absolute(), run, crowned, reason, retraining)
    except Exception as error:  # noqa: BLE001  of whatever kind: the run matters more
        _warn(error, "there is no report")
        return ""


def _warn(error: Exception, so: str) -> None:
    absent = isinstance(error, ModuleNotFoundError)
    what = f"{error.name} is not installed (pip install 'lepton[review]')" if absent else f"{type(error).__name__}: {error}"  # type: ignore[attr-defined]
    logging.getLogger("lepton").warning("tracking: %s; %s", what, so)


def _told(root: Path, run: str, crowned: Champion | None, reason: str, retraining: bool) -> str:
    from lepton.tracking import wandb_report

    content = outward(gather(root))
    told = [section for section in sections.build(content) if section.id not in KEPT_BACK]
    summary = outcome(content, crowned)
    tags = [summary["outcome"], *filter(None, [reason])]
    tracker = tracking.start("retrain" if retraining else "report", content.params, root, run, tags)
    with TemporaryDirectory() as folder:
        for name, figure in _figures(told):
            file = Path(folder) / f"{name.rpartition('/')[2]}.svg"
            file.write_text(alone(figure.svg), encoding="utf-8")
            tracker.figure(name, file)
        tracker.summary(summary)
    record = tracker.finish(ok=True)
    parts = list(_parts(content, told, summary, record.get("id"), _without_places(root, content)))
    project = content.params.tracking.project
    title, description = f"{project}, {run}: {summary['outcome']}", headline.verdict(content)
    if record.get("online"):
        try:
            if crowned and (sent := content.records["compress"].get("wandb")):
                wandb_report.crown(project, sent["id"], crowned.number)
            return wandb_report.save(wandb_report.build(project, title, description, parts, wandb_report.entity()))
        except Exception as error:  # noqa: BLE001  of whatever kind: the run matters more
            _warn(error, "the report is written here instead")
    path = home(root) / "reports" / run / WRITTEN
    files.write_text(path, wandb_report.written(wandb_report.build(project, title, description, parts)))
    return str(path)


def outward(content: Content) -> Content:
    """The content without what was read from the data: examples, values and file names in findings, classes that only data names,
    names of the places that new data came from.

    params.yaml stays without its comments, and of changed files only those of the project are named.
    """
    values = dict(content.values) | {"examples": None}
    if checked := values["validate"]:
        values["validate"] = _counted(checked) | {"new_tasks": _counted(checked.get("new_tasks") or {})}
    if prepared := values["prepare"]:
        values["prepare"] = {key: value for key, value in prepared.items() if key != "new_classes"}
    blocks = yaml.safe_load(content.params_text)
    changed = [path for path in content.lineage.changed if path.startswith(PROJECT)]
    others = ["other files"] if len(changed) < len(content.lineage.changed) else []
    return replace(
        content,
        values=values,
        drift=_unnamed(content.drift),
        examples={},
        params_text=yaml.safe_dump(blocks, sort_keys=False, allow_unicode=True, default_flow_style=None),
        lineage=replace(content.lineage, changed=changed + others),
    )


def _unnamed(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What drifted, without the names of files and folders."""
    if report is None:
        return None
    names = {"window": "the new data", "snapshot": "the training snapshot"}
    return {**report, **{key: {**report[key], "name": name} for key, name in names.items()}}


def _counted(report: Mapping[str, Any]) -> dict[str, Any]:
    """Findings by their counts alone; their own words may hold values."""
    without = [{key: value for key, value in entry.items() if key != "says"} for entry in report.get("failed") or []]
    return {**report, "failed": without}


def outcome(content: Content, crowned: Champion | None = None) -> dict[str, Any]:
    """What retrainings are compared by, one column each in W&B's table of runs."""
    measured, decision = content["evaluate"] or {}, content.decision
    gain, chosen = measured.get("delta_m"), headline.chosen_candidate(content)
    decided = "not decided" if not decision else "let through" if decision["promote"] else "held back"
    told: dict[str, Any] = {
        "outcome": "promoted" if crowned else decided,
        "champion": content.champion.tag if content.champion else None,
        "commit": content.lineage.commit,
        "data": next((digest for _, digest, _ in content.lineage.data), None),
        "model": decision["model"] if decision else None,
        "reasons": [rule["name"] for rule in decision["rules"] if not rule["holds"]] if decision else [],
        "tasks": measured.get("tasks", {}),
    }
    if gain:
        told["delta_m"] = {"mean": gain["mean"], "low": gain["ci95"][0], "high": gain["ci95"][1]}
    if chosen:
        told |= {"bytes": chosen["bytes"], "macs": chosen["macs"]}
    return told


def _figures(told: list[Section]) -> Iterator[tuple[str, Figure]]:
    """Those that are tracked as pictures, with their names; curves are drawn by W&B itself."""
    for section in told:
        for number, block in enumerate(markdown.leaves(section.blocks)):
            if isinstance(block, Figure) and not block.curves:
                yield f"figures/{section.id}.{number}", block


def _without_places(root: Path, content: Content) -> Callable[[str], str]:
    """Takes where the project and its data lie on this machine out of a text."""
    data = content.params.data.path

    def clean(text: str) -> str:
        text = text.replace(str(data), data.name) if data.is_absolute() else text
        return text.replace(str(home(root)), ".lepton").replace(str(root), ".")

    return clean


def _parts(
    content: Content, told: list[Section], summary: Mapping[str, Any], run: str | None, clean: Callable[[str], str]
) -> "Iterator[Part]":
    """run: the id of the run in W&B that has the figures; None: there is none."""
    from lepton.tracking.wandb_report import Curves, Heading, Markdown, Picture, Retrainings

    training = (content.records.get("train", {}).get("wandb") or {}).get("id")
    names = {figure.svg: name for name, figure in _figures(told)}
    yield Markdown(clean(markdown.escape(headline.verdict(content))))
    yield Markdown(clean(markdown.tiles(headline.tiles(content))))
    for section in told:
        yield Heading(section.title)
        for block in markdown.leaves(section.blocks):
            if text := markdown.text(block):
                yield Markdown(clean(text))
            if isinstance(block, Figure) and block.curves and training:
                yield Curves(block.curves, training)
            elif isinstance(block, Figure) and not block.curves and run:
                yield Picture(names[block.svg], run)
    yield Heading("Beside the other retrainings")
    yield Markdown("One row each; a model that took the champion's place has the outcome `promoted`.")
    yield Retrainings(["delta_m.mean", *(f"tasks.{task}.compressed" for task in summary["tasks"])])
