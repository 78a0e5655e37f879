"""Episodes: small classification problems, each with a labelled support set to adapt to and queries to be judged on.

Shape suffixes of this room:
    E  episodes    W  ways, classes of an episode    S  support rows of an episode, W · shots
    F  features    D  width of the adaptable map     Q  query rows of an episode, W · queries
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lepton.errors import LeptonError
from lepton.training.network import seeded
from lepton.types import Arrays


@dataclass(frozen=True)
class Pool:
    """Where a task's episodes are drawn from: the rows of each class of a split, and their features [N, F]."""

    task: str
    features_NF: Tensor
    rows: Sequence[Tensor]

    @classmethod
    def of(cls, task: str, features_NF: Tensor, labels: Arrays) -> "Pool":
        """From the labels of a classification task; classes without rows are left out."""
        class_N = np.where(labels["present"], labels["class"], -1)
        rows = [torch.from_numpy(np.flatnonzero(class_N == number)) for number in np.unique(class_N) if number >= 0]
        return cls(task, features_NF, rows)

    def with_rows(self, needed: int) -> "Pool":
        """The classes that have at least `needed` rows."""
        return Pool(self.task, self.features_NF, [rows for rows in self.rows if len(rows) >= needed])

    @property
    def smallest(self) -> int:
        """Rows of the smallest class."""
        return min(map(len, self.rows), default=0)


@dataclass(frozen=True)
class Episodes:
    """Drawn rows; the label is the class's number in its episode, 0 .. W − 1."""

    features_NF: Tensor
    ways: int
    support_ES: Tensor
    support_label_ES: Tensor
    query_EQ: Tensor
    query_label_EQ: Tensor

    def __len__(self) -> int:
        return len(self.support_ES)

    @property
    def support_ESF(self) -> Tensor:
        return self.features_NF[self.support_ES]

    @property
    def query_EQF(self) -> Tensor:
        return self.features_NF[self.query_EQ]

    def take(self, episodes: slice) -> "Episodes":
        parts = (self.support_ES, self.support_label_ES, self.query_EQ, self.query_label_EQ)
        return Episodes(self.features_NF, self.ways, *(part[episodes] for part in parts))


def eligible(pools: Sequence[Pool], ways: int, needed: int) -> tuple[list[Pool], int]:
    """The pools with `ways` classes of at least `needed` rows, and `ways`; fewer where none has so many; none below two.

    A task of few classes is left out rather than asked for smaller episodes: two photographs told apart taught the map to look
    at backgrounds, which cost new digits two to five points.
    """
    enough = [pool.with_rows(needed) for pool in pools]
    ways = min(ways, max((len(pool.rows) for pool in enough), default=0))
    return [pool for pool in enough if len(pool.rows) >= ways > 1], ways


def generator(seed: int, *salt: str | int) -> Generator:
    """Draws for one purpose, so that more episodes for one do not change those of another."""
    seeded(seed, "episodes", *salt)
    return torch.Generator().manual_seed(torch.initial_seed() % 2**62)


def draw(pool: Pool, ways: int, shots: int, queries: int, count: int, *, generator: Generator) -> Episodes:
    """`count` episodes: classes and rows uniformly, without repeats within an episode.

    Raises LeptonError when a class has no row left for a query, or the pool has too few classes.
    """
    if not 2 <= ways <= len(pool.rows) or pool.smallest < shots + queries:
        raise LeptonError(
            f"{pool.task}: {len(pool.rows)} classes with at least {pool.smallest} labelled rows each are too few for episodes "
            f"of {ways} classes with {shots} shots and {queries} queries. Add rows, or ask for fewer shots in params.yaml."
        )
    most = max(map(len, pool.rows))
    row_KN = torch.stack([F.pad(rows, (0, most - len(rows)), value=-1) for rows in pool.rows])
    chosen_EW = torch.rand(count, len(pool.rows), generator=generator).argsort(1)[:, :ways]
    row_EWN = row_KN[chosen_EW]
    rank_EWN = torch.rand(row_EWN.shape, generator=generator).masked_fill_(row_EWN < 0, 2.0)
    drawn = row_EWN.gather(2, rank_EWN.topk(shots + queries, largest=False).indices)
    label_EW = torch.arange(ways).expand(count, -1)
    return Episodes(
        pool.features_NF,
        ways,
        drawn[:, :, :shots].flatten(1),
        label_EW.repeat_interleave(shots, 1),
        drawn[:, :, shots:].flatten(1),
        label_EW.repeat_interleave(queries, 1),
    )
