"""The team's review in Weights & Biases: a report of text and native panels, and the champion's alias on the model's artifact."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import wandb

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of how it declares its models
    import wandb_workspaces.reports.v2 as wr

ALIAS = "champion"
COMPARED = ("outcome", "delta_m.mean", "delta_m.low", "delta_m.high", "bytes", "champion", "data", "commit")  # retrainings' columns


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Markdown:
    text: str


@dataclass(frozen=True)
class Curves:
    """Metrics by epoch, each a line, of the run with the id `run`."""

    metrics: Sequence[str]
    run: str


@dataclass(frozen=True)
class Picture:
    """A figure that was tracked as `name` in the run with the id `run`."""

    name: str
    run: str


@dataclass(frozen=True)
class Retrainings:
    """All retrainings of the project, one run each: a table, and a bar for each metric."""

    metrics: Sequence[str]


Part = Heading | Markdown | Curves | Picture | Retrainings


def build(project: str, title: str, description: str, parts: Sequence[Part], entity: str = "") -> wr.Report:
    """entity: whose project it is; needed to save it, not to write it down."""
    blocks = [wr.TableOfContents(), *(_block(part, entity, project if entity else "") for part in parts)]
    return wr.Report(project=project, entity=entity, title=title[:128], description=description, blocks=blocks)


def _block(part: Part, entity: str, project: str) -> Any:
    def runs(name: str, chosen: str, **options: Any) -> wr.Runset:
        return wr.Runset(entity=entity, project=project, name=name, filters=chosen, **options)

    def panels(runset: wr.Runset, *shown: Any) -> wr.PanelGrid:
        return wr.PanelGrid(runsets=[runset], panels=list(shown))

    match part:
        case Heading():
            return wr.H2(part.text)
        case Markdown():
            return wr.MarkdownBlock(part.text)
        case Curves():
            lines = wr.LinePlot(x="step", title_x="epoch", y=list(part.metrics), layout=wr.Layout(w=24, h=8))
            return panels(runs("training", f"ID == '{part.run}'"), lines)
        case Picture():
            media = wr.MediaBrowser(media_keys=[part.name], num_columns=1, layout=wr.Layout(w=24, h=12))
            return panels(runs("figures", f"ID == '{part.run}'"), media)
        case Retrainings():
            shown = [f"summary:{name}" for name in COMPARED]
            every = runs("retrainings", "JobType == 'retrain'", pinned_columns=["run:displayName"], visible_columns=shown)
            return panels(every, *(wr.BarPlot(title=name, metrics=[name], layout=wr.Layout(w=12, h=8)) for name in part.metrics))


def written(report: wr.Report) -> str:
    """As JSON, which is what saving sends."""
    return report._to_model().model_dump_json(by_alias=True, indent=1)


def entity() -> str:
    """Whose project a run goes to: $WANDB_ENTITY, else that of the key. Needs the network."""
    return str(wandb.Api().default_entity)


def save(report: wr.Report) -> str:
    """Makes it in W&B; returns its URL. Needs the network."""
    return report.save().url


def crown(project: str, run: str, number: int) -> None:
    """Gives the exported model that the run with the id `run` has sent the aliases `champion` and `champion-<n>`.

    W&B takes `champion` away from the version that had it. Needs the network, and that the run is there.
    """
    for artifact in wandb.Api().run(f"{project}/{run}").logged_artifacts():
        if artifact.type == "model":
            artifact.aliases += [name for name in (ALIAS, f"{ALIAS}-{number}") if name not in artifact.aliases]
            artifact.save()
