"""Promises of kernels that read trunks side by side."""

import torch

import helpers
from laws import close
from lepton.sharing.columns import Mixing, Reading


def test_mixing_is_a_weighted_sum_of_columns() -> None:
    weight_RT, columns = (
        torch.randn(2, 3, generator=helpers.generator()),
        torch.randn(4, 3, 5, 2, 2, generator=helpers.generator(1)),
    )
    found = torch.nn.functional.conv2d(columns.flatten(1, 2), Mixing(5).kernel(weight_RT))
    close(found.unflatten(1, (2, 5)), torch.einsum("rt,btchw->brchw", weight_RT, columns), 1e-5)


def test_reading_sees_one_column_and_no_other() -> None:
    read = Reading(5, 6, [1, 0, 1], 2)
    weight_RbC, columns = read.weight[:, :, 0, 0].unflatten(0, (3, 2)), torch.randn(4, 2, 5, 1, 1, generator=helpers.generator())
    found = torch.nn.functional.conv2d(columns.flatten(1, 2), read.kernel())
    expected = torch.einsum("rbc,nrc->nrb", weight_RbC, columns[:, [1, 0, 1], :, 0, 0])
    close(found[:, :, 0, 0].unflatten(1, (3, 2)), expected, 1e-5)
