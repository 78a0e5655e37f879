"""Scenes of handwritten digits on photographs, composed in integers only: no float decides a pixel.

Digits are scikit-learn's (Alpaydin and Kaynak, UCI, 8x8 pixels, values 0 to 16), photographs its china.jpg and flower.jpg.
Lengths are in pixels, angles in tenths of a degree (positive: clockwise as seen), fixed-point numbers have 16 fractional bits.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.random import RandomState
from sklearn.datasets import load_digits, load_sample_images

SIDE = 40  # of a scene
NUM_FAMILIES = 60
PHOTOS = ("china", "flower")
LARGE, SMALL = (22, 28), (10, 15)  # heights of the largest digit and of the others, upper end excluded
MAX_TILT = 300
ONE = 1 << 16
PAPER, INK = 6 * ONE, 10 * ONE  # digit values that are fully background and fully ink
TRIES = 40  # places tried for a smaller digit before the scene goes without it


@dataclass(frozen=True)
class Drawn:
    """A digit as it will lie in a scene: coverage [h, w] from 0 to 256, cropped to its ink."""

    label: int
    cover: np.ndarray

    @property
    def ink(self) -> np.ndarray:
        return self.cover >= 128


@dataclass
class Scene:
    pixels: np.ndarray  # uint8 [SIDE, SIDE, 3]
    ink: np.ndarray  # bool [SIDE, SIDE]
    photo: str
    tilt: int  # of the largest digit
    objects: list[dict[str, int]] = field(default_factory=list)  # the largest first


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Bitmaps [1797, 8, 8] int64 and their classes."""
    data = load_digits()
    return data.images.astype(np.int64), data.target.astype(np.int64)


def families(label_N: np.ndarray, random: RandomState) -> list[np.ndarray]:
    """Divides the digits among families, every class as evenly as possible: indices of each family's digits."""
    order = np.concatenate([random.permutation(np.flatnonzero(label_N == label)) for label in range(10)])
    return [order[start::NUM_FAMILIES] for start in range(NUM_FAMILIES)]


def backgrounds() -> dict[str, np.ndarray]:
    """Photographs [H, W, 3] at half their size and two fifths of their contrast, so that any digit stands out."""
    loaded = load_sample_images()
    photos = {}
    for path, photo in zip(loaded.filenames, loaded.images, strict=True):
        height, width = photo.shape[0] // 2, photo.shape[1] // 2
        blocks = photo[: 2 * height, : 2 * width].astype(np.int64).reshape(height, 2, width, 2, 3)
        small = (blocks.sum((1, 3)) + 2) // 4
        photos[next(name for name in PHOTOS if name in path)] = 128 + (small - 128) * 2 // 5
    return photos


def draw(bitmap: np.ndarray, label: int, height: int, tilt: int) -> Drawn:
    """Enlarges and turns an 8x8 bitmap so that its ink is `height` pixels tall, or the first size above."""
    size = height
    while True:
        cover = turned(bitmap, size, tilt)
        rows, columns = np.flatnonzero((cover >= 128).any(1)), np.flatnonzero((cover >= 128).any(0))
        if len(rows) and rows[-1] - rows[0] + 1 >= height:
            return Drawn(label, cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        size += 1


def turned(bitmap: np.ndarray, size: int, tilt: int) -> np.ndarray:
    """Coverage, 0 to 256, of the bitmap drawn `size` pixels tall and turned about its centre; bilinear."""
    side = size * 3 // 2
    cos, sin = (round(f(math.radians(tilt / 10)) * ONE) for f in (math.cos, math.sin))
    half = 2 * np.arange(side, dtype=np.int64) + 1 - side  # twice the distance from the centre
    x, y = half[None, :], half[:, None]
    column = (x * cos + y * sin) * 8 // (2 * size) + 9 * ONE // 2  # of the bitmap with a border of 1
    row = (y * cos - x * sin) * 8 // (2 * size) + 9 * ONE // 2
    padded = np.pad(bitmap, 1)
    (row, row_part), (column, column_part) = (_split(place) for place in (row, column))
    value = (
        padded[row, column] * (256 - row_part) * (256 - column_part)
        + padded[row, column + 1] * (256 - row_part) * column_part
        + padded[row + 1, column] * row_part * (256 - column_part)
        + padded[row + 1, column + 1] * row_part * column_part
    )
    return np.clip((value - PAPER) * 256 // (INK - PAPER), 0, 256)


def _split(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower of the two cells that a fixed-point place lies between, and how far it is to the upper one in 1/256."""
    place = np.clip(place, 0, 9 * ONE - 1)
    return place >> 16, (place & 0xFFFF) >> 8


def compose(drawn: list[Drawn], photo: str, background: np.ndarray, tilt: int, random: RandomState) -> Scene:
    """Puts the first digit anywhere inside, and each other where it touches no ink, on a random crop of the photograph."""
    top, left = (random.randint(0, span - SIDE + 1) for span in background.shape[:2])
    pixels = background[top : top + SIDE, left : left + SIDE].copy()
    scene = Scene(pixels, np.zeros((SIDE, SIDE), bool), photo, tilt)
    for digit in drawn:
        height, width = digit.ink.shape
        for _ in range(TRIES):
            y, x = random.randint(0, SIDE - height + 1), random.randint(0, SIDE - width + 1)
            if not scene.ink[max(y - 1, 0) : y + height + 1, max(x - 1, 0) : x + width + 1].any():
                _put(scene, digit, y, x, random)
                break
    scene.pixels = scene.pixels.astype(np.uint8)
    return scene


def _put(scene: Scene, digit: Drawn, y: int, x: int, random: RandomState) -> None:
    height, width = digit.ink.shape
    place = np.s_[y : y + height, x : x + width]
    color = random.randint(0, 2) * 220 + random.randint(0, 36, 3)  # dark or light
    scene.pixels[place] += (color - scene.pixels[place]) * digit.cover[:, :, None] // 256
    scene.ink[place] |= digit.ink
    scene.objects.append({"label": digit.label, "x": x, "y": y, "w": width, "h": height})
