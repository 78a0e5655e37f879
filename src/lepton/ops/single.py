"""One stage, and it with those before it for who wants no more than what it finds; nothing is published, no flow is involved."""

from pathlib import Path

from lepton.config import Params
from lepton.errors import LeptonError, Refusal
from lepton.ops import bring, dvc, gpu, projects
from lepton.ops.repository import Busy


def one(stage: str, root: Path, params: Params) -> str:
    """Brings a stage up to date, within its limit: ran, cached or unchanged. After a failure its earlier outputs are put back."""
    print(f"{stage} …", flush=True)
    try:
        with gpu.alone(params.compute):
            return dvc.reproduce(root, stage, params.limits.of(stage))
    except Busy:  # what another run is making is left to it
        raise
    except LeptonError:
        dvc.restore(root, stage)
        raise


def up_to(last: str, root: Path, other: Path | None, params: Params) -> Path:
    """Brings a stage and those before it up to date, as far as something has changed; returns the project in which it was done.

    other: a params file of its own, in a clone of its own; None: the project's.
    """
    if not (root / "dvc.yaml").exists():
        raise LeptonError(f"{root}: there is no dvc.yaml, so this is no project. Run it in a project's folder.")
    if other:
        root = projects.clone(root, root / other, params.data.path)
    bring.data(root, params.data.path)
    plan = dvc.plan(root)
    if last not in plan.stages:
        raise LeptonError(f"{root / 'dvc.yaml'}: there is no stage {last}. Take it from Lepton's own dvc.yaml.")
    todo = [stage for stage in plan.stages[: plan.stages.index(last) + 1] if stage in plan.todo]
    for stage in todo:
        try:
            print(f"{stage}: {one(stage, root, params)}", flush=True)
        except (dvc.StageFailed, dvc.TookTooLong) as error:
            refused = isinstance(error, dvc.StageFailed) and error.code == 3
            raise (Refusal if refused else LeptonError)(f"{stage}: {error}") from None
    if not todo:
        print("Nothing has changed since this was found.")
    return root
