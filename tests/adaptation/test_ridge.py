"""The ridge head against scikit-learn's and against the normal equations."""

import torch
import torch.nn.functional as F
from few import episodes
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import normalize

from lepton.adaptation import ridge


def test_it_is_scikit_learns_on_normalised_features() -> None:
    drawn = episodes(ways=4, shots=3, queries=6)
    for penalty in (0.03, 1.0):
        score_EQW = ridge.classify(drawn, penalty)
        for number in range(len(drawn)):
            peer = RidgeClassifier(alpha=penalty, solver="cholesky")
            peer.fit(normalize(drawn.support_ESF[number].double().numpy()), drawn.support_label_ES[number].numpy())
            expected = peer.decision_function(normalize(drawn.query_EQF[number].double().numpy()))
            torch.testing.assert_close(score_EQW[number].double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_it_solves_the_normal_equations() -> None:
    drawn = episodes(count=1, ways=3, shots=10)
    support, query = F.normalize(drawn.support_ESF[0], dim=1), F.normalize(drawn.query_EQF[0], dim=1)
    centred, truth = support - support.mean(0), 2.0 * F.one_hot(drawn.support_label_ES[0], 3) - 1
    weight = torch.linalg.solve(centred.T @ centred + 0.5 * torch.eye(24), centred.T @ (truth - truth.mean(0)))
    expected = (query - support.mean(0)) @ weight + truth.mean(0)
    torch.testing.assert_close(ridge.classify(drawn, 0.5)[0], expected, rtol=1e-4, atol=1e-5)
