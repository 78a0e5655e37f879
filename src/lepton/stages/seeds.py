"""The training of all tasks, once and, for an ensemble, with other seeds."""

from lepton import files
from lepton.sharing.base import Sharing
from lepton.stages.runner import ARTIFACTS, Stage
from lepton.stages.training import Prepared, log_epochs
from lepton.training import distributed, network, predict
from lepton.training.loop import Fit


def trained(stage: Stage, prepared: Prepared, name: str = "train", prefix: str = "") -> tuple[Sharing, Fit, int]:
    """A network of all tasks, trained, and how many branches it had at first; another name is another seed."""
    params = stage.params
    network.seeded(params.compute.seed, name)
    related = files.read_json(ARTIFACTS / "relate/relatedness.json")
    model = network.build(params, params.tasks, groups=related["groups"])
    model.start(related["alpha"])
    options = {"keep": stage.scratch("checkpoints") / f"{name}.pt", "on_epoch": log_epochs(stage, prefix)}
    trainer = prepared.trainer(stage, model, params.train.lr, params.train.epochs, name, **options)
    fit = trainer.fit()
    return trainer.model, fit, sum(map(len, model.structure.owners))


def more_seeds(stage: Stage, prepared: Prepared) -> None:
    """The other members of an ensemble; members.json has each one's validation metrics, and stands there without any too."""
    numbers = range(1, stage.params.ensemble.seeds + 1)
    made = {number: trained(stage, prepared, f"seed {number}", f"seed {number}/") for number in numbers}
    if distributed.rank():
        return
    members = {number: model.reduced() for number, (model, _, _) in made.items()}
    if made:
        stage.record["ensemble_seconds"] = sum(fit.seconds for _, fit, _ in made.values())
    with files.replacing_folder(stage.out / "ensemble") as folder:
        for number, model in members.items():
            network.save(model, folder / f"{number}.safetensors")
        files.write_json(folder / "members.json", [predict.metrics(model, prepared.valid) for model in members.values()])
