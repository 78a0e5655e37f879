"""train: one model for all tasks, its degrees of sharing learned, its unused branches removed."""

from lepton import files
from lepton.relatedness import affinity
from lepton.stages.runner import Stage, main
from lepton.stages.seeds import more_seeds, trained
from lepton.stages.training import Prepared, write_history
from lepton.stages.workers import spread
from lepton.training import cost, devices, distributed, network, predict


def work(stage: Stage) -> None:
    params = stage.params
    prepared = Prepared.load()
    model, fit, branches = trained(stage, prepared)
    if distributed.rank():
        more_seeds(stage, prepared)
        return
    sharing: dict = {"sharing": params.model.sharing, "levels": len(model.structure.trunk)}
    sharing |= {"alpha": model.degrees(), "snapped": model.snapped()}
    found = [affinity.apart(grad.numpy(), model.structure.trunk).round(3).tolist() for grad in fit.grads]
    files.write_json(stage.out / "affinity.json", {"tasks": list(model.tasks), "epochs": found})
    model = model.reduced()
    if branches:
        kept = sum(map(len, model.structure.owners))
        sharing["branches"] = {"kept": kept, "removed": branches - kept}
    sharing["structure"] = model.structure.to_dict()
    network.save(model, stage.out / "model.safetensors")
    files.write_json(stage.out / "sharing.json", sharing)
    write_history(stage.out / "history.csv", fit.history)
    measured = predict.metrics(model, prepared.valid, devices.choose(params.compute))
    values = {
        "tasks": measured,
        "samples_seen": fit.samples_seen,
        "labels_seen": {name: fit.labels_seen(name) for name in params.tasks},
        "parameters": cost.parameters(model),
        "macs": cost.macs(model.cpu(), model.kind.example(1)),
        "epochs": params.train.epochs,
        "best_epoch": fit.best_epoch,
    }
    files.write_json(stage.out / "metrics.json", values)
    stage.tracker.summary(values)
    stage.tracker.artifact("model", "model", [stage.out / "model.safetensors", stage.out / "sharing.json"], values)
    stage.record |= {"training_seconds": fit.seconds, "samples_per_second": fit.samples_seen / fit.seconds}
    more_seeds(stage, prepared)
    for path in stage.scratch("checkpoints").iterdir():
        path.unlink()


if __name__ == "__main__":
    main("train", spread(work))
