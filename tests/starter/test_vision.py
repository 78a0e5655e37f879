"""Promises of the vision starter."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.random import RandomState
from PIL import Image as Pillow

from lepton.blocks import Augment
from lepton.errors import LeptonError
from lepton.inputs.image import Image
from lepton.starter import png, scenes, vision

# A change here is a new data set for everyone: dvc add data, and a line in CHANGELOG.md.
GOLDEN = {
    "samples.parquet": "0e0f220d1a655070e96fe64a91b4ad3bc2345481879721eb4f4aff36e94691cf",
    "new_tasks.parquet": "89b5c1b6985ec2c0122fb68dac92f6898f2926f8bc0aea8f4c594a5346fdec95",
    "planted.json": "7295e64e3f60e08d414e5890f03320a869ce28b57afae8f192649742ea451b41",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter") / "vision"
    vision.build(folder)
    return folder


@pytest.fixture(scope="module")
def samples(built: Path) -> pd.DataFrame:
    return pd.read_parquet(built / "samples.parquet").set_index("id")


@pytest.fixture(scope="module")
def new_tasks(built: Path) -> pd.DataFrame:
    return pd.read_parquet(built / "new_tasks.parquet").set_index("id")


@pytest.fixture(scope="module")
def planted(built: Path) -> dict[str, list[str]]:
    return json.loads((built / "planted.json").read_text())


@pytest.fixture(scope="module")
def good(samples: pd.DataFrame, planted: dict[str, list[str]]) -> pd.DataFrame:
    return samples.drop([row for ids in planted.values() for row in ids], errors="ignore")


def pixels(value: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(value)))


def test_bytes_are_golden(built: Path):
    assert {path.name for path in built.iterdir()} == set(GOLDEN)
    assert {name: hashlib.sha256((built / name).read_bytes()).hexdigest() for name in GOLDEN} == GOLDEN


def test_does_not_overwrite(built: Path):
    with pytest.raises(LeptonError, match=r"already there\. Remove it"):
        vision.build(built)


def test_unwritable_place_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LeptonError, match="cannot be written"):
        vision.build(tmp_path / "file" / "vision")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_shape(samples: pd.DataFrame, new_tasks: pd.DataFrame, good: pd.DataFrame):
    assert (len(samples), len(new_tasks)) == (6000, 595)
    assert samples.index.is_unique
    assert new_tasks.index.is_unique
    assert set(new_tasks["unseen_digit"]) == {3, 7, 9}
    for table in (good, new_tasks):
        assert set(table["family"]) == {f"f{number}" for number in range(200, 260)}
    assert pixels(good["image"].iloc[0]).shape == (40, 40, 3)


def test_labels_are_partly_missing(samples: pd.DataFrame):
    share = samples.notna().mean()
    assert share[["digit", "objects", "ink", "photo", "tilt"]].to_dict() == pytest.approx(
        {"digit": 0.95, "objects": 0.5, "ink": 0.25, "photo": 0.5, "tilt": 0.5}, abs=0.01
    )
    assert not (samples["photo"].notna() & samples["tilt"].notna()).any()


def test_no_handwriting_in_two_families():
    bitmap_N88, label_N = scenes.digits()
    families = scenes.families(label_N, RandomState(vision.SEED))
    writing = [{bitmap_N88[index].tobytes() for index in family} for family in families]
    assert sum(map(len, writing)) == len(set.union(*writing)) == len(bitmap_N88)
    for family in families:
        assert np.ptp(np.bincount(label_N[family], minlength=10)) <= 2


def test_withheld_classes_are_nowhere_in_samples(samples: pd.DataFrame):
    boxes = [box["label"] for row in samples["objects"].dropna() for box in row]
    assert set(samples["digit"].dropna()) == set(boxes) == set(vision.CLASSES)


def test_largest_digit_stands_out(good: pd.DataFrame):
    for row in good[good["objects"].notna()].itertuples():
        first, *others = row.objects
        assert first["h"] >= 20
        assert all(box["h"] <= first["h"] - 2 for box in others)
        assert pd.isna(row.digit) or row.digit == first["label"]


def test_boxes_frame_the_ink(good: pd.DataFrame):
    both = good[good["objects"].notna() & good["ink"].notna()]
    assert len(both) > 500
    for row in both.itertuples():
        mask = pixels(row.ink)
        assert set(np.unique(mask)) == {0, 1}
        framed = np.zeros_like(mask)
        for box in row.objects:
            place = np.s_[box["y"] : box["y"] + box["h"], box["x"] : box["x"] + box["w"]]
            framed[place] = 1
            part = mask[place]
            assert part[0].any()
            assert part[-1].any()
            assert part[:, 0].any()
            assert part[:, -1].any()
        assert not (mask & ~framed.astype(bool)).any()


def test_planted_faults_are_what_they_say(samples: pd.DataFrame, new_tasks: pd.DataFrame, planted: dict[str, list[str]]):
    counts = {fault: len(ids) for fault, ids in planted.items()}
    assert counts == {
        "duplicates": 105,
        "undecodable": 65,
        "boxes": 60,
        "outliers": 40,
        "flipped_digit": 171,
        "flipped_photo": 118,
    }
    ids = [row for rows in planted.values() for row in rows]
    assert len(set(ids)) == len(ids)
    images = pd.concat([samples["image"], new_tasks["image"]])
    assert sorted(images.index[images.duplicated()]) == planted["duplicates"]
    for row, value in images.items():
        if row in set(planted["undecodable"]):
            with pytest.raises(OSError, match=r"truncated|cannot identify"):
                pixels(value)
        else:
            pixels(value)
    outlying = samples["tilt"].abs() > 40
    assert sorted(samples.index[outlying]) == planted["outliers"]
    assert samples.loc[~outlying, "tilt"].abs().max() <= 30
    for name, boxes in samples["objects"].dropna().items():
        inside = all(b["x"] >= 0 and b["y"] >= 0 and b["h"] > 0 and b["x"] + b["w"] <= 40 and b["y"] + b["h"] <= 40 for b in boxes)
        assert inside == (name not in set(planted["boxes"]))
    for row in samples.loc[planted["flipped_digit"]].itertuples():
        assert row.objects is None or row.digit != row.objects[0]["label"]


def test_tilt_turns_as_augmentation_does():
    """Drawing a digit tilted by `Warp.angle_B` equals augmenting the upright drawing: clockwise is positive in both."""
    bitmap_N88, _ = scenes.digits()
    upright = scenes.turned(bitmap_N88[13], 24, 0)
    side = len(upright)
    image = Image(type="image", column="image", size=(side, side), channels=1)
    stored = torch.from_numpy(upright)[None, None].float()
    turned, warp = image.augment(stored, Augment(rotate=30), generator=torch.Generator().manual_seed(1))
    tilt = round(10 * warp.angle_B.item())
    assert abs(tilt) > 100

    def difference(tilt: int) -> float:
        return float(np.abs(turned[0, 0].numpy() - scenes.turned(bitmap_N88[13], 24, tilt)).mean())

    assert difference(tilt) < 5 < 20 < difference(-tilt)


@pytest.mark.parametrize("shape", [(3, 5), (40, 40, 3), (200, 400)])
def test_png_reads_back(shape: tuple[int, ...]):
    image = RandomState(0).randint(0, 256, shape).astype(np.uint8)
    assert np.array_equal(pixels(png.encode(image)), image)
