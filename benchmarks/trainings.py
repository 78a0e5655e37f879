"""One training of one network with Lepton's own loop, as a job: the learning rate chosen like that of a baseline, tested once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import jobs
from lepton.config import Params
from lepton.data.store import Samples
from lepton.errors import Diverged
from lepton.training import cost, network, predict
from lepton.training.loop import Trainer


@dataclass(frozen=True)
class Data:
    """The three splits, and what prepare and relate say of them.

    weight_N: of training rows. alpha: degrees to start from. groups: of related tasks; None: not known.
    """

    train: Samples
    valid: Samples
    test: Samples
    weight_N: np.ndarray
    class_weights: Mapping[str, list[float] | None]
    alpha: Mapping[str, list[float]] | None = None
    groups: Sequence[Sequence[str]] | None = None


READ = ("data", "inputs", "tasks", "compute", "model", "prepare", "train", "baseline")  # blocks of params.yaml, by a training


@dataclass(frozen=True, repr=False)
class Training:
    """source: `module:function` and its arguments, which give the Data. tasks: one alone is its single-task baseline, on `hard`.

    lrs: the best of them in a probe of `baseline.probe` of the training, by the validation loss; one is taken as it is.
    """

    source: tuple[Any, ...]
    params: Params
    tasks: tuple[str, ...]
    lrs: tuple[float, ...]

    def __repr__(self) -> str:
        """What tells one training from another, so that a new key elsewhere in params.yaml asks for none again."""
        return repr((self.source, {block: getattr(self.params, block) for block in READ}, self.tasks, self.lrs))

    def job(self, name: str) -> jobs.Job:
        return jobs.Job(name, "benchmarks.trainings:train", (self,))


def changed(params: Params, seed: int, model: Mapping[str, Any], train: Mapping[str, Any]) -> Params:
    """The same project with another seed, and some keys of its network and training replaced."""
    blocks = {"model": params.model.model_copy(update=model), "train": params.train.model_copy(update=train)}
    return params.model_copy(update=blocks | {"compute": params.compute.model_copy(update={"seed": seed})})


def train(training: Training) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Metrics of both sides, costs; and the class probabilities of every test row, `task` [N, K]."""
    data: Data = jobs.call(*training.source)
    params, names = training.params, training.tasks
    tasks = {name: params.tasks[name] for name in names}
    alone = len(names) == 1
    valid, test = data.valid.only(*names), data.test.only(*names)

    def trainer(lr: float, epochs: float, label: str) -> Trainer:
        network.seeded(params.compute.seed, *(("baseline", *names) if alone else ("train",)))
        model = network.build(params, tasks, groups=data.groups)
        if data.alpha:
            model.start(data.alpha)
        weight_N = data.train.labels[names[0]]["present"].astype(float) if alone else data.weight_N
        weights = {name: data.class_weights[name] for name in names}
        return Trainer(model, params, data.train.only(*names), valid, weight_N, weights, lr, epochs, label)

    def probed(lr: float) -> float:
        probe = trainer(lr, params.train.epochs * params.baseline.probe, f"probe {names[0] if alone else 'all'} {lr:g}")
        probe.valid = None
        try:
            probe.fit()
        except Diverged:
            return math.inf
        return float(np.mean(list(predict.losses(probe.model, valid).values())))

    lr = min(training.lrs, key=probed) if len(training.lrs) > 1 else training.lrs[0]
    full = trainer(lr, params.train.epochs, f"baseline {names[0]}" if alone else "train")
    fit = full.fit()
    device = next(full.model.parameters()).device.type
    model = full.model.reduced().cpu()
    predicted = predict.predict(model, test)
    values = {
        "lr": lr,
        "device": device,
        "seconds": fit.seconds,
        "samples_seen": fit.samples_seen,
        "best_epoch": fit.best_epoch,
        "parameters": cost.parameters(model),
        "macs": cost.macs(model, model.kind.example(1)),
        "valid": predict.metrics(model, valid),
        "test": {name: one.measure() for name, one in predict.evidence(predicted, test, tasks, model.kind.size).items()},
    }
    if degrees := full.model.degrees():
        values["alpha"] = degrees
    chances = {name: fields["probability"] for name, fields in predicted.items() if "probability" in fields}
    return values, {name: chance for name, chance in chances.items() if chance.ndim == 2}
