"""MMoE of torch-rechub (Ma et al. 2018) in an environment of its own: `PYTHON rechub.py IN.npz OUT.npz`.

IN holds train, valid and test features [N, F] and labels [N, T], and the settings. Weights are those of the epoch with the best
mean ROC-AUC on the validation split. OUT holds the probabilities of every test row [N, T], that ROC-AUC, seconds and parameters.
"""

import contextlib
import io
import sys
import time
from copy import deepcopy

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, Dataset
from torch_rechub.basic.features import DenseFeature
from torch_rechub.models.multi_task import MMOE
from torch_rechub.trainers import MTLTrainer

EXPERTS = 4
TOWER = [16]
NAME = "features"


class Rows(Dataset):
    """Features [N, F] and labels [N, T], as the library's trainer takes them."""

    def __init__(self, features_NF: np.ndarray, labels_NT: np.ndarray):
        self.features_NF, self.labels_NT = features_NF, labels_NT

    def __len__(self) -> int:
        return len(self.features_NF)

    def __getitem__(self, row: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return {NAME: self.features_NF[row]}, self.labels_NT[row]


def main() -> None:
    torch.set_num_threads(1)
    given = np.load(sys.argv[1])
    torch.manual_seed(int(given["seed"]))
    tasks = given["train_labels"].shape[1]
    features = [DenseFeature(NAME, embed_dim=given["train"].shape[1])]
    experts = {"dims": given["size"].tolist(), "activation": "relu", "dropout": float(given["dropout"])}
    towers = [{"dims": TOWER, "activation": "relu"}] * tasks
    model = MMOE(features, ["classification"] * tasks, EXPERTS, experts, towers)
    trainer = MTLTrainer(model, ["classification"] * tasks, optimizer_params={"lr": float(given["lr"]), "weight_decay": 1e-5})

    def predicted(split: str) -> np.ndarray:
        model.eval()
        with torch.no_grad():
            return model({NAME: torch.from_numpy(given[split])}).numpy()

    loader = DataLoader(Rows(given["train"], given["train_labels"]), int(given["batch"]), shuffle=True)
    best, state, started = -1.0, model.state_dict(), time.perf_counter()
    for _ in range(int(given["epochs"])):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            trainer.train_one_epoch(loader)
        score = float(np.mean([roc_auc_score(given["valid_labels"][:, t], predicted("valid")[:, t]) for t in range(tasks)]))
        if score > best:
            best, state = score, deepcopy(model.state_dict())
    seconds = time.perf_counter() - started
    model.load_state_dict(state)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    np.savez(sys.argv[2], test=predicted("test"), valid=best, seconds=seconds, parameters=parameters)


if __name__ == "__main__":
    main()
