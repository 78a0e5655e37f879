"""The degrees of sharing that training starts from."""

from collections.abc import Sequence

import numpy as np


def starting_alpha(names: Sequence[str], score_LTT: np.ndarray) -> dict[str, list[float]]:
    """α[t,l] = 1/2 + 1/4 · mean affinity of t with the other tasks at level l: in [1/4, 3/4], so that training can still decide.

    score_LTT: of gradients as they are. What all young heads have in common says nothing of who is related to whom, but here it is
    what counts: how far the tasks pull one trunk the same way.
    """
    count = len(names)
    if count == 1:
        return {names[0]: [0.5] * len(score_LTT)}
    others_LT = (score_LTT.sum(2) - score_LTT.diagonal(axis1=1, axis2=2)) / (count - 1)
    return {name: (0.5 + 0.25 * others_LT[:, index]).tolist() for index, name in enumerate(names)}
