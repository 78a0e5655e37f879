"""A project whose stages seem to have run: realistic numbers in the shape of every artifact and record that the page reads."""

import math
import random
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from lepton import files
from lepton.ops import records

REPOSITORY = Path(__file__).parents[2]
STAGES = ("validate", "clean", "prepare", "relate", "train", "baseline", "adapt", "compress", "evaluate")
TASKS = ("digit", "objects", "ink", "photo", "tilt")
SEEN = {"digit": 46_300, "objects": 27_000, "ink": 20_122, "photo": 24_100, "tilt": 28_900}  # labels, by the model of all tasks
SECONDS = dict(zip(STAGES, (6.1, 31.4, 4.2, 12.9, 88.3, 204.6, 41.7, 49.5, 27.0), strict=True))
STATES = [
    {"stage": stage, "state": "ran" if stage in ("compress", "evaluate") else "unchanged", "seconds": 1.4} for stage in STAGES
]


def build(root: Path) -> Path:
    """Writes params.yaml, dvc.yaml, dvc.lock, data.dvc, artifacts and records below `root`; LEPTON_HOME has to be set."""
    root.mkdir(parents=True, exist_ok=True)
    files.write_text(root / "params.yaml", (REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    block = "    cmd: python -m lepton.stages.{0}\n    deps: []\n    params: []\n    outs: [artifacts/{0}]\n"
    files.write_text(root / "dvc.yaml", "stages:\n" + "".join(f"  {stage}:\n{block.format(stage)}" for stage in STAGES))
    out = "    outs:\n    - path: artifacts/{0}\n      hash: md5\n      md5: {1}.dir\n      size: {2}\n"
    lock = "".join(f"  {stage}:\n{out.format(stage, f'{n + 1:x}' * 32, 48_123 * (n + 1) ** 3)}" for n, stage in enumerate(STAGES))
    files.write_text(root / "dvc.lock", f"schema: '2.0'\nstages:\n{lock}")
    files.write_text(
        root / "data.dvc", f"outs:\n- md5: {'ab' * 16}.dir\n  size: 31457280\n  nfiles: 3\n  hash: md5\n  path: data\n"
    )
    data(root / "artifacts")
    training(root / "artifacts")
    results(root / "artifacts")
    examples(root / "artifacts/evaluate")
    models(root / "artifacts")
    for stage in STAGES:
        files.write_json(records.path_of(stage, root), {"seconds": SECONDS[stage], "ended": 1.7e9, "host": "box"} | extra(stage))
    return root


def extra(stage: str) -> dict:
    """What some stages' records hold besides."""
    names = ["full fp32", "full int8", "0.75 fp32", "0.75 int8", "0.5 fp32", "0.5 int8"]
    return {
        "train": {"training_seconds": 79.6, "samples_per_second": 632.4},
        "baseline": {
            "training_seconds": 181.2,
            "samples_per_second": 1388.0,
            "training_seconds_by_task": dict.fromkeys(TASKS, 36.2),
        },
        "adapt": {
            "milliseconds": {
                "unseen_digit": {s: {"reptile": 14.8, "centroid": 0.91, "ridge": 1.12, "scratch": 15.2} for s in ("1", "5")}
            }
        },
        "compress": {"milliseconds": {n: {"1": 1.34 / (k + 1) ** 0.7, "64": 31.5 / (k + 1) ** 0.9} for k, n in enumerate(names)}},
    }.get(stage, {})


def data(artifacts: Path) -> None:
    inside = "Boxes are {label, x, y, w, h} in pixels from the top left, inside the image, with w and h above 0."
    failed = [
        fault("image: undecodable", "{rows} hold an image that cannot be read", 24, 6012, "clean drops them."),
        fault("image: repeated", "{rows} repeat an earlier image", 61, 6012, "clean drops them; export each sample once."),
        fault("objects: box outside image", "{rows} hold a box outside the image", 30, 3004, inside),
    ]
    new = {"ok": True, "expectations": 4, "rows": 900, "failed": [fault("image: undecodable", "", 3, 900, "clean drops them.")]}
    files.write_json(
        artifacts / "validate/report.json", {"ok": True, "expectations": 17, "rows": 6012, "failed": failed, "new_tasks": new}
    )
    dropped = {"undecodable image": 24, "duplicate of an earlier row": 61, "unusual input": 12}
    repaired = {
        "objects: box outside image": 30,
        "digit: contradicted out of fold": 84,
        "photo: contradicted out of fold": 47,
        "tilt: outlier": 8,
    }
    new = {"rows_in": 900, "rows_out": 897, "dropped": {"undecodable image": 3}, "repaired": {}}
    report = {"rows_in": 6012, "rows_out": 5915, "dropped": dropped, "repaired": repaired, "new_tasks": new}
    files.write_json(artifacts / "clean/report.json", report | {"validation": {"ok": True, "expectations": 17}})
    share = dict(zip(TASKS, (0.95, 0.49, 0.25, 0.58, 0.41), strict=True))
    sizes = {"train": 4139, "valid": 893, "test": 883}
    splits: dict = {name: {"rows": n, "labels": {task: round(n * share[task]) for task in TASKS}} for name, n in sizes.items()}
    splits["new_tasks"] = {"rows": 897, "labels": {"unseen_digit": 897}}
    sentences = ["Rotation by up to 8 degrees; boxes, masks and tilt turn along.", "Magnification by up to 10 %.",
                 "A shift by up to 8 % of the side, which crops.", "Brightness and contrast of each colour by up to 15 %.",
                 "No left-right flips: tilt would change its meaning."]  # fmt: skip
    weights = {
        "digit": [0.94, 0.97, 1.02, 1.1, 1.05, 0.91, 1.03],
        "photo": [0.98, 1.02],
        "ink": [0.62, 1.71],
        "objects": None,
        "tilt": None,
    }
    summary = {"splits": splits, "class_weights": weights, "sampling": {t: min(1, 1.2 * s) for t, s in share.items()}}
    files.write_json(
        artifacts / "prepare/summary.json", summary | {"augmentation": sentences, "new_classes": {"unseen_digit": [3, 7, 9]}}
    )


def fault(column: str, says: str, unexpected: int, checked: int, fix: str) -> dict:
    told = {"expectation": "expect_column_values_to_be_in_set", "column": column, "unexpected": unexpected, "checked": checked}
    return told | {"hard": False, "says": says.format(rows=f"{unexpected:,} of {checked:,} rows"), "fix": fix}


def training(artifacts: Path) -> None:
    cosine = [[1, 0.71, 0.44, 0.08, 0.31], [0.71, 1, 0.63, 0.04, 0.22], [0.44, 0.63, 1, 0.15, 0.19], [0.08, 0.04, 0.15, 1, -0.02],
              [0.31, 0.22, 0.19, -0.02, 1]]  # fmt: skip
    pearson = [[a if a == 1 else round(0.85 * a - 0.06, 3) for a in row] for row in cosine]
    gradient = [[a if a == 1 else round(0.7 * a - 0.11, 3) for a in row] for row in cosine]
    start = {
        "digit": [0.8, 0.74, 0.6],
        "objects": [0.8, 0.77, 0.68],
        "ink": [0.72, 0.61, 0.5],
        "photo": [0.3, 0.3, 0.3],
        "tilt": [0.6, 0.5, 0.4],
    }
    end = {
        "digit": [1.0, 0.83, 0.47],
        "objects": [1.0, 0.91, 0.66],
        "ink": [0.78, 0.42, 0.21],
        "photo": [0.24, 0.0, 0.0],
        "tilt": [0.67, 0.35, 0.12],
    }
    snapped = {task: [value in (0, 1) for value in values] for task, values in end.items()}
    labels = [[None if {i, j} == {3, 4} else abs(cosine[i][j]) for j in range(5)] for i in range(5)]
    gain = [[0.0 if i == j else round(2.5 * gradient[i][j] + 0.1 * i, 3) for j in range(5)] for i in range(5)]
    pairs = sorted(((TASKS[j], TASKS[i], (gain[i][j] + gain[j][i]) / 2) for i in range(5) for j in range(i)), key=lambda p: -p[2])
    matrices = {"cosine": cosine, "pearson": pearson, "cka": cosine, "labels": labels, "gradient": gradient}
    relatedness = {"tasks": TASKS, "matrices": matrices, "gain": gain, "error": [[0.21] * 5] * 5, "halves": 0.74, "ranking": pairs,
                   "groups": [["digit", "objects", "ink", "tilt"], ["photo"]],
                   "limited": False, "alpha": start,
                   "member": {task: [gain[at][1 - (at == 1)], 0.21] for at, task in enumerate(TASKS)}}  # fmt: skip
    files.write_json(artifacts / "relate/relatedness.json", relatedness)
    pulled = {"tasks": TASKS, "epochs": [[gradient] * 3] * 12}
    files.write_json(artifacts / "train/affinity.json", pulled)
    sharing = {"sharing": "adaptive", "levels": 3, "alpha": end, "snapped": snapped, "branches": {"kept": 13, "removed": 2}}
    files.write_json(artifacts / "train/sharing.json", sharing)
    draw = random.Random(0)
    goal = {"digit": ("accuracy", 0.3, 0.941), "objects": ("ap50", 0.02, 0.713), "ink": ("iou", 0.31, 0.812),
            "photo": ("accuracy", 0.68, 0.986), "tilt": ("mae", 14.2, 3.06)}  # fmt: skip
    rows = []
    for epoch in range(1, 13):
        row: dict = {"epoch": epoch, "step": epoch * 32, "lr": 0.003 * 0.5 * (1 + math.cos(math.pi * epoch / 12))}
        progress = 1 - math.exp(-epoch / 3.2)
        for number, task in enumerate(TASKS):
            row[f"loss.{task}"] = (2.1 - 0.3 * number) * (1 - (0.93 - 0.04 * number) * progress) * draw.uniform(0.96, 1.04)
            row[f"weight.{task}"] = 1.0 + 0.3 * math.sin(epoch / 2 + number)
            name, first, last = goal[task]
            row[f"valid.{task}.{name}"] = first + (last - first) * progress * draw.uniform(0.97, 1.0)
            for level in range(3):
                moved = (epoch / 12) ** 0.8
                row[f"alpha.{task}.{level + 1}"] = start[task][level] * (1 - moved) + end[task][level] * moved
        rows.append(row)
    files.write_text(artifacts / "train/history.csv", pd.DataFrame(rows).to_csv(index=False))
    valid = {task: {name: last} for task, (name, _, last) in goal.items()}
    seen = {"tasks": valid, "samples_seen": 50_304}
    files.write_json(
        artifacts / "train/metrics.json",
        seen | {"labels_seen": SEEN, "parameters": 61_240, "macs": 3_410_000, "epochs": 12, "best_epoch": 11},
    )
    baseline = {
        "lrs": dict.fromkeys(TASKS, 0.003),
        "labels_seen": dict.fromkeys(TASKS, 50_304),
        "parameters": dict.fromkeys(TASKS, 26_900),
        "macs": dict.fromkeys(TASKS, 1_500_000),
    }
    files.write_json(artifacts / "baseline/metrics.json", seen | baseline)


def results(artifacts: Path) -> None:
    methods = {
        "reptile": ((0.721, 0.014), (0.903, 0.006)),
        "centroid": ((0.694, 0.015), (0.871, 0.008)),
        "ridge": ((0.688, 0.015), (0.912, 0.007)),
        "scratch": ((0.452, 0.013), (0.633, 0.011)),
    }
    told: dict = {"1": {}, "5": {}}
    for name, values in methods.items():
        for shot, (mean, ci95) in zip(told, values, strict=True):
            told[shot][name] = {"mean": mean, "ci95": ci95, "episodes": 200}
    adapt = {
        "new_tasks": {"unseen_digit": told},
        "chosen": "reptile",
        "forgetting": {"digit": 0.0, "photo": 0.0},
        "unchanged": True,
    }
    files.write_json(artifacts / "adapt/metrics.json", adapt)
    tolerance = {"digit": 0.02, "objects": 0.02, "ink": 0.02, "photo": 0.02, "tilt": 0.05}
    names = ("full fp32", "full int8", "0.75 fp32", "0.75 int8", "0.5 fp32", "0.5 int8")
    sizes, worst = (251_904, 81_320, 149_870, 52_410, 72_100, 31_902), (0.0, -0.004, -0.006, -0.013, -0.031, -0.042)
    candidates = []
    for name, size, low in zip(names, sizes, worst, strict=True):
        relative = dict(zip(TASKS, (low * 0.4, low, low * 0.8, 0.001, low * 0.9), strict=True))
        fits = all(change >= -tolerance[task] for task, change in relative.items())
        candidates.append({"name": name, "bytes": size, "macs": size * 13, "tasks": dict.fromkeys(TASKS, 0.9), "relative": relative,
                           "within_tolerance": fits, "parity": {}})  # fmt: skip
    parity = {
        "onnx": {"digit.probability": 2.4e-7, "tilt.value": 7.6e-6},
        "tflite": {"digit.probability": 3.1e-7, "tilt.value": 9.9e-6},
    }
    frontier = {"candidates": candidates, "chosen": "0.75 int8", "tolerance": tolerance, "parity": parity}
    files.write_json(artifacts / "compress/frontier.json", frontier)
    values = {
        "digit": ("accuracy", True, "", 0.918, 0.936, 0.931, [0.4, 3.6]),
        "objects": ("ap50", True, "", 0.664, 0.702, 0.693, [2.1, 9.2]),
        "ink": ("iou", True, "", 0.809, 0.801, 0.793, [-2.1, 0.2]),
        "photo": ("accuracy", True, "", 0.983, 0.983, 0.984, [-0.6, 0.6]),
        "tilt": ("mae", False, "degrees", 3.41, 3.12, 3.16, [4.4, 12.3]),
    }
    tasks = {}
    for task, (metric, higher, unit, single, multi, small, ci95) in values.items():
        delta = 100 * (multi - single) / single * (1 if higher else -1)
        tasks[task] = {"metric": metric, "higher_is_better": higher, "unit": unit, "single_task": single, "multi_task": multi,
                       "compressed": small, "delta_percent": delta, "ci95": ci95}  # fmt: skip
    rule = "|--- mean <= 0.41\n|   |--- top left <= 0.06\n|   |   |--- class: 1\n|--- mean >  0.41\n|   |--- class: <b>0</b> & co\n"
    surrogate = {task: {"fidelity": 0.71, "rules": rule} for task in ("digit", "photo", "tilt")}
    mean = {"mean": sum(task["delta_percent"] for task in tasks.values()) / 5, "ci95": [1.6, 4.9]}
    files.write_json(
        artifacts / "evaluate/metrics.json", {"tasks": tasks, "delta_m": mean, "explanations": {"surrogate": surrogate}}
    )


def examples(folder: Path) -> None:
    """Four scenes: a photograph toned down, digits pasted on it, with boxes, masks and blurred saliency."""
    digits, photo = load_digits().images, load_sample_image("china.jpg")
    draw = random.Random(1)
    images, masks, rows = [], [], []
    for number in range(4):
        scene = photo[60 + 50 * number : 100 + 50 * number, 200 + 40 * number : 240 + 40 * number].astype(float) * 0.45
        mask, boxes = np.zeros((40, 40)), []
        for size, index in ((22, number * 3 + 4), (11, number * 3 + 5)):
            glyph = np.asarray(Image.fromarray((digits[index] / 16 * 255).astype(np.uint8)).resize((size, size))) / 255
            x, y = draw.randrange(0, 40 - size), draw.randrange(0, 40 - size)
            area = (slice(y, y + size), slice(x, x + size))
            mask[area] = np.maximum(mask[area], glyph)
            boxes.append({"label": int(load_digits().target[index]), "x": x + size // 6, "y": y, "w": size - size // 3, "h": size})
        images.append(np.clip(scene * (1 - mask[..., None]) + 235 * mask[..., None], 0, 255).astype(np.uint8))
        masks.append((mask > 0.5).astype(np.uint8))
        guesses = [{**box, "x": box["x"] + 0.8, "w": box["w"] + 0.9, "score": 0.91} for box in boxes] + [
            {"label": 1, "x": 3, "y": 3, "w": 5, "h": 5, "score": 0.12}
        ]
        first = boxes[0]["label"]
        wrong = masks[-1].copy()
        wrong[:, 1:] |= masks[-1][:, :-1]
        rows.append({"id": f"scene-{number:05d}", "tasks": {
            "digit": {"truth": first, "predicted": first if number != 2 else 8},
            "objects": {"truth": boxes if number != 1 else None, "predicted": guesses},
            "ink": {"truth": masks[-1].tolist() if number != 3 else None, "predicted": wrong.tolist()},
            "photo": {"truth": "china", "predicted": "china"},
            "tilt": {"truth": None if number == 1 else 4.0 - 3 * number, "predicted": 3.1 - 3.4 * number},
        }})  # fmt: skip
    y, x = np.mgrid[:40, :40]
    maps = {}
    for shift, task in enumerate(TASKS):
        blobs = [np.exp(-((x - 8 - 5 * shift) ** 2 + (y - 12 - 4 * n) ** 2) / 60) * (0.2 + masks[n]) for n in range(4)]
        maps[f"saliency.{task}"] = np.stack(blobs).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "examples.npz", images=np.stack(images), **maps)
    files.write_json(folder / "examples.json", rows)


def models(artifacts: Path) -> None:
    """An ONNX file with one input and one output, and stand-ins for the others."""
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 40, 40])
    answer = helper.make_tensor_value_info("digit.probability", TensorProto.FLOAT, ["batch", 3, 40, 40])
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["digit.probability"])], "lepton", [given], [answer])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (artifacts / "compress").mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(artifacts / "compress/model.onnx"))
    for path, size in (
        ("compress/model.tflite", 60_120),
        ("compress/model_fp32.onnx", 251_904),
        ("train/model.safetensors", 248_800),
    ):
        (artifacts / path).write_bytes(bytes(size))


if __name__ == "__main__":  # python tests/reporting/synthetic_artifacts.py DIR: renders a page to look at
    import os
    import sys

    from lepton.reporting.page import render

    os.environ["LEPTON_HOME"] = f"{sys.argv[1]}/.lepton"
    print(render(build(Path(sys.argv[1])), run="20260807T041530Z-1a2b3c4d", stages=STATES))
