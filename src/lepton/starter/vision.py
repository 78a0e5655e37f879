"""The vision starter: 6,000 small scenes with five tasks, labels partly missing and faults planted, and a task yet unseen.

samples.parquet      id, family, image (PNG) and the labels, null where missing:
                     digit (class of the largest), objects (a box per digit), ink (mask, PNG), photo (which), tilt (degrees)
new_tasks.parquet    the same first columns, and unseen_digit: scenes whose largest digit is 3, 7 or 9
planted.json         fault -> ids of the rows that have it; for tests only

No 3, 7 or 9 is anywhere in samples.parquet. A family has its own handwriting, which no other family's scenes show.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.random import RandomState
from rich.progress import track

from lepton import files
from lepton.errors import LeptonError
from lepton.starter import faults, png, scenes
from lepton.starter.faults import Row

SEED = 20
FIRST_FAMILY = 200  # numbered so that the hash split puts 9 of the 60 families on the valid and 9 on the test side
UNSEEN = (3, 7, 9)
CLASSES = tuple(label for label in range(10) if label not in UNSEEN)
ROWS, NEW_ROWS = 5900, 590  # before duplicates
DUPLICATES, NEW_DUPLICATES = 100, 5
TRUNCATED, NEW_TRUNCATED = 60, 5
MISPLACED, OUTLIERS = 60, 40
FLIPPED = {"digit": 171, "photo": 118}  # 3 % and 4 % of the labels

BOX = pa.struct([(name, pa.int64()) for name in ("label", "x", "y", "w", "h")])
SHARED = [("id", pa.string()), ("family", pa.string()), ("image", pa.binary())]
SAMPLES = pa.schema(
    [
        *SHARED,
        ("digit", pa.int64()),
        ("objects", pa.list_(BOX)),
        ("ink", pa.binary()),
        ("photo", pa.string()),
        ("tilt", pa.float64()),
    ]
)
NEW_TASKS = pa.schema([*SHARED, ("unseen_digit", pa.int64())])


def build(folder: Path) -> None:
    """Writes the data set into `folder`, which must not exist yet or be empty; it appears whole or not at all."""
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise LeptonError(f"{folder}: already there. Remove it to build the starter again.")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        _write(temporary)
        temporary.replace(folder)
    except OSError as error:
        raise LeptonError(f"{folder}: cannot be written ({error.strerror}). Free the path or fix its permissions.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(folder: Path) -> None:
    random = RandomState(SEED)
    rows, new_rows = _rows(random)
    planted, samples = _plant(rows, random)
    new_planted, new_samples = _plant_new(new_rows, random)
    for name, schema, table in (("samples", SAMPLES, samples), ("new_tasks", NEW_TASKS, new_samples)):
        table = pa.Table.from_pylist(table, schema=schema)
        plain = {"compression": "NONE", "use_dictionary": False, "write_statistics": False, "store_schema": False}
        pq.write_table(table, folder / f"{name}.parquet", **plain)
    ids = {fault: sorted(row["id"] for row in planted[fault] + new_planted.get(fault, [])) for fault in planted}
    files.write_json(folder / "planted.json", ids)


def _rows(random: RandomState) -> tuple[list[Row], list[Row]]:
    """Rows of both tables without faults; those of samples have every label."""
    bitmap_N88, label_N = scenes.digits()
    photos = scenes.backgrounds()
    families = scenes.families(label_N, random)
    rows: list[Row] = []
    for number in track(range(ROWS + NEW_ROWS), "Composing scenes", transient=True):
        family = number % len(families)
        mine = families[family]
        seen = mine[~_is_unseen(label_N[mine])]
        large, small = (seen, seen) if number < ROWS else (mine[_is_unseen(label_N[mine])], mine)
        tilt = int(random.randint(-scenes.MAX_TILT, scenes.MAX_TILT + 1))
        chosen = [random.choice(large), *random.choice(small, random.randint(0, 3), replace=False)]
        heights = [int(random.randint(*(scenes.SMALL if place else scenes.LARGE))) for place in range(len(chosen))]
        drawn = [
            scenes.draw(bitmap_N88[index], int(label_N[index]), height, 0 if place else tilt)
            for place, (index, height) in enumerate(zip(chosen, heights, strict=True))
        ]
        photo = scenes.PHOTOS[random.randint(0, len(scenes.PHOTOS))]
        rows.append(_row(scenes.compose(drawn, photo, photos[photo], tilt, random), family))
    return rows[:ROWS], rows[ROWS:]


def _is_unseen(label_N: Any) -> Any:
    return (label_N[:, None] == UNSEEN).any(1)


def _row(scene: scenes.Scene, family: int) -> Row:
    return {
        "family": f"f{FIRST_FAMILY + family}",
        "image": png.encode(scene.pixels),
        "digit": scene.objects[0]["label"],
        "objects": scene.objects,
        "ink": png.encode(scene.ink.astype("uint8")),
        "photo": scene.photo,
        "tilt": scene.tilt / 10,
    }


def _plant(rows: list[Row], random: RandomState) -> tuple[dict[str, list[Row]], list[Row]]:
    """Takes labels away, plants every fault, shuffles: the faulty rows by fault, and all rows."""
    for column, share in (("digit", 0.05), ("objects", 0.5), ("ink", 0.75)):
        for place in random.permutation(len(rows))[: round(share * len(rows))]:
            rows[place][column] = None
    for number, place in enumerate(random.permutation(len(rows))):
        rows[place]["photo" if number < len(rows) // 2 else "tilt"] = None
    pool = iter([rows[place] for place in random.permutation(len(rows))])
    planted = {
        "undecodable": faults.take(pool, TRUNCATED),
        "boxes": faults.take(pool, MISPLACED, lambda row: row["objects"]),
        "outliers": faults.take(pool, OUTLIERS, lambda row: row["tilt"] is not None),
        "flipped_digit": faults.take(pool, FLIPPED["digit"], lambda row: row["digit"] is not None),
        "flipped_photo": faults.take(pool, FLIPPED["photo"], lambda row: row["photo"] is not None),
    }
    originals = faults.take(pool, DUPLICATES)
    for row in planted["undecodable"]:
        faults.truncate(row, random)
    for row in planted["boxes"]:
        faults.misplace(row, scenes.SIDE, random)
    for row in planted["outliers"]:
        faults.exaggerate(row, random)
    for row in planted["flipped_digit"]:
        faults.flip(row, "digit", CLASSES, random)
    for row in planted["flipped_photo"]:
        faults.flip(row, "photo", scenes.PHOTOS, random)
    duplicates, samples = _finish(rows, originals, "s", random)
    return {"duplicates": duplicates, **planted}, samples


def _plant_new(rows: list[Row], random: RandomState) -> tuple[dict[str, list[Row]], list[Row]]:
    rows = [{"family": row["family"], "image": row["image"], "unseen_digit": row["digit"]} for row in rows]
    pool = iter([rows[place] for place in random.permutation(len(rows))])
    broken, originals = faults.take(pool, NEW_TRUNCATED), faults.take(pool, NEW_DUPLICATES)
    for row in broken:
        faults.truncate(row, random)
    duplicates, samples = _finish(rows, originals, "n", random)
    return {"duplicates": duplicates, "undecodable": broken}, samples


def _finish(rows: list[Row], originals: list[Row], letter: str, random: RandomState) -> tuple[list[Row], list[Row]]:
    """Copies the originals, shuffles, numbers the rows: of each pair the later row is the duplicate."""
    copies = [dict(row) for row in originals]
    rows = rows + copies
    shuffled = [rows[place] for place in random.permutation(len(rows))]
    for number, row in enumerate(shuffled):
        row["id"] = f"{letter}{number:05d}"
    pairs = zip(originals, copies, strict=True)
    return [max(pair, key=lambda row: row["id"]) for pair in pairs], shuffled
