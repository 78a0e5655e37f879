"""validate: is the data fit to train on? Refuses with one line if not; report.json is written either way."""

import shutil

from lepton import files
from lepton.data import checks
from lepton.data.table import read_table
from lepton.errors import Refusal
from lepton.stages.runner import Stage, main
from lepton.types import Source


def work(stage: Stage) -> None:
    params = stage.params
    folder = params.data.path
    docs = stage.scratch("data-docs")
    shutil.rmtree(docs)  # those of an earlier run on the same data
    source = Source(folder, params.input.size)
    reports = {}
    for name in ["samples"] + ["new_tasks"] * bool(params.new_tasks):
        table = read_table(folder, name, params)
        reports[name] = checks.check(table, params, source, strict=False, docs=docs / name, name=name)
    first, *others = reports.values()
    summary = {**first.to_dict(), "ok": all(report.ok for report in reports.values())}
    files.write_json(stage.out / "report.json", {**summary, **({"new_tasks": others[0].to_dict()} if others else {})})
    stage.record["data_docs"] = str(docs)
    stage.tracker.summary({"ok": summary["ok"], "rows": first.rows, "expectations": first.expectations})
    for name, report in reports.items():
        if not report.ok:
            raise Refusal(checks.refusal(report, folder / f"{name}.parquet"))
        for failure in report.failed:
            print(f"{folder / name}.parquet: {failure.says}. {failure.fix}")


if __name__ == "__main__":
    main("validate", work)
