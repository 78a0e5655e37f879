"""Tox21 and Adult as arrays: features of every row, and labels of which some are missing."""

import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer

from benchmarks.trainings import Data
from lepton.blocks import Prepare
from lepton.data.balance import row_weights
from lepton.data.store import Samples
from lepton.errors import LeptonError
from lepton.tasks.classification import Classification

ASSAYS = (
    *("NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER", "NR-ER-LBD", "NR-PPAR-gamma"),
    *("SR-ARE", "SR-ATAD5", "SR-HSE", "SR-MMP", "SR-p53"),
)
HASHES = 1024  # features of a molecule
GRAMS = (1, 6)  # characters of a substructure in SMILES
NUMBERS = ("age", "education-num", "hours-per-week", "capital-gain", "capital-loss")
WORDS = ("workclass", "occupation", "race", "sex", "native-country")  # relationship gives marital status away
VALID = 10  # one of so many rows of Adult's training file is for validation
TASKS = {"Tox21": tuple(name.replace("-", "_") for name in ASSAYS), "Adult": ("income", "never_married")}


def binary(task: str) -> Classification:
    """Classes 0 and 1, of which 1 is the rare one that matters."""
    return Classification(type="classification", column=task, classes=(0, 1), metric="roc_auc")


def read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise LeptonError(f"{path}: not there. Name the folder of tox21/ and adult/ with --data DIR.") from None


def substructures(smiles: pd.Series) -> np.ndarray:
    """Counts of hashed strings of 1 to 6 characters, log(1 + n): float32 [N, 1024]. Case matters: c is aromatic, C is not."""
    hashing = HashingVectorizer(
        analyzer="char", ngram_range=GRAMS, n_features=HASHES, lowercase=False, alternate_sign=False, norm=None, dtype=np.float32
    )
    return np.log1p(hashing.transform(smiles).toarray())


def columns(table: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    """Numbers standardised and words one-hot, both after the rows that are `known`: float32 [N, F]."""

    def numbers(part: pd.DataFrame) -> pd.DataFrame:
        gains = part[["capital-gain", "capital-loss"]].transform(np.log1p)
        return part[list(NUMBERS)].astype(float).assign(**gains)

    mean, std = numbers(known).mean(), numbers(known).std()
    parts = [((numbers(table) - mean) / std).to_numpy()]
    for word in WORDS:
        parts += [(table[word] == value).to_numpy()[:, None] for value in sorted(known[word].dropna().unique())]
    return np.concatenate(parts, 1).astype(np.float32)


def samples(features_NF: np.ndarray, labels: Mapping[str, pd.Series]) -> Samples:
    """labels: 0, 1 or nan of every row."""
    encoded = {
        name: {"present": column.notna().to_numpy(), "class": column.fillna(0).to_numpy(np.int64)}
        for name, column in labels.items()
    }
    return Samples(features_NF, encoded, [str(row) for row in range(len(features_NF))])


def data(train: Samples, valid: Samples, test: Samples) -> Data:
    """Balanced as the stage prepare does by default."""
    power = Prepare().power
    weight_N = row_weights({name: fields["present"] for name, fields in train.labels.items()}, power)
    weights = {name: binary(name).balance(fields, power) for name, fields in train.labels.items()}
    return Data(train, valid, test, weight_N, weights)


@cache
def load(name: str, folder: Path, rows: int) -> Data:
    """rows: at most so many of each file."""
    return {"Tox21": tox21, "Adult": adult}[name](folder, rows)


def tox21(folder: Path, rows: int) -> Data:
    """The split that the table names: by molecule."""
    table = read(folder / "tox21/tox21.csv.gz").head(rows)
    sides = [table[table["split"] == side] for side in ("train", "val", "test")]
    return data(*[samples(substructures(side["smiles"]), {n.replace("-", "_"): side[n] for n in ASSAYS}) for side in sides])


def adult(folder: Path, rows: int) -> Data:
    """The publisher's test file; a hash of the row number takes a tenth of the training file for validation."""
    given, test = (read(folder / f"adult/{side}.csv.gz").head(rows) for side in ("train", "test"))
    held = np.array([zlib.crc32(str(row).encode()) % VALID == 0 for row in range(len(given))])
    train = given[~held]
    sides = [
        samples(
            columns(side, train),
            {"income": (side["income"] == ">50K") * 1.0, "never_married": (side["marital-status"] == "Never-married") * 1.0},
        )
        for side in (train, given[held], test)
    ]
    return data(*sides)
