"""The degrees of sharing that training starts from."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from lepton.relatedness.grouping import group_gain


def starting_alpha(names: Sequence[str], gain_TT: np.ndarray, error_TT: np.ndarray, levels: int) -> dict[str, list[float]]:
    """α[t,l] = 1/4 + 1/2 · the chance that t gains from sharing with all others: in [1/4, 3/4], so that training can still decide.

    gain_TT, error_TT: predicted gains and their standard errors. The same at every level; 1/2 where nothing is known.
    """
    everyone = range(len(names))
    mean_T = group_gain(gain_TT, everyone)
    error_T = np.sqrt(group_gain(error_TT**2, everyone) / max(1, len(names) - 1))
    chance_T = np.where(error_T > 0, norm.cdf(mean_T / np.maximum(error_T, 1e-300)), 0.5)
    return {name: [0.25 + 0.5 * float(chance)] * levels for name, chance in zip(names, chance_T, strict=True)}
