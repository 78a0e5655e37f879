"""A small decision tree that imitates a task's answers from simple facts about the input: how much of the model is that simple?"""

from dataclasses import dataclass

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, export_text


@dataclass(frozen=True)
class Surrogate:
    """fidelity: share of held-out rows where the tree agrees with the model (classes), or R² of the model's numbers."""

    fidelity: float
    rules: str


def image_facts(images_NCHW: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Mean and spread of each channel, and mean brightness of a 3 × 3 grid; uint8 units."""
    images = images_NCHW.astype(np.float64)
    channels = images.shape[1]
    names = [
        f"{kind} {channel}" for kind in ("mean", "spread") for channel in (("red", "green", "blue") if channels == 3 else ("grey",))
    ]
    columns = [images.mean((2, 3)), images.std((2, 3))]
    for y, row in enumerate(np.array_split(images.mean(1), 3, axis=1)):
        for x, cell in enumerate(np.array_split(row, 3, axis=2)):
            columns.append(cell.mean((1, 2))[:, None])
            names.append(f"{('top', 'middle', 'bottom')[y]} {('left', 'centre', 'right')[x]}")
    return np.concatenate(columns, axis=1), names


def imitate(facts_NP: np.ndarray, names: list[str], answers_N: np.ndarray, depth: int, seed: int) -> Surrogate:
    """Fits on two thirds of the rows, judges on the rest. Whole numbers or words are classes, other numbers a quantity."""
    classes = answers_N.dtype.kind in "iuOUS"
    tree = (DecisionTreeClassifier if classes else DecisionTreeRegressor)(max_depth=depth, min_samples_leaf=5, random_state=seed)
    order = np.random.default_rng(seed).permutation(len(answers_N))
    cut = 2 * len(order) // 3
    tree.fit(facts_NP[order[:cut]], answers_N[order[:cut]])
    rest = order[cut:]
    return Surrogate(float(tree.score(facts_NP[rest], answers_N[rest])), export_text(tree, feature_names=names, decimals=0))
