"""The degrees of sharing that training starts from."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from lepton.relatedness.grouping import group_gain

MATTERS = 1.0  # percent of a task's error: gains far below are no reason for anything


def starting_alpha(names: Sequence[str], gain_TT: np.ndarray, error_TT: np.ndarray, levels: int) -> dict[str, list[float]]:
    """α[t,l] = 1/4 + 1/2 Φ(gain / spread), of t's mean gain from all others: in [1/4, 3/4], so that training can still decide.

    gain_TT, error_TT: predicted gains and their standard errors, percent. spread² is the error's square and that of 1 %, so that a
    gain that is sure and does not matter leaves α at 1/2. The same at every level.
    """
    everyone = range(len(names))
    mean_T = group_gain(gain_TT, everyone)
    variance_T = group_gain(error_TT**2, everyone) / max(1, len(names) - 1)
    chance_T = norm.cdf(mean_T / np.sqrt(variance_T + MATTERS**2))
    return {name: [0.25 + 0.5 * float(chance)] * levels for name, chance in zip(names, chance_T, strict=True)}
