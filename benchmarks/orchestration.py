"""What a run of the flow costs beside a bare `dvc repro` of the same work: of each stage that runs, of each that does not.

A project of nine stages that do next to nothing is run by both in turns, everything new, and with nothing to do. What the flow
takes longer is all that it adds: Prefect with its server, the proof that every output is there, the page; no gate, as there is no
model.
With --project DIR, a finished project, its unchanged run is timed as well.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import harness
from lepton import files

ROOT = Path(__file__).resolve().parents[1]
STAGES = 9  # as many as Lepton's graph has
RUNS, RESTS, UNCHANGED = 3.0, 1.0, 15.0  # seconds at most: a stage that runs, one that does not, an unchanged run

PARAMS = """\
data: {path: data/rows}
inputs: {image: {type: image, column: image, size: [8, 8]}}
tasks: {digit: {type: classification, column: digit, classes: [0, 1]}}
train: {epochs: 1}
"""


def graph() -> str:
    """Every stage copies what the one before wrote, and adds the parameters."""
    stages = []
    for number in range(STAGES):
        reads = f"artifacts/s{number - 1}/out.txt" if number else "data/rows/rows.txt"
        out = f"artifacts/s{number}/out.txt"
        command = f"mkdir -p artifacts/s{number} && cat {reads} params.yaml > {out}"
        stages.append(f"  s{number}:\n    cmd: {command}\n    deps: [{reads}]\n    params: [train.epochs]\n    outs: [{out}]\n")
    return "stages:\n" + "".join(stages)


def project(place: Path) -> Path:
    """A repository with that graph and its data."""
    texts = {"params.yaml": PARAMS, "dvc.yaml": graph(), "data/rows/rows.txt": "rows", ".gitignore": "/.lepton\n/report\n/data\n"}
    for name, text in texts.items():
        files.write_text(place / name, text)
    for command in (("git", "init", "--quiet"), (sys.executable, "-m", "dvc", "init", "--quiet"), ("git", "add", "--all")):
        subprocess.run(command, cwd=place, check=True)
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    subprocess.run(("git", *who, "commit", "--quiet", "--message", "a project"), cwd=place, check=True)
    return place


def changed(place: Path, number: int) -> None:
    """From now on every stage has something to do."""
    files.write_text(place / "params.yaml", PARAMS.replace("epochs: 1", f"epochs: {number}"))


def command(place: Path, *module: str) -> Callable[[], object]:
    """A run of one of the two, as a process in the project's folder."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    own = {"LEPTON_HOME": str(place / ".lepton"), "DVC_SITE_CACHE_DIR": str(place / ".lepton/dvc"), "DVC_NO_ANALYTICS": "1"}
    variables = {**os.environ, **own, "PYTHONPATH": paths, "PATH": path}

    def once() -> None:
        done = subprocess.run((sys.executable, "-m", *module), cwd=place, env=variables, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(module)}: {done.stderr.strip()[-400:] or done.stdout.strip()[-400:]}")

    return once


def measure(place: Path, rounds: int) -> tuple[harness.Row, ...]:
    """Both on the same work, in two equal projects, in turns; the first round, on a fresh database, does not count."""
    calls: dict[str, Callable[[], object]] = {}
    for name, module in {"dvc repro": ("dvc", "repro", "--quiet"), "flow": ("flows.retrain",)}.items():
        calls[name] = command(project(place / name.replace(" ", "-")), *module)
    numbers = iter(range(2, 999))

    def anew(name: str) -> Callable[[], object]:
        def once() -> None:
            changed(place / name.replace(" ", "-"), next(numbers))
            calls[name]()

        return once

    ran = harness.interleaved({name: anew(name) for name in calls}, rounds, warmup=1)
    rested = harness.interleaved(calls, rounds, warmup=1)
    rows = []
    for what, seconds in (("all nine stages run", ran), ("nothing to do", rested)):
        added = median(a - b for a, b in zip(seconds["flow"], seconds["dvc repro"], strict=True))
        bare, flow = median(seconds["dvc repro"]), median(seconds["flow"])
        rows.append({"work": what, "dvc repro, s": bare, "flow, s": flow, "added, s": added, "added per stage, s": added / STAGES})
    return tuple(rows)


def options() -> argparse.Namespace:
    parser = harness.parser("orchestration", __doc__)
    parser.add_argument("--project", type=Path, metavar="DIR", help="a finished project, whose unchanged run is timed as well")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="(5)")
    return parser.parse_args()


def main() -> None:
    given = options()
    rounds = 2 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        ran, rested = measure(Path(folder), rounds)
    rows, unchanged = [ran, rested], float(rested["flow, s"])
    if given.project:
        seconds = harness.interleaved({"flow": command(given.project.absolute(), "flows.retrain")}, rounds, warmup=1)["flow"]
        unchanged = median(seconds)
        rows.append({"work": "nothing to do, the project given", "flow, s": unchanged})
    harness.save(
        "orchestration",
        given,
        f"nine stages of no work, medians of {rounds} rounds; added: what the flow takes longer, all of it counted on the stages",
        [{key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()} for row in rows],
        [
            harness.at_most("seconds that the flow adds for each stage that runs", float(ran["added per stage, s"]), RUNS),
            harness.at_most("seconds that it adds for each stage that does not", float(rested["added per stage, s"]), RESTS),
            harness.at_most("seconds of an unchanged run", unchanged, UNCHANGED),
        ],
    )


if __name__ == "__main__":
    main()
