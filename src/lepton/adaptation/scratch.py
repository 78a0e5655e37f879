"""From scratch: a network of the same trunk, trained from random weights on the support set alone. What adaptation must beat."""

import torch
import torch.nn.functional as F
from rich.progress import track
from torch import Tensor, nn

from lepton.adaptation.episodes import Episodes
from lepton.config import Params
from lepton.data.store import Samples
from lepton.tasks.classification import Classification
from lepton.training import network

EPISODES = 20  # each is a training of its own
STEPS = 20  # on the whole support set
LR = 0.003


def classify(params: Params, samples: Samples, name: str, episodes: Episodes) -> Tensor:
    """Logits of each query [E, Q, W]. name: of the new task; with the seed it decides the random weights."""
    kind = params.input
    task = Classification(type="classification", column=name, classes=tuple(range(episodes.ways)))
    found = []
    for number in track(range(len(episodes)), f"{name} from scratch", disable=len(episodes) == 1):
        network.seeded(params.compute.seed, "scratch", name, number)
        model = network.build(params, {name: task}, "hard")
        support, query = (
            kind.prepare(torch.from_numpy(samples.inputs[rows[number].numpy()]))
            for rows in (episodes.support_ES, episodes.query_EQ)
        )
        _train(model, name, support, episodes.support_label_ES[number])
        with torch.no_grad():
            found.append(model.eval()(query)[name])
    return torch.stack(found)


def _train(model: nn.Module, name: str, inputs: Tensor, label_S: Tensor) -> None:
    """Full batches; normalisation ends with the statistics of the support set, so that queries stay out of it."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, foreach=True)
    model.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs)[name], label_S).backward()
        optimizer.step()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain average
    with torch.no_grad():
        model(inputs)
