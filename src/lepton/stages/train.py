"""train: one model for all tasks, its degrees of sharing learned, its unused branches removed."""

from lepton import files
from lepton.sharing.adaptive import Adaptive
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.stages.training import Prepared, log_epochs, write_history
from lepton.stages.workers import spread
from lepton.training import cost, devices, distributed, network, predict


def work(stage: Stage) -> None:
    params = stage.params
    prepared = Prepared.load()
    network.seeded(params.compute.seed, "train")
    model = network.build(params, params.tasks)
    if isinstance(model, Adaptive):
        model.start(files.read_json(ARTIFACTS / "relate/relatedness.json")["alpha"])
    keep = stage.scratch("checkpoints") / "train.pt"
    trainer = prepared.trainer(stage, model, params.train.lr, params.train.epochs, "train", keep=keep, on_epoch=log_epochs(stage))
    fit = trainer.fit()
    if distributed.rank():
        return
    sharing: dict = {"sharing": params.model.sharing, "levels": len(params.model.trunk), "alpha": {}, "snapped": {}}
    if isinstance(model, Adaptive):
        sharing["alpha"] = dict(zip(model.tasks, model.alpha_TL.tolist(), strict=True))
        sharing["snapped"] = dict(zip(model.tasks, (~model.fixed_TL.isnan()).tolist(), strict=True))
        before = sum(map(len, model.structure.owners))
        model = model.reduced()
        kept = sum(map(len, model.structure.owners))
        sharing["branches"] = {"kept": kept, "removed": before - kept}
    sharing["structure"] = model.structure.to_dict()
    network.save(model, stage.out / "model.safetensors")
    files.write_json(stage.out / "sharing.json", sharing)
    write_history(stage.out / "history.csv", fit.history)
    measured = predict.metrics(model, prepared.valid, devices.choose(params.compute))
    values = {
        "tasks": measured,
        "samples_seen": fit.samples_seen,
        "parameters": cost.parameters(model),
        "macs": cost.macs(model.cpu(), model.kind.example(1)),
        "epochs": params.train.epochs,
        "best_epoch": fit.best_epoch,
    }
    files.write_json(stage.out / "metrics.json", values)
    stage.tracker.summary(values)
    stage.tracker.artifact("model", "model", [stage.out / "model.safetensors", stage.out / "sharing.json"], values)
    stage.record |= {"training_seconds": fit.seconds, "samples_per_second": fit.samples_seen / fit.seconds}
    keep.unlink(missing_ok=True)


if __name__ == "__main__":
    main("train", spread(work))
