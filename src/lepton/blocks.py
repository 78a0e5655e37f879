"""The blocks of params.yaml: every key with its unit, its bounds and its default. An unknown key names the nearest known one."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from lepton.kinds import KINDS

SHOWN = 60  # characters of a value in a message
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def nearest(word: str, known: list[str], cutoff: float = 0.5) -> str:
    """` Did you mean x?` where something similar is known, else the list of what is."""
    close = get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"Did you mean {close[0]}?" if close else f"Known: {', '.join(sorted(known))}."


def shorten(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


class Strict(BaseModel):
    """Frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values:
                known = [field.alias or name for name, field in cls.model_fields.items()]
                if key not in known:
                    raise PydanticCustomError("key", f"unknown key {key!r}. {nearest(str(key), known)}")
        return values


class Input(Strict):
    """What every kind of input has: the column of the table that it is read from."""

    type: str
    column: str


class Task(Strict):
    """What every kind of task has."""

    type: str
    column: str
    weight: Positive = 1.0  # of this task in the trunk, times what the weighting gives it
    tolerance: Fraction = 0.02  # how much of its metric the compressed model may lose, relative


class NewTask(Task):
    """A task that the model has not seen, to adapt to from a few samples; its rows are in new_tasks.parquet."""

    type: Literal["classification"]
    shots: tuple[Count, ...] = (1, 5)  # labelled samples per class to adapt from


def chosen(room: str, name: Any) -> str:
    """The name of a kind of `room`; an error that names the nearest one where there is none."""
    if str(name) not in KINDS[room]:
        raise PydanticCustomError("kind", f"unknown {room} kind {name!r}. {nearest(str(name), list(KINDS[room]))}")
    return str(name)


def one_of(room: str) -> Any:
    """The type of a key that names a kind of `room`."""
    return Annotated[str, BeforeValidator(lambda name: chosen(room, name))]


class Split(Strict):
    valid: Fraction = 0.15  # share of groups
    test: Fraction = 0.15
    group: str | None = None  # column whose hash decides the side; None: each row is its own group
    salt: str = "lepton"  # another salt is another split


class Data(Strict):
    path: Path  # folder with samples.parquet and, for new tasks, new_tasks.parquet
    id: str = "id"  # column that names a row in messages
    split: Split = Split()


class Compute(Strict):
    seed: int = 0
    threads: Count = 2  # of each process; part of the numbers: another count gives other float bits
    processes: Count = 1  # that train, each on its own GPU where there are any; docs/devices.md
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"


class Model(Strict):
    """The network that relate, train and baseline build."""

    sharing: one_of("sharing") = "adaptive"  # type: ignore[valid-type]
    trunk_kind: one_of("trunk") = "strided"  # type: ignore[valid-type]  # strided: halves the side; lenet: 5 × 5 and pooling
    trunk: tuple[Count, ...] = (16, 32, 64)  # channels of each level, all tasks together; of each trunk where there are several
    branch: tuple[Count, ...] = (4, 16, 16)  # channels of each level, each task; soft and cross_stitch: as many as the trunk
    budget: Annotated[float, Field(gt=0, le=1)] = 1.0  # adaptive: share of the branches, one per task and level, that may stay
    divide: Fraction = 0.2  # adaptive: share of training after which that budget goes to the tasks that need theirs most
    freeze: Fraction = 0.5  # frozen: share of training after which the trunk stays as it is
    attention: Literal["soft", "hard"] = "soft"  # attention: masks in [0, 1], or 0 or 1
    experts: Count = 3  # experts: trunks that all tasks choose from
    own_experts: Annotated[int, Field(ge=0)] = 0  # experts: those that only one task has, each task (PLE); 0: none (MMoE)
    dropout: Fraction = 0.0  # before the heads


class Validate(Strict):
    min_rows: Count = 100  # fewer rows: refused
    max_undecodable: Fraction = 0.2  # share of media that cannot be read: above it refused, below it dropped by clean
    max_invalid: Fraction = 0.1  # share of labels that clean may have to repair, per task: above it refused
    max_missing: Annotated[float, Field(gt=0, le=1)] = 0.95  # share of rows without a label, per task: above it a warning


