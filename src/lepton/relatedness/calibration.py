"""From the error that another task's features take away to what a network gains by sharing a trunk with it.

Measured on the true gains of all pairs of two sets (`benchmarks/relatedness.py`): 1 % less error on untrained features went with
1 % of the metric on a set of pictures and with half of that on one of molecules; it is taken for 1 %. Any company added something,
whoever it was, unless it learned nothing. Where labels are few for what has to be learned, as with 20 pictures of each of 30
characters, company is worth far more.
"""

import numpy as np

COMPANY = 0.45  # percent of its metric that a task gains from any other one
UNLEARNED = 1.0  # percent that it loses to one which learns nothing: a trunk that follows chance labels follows their noise
SPREAD = 1.1  # percent, the standard deviation of true gains around the predicted ones


def gains(share_FTT: np.ndarray, sure_T: np.ndarray) -> np.ndarray:
    """Percent of its metric that each task gains from each other one [F, T, T]; 0 where too few labels say anything.

    share_FTT, sure_T: as `agop.gains` gives them. As far as both are sure to learn anything, and as far as the other is not.
    """
    known_TT = np.isfinite(sure_T[:, None] * sure_T) & ~np.eye(len(sure_T), dtype=bool)
    any_TT = COMPANY * sure_T[:, None] * sure_T - UNLEARNED * (1 - sure_T)
    return np.where(known_TT, 100 * share_FTT + any_TT, 0.0)
