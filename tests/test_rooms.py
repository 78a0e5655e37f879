"""The rules of the rooms: contracts of import-linter, and that each has rooms to watch over."""

import tomllib
from pathlib import Path

from importlinter.application import use_cases
from importlinter.configuration import configure

ROOT = Path(__file__).parents[1]


def test_contracts_are_kept(monkeypatch):
    monkeypatch.chdir(ROOT)
    configure()
    options = use_cases.read_user_options(config_filename="pyproject.toml")
    use_cases._register_contract_types(options)
    report = use_cases.create_report(options, cache_dir=None)
    broken = [contract.name for contract, check in report.get_contracts_and_checks() if not check.kept]
    assert not broken, "run `lint-imports`, which names the imports"
    assert not report.could_not_run


def test_every_room_of_the_domain_is_under_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    watched = set(contracts[0]["source_modules"]) | set(contracts[0]["forbidden_modules"])
    rooms = {f"lepton.{folder.parent.name}" for folder in (ROOT / "src/lepton").glob("*/__init__.py")}
    assert rooms - watched <= {"lepton.starter"}
