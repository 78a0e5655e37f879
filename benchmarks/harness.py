"""What every benchmark shares: its options, the order in which rivals are timed, its table, and its file of results.

    options = parser("step_cost", __doc__).parse_args()      # --quick --data --seeds --out; add_argument adds more
    seconds = interleaved({"bare": bare, "lepton": lepton}, rounds=30)
    save("step_cost", options, "what was measured, in a sentence", rows, [at_most("bare to lepton", 1.02, 1.15)])

A row is a flat dict of words and numbers (None: not measured), a claim a number beside its bound. A claim that fails is printed in
red and written down as such; the exit code stays 0, for the measurement went well.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import torch
from rich import box
from rich.console import Console
from rich.table import Table

from lepton import files

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "scikit-learn", "torchjd", "torch-rechub", "libmtl", "rdkit")  # whose version is written down

Row = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """value and bound in the same unit; sign: on which side of the bound value has to be. Not measured: value and holds None."""

    claim: str
    value: float | None
    sign: str
    bound: float
    holds: bool | None


def at_most(claim: str, value: float | None, bound: float) -> Claim:
    return Claim(claim, value, "≤", bound, None if value is None else value <= bound)


def at_least(claim: str, value: float | None, bound: float) -> Claim:
    return Claim(claim, value, "≥", bound, None if value is None else value >= bound)


def parser(name: str, doc: str | None, seeds: int = 1) -> argparse.ArgumentParser:
    """The options that all benchmarks have; `seeds` is the number of them in a full run."""
    examples = (
        f"examples:\n  python -m benchmarks.{name} --quick\n  python -m benchmarks.{name} --seeds {seeds} --out /tmp/{name}.json"
    )
    found = argparse.ArgumentParser(
        f"python -m benchmarks.{name}", description=doc, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--quick", action="store_true", help="at most two minutes on two cores; writes to benchmarks/results/quick/")
    found.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="folder of the data sets (data)")
    found.add_argument("--seeds", type=int, default=seeds, metavar="N", help=f"repeats of everything that is random ({seeds})")
    found.add_argument("--out", type=Path, metavar="FILE", help=f"where the results go (benchmarks/results/{name}.json)")
    return found


def add_devices(found: argparse.ArgumentParser) -> None:
    """`--on`: where a benchmark of cost is measured."""
    here = ["cpu"] + ["cuda"] * torch.cuda.is_available()
    found.add_argument(
        "--on", nargs="+", choices=here, default=here, metavar="DEVICE", help=f"of {', '.join(here)} (all there are)"
    )


def interleaved(
    calls: Mapping[str, Callable[[], object]], rounds: int, warmup: int = 2, device: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of each call in each round. All rivals take one turn per round, so that a busy moment meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warmup + rounds):
        for name, call in calls.items():
            started = now(device)
            call()
            if number >= warmup:
                seconds[name].append(now(device) - started)
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """How many times as long one takes as the other: the median over rounds, each of which compares neighbours in time."""
    return median(a / b for a, b in zip(seconds[one], seconds[other], strict=True))


def now(device: str = "cpu") -> float:
    """Seconds on a clock, once the device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def machine() -> dict[str, Any]:
    """What the numbers depend on, without the machine's name."""
    return {
        "cpu": _processor(),
        "cores": psutil.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def versions() -> dict[str, str]:
    there = {package.metadata["Name"].lower(): package.version for package in metadata.distributions() if package.metadata["Name"]}
    return {"python": platform.python_version()} | {name: there[name] for name in PACKAGES if name in there}


def save(name: str, options: argparse.Namespace, setting: str, rows: Sequence[Row], claims: Sequence[Claim]) -> Path:
    """Prints rows and claims, and writes them whole or not at all. setting: what was measured, in words."""
    path = options.out or (RESULTS / "quick" if options.quick else RESULTS) / f"{name}.json"
    show(f"{name}: {setting}", rows, claims)
    found = {"benchmark": name, "setting": setting, "quick": options.quick, "machine": machine(), "versions": versions()}
    files.write_json(path, {**found, "rows": list(rows), "claims": [asdict(claim) for claim in claims]})
    Console().print(f"written to {path}", soft_wrap=True, highlight=False)
    return path


def show(title: str, rows: Sequence[Row], claims: Sequence[Claim]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 132)
    columns = columns_of(rows)
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for row in rows:
        table.add_row(*[text(row.get(column)) for column in columns])
    console.print(table)
    for claim in claims:
        color, word = {True: ("green", "holds"), False: ("red", "FAILS"), None: ("yellow", "not measured")}[claim.holds]
        console.print(f"[{color}]{word}[/] {claim.claim}: {text(claim.value)} {claim.sign} {text(claim.bound)}", highlight=False)


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Every key that a row has, in the order in which they turn up."""
    return list(dict.fromkeys(key for row in rows for key in row))


def text(value: Any) -> str:
    """A cell: three digits that count, and a dash where nothing was measured."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
