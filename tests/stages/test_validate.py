"""What validate leaves behind when it refuses."""

import json

import numpy as np
import pandas as pd
import pytest

import helpers
import toy
from lepton.stages import runner, validate


def test_cells_of_another_type_are_in_the_report(project, capsys):
    images = [helpers.encoded(np.full((8, 8, 3), shade, "uint8")) for shade in range(120)]
    table = pd.DataFrame({"id": range(120), "image": images, "digit": "steep"})
    table.to_parquet(project / "data/toy/samples.parquet")
    toy.set_param(project, "type: classification, column: digit, classes: [0, 1]", "type: regression, column: digit, range: [0, 1]")
    with pytest.raises(SystemExit, match="3"):
        runner.main("first", validate.work)  # by a name that the toy knows
    assert capsys.readouterr().err.startswith("refused: data/toy/samples.parquet: column digit cannot be read as regression")
    report = json.loads((project / "artifacts/first/report.json").read_text())
    assert (report["ok"], report["rows"]) == (False, 120)
    (failure,) = report["failed"]
    assert (failure["column"], failure["hard"]) == ("digit", True)
