"""What a stage imports has to stand in its deps: DVC skips a stage silently when a file changes that is not listed.

The walk reads the source, so it also sees imports inside functions. Two ways of importing are by name:
`kinds.load("room", …)` brings in every kind of that room, and reading params.yaml (lepton.config) does so for inputs and tasks.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from lepton.kinds import KINDS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def file_of(module: str) -> Path | None:
    """The file that `module` of lepton is, or None when it is a name inside a module, or of another package."""
    if not re.fullmatch(r"lepton(\.\w+)*", module):
        return None
    place = SOURCE.joinpath(*module.split("."))
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.exists()), None)


def kinds(room: str) -> set[str]:
    return {target.partition(":")[0] for target in KINDS[room].values()}


def named_in(tree: ast.AST, package: str) -> set[str]:
    """Dotted names that a module's source imports, whether they are modules or things in modules."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and "load" in ast.unparse(node.func) and node.args:
            room = node.args[0]
            if isinstance(room, ast.Constant) and room.value in KINDS:
                found |= kinds(str(room.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and file_of(node.value):
            found.add(node.value)  # import_module("lepton.x")
    return found


@cache
def imports(file: Path) -> frozenset[Path]:
    """Files of lepton that `file` imports itself, with the packages that hold them."""
    module = ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    named = named_in(ast.parse(file.read_text()), package)
    if module == "lepton.config":
        named |= kinds("inputs") | kinds("tasks")
    parents = {name.rsplit(".", depth)[0] for name in named for depth in range(1, name.count(".") + 1)}
    return frozenset(found for name in named | parents if (found := file_of(name)))


def reached(file: Path) -> set[Path]:
    """Everything of lepton that running `file` may import."""
    seen, ahead = set(), [file]
    while ahead:
        if (here := ahead.pop()) not in seen:
            seen.add(here)
            ahead += imports(here)
    return seen


def missing(stage: str, deps: list[str]) -> list[str]:
    """Files that the stage's module imports and that neither stand in `deps` nor in a folder there."""
    module = STAGES[stage]["cmd"].split()[-1]
    start = file_of(module)
    assert start, f"dvc.yaml: {stage} runs {module}, which is not there"
    covered = [ROOT / dep for dep in deps]
    files = reached(start)
    return sorted(str(file.relative_to(ROOT)) for file in files if not any(file.is_relative_to(dep) for dep in covered))


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_what_the_stage_imports(stage):
    assert not missing(stage, STAGES[stage]["deps"]), f"add to deps of {stage} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_leaving_one_out_is_noticed(stage):
    deps = STAGES[stage]["deps"]
    for left_out in [dep for dep in deps if dep.startswith("src/")]:
        if not any(Path(left_out).is_relative_to(other) for other in deps if other != left_out):
            assert missing(stage, [dep for dep in deps if dep != left_out]), f"{stage} does not import {left_out}: drop it"


def test_a_lazy_import_and_one_by_name_are_seen(tmp_path):
    source = "def work():\n    from lepton.data import split\n    kinds.load('sharing', name)\n"
    named = named_in(ast.parse(source), "lepton.stages")
    assert {"lepton.data.split", "lepton.sharing.hard"} <= named


@pytest.mark.parametrize("stage", STAGES)
def test_outputs_can_come_from_the_run_cache(stage):
    """DVC's run cache leaves out stages whose outputs persist, and those that are not cached."""
    block = STAGES[stage]
    for out in [*block.get("outs", []), *block.get("metrics", []), *block.get("plots", [])]:
        options = next(iter(out.values())) if isinstance(out, dict) else {}
        assert not options.get("persist"), f"{stage}: {out}: nothing that persists is ever restored"
        assert options.get("cache", True), f"{stage}: {out}: values are DVC's"
