"""clean: drops rows that cannot be learned from, sets faulty and suspect labels to null, and validates strictly what is left."""

from functools import partial

from lepton import files
from lepton.data import checks
from lepton.data.clean import Change, changes_csv, clean
from lepton.data.table import read_table, write_table
from lepton.errors import Refusal
from lepton.stages.runner import Stage, main
from lepton.training.folds import out_of_fold
from lepton.types import Source


def work(stage: Stage) -> None:
    params = stage.params
    folder, options = params.data.path, params.clean
    source = Source(folder, params.input.size)
    judge = partial(out_of_fold, folds=options.folds, epochs=options.epochs, seed=params.compute.seed)
    report: dict = {}
    validation = {"ok": True, "expectations": 0}
    changes: list[Change] = []
    for name in ["samples"] + ["new_tasks"] * bool(params.new_tasks):
        cleaned = clean(read_table(folder, name, params), params, source, judge, name)
        path = stage.out / f"{name}.parquet"
        write_table(path, cleaned.table, like=folder / path.name)
        result = checks.check(cleaned.table, params, source, strict=True, docs=None, name=name)
        report |= cleaned.to_dict() if name == "samples" else {name: cleaned.to_dict()}
        validation = {"ok": validation["ok"] and result.ok, "expectations": validation["expectations"] + result.expectations}
        changes += cleaned.changes
        if not result.ok:
            raise Refusal(f"after cleaning, {checks.refusal(result, path)}")
    if not params.new_tasks:  # dvc.yaml declares the file for every project
        samples = folder / "samples.parquet"
        write_table(stage.out / "new_tasks.parquet", read_table(folder, "samples", params).iloc[:0], like=samples)
    files.write_json(stage.out / "report.json", {**report, "validation": validation})
    files.write_text(stage.out / "changes.csv", changes_csv(changes))
    stage.tracker.summary(report)


if __name__ == "__main__":
    main("clean", work)