class Clean(Strict):
    duplicates: bool = True  # drop rows whose input bytes were seen before
    outliers: Positive = 6.0  # robust deviations (IQR units) beyond which a number is set to null; inf: off
    contamination: Fraction = 0.002  # largest share of rows that IsolationForest may drop as unusual inputs; 0: off
    suspects: bool = True  # null labels that out-of-fold models contradict with confidence
    folds: Annotated[int, Field(ge=2)] = 3
    epochs: Count = 6  # of each out-of-fold model
    margin: Fraction = 0.5  # how far the other class must lead the given one, in probability


class Augment(Strict):
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees, uniformly in [-rotate, rotate]; 0: off
    scale: Fraction = 0.0  # uniformly in [1 - scale, 1 + scale]; 0: off
    shift: Fraction = 0.0  # of the side, uniformly in [-shift, shift]: a random crop; 0: off
    color: Fraction = 0.0  # brightness and contrast per channel, uniformly in [1 - color, 1 + color]; 0: off
    flip: bool = False  # left-right, only where every task allows it


class Prepare(Strict):
    classes: Literal["none", "weights"] = "weights"  # class balancing: loss weights by inverse root frequency
    tasks: Literal["none", "sampling"] = "sampling"  # task balancing: rows with scarce labels are drawn more often
    power: Annotated[float, Field(ge=0, le=1)] = 0.5  # of the inverse frequency; 0: as they come, 1: fully equal
    augment: Augment = Augment()


class Relate(Strict):
    rows: Count = 8192  # training rows, at most, that gains are predicted from
    features: Count = 128  # of each row, from trunks that nobody has trained
    folds: Annotated[int, Field(ge=2)] = 4  # of these rows, each held out once
    trunks: Count | None = None  # groups of tasks, at most; null: as many as there are tasks
    epochs: Count = 1  # of the joint training that gradients and features are compared in
    samples: Count = 512  # rows that features are compared on
    lookahead: Annotated[int, Field(ge=0)] = 0  # batches, after each of these epochs, that every task looks ahead on (TAG); 0: off


class Train(Strict):
    epochs: Count = 12  # of as many samples as the training split has rows
    batch_size: Count = 128
    accumulate: Count = 1  # micro-batches that a batch is computed in, for less memory; norms then see one at a time
    optimizer: Literal["adamw", "adam", "momentum", "sgd"] = "adamw"  # momentum: Nesterov's, 0.9
    lr: Positive = 0.01  # peak of the schedule
    own_lr: Positive = 3.0  # of reads, branches and heads where several tasks share a trunk, in units of lr
    schedule: Literal["cosine", "linear", "step", "constant"] = "cosine"  # cosine and linear end at 1 % of the peak
    drops: tuple[Fraction, ...] = (0.5, 0.75)  # shares of the steps at which schedule: step goes down to a tenth
    warmup: Fraction = 0.1  # share of the steps
    l2: Annotated[float, Field(ge=0)] = 0.01  # pull of the kernels to 0: adamw's decoupled decay, else part of the gradient; 0: off
    l1: Annotated[float, Field(ge=0)] = 0.0  # times Σ |kernel|, added to the loss; 0: off
    clip: Annotated[float, Field(ge=0)] = 20.0  # gradient norm; 0: off
    ema: Fraction = 0.0  # decay per step of the running mean of weights that is validated and kept instead of them; 0: off
    exact_gram: Annotated[int, Field(ge=0)] = 0  # steps between comparisons with the Gram over all shared parameters; 0: off
    weighting: one_of("weighting") = "equal"  # type: ignore[valid-type]
    demand: Annotated[float, Field(ge=0)] = 2.0  # how strongly rows are drawn by what their tasks still lack; 0: as prepare says
    alpha_lr: Positive = 3.0  # learning rate of the sharing degrees, in units of lr
    alpha_pressure: Annotated[float, Field(ge=0)] = 0.02  # strength at the end of training of the pull of α to 0 or 1; 0: off
    alpha_snap: Annotated[float, Field(ge=0, lt=0.5)] = 0.05  # α this near to 0 or 1 is fixed there; 0: off


class Ensemble(Strict):
    seeds: Annotated[int, Field(ge=0)] = 0  # more models of other seeds, trained by `train` and asked together by `evaluate`


