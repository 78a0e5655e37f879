"""Faults as tables have in life, planted where only tests know. A row gets one fault at most.

Rows are dicts as in `lepton.starter.vision`; `pool` is an iterator over shuffled rows that no fault has touched yet.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from numpy.random import RandomState

Row = dict[str, Any]


def take(pool: Iterator[Row], number: int, fits: Callable[[Row], Any] = bool) -> list[Row]:
    """The next `number` rows of the pool that fit."""
    fitting = (row for row in pool if fits(row))
    return [next(fitting) for _ in range(number)]


def truncate(row: Row, random: RandomState) -> None:
    """Keeps between a tenth and nine tenths of the image's bytes."""
    size = len(row["image"])
    row["image"] = row["image"][: random.randint(size // 10, size * 9 // 10)]


def misplace(row: Row, side: int, random: RandomState) -> None:
    """Moves one of the row's boxes across a border of the image, or turns it inside out."""
    objects = [dict(box) for box in row["objects"]]
    box = objects[random.randint(0, len(objects))]
    kind = random.randint(0, 4)
    if kind == 0:
        box["x"] = side - random.randint(0, box["w"])
    elif kind == 1:
        box["y"] = side - random.randint(0, box["h"])
    elif kind == 2:
        box["x"] = -random.randint(1, side)
    else:
        box["h"] = -box["h"]
    row["objects"] = objects


def flip(row: Row, column: str, classes: Sequence[Any], random: RandomState) -> None:
    """Another class than the true one."""
    others = [name for name in classes if name != row[column]]
    row[column] = others[random.randint(0, len(others))]


def exaggerate(row: Row, random: RandomState) -> None:
    """A tilt that no scene can have, in degrees."""
    row["tilt"] = float(random.randint(170, 901) * (2 * random.randint(0, 2) - 1))
