"""Promises of images."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

import helpers
from laws import close
from lepton.blocks import Augment
from lepton.inputs.image import decode, resample
from lepton.types import Source

HERE = Path()
plans = st.builds(
    Augment,
    rotate=st.sampled_from([0, 10, 45, 180]),
    scale=st.sampled_from([0, 0.3]),
    shift=st.sampled_from([0, 0.25]),
    color=st.sampled_from([0, 0.2]),
    flip=st.booleans(),
)


def pixels(channels: int = 3, side: int = 16) -> np.ndarray:
    shape = (side, side, channels) if channels > 1 else (side, side)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def smooth(rows: int = 2, side: int = 24) -> torch.Tensor:
    """Slow waves, so that resampling twice loses little."""
    at = torch.linspace(0, 3, side)
    return (at[:, None].sin() + (2 * at).cos()).expand(rows, 3, side, side).clone() / 2


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP", "JPEG"])
def test_what_is_encoded_comes_back(form: str) -> None:
    found = decode(helpers.encoded(pixels(), form), "RGB", HERE)
    assert found is not None
    assert found.shape == (16, 16, 3)
    if form in ("PNG", "BMP"):
        np.testing.assert_array_equal(found, pixels())


def test_a_cell_may_name_a_file_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.png").write_bytes(helpers.encoded(pixels()))
    np.testing.assert_array_equal(decode("media/a.png", "RGB", tmp_path), pixels())
    assert decode("media/b.png", "RGB", tmp_path) is None


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, 3, b"", b"no image", "no\0file", ".", [1, 2]])
def test_what_is_no_image_is_none(value: object) -> None:
    assert decode(value, "RGB", HERE) is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_broken_file_is_none_or_pixels_and_never_an_error(form: str) -> None:
    whole, dice = helpers.encoded(pixels(), form), random.Random(0)
    outcomes = []
    for _ in range(60):
        broken = bytearray(whole[: dice.randrange(len(whole))] if dice.random() < 0.5 else whole)
        for _ in range(3):
            if len(broken) > 30:
                broken[dice.randrange(30, len(broken))] = dice.randrange(256)
        outcomes.append(decode(bytes(broken), "RGB", HERE))
    assert any(found is None for found in outcomes)
    assert all(found is None or found.ndim == 3 for found in outcomes)


def test_a_file_that_ends_early_is_undecodable() -> None:
    kind, whole = helpers.image(), helpers.encoded(pixels())
    column = pd.Series([whole, whole[: len(whole) // 2], None, b""], index=[5, 6, 7, 8])
    faults = kind.faults(column, Source(HERE, kind.size))
    assert list(faults) == ["file not found", "undecodable"]
    assert faults["undecodable"].to_dict() == {5: False, 6: True, 7: True, 8: True}


def test_a_file_that_is_not_there_is_no_undecodable_one(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    kind, absent = helpers.image(), ["a.png", "", "x" * 5000, "no\0file"]
    faults = kind.faults(pd.Series(["text.png", *absent]), Source(tmp_path, kind.size))
    assert faults["file not found"].tolist() == [False, *(str(tmp_path / name) for name in absent)]
    assert faults["undecodable"].tolist() == [True, *[False] * 4]


def test_every_fault_has_an_expectation_on_its_column() -> None:
    kind = helpers.image()
    checked = {one.column for one in kind.expectations(helpers.params().validate_)}
    assert checked == {"image", "image: file not found", "image: undecodable"}


@pytest.mark.parametrize("channels", [1, 3])
def test_stored_pixels_are_those_of_the_file(channels: int) -> None:
    stored = helpers.image(channels=channels).encode(pd.Series([helpers.encoded(pixels(channels))] * 2), Source(HERE, (16, 16)))
    assert stored.shape == (2, channels, 16, 16)
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored[1].transpose(1, 2, 0).squeeze(), pixels(channels))


def test_another_size_is_resized_as_pillow_does() -> None:
    kind = helpers.image(side=8)
    stored = kind.encode(pd.Series([helpers.encoded(pixels())]), Source(HERE, (8, 8)))
    expected = Pillow.fromarray(pixels()).resize((8, 8), Pillow.Resampling.BILINEAR)
    np.testing.assert_array_equal(stored[0].transpose(1, 2, 0), np.asarray(expected))


def test_prepared_pixels_lie_between_minus_one_and_one() -> None:
    prepared = helpers.image().prepare(torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16))
    assert prepared.dtype == torch.float32
    assert prepared.min() == -1
    assert prepared.max() == 1
    close(prepared[0, 0].flatten(), torch.linspace(-1, 1, 256), 1e-6)
    assert prepared.is_contiguous(memory_format=torch.channels_last)


def test_preparing_leaves_the_stored_batch_alone() -> None:
    stored = torch.full((1, 3, 16, 16), 200, dtype=torch.uint8)
    helpers.image().prepare(stored)
    assert (stored == 200).all()


def test_an_example_has_the_shape_of_a_prepared_batch() -> None:
    kind = helpers.image(channels=1)
    stored = torch.from_numpy(kind.encode(pd.Series([helpers.encoded(pixels())] * 3), Source(HERE, kind.size)))
    assert kind.prepare(stored).shape == kind.example(3).shape


def test_an_empty_plan_changes_nothing() -> None:
    batch = helpers.batch(helpers.tasks())
    moved, warp = helpers.image().augment(batch.inputs.clone(), Augment(), generator=helpers.generator())
    close(moved, batch.inputs, 1e-5)
    close(warp.matrix_B23, torch.eye(3)[:2].expand(12, 2, 3), 1e-6)
    assert not warp.flip_B.any()
    assert (warp.angle_B == 0).all()
    assert (warp.scale_B == 1).all()


@given(plan=plans, seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_seed_decides_every_pixel(plan: Augment, seed: int) -> None:
    inputs = helpers.batch(helpers.tasks(), rows=4).inputs
    one, other = (helpers.image().augment(inputs.clone(), plan, generator=helpers.generator(seed)) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1].matrix_B23, other[1].matrix_B23)


def test_draws_differ_between_rows_and_stay_in_the_plan() -> None:
    plan = Augment(rotate=20, scale=0.2, shift=0.1, flip=True)
    _, warp = helpers.image().augment(torch.zeros(400, 3, 16, 16), plan, generator=helpers.generator())
    for drawn, low, high in ((warp.angle_B, -20, 20), (warp.scale_B, 0.8, 1.2)):
        assert low <= drawn.min() < low * 0.95 + high * 0.05
        assert low * 0.05 + high * 0.95 < drawn.max() <= high
    assert 150 < warp.flip_B.sum() < 250
    centre = torch.tensor([7.5, 7.5])
    shift = warp.matrix_B23[:, :, :2] @ centre + warp.matrix_B23[:, :, 2] - centre
    assert 1.4 < shift.abs().max() <= 1.6 + 1e-5


@given(angle=st.sampled_from([0, 17, 90, -133]), scale=st.sampled_from([0.8, 1, 1.2]), flip=st.booleans())
@settings(max_examples=12, deadline=None)
def test_the_matrix_is_made_of_angle_scale_and_flip(angle: float, scale: float, flip: bool) -> None:
    """Clockwise as seen: with y pointing down, the pixel right of the centre goes below it at +90 degrees."""

    class Fixed:
        draws = iter([angle, scale, 0.0, 0.0, 0.1 if flip else 0.9])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "uniform_", lambda self, low, high, generator: self.fill_(next(Fixed.draws)))
        _, warp = helpers.image().augment(torch.zeros(1, 3, 16, 16), Augment(rotate=180, scale=0.5, flip=True), generator=None)
    assert (float(warp.angle_B), float(warp.scale_B), bool(warp.flip_B)) == (angle, pytest.approx(scale), flip)
    right, centre = torch.tensor([7.5 + 4, 7.5]), torch.tensor([7.5, 7.5])
    turn = np.deg2rad(angle)
    expected = centre + 4 * scale * torch.tensor([np.cos(turn), np.sin(turn)], dtype=torch.float32) * (-1 if flip else 1)
    close(warp.matrix_B23[0, :, :2] @ right + warp.matrix_B23[0, :, 2], expected, 1e-4)


@given(plan=plans.filter(lambda plan: not plan.color), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_bright_dot_lands_where_the_matrix_says(plan: Augment, seed: int) -> None:
    rows, side = 8, 32
    at = torch.randint(8, side - 8, (rows, 2), generator=helpers.generator(seed))
    inputs = torch.full((rows, 3, side, side), -1.0)
    for row, (x, y) in enumerate(at.tolist()):
        inputs[row, :, y - 1 : y + 2, x - 1 : x + 2] = 1
    moved, warp = helpers.image(side).augment(inputs, plan, generator=helpers.generator(seed))
    expected = (warp.matrix_B23[:, :, :2] @ at[:, :, None].float())[:, :, 0] + warp.matrix_B23[:, :, 2]
    light = moved[:, 0] + 1
    axis = torch.arange(side).float()
    found = torch.stack([(light.sum(1) * axis).sum(1), (light.sum(2) * axis).sum(1)], 1) / light.sum((1, 2))[:, None]
    inside = ((expected > 3) & (expected < side - 4)).all(1)
    assert inside.any()
    assert (found - expected)[inside].abs().max() < 0.25


def test_flipping_alone_is_an_exact_mirror() -> None:
    inputs = helpers.batch(helpers.tasks(), rows=64).inputs
    moved, warp = helpers.image().augment(inputs.clone(), Augment(flip=True), generator=helpers.generator())
    assert 0 < warp.flip_B.sum() < 64
    close(moved[warp.flip_B], inputs[warp.flip_B].flip(3), 1e-5)
    close(moved[~warp.flip_B], inputs[~warp.flip_B], 1e-5)


def test_moving_there_and_back_changes_little() -> None:
    images = smooth()
    _, warp = helpers.image(24).augment(images, Augment(rotate=40), generator=helpers.generator())
    there = resample(images, warp, mode="bilinear")
    inverse = torch.linalg.inv(torch.cat([warp.matrix_B23, torch.tensor([[[0.0, 0, 1]]]).expand(2, 1, 3)], 1))[:, :2]
    back = resample(there, type(warp)(inverse, -warp.angle_B, warp.scale_B, warp.flip_B, warp.size), mode="bilinear")
    middle = (..., slice(8, 16), slice(8, 16))
    assert (there[middle] - images[middle]).abs().max() > 0.1
    assert (back[middle] - images[middle]).abs().max() < 0.02


def test_colour_is_one_line_per_row_and_channel() -> None:
    inputs = smooth()
    moved, warp = helpers.image(24).augment(inputs.clone(), Augment(color=0.3), generator=helpers.generator())
    close(warp.matrix_B23, torch.eye(3)[:2].expand(2, 2, 3), 1e-6)
    slopes = set()
    for before, after in zip(inputs.flatten(0, 1), moved.flatten(0, 1), strict=True):
        contrast, brightness = np.polyfit(before.flatten(), after.flatten(), 1)
        close(after, before * contrast + brightness, 1e-3)
        assert 0.7 <= contrast <= 1.3
        assert -0.3 <= brightness <= 0.3
        slopes.add(round(float(contrast), 4))
    assert len(slopes) == 6


def test_what_comes_from_outside_repeats_the_border_or_is_nothing() -> None:
    images = torch.ones(1, 1, 16, 16)
    _, warp = helpers.image().augment(images.expand(1, 3, 16, 16), Augment(rotate=45), generator=helpers.generator(1))
    assert warp.angle_B.abs() > 5
    close(resample(images, warp, mode="bilinear"), images, 1e-6)
    assert resample(images, warp, mode="nearest")[0, 0, 0, 0] == 0
