"""Nearest centroid against scikit-learn's."""

import torch
from few import episodes
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import normalize

from lepton.adaptation import centroid


def test_it_is_scikit_learns_on_normalised_features() -> None:
    drawn = episodes(ways=4, queries=10)
    found_EQ = centroid.classify(drawn).argmax(2)
    for number in range(len(drawn)):
        peer = NearestCentroid().fit(normalize(drawn.support_ESF[number].numpy()), drawn.support_label_ES[number].numpy())
        assert found_EQ[number].tolist() == peer.predict(normalize(drawn.query_EQF[number].numpy())).tolist()


def test_a_class_with_one_shot_is_its_own_centre() -> None:
    drawn = episodes(shots=1)
    own = torch.nn.functional.normalize(drawn.support_ESF, dim=2)
    query = torch.nn.functional.normalize(drawn.query_EQF, dim=2)
    torch.testing.assert_close(centroid.classify(drawn), -torch.cdist(query, own))
