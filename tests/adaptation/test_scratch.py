"""The network that starts from nothing."""

import numpy as np
import torch

import helpers
from lepton.adaptation import scratch
from lepton.adaptation.episodes import Episodes, Pool, draw
from lepton.data.store import Samples


def stripes() -> tuple[Samples, Episodes]:
    inputs, sort_N = helpers.stripes(60)
    labels = {"present": np.ones(60, bool), "class": sort_N}
    pool = Pool.of("sort", torch.zeros(60, 1), labels)
    return Samples(inputs, {"sort": labels}, []), draw(pool, 3, 5, 3, 2, generator=helpers.generator())


def test_it_learns_its_support_set_and_repeats_itself() -> None:
    samples, drawn = stripes()
    first = scratch.classify(helpers.params(), samples, "sort", drawn)
    assert first.shape == (2, 9, 3)
    assert torch.equal(first, scratch.classify(helpers.params(), samples, "sort", drawn))
    known = Episodes(**{**vars(drawn), "query_EQ": drawn.support_ES, "query_label_EQ": drawn.support_label_ES})
    found = scratch.classify(helpers.params(), samples, "sort", known).argmax(2)
    assert (found == known.query_label_EQ).float().mean() > 0.8


def test_a_query_does_not_depend_on_the_others() -> None:
    samples, drawn = stripes()
    alone = Episodes(**{**vars(drawn), "query_EQ": drawn.query_EQ[:, :1], "query_label_EQ": drawn.query_label_EQ[:, :1]})
    found, whole = (scratch.classify(helpers.params(), samples, "sort", one) for one in (alone, drawn))
    torch.testing.assert_close(found, whole[:, :1], rtol=1e-4, atol=1e-5)
