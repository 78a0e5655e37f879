"""relate: which tasks should share? Predicted gains, groups, similarity of features and labels, gradients, starting degrees."""

import numpy as np

from lepton import files
from lepton.relatedness import affinity, predicted, probe, similarity, starting, summary, tag
from lepton.stages.runner import Stage, main
from lepton.stages.training import Prepared, log_epochs
from lepton.training import network
from lepton.training.loop import Fit


def probed(stage: Stage, prepared: Prepared) -> tuple[dict[str, np.ndarray], np.ndarray, Fit]:
    """A short joint training: similarity of the features that it gives the tasks, lookahead, starting affinity [L, T, T]."""
    params, plan = stage.params, stage.params.relate
    network.seeded(params.compute.seed, "relate")
    model = network.build(probe.narrow(params), params.tasks, "adaptive")
    probe.alike(model)
    log, ahead = log_epochs(stage), tag.Ahead(plan.lookahead)
    trainer = prepared.trainer(stage, model, params.train.lr, plan.epochs, "relate")

    def each_epoch(row: dict[str, float], step: int) -> None:
        log(row, step)
        ahead.look(trainer, step)

    trainer.on_epoch = each_epoch
    trainer.valid = None  # a probe is never chosen between
    fit, model = trainer.fit(), trainer.model
    found = probe.features(model, prepared.valid.take(np.arange(len(prepared.valid))[: plan.samples]))
    grad_TP, trunk = np.mean([grad.numpy() for grad in fit.grads], 0), model.structure.trunk
    alike = similarity.compared([found[name] for name in params.tasks])
    alike["gradient"] = affinity.apart(grad_TP, trunk).mean(0)
    return alike | ({"lookahead": ahead.mean()} if plan.lookahead else {}), affinity.affinity(grad_TP, trunk), fit


def work(stage: Stage) -> None:
    params, prepared, names = stage.params, Prepared.load(), list(stage.params.tasks)
    gain_RFTT = predicted.gains(params, prepared.train)
    alike, score_LTT, fit = probed(stage, prepared)
    labels = [prepared.train.labels[name] for name in names]
    described = [task.described(fields) for task, fields in zip(params.tasks.values(), labels, strict=True)]
    alike["labels"] = similarity.label_correlation(described, [fields["present"] for fields in labels])
    result = summary.summary(names, gain_RFTT, alike, params.relate.trunks)
    files.write_json(stage.out / "relatedness.json", result | {"alpha": starting.starting_alpha(names, score_LTT)})
    stage.tracker.table("ranking", ["task", "task", "gain, %"], result["ranking"])
    stage.record["training_seconds"] = fit.seconds


if __name__ == "__main__":
    main("relate", work)
