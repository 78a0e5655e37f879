"""adapt: meta-training on the known tasks, then every new task from a few samples per class, against what it has to beat."""

from functools import partial

from lepton import files
from lepton.adaptation import head, meta, scratch, select
from lepton.adaptation.episodes import Pool, draw, generator
from lepton.adaptation.features import Standard, extract
from lepton.adaptation.forgetting import forgetting, snapshot
from lepton.data.store import Samples
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.training import devices, network


def work(stage: Stage) -> None:
    params, plan, seed = stage.params, stage.params.adapt, stage.params.compute.seed
    device = devices.choose(params.compute)
    model = network.load(ARTIFACTS / "train/model.safetensors", params).to(device)
    train, valid, new = (Samples.load(ARTIFACTS / "prepare" / side) for side in ("train", "valid", "new_tasks"))
    known = [name for name, task in params.tasks.items() if task.type == "classification"]
    shots = sorted({shot for task in params.new_tasks.values() for shot in task.shots} or {1, 5})
    result: dict = {"new_tasks": {}, "chosen": None, "forgetting": {}}

    raw_NF = extract(model, train, device)
    standard = Standard.of(raw_NF)
    pools = [Pool.of(name, standard(raw_NF), train.labels[name]) for name in known]
    start = head.whitening(standard(raw_NF), head.WIDTH)
    learned = meta.learn(start, pools, plan, shots[-1], generator=generator(seed, "meta"))
    head.save(stage.out / "adapter.safetensors", learned, standard)
    if not params.new_tasks:
        files.write_json(stage.out / "metrics.json", result | {"note": "params.yaml names no new_tasks; the adapter is ready."})
        return

    methods = select.methods(learned, plan)
    valid_NF, new_NF = (standard(extract(model, one, device)) for one in (valid, new))
    checked = [Pool.of(name, valid_NF, valid.labels[name]) for name in known]
    result["validation"] = select.validate(methods, checked, plan, shots, generator=generator(seed, "validate"))
    result["chosen"] = select.choose(result["validation"])
    times = stage.record.setdefault("milliseconds", {})
    before = snapshot(model, valid, device)
    for name, task in params.new_tasks.items():
        pool = Pool.of(name, new_NF, new.labels[name])
        for shot in task.shots:
            drawn = generator(seed, name, shot)
            queries = max(1, min(plan.queries, pool.smallest - shot))
            episodes = draw(pool, len(pool.rows), shot, queries, plan.test_episodes, generator=drawn)
            few = episodes.take(slice(scratch.EPISODES))
            look = partial(extract, model, new.take(episodes.support_ES[0].numpy()), device)
            found, spent = select.measure(methods, episodes, look)
            bare, long = select.measure({"scratch": partial(scratch.classify, params, new, name)}, few)
            result["new_tasks"].setdefault(name, {})[str(shot)] = found | bare
            times.setdefault(name, {})[str(shot)] = spent | long
    after = snapshot(model, valid, device)
    result |= {"forgetting": forgetting(model, before, after), "unchanged": before == after}
    files.write_json(stage.out / "metrics.json", result)
    stage.tracker.summary(result)


if __name__ == "__main__":
    main("adapt", work)
