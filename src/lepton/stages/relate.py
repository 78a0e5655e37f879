"""relate: which tasks should share? Similarity of features, gradient affinity, ranking, groups, starting degrees of sharing."""

import numpy as np

from lepton import files
from lepton.relatedness import affinity, grouping, probe, similarity
from lepton.stages.runner import Stage, main
from lepton.stages.training import Prepared, log_epochs
from lepton.training import network


def work(stage: Stage) -> None:
    params, plan = stage.params, stage.params.relate
    prepared = Prepared.load()
    network.seeded(params.compute.seed, "relate")
    model = network.build(params, params.tasks, "adaptive")
    trainer = prepared.trainer(stage, model, params.train.lr, plan.epochs, "relate", on_epoch=log_epochs(stage))
    trainer.valid = None  # a probe is never chosen between
    fit, model = trainer.fit(), trainer.model
    names = list(params.tasks)
    rows = np.arange(len(prepared.valid))[: plan.samples]
    features = probe.features(model, prepared.valid.take(rows))
    patterns_TP = np.stack([similarity.sample_similarity(features[name]) for name in names])
    assert fit.grad_TP is not None
    score_LTT = affinity.affinity(fit.grad_TP.cpu().numpy(), [2 * width for width in model.structure.trunk])
    gradient_TT = score_LTT.mean(0)
    matrices = {
        "cosine": similarity.cosine(patterns_TP),
        "pearson": similarity.pearson(patterns_TP),
        "gradient": gradient_TT,
    }
    ranking = grouping.ranking(names, gradient_TT)
    result = {
        "tasks": names,
        "matrices": {name: matrix.astype(float).round(6).tolist() for name, matrix in matrices.items()},
        "ranking": ranking,
        "groups": grouping.groups(names, gradient_TT, plan.threshold),
        "alpha": grouping.starting_alpha(names, score_LTT),
    }
    files.write_json(stage.out / "relatedness.json", result)
    stage.tracker.table("ranking", ["task", "task", "affinity"], ranking)
    stage.record["training_seconds"] = fit.seconds


if __name__ == "__main__":
    main("relate", work)
