"""The search: every width in both precisions, each with its own costs and its own results."""

from pathlib import Path

import pytest

import helpers
from lepton.compression.candidates import Built, build, inputs_of, narrower
from lepton.training import cost

PARAMS = helpers.params(compress={"widths": [0.5], "epochs": 1})
VALID = helpers.samples(helpers.tasks(), 24, seed=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    full = helpers.model().eval()
    models = narrower(full, helpers.samples(full.tasks, 48), PARAMS, dict.fromkeys(full.tasks))
    folder = tmp_path_factory.mktemp("candidates")
    return {one.candidate.name: one for one in build(models, VALID, inputs_of(VALID, full), PARAMS, folder)}


def test_every_width_is_there_in_both_precisions_full_first(built: dict[str, Built]) -> None:
    assert list(built) == ["full fp32", "full int8", "pruned 0.5 fp32", "pruned 0.5 int8"]


def test_costs_are_those_of_the_file_and_of_the_network(built: dict[str, Built]) -> None:
    for one in built.values():
        assert one.candidate.bytes == Path(one.path).stat().st_size
        assert one.candidate.parameters == cost.parameters(one.model)
        assert one.candidate.macs == cost.macs(one.model, one.model.kind.example(1))
    assert built["pruned 0.5 fp32"].candidate.macs < 0.5 * built["full fp32"].candidate.macs


def test_every_task_is_measured_and_every_batch_size_timed(built: dict[str, Built]) -> None:
    for one in built.values():
        assert one.candidate.values.keys() == helpers.tasks().keys()
        assert one.milliseconds.keys() == {"1", "64"}
        assert all(value > 0 for value in one.milliseconds.values())


def test_what_cannot_be_pruned_is_a_candidate_as_it_is() -> None:
    full = helpers.model("soft").eval()
    assert narrower(full, helpers.samples(full.tasks, 16), PARAMS, dict.fromkeys(full.tasks)) == {"full": full}
