"""Promises of how predicted gains become those of a network."""

import numpy as np

from lepton.relatedness.calibration import COMPANY, UNLEARNED, gains


def test_between_tasks_that_learn_a_percent_stays_a_percent_above_what_any_company_brings() -> None:
    share = np.random.default_rng(0).normal(size=(4, 3, 3)) / 100
    np.testing.assert_allclose(gains(share, np.ones(3))[:, 0, 1], 100 * share[:, 0, 1] + COMPANY)
    assert not gains(share, np.ones(3)).diagonal(axis1=1, axis2=2).any()


def test_who_learns_nothing_gains_nothing_from_others_and_costs_them() -> None:
    gain = gains(np.zeros((4, 3, 3)), np.array([1.0, 1.0, 0.0]))
    assert (gain[:, :2, 2] == -UNLEARNED).all()
    assert (gain[:, 2, :2] == 0).all()


def test_of_whom_nothing_is_known_nothing_is_said() -> None:
    gain = gains(np.zeros((4, 3, 3)), np.array([1.0, np.nan, 1.0]))
    assert not gain[:, 1].any()
    assert not gain[:, :, 1].any()
    assert (gain[:, 0, 2] == COMPANY).all()
