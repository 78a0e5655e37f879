"""Which side a row is on: a hash of its group decides, so a row never changes side, whatever else is in the table."""

import hashlib

import numpy as np
import pandas as pd

from lepton.blocks import Split

SIDES = ("train", "valid", "test")


def place(group: object, salt: str) -> float:
    """A number in [0, 1) that depends on the group and the salt alone."""
    if isinstance(group, float) and group.is_integer():
        group = int(group)  # whole numbers become floats as soon as one row lacks one
    digest = hashlib.sha256(f"{salt}\0{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def sides(groups: pd.Series, split: Split) -> np.ndarray:
    """The side, one of `SIDES`, of each row [N]: test below `split.test`, then valid, then train."""
    at = {group: place(group, split.salt) for group in groups.unique()}
    place_N = groups.map(at).to_numpy(float)
    return np.select([place_N < split.test, place_N < split.test + split.valid], ["test", "valid"], "train")