class Baseline(Strict):
    lrs: tuple[Positive, ...] = (0.001, 0.003, 0.01)  # each task takes the best of these in a short probe
    probe: Annotated[float, Field(gt=0, le=1)] = 0.08  # length of a probe, as a share of the training


class Adapt(Strict):
    method: Literal["reptile", "maml"] = "reptile"
    episodes: Count = 600  # for meta-training
    inner_steps: Count = 5
    inner_lr: Positive = 0.05
    outer_lr: Positive = 0.5
    ways: Count = 3  # classes per meta-training episode
    queries: Count = 10  # per class
    test_episodes: Count = 200  # per new task and shot count


class Compress(Strict):
    widths: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.75,)  # shares of channels kept by structured pruning
    epochs: Count = 6  # of fine-tuning after pruning, taught by the full model
    lr: Positive = 0.01  # of the trunk; train.own_lr times as much for the rest
    distill: Fraction = 0.5  # weight of the full model's outputs in fine-tuning
    calibration: Count = 256  # training rows for the int8 ranges
    parity_rows: Count = 64  # real rows that exports are compared on
    parity: Positive = 1e-4  # largest difference allowed between PyTorch and an fp32 export


class Evaluate(Strict):
    resamples: Count = 200  # of the bootstrap
    explain: Count = 4  # test rows drawn with saliency maps
    tree_depth: Count = 3  # of the surrogate decision tree
    vote: Literal["average", "majority"] = "average"  # how an ensemble answers: the mean, or what most of its models say
    votes: Literal["equal", "validation"] = "equal"  # weight of each of its models; validation: the inverse of its error there
    champions: tuple[Count, ...] = ()  # numbers of past champions that are asked together with the model


class Gate(Strict):
    """When a model takes the champion's place, on the newest test split; percentages are of a task's own metric."""

    margin: Annotated[float, Field(ge=0)] = 5.0  # percent that a task may lose, at the lower end of the 95 % interval
    margins: dict[str, Annotated[float, Field(ge=0)]] = {}  # of single tasks, in its place
    mean: float = -1.0  # percent that the tasks' mean has to change by at least
    floor: Annotated[float, Field(ge=0)] = 10.0  # percent that a task of the first model may be below its single-task model
    max_bytes: Positive | None = None  # of the exported model; null: off
    max_milliseconds: Positive | None = None  # for one sample, on the machine that decides; null: off


class Notify(Strict):
    """Who is told how a run ended; .lepton/notifications.jsonl is, always."""

    blocks: tuple[str, ...] = ()  # Prefect's notification blocks, as type/name: slack-webhook/team
    states: tuple[Literal["Refused", "Failed", "Promoted", "Rolled back", "Approval"], ...] = (
        "Refused",
        "Failed",
        "Promoted",
        "Rolled back",
        "Approval",  # somebody is asked for it
    )


class Drift(Strict):
    """When new data counts as other than the champion's: a measure reaches its limit, and is no chance besides."""

    psi: Positive = 0.2  # population stability index of a number; 0.1 is usually called small, 0.25 large
    ks: Share = 0.1  # Kolmogorov-Smirnov distance of a number: the largest gap between the shares below any value
    labels: Share = 0.1  # total variation of class frequencies: the share of labels that would have to change class
    missing: Share = 0.1  # change of the share of samples without a usable value
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01  # chance of a false alarm, over all comparisons of a window
    min_rows: Count = 50  # rows, and usable values of a column, of which fewer say too little
    window: str | None = None  # table or folder to compare; null: what waits in ingest.source, else rows the champion lacks


class Limits(Strict):
    """How long stages may take. No stage reads it, so that a change runs nothing again."""

    minutes: Positive = 1440.0  # that a stage may take before it is ended with all of its processes; inf: off
    stages: dict[str, Positive] = {}  # minutes of single stages, in its place

    def of(self, stage: str) -> float:
        return self.stages.get(stage, self.minutes)


class Tracking(Strict):
    project: str = "lepton"
    media: bool = False  # may images of the data leave the machine?


class Ingest(Strict):
    """Where runs by the schedule look for new data; docs/operate.md. No stage reads it."""

    source: str | None = None  # folder of drops, or, in quotes, URL of a samples.parquet (https, http, file); null: off
