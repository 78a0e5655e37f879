"""A project of three small stages with real git and DVC: `first` and `side` read the data, `last` reads both."""

import subprocess
import sys
from pathlib import Path

PARAMS = """\
data: {path: data/toy}
inputs: {image: {type: image, column: image, size: [8, 8]}}
tasks: {digit: {type: classification, column: digit, classes: [0, 1]}}
clean: {epochs: 1}
train: {epochs: 1}
evaluate: {explain: 1}
new_tasks: {}
"""

GRAPH = """\
stages:
  first:
    cmd: python -m toy first
    deps: [src/toy.py, "${data.path}"]
    params: [clean.epochs]
    outs: [artifacts/first/out.txt]
  side:
    cmd: python -m toy side
    deps: [src/toy.py, "${data.path}"]
    params: [train.epochs]
    outs: [artifacts/side/out.txt]
  last:
    cmd: python -m toy last
    deps: [src/toy.py, artifacts/first, artifacts/side]
    params: [evaluate.explain, new_tasks]
    metrics: [artifacts/last/metrics.json]
"""

# clean.epochs 5 ends as after Ctrl-C, 6 takes a minute, 7 refuses, 8 fails after it has written half of its output, 9 is a bug
CODE = """\
import json, os, sys, time, yaml
from pathlib import Path

name = sys.argv[1]
params = yaml.safe_load(Path("params.yaml").read_text())
out = Path("artifacts") / name / ("metrics.json" if name == "last" else "out.txt")
out.parent.mkdir(parents=True, exist_ok=True)
data = Path(params["data"]["path"], "samples.txt").read_text()
numbers = {"first": params["clean"], "side": params["train"], "last": params["evaluate"]}[name]
with open("ran.log", "a") as log:
    log.write(name + "\\n")
if numbers.get("epochs") == 5:
    sys.exit(130)
if numbers.get("epochs") == 6:
    Path("pid").write_text(str(os.getpid()))
    time.sleep(60)
def end(word, reason, code):
    words = {"stage": name, "run": os.environ["LEPTON_OWNER"], "reason": reason}
    Path(os.environ["LEPTON_HOME"], "last-words.json").write_text(json.dumps(words))
    print(f"{word}: {reason}", file=sys.stderr)
    sys.exit(code)
if numbers.get("epochs") == 7:
    end("refused", "half of the images cannot be read", 3)
if numbers.get("epochs") == 8:
    out.write_text("half")
    end("error", f"{name}: loss of digit is not a number", 2)
if numbers.get("epochs") == 9:
    raise ValueError("a bug")
if name == "last":
    out.write_text(json.dumps({"delta_m": {"mean": 3.25, "ci95": [1.0, 5.5]}, "tasks": {}, "given": numbers}))
else:
    out.write_text(f"{data} {numbers}")
"""


def run(root: Path, *command: str) -> str:
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def make(root: Path) -> Path:
    """Writes the project into `root`, and commits it."""
    files = {
        "params.yaml": PARAMS,
        "dvc.yaml": GRAPH,
        "src/toy.py": CODE,
        "data/toy/samples.txt": "rows",
        ".gitignore": "/data\n/artifacts\n/.lepton\n/report\nran.log\n__pycache__\n",
        ".dvcignore": "__pycache__\n.lepton\n",
        "examples/other.yaml": PARAMS.replace("data/toy", "data/other").replace("new_tasks: {}\n", ""),
        "data/other/samples.txt": "other rows",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    run(root, "git", "init", "--quiet")
    run(root, "git", "config", "user.name", "toy")
    run(root, "git", "config", "user.email", "toy@localhost")
    run(root, sys.executable, "-m", "dvc", "init", "--quiet")
    commit(root)
    return root


def finish(root: Path) -> Path:
    """Adds the data and runs every stage."""
    from lepton.ops import dvc

    dvc.add(root, Path("data"))
    for stage in dvc.plan(root).stages:
        dvc.reproduce(root, stage)
    ran(root)
    return root


def commit(root: Path) -> None:
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "--quiet", "--message", "toy")


def set_param(root: Path, old: str, new: str) -> None:
    file = root / "params.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def ran(root: Path) -> list[str]:
    """Names of the stages whose command ran since the last call."""
    log = root / "ran.log"
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names
