"""baseline: one single-task model per task, with the same trunk and as many samples seen, at its own learning rate."""

from lepton import files
from lepton.sharing.base import Sharing
from lepton.stages.runner import Stage, main
from lepton.stages.training import Prepared, log_epochs
from lepton.tasks.base import BaseTask
from lepton.training import cost, network, predict
from lepton.training.loop import Trainer


def work(stage: Stage) -> None:
    params, plan = stage.params, stage.params.baseline
    prepared = Prepared.load()
    values: dict = {"tasks": {}, "lrs": {}, "samples_seen": 0, "labels_seen": {}, "parameters": {}, "macs": {}}
    seconds: dict[str, float] = {}
    models: dict[str, Sharing] = {}

    def trainer(name: str, task: BaseTask, lr: float, epochs: float, label: str) -> Trainer:
        network.seeded(params.compute.seed, "baseline", name)
        model = network.build(params, {name: task}, "hard")
        return prepared.trainer(stage, model, lr, epochs, label, on_epoch=log_epochs(stage, f"{label}/"))

    for name, task in params.tasks.items():
        probes = {}
        for lr in plan.lrs:  # the search is not counted as training cost
            probe = trainer(name, task, lr, params.train.epochs * plan.probe, f"probe {name} {lr:g}")
            probe.valid = None
            probe.fit()
            probes[lr] = predict.losses(probe.model, prepared.valid)[name]
        lr = min(probes, key=lambda one: probes[one])
        full = trainer(name, task, lr, params.train.epochs, f"baseline {name}")
        fit = full.fit()
        models[name] = full.model
        values["tasks"] |= predict.metrics(full.model, prepared.valid)
        values["lrs"][name], values["samples_seen"] = lr, fit.samples_seen
        values["labels_seen"][name] = fit.labels_seen(name)
        values["parameters"][name] = cost.parameters(full.model)
        values["macs"][name] = cost.macs(full.model, full.model.kind.example(1))
        seconds[name] = fit.seconds
    with files.replacing_folder(stage.out / "models") as folder:
        for name, model in models.items():
            network.save(model, folder / f"{name}.safetensors")
    files.write_json(stage.out / "metrics.json", values)
    stage.tracker.summary(values)
    total = sum(seconds.values())
    stage.record |= {"training_seconds": total, "training_seconds_by_task": seconds}
    stage.record["samples_per_second"] = values["samples_seen"] * len(seconds) / total


if __name__ == "__main__":
    main("baseline", work)
