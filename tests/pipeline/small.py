"""The real project, small: the tracked files of this checkout, a few hundred rows of the starter data, short trainings.

What may not leave the machine is planted: MARK in ids, notes and file names of the data, SECRET wherever secrets are kept.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROWS = {"samples": 700, "new_tasks": 240}
MARK, SECRET = "quillfeather", "hushhush"
SECRETS = {
    "WANDB_API_KEY": f"{SECRET}{'0' * 32}",
    "WANDB_MODE": "offline",  # a key alone means online
    "PREFECT_API_KEY": f"pnu_{SECRET}",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "SOURCE_URL": f"https://team:{SECRET}@data.example.org/drop?token={SECRET}",
}
CONFIG = f"""['remote "elsewhere"']
    url = https://team:{SECRET}@data.example.org/store
    password = {SECRET}
"""
SHORT = {
    "compute": {"threads": 1},
    "clean": {"folds": 2, "epochs": 1},
    "relate": {"epochs": 1, "samples": 64, "features": 32},
    "train": {"epochs": 2, "batch_size": 64},
    "baseline": {"lrs": [0.003, 0.01], "probe": 0.25},
    "adapt": {"episodes": 20, "test_episodes": 10},
    "compress": {"widths": [0.5], "epochs": 1, "calibration": 64, "parity_rows": 16},
    "evaluate": {"resamples": 20, "explain": 2},
    "gate": {"floor": 1e6, "margin": 1e6, "margins": {}},  # so short a training teaches nothing
}


def run(root: Path, *command: str, code: int = 0) -> str:
    """A command of the project with this Python; its output. Fails on another exit code."""
    home = root / ".lepton"
    environment = {**os.environ, "LEPTON_HOME": str(home), "PYTHONPATH": f"{root / 'src'}:{root}", "COLUMNS": "120"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment.pop("LEPTON_TRACKING", None)
    environment |= SECRETS | {
        "WANDB_DIR": str(home),
        "WANDB_CACHE_DIR": f"{home}/wandb-cache",
        "WANDB_DATA_DIR": f"{home}/wandb-data",
    }
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == code, f"{' '.join(command)} ended with {done.returncode}:\n{said}"
    return done.stdout + done.stderr


def retrain(root: Path, code: int = 0) -> str:
    return run(root, sys.executable, "-m", "flows.retrain", code=code)


def change(root: Path, **blocks: dict) -> None:
    """Sets keys of blocks of params.yaml."""
    path = root / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for block, values in blocks.items():
        params[block] |= values
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def make(root: Path, starter: Path) -> Path:
    """Writes the small project into `root`, committed, its data in place."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in tracked.rstrip("\0").split("\0"):
        if not name.startswith(("tests/", "docs/", "data.dvc", "dvc.lock")) and (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    folder = root / "data/small"
    folder.mkdir(parents=True)
    for name, rows in ROWS.items():
        plant(pd.read_parquet(starter / f"{name}.parquet").iloc[:rows], name, folder).to_parquet(
            folder / f"{name}.parquet", index=False
        )
    (root / ".dvc/config.local").write_text(CONFIG)
    change(root, data={"path": "data/small"}, **SHORT)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    commit(root)
    return root


def plant(table: pd.DataFrame, name: str, folder: Path) -> pd.DataFrame:
    """Ids and notes that can be recognised; the images of new_tasks as files, one of which is absent."""
    table = table.assign(id=[f"{MARK}-{row}" for row in range(len(table))], note=f"said in passing: {MARK}")
    if name == "samples":
        return table
    (folder / "scans").mkdir()
    names = [f"scans/{MARK}-{row}.png" for row in range(len(table))]
    for place, image in list(zip(names, table["image"], strict=True))[1:]:
        (folder / place).write_bytes(image)
    return table.assign(image=names)


def commit(root: Path) -> None:
    """All that git does not ignore."""
    author = ["-c", "user.name=test", "-c", "user.email=t@example.org"]
    for command in (["add", "-A"], [*author, "commit", "-qm", "small"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
