"""Images: encoded bytes (PNG, JPEG, ...) in the table, or paths beside it."""

import io
import os
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from pydantic import Field
from torch import Generator, Tensor

from lepton.blocks import Augment, Validate
from lepton.inputs.base import BaseInput
from lepton.types import Expectation, Share, Source, Warp


def read(value: bytes | str, folder: Path) -> bytes:
    """The encoded bytes of a cell: itself, or the file that it names, relative to the table's folder."""
    return value if isinstance(value, bytes) else (folder / value).read_bytes()


def decode(value: object, mode: str, folder: Path) -> np.ndarray | None:
    """Pixels [H, W] or [H, W, C] uint8 of an encoded image; None when it cannot be decoded to its end."""
    if not isinstance(value, bytes | str):
        return None
    try:
        with Pillow.open(io.BytesIO(read(value, folder))) as picture:
            return np.asarray(picture.convert(mode))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Pillow.DecompressionBombError):
        return None


def absent_file(value: object, folder: Path) -> str | Literal[False]:
    """The path of the file that a cell names where there is none."""
    return isinstance(value, str) and not os.path.isfile(folder / value) and str(folder / value)


class Image(BaseInput):
    type: Literal["image"]
    size: tuple[Annotated[int, Field(ge=4)], Annotated[int, Field(ge=4)]]  # height, width in pixels; others are resized
    channels: Literal[1, 3] = 3

    @property
    def kernel(self) -> int:
        """Side of the trunk's convolutions, in pixels."""
        return 3

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        """Reason -> what is at fault in each row: True, or the path of the file that is not there; False: nothing."""
        absent = [absent_file(value, source.folder) for value in column]
        broken = [not gone and decode(value, self._mode, source.folder) is None for value, gone in zip(column, absent, strict=True)]
        return {
            "file not found": pd.Series(absent, index=column.index, dtype=object),
            "undecodable": pd.Series(broken, index=column.index, dtype=bool),
        }

    def expectations(self, limits: Validate) -> list[Expectation]:
        return [
            Expectation(
                self.column,
                "expect_column_values_to_not_be_null",
                {},
                f"Every row needs an image in {self.column}.",
                mostly=1 - limits.max_undecodable,
            ),
            Expectation(
                f"{self.column}: file not found",
                "expect_column_values_to_be_in_set",
                {"value_set": [False]},
                f"File names in {self.column} are relative to the folder of the table: put the files there, or mend the names.",
                mostly=1 - limits.max_undecodable,
            ),
            Expectation(
                f"{self.column}: undecodable",
                "expect_column_values_to_be_in_set",
                {"value_set": [False]},
                f"Export {self.column} again, or raise validate.max_undecodable.",
                mostly=1 - limits.max_undecodable,
            ),
        ]

    def encode(self, column: pd.Series, source: Source) -> np.ndarray:
        """Decodable cells to uint8 [N, C, H, W], resized where they differ from `size`."""
        height, width = self.size
        images_NCHW = np.empty((len(column), self.channels, height, width), np.uint8)
        for row, value in enumerate(column):
            pixels = decode(value, self._mode, source.folder)
            assert pixels is not None, "clean has removed undecodable rows"
            if pixels.shape[:2] != (height, width):
                pixels = np.asarray(Pillow.fromarray(pixels).resize((width, height), Pillow.Resampling.BILINEAR))
            images_NCHW[row] = pixels.reshape(height, width, self.channels).transpose(2, 0, 1)
        return images_NCHW

    def describe(self, column: pd.Series, source: Source) -> dict[str, np.ndarray]:
        """In grey levels of 0 to 255 and pixels, as the picture comes. roughness: between neighbours in a row."""
        told: dict[str, list[float]] = {}
        for value in column:
            pixels = decode(value, self._mode, source.folder)
            assert pixels is not None, "only faultless cells are described"
            grey = pixels.mean(2) if pixels.ndim == 3 else pixels.astype(float)
            looks = {"brightness": grey.mean(), "contrast": grey.std(), "roughness": np.abs(np.diff(grey)).mean()}
            if pixels.ndim == 3:
                looks |= dict(zip(("red", "green", "blue"), pixels.mean((0, 1)), strict=True))
            for name, number in (looks | dict(zip(("height", "width"), pixels.shape, strict=False))).items():
                told.setdefault(name, []).append(float(number))
        return {name: np.array(numbers) for name, numbers in told.items()}

    @property
    def _mode(self) -> str:
        return "RGB" if self.channels == 3 else "L"

    def example(self, rows: int) -> Tensor:
        """A zero batch as the network sees it, float32 [rows, C, H, W]."""
        return torch.zeros(rows, self.channels, *self.size)

    def prepare(self, stored: Tensor) -> Tensor:
        """Stored uint8 to float32 in [-1, 1], channels last in memory: what the network and its exports take."""
        return stored.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)

    def augment(self, inputs: Tensor, plan: Augment, *, generator: Generator, share: Share = Share()) -> tuple[Tensor, Warp]:
        """Random rotation, scaling, cropping (a shift), flipping and colour, in one resampling of the batch.

        generator: of the CPU, so that every device sees the same draws.
        """
        rows, device = len(inputs) * share.of, inputs.device
        height, width = self.size

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            draw = torch.empty(shape or (rows,)).uniform_(low, high, generator=generator)
            return draw[share.rows].to(device)

        angle = uniform(-plan.rotate, plan.rotate)
        scale = uniform(1 - plan.scale, 1 + plan.scale)
        shift_x, shift_y = uniform(-plan.shift, plan.shift) * width, uniform(-plan.shift, plan.shift) * height
        flip = uniform(0, 1) < (0.5 if plan.flip else 0.0)
        sign = 1 - 2 * flip.float()
        radians = torch.deg2rad(angle)
        # destination = shift + centre + scale · rotation · flip · (source - centre)
        cos, sin = scale * radians.cos(), scale * radians.sin()
        linear = torch.stack([torch.stack([cos * sign, -sin], 1), torch.stack([sin * sign, cos], 1)], 1)
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=device)
        offset = centre + torch.stack([shift_x, shift_y], 1) - linear @ centre
        warp = Warp(torch.cat([linear, offset[:, :, None]], 2), angle, scale, flip, self.size)
        moved = resample(inputs, warp, mode="bilinear")
        if plan.color:
            shape = (rows, self.channels, 1, 1)
            contrast, brightness = uniform(1 - plan.color, 1 + plan.color, *shape), uniform(-plan.color, plan.color, *shape)
            moved = moved.mul_(contrast).add_(brightness)
        return moved.contiguous(memory_format=torch.channels_last), warp


def resample(images_BCHW: Tensor, warp: Warp, mode: Literal["bilinear", "nearest"]) -> Tensor:
    """Moves pixels by `warp`; what comes from outside repeats the border (bilinear) or is 0 (nearest)."""
    height, width = warp.size
    inverse = torch.linalg.inv(warp.matrix_B23[:, :, :2])
    offset = -(inverse @ warp.matrix_B23[:, :, 2:])
    x, y = torch.meshgrid(
        torch.arange(width, device=images_BCHW.device, dtype=torch.float32),
        torch.arange(height, device=images_BCHW.device, dtype=torch.float32),
        indexing="xy",
    )
    points = torch.stack([x.flatten(), y.flatten()])
    source = (inverse @ points + offset).view(-1, 2, height, width).permute(0, 2, 3, 1)
    span = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=images_BCHW.device)
    padding = "border" if mode == "bilinear" else "zeros"
    return F.grid_sample(images_BCHW, 2 * source / span - 1, mode=mode, padding_mode=padding, align_corners=True)
