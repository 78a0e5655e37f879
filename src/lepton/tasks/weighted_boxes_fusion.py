"""Weighted boxes fusion (Solovyev et al. 2021, arXiv 1910.13302): boxes of several models on one object become their mean."""

from collections.abc import Sequence

import numpy as np

OVERLAP = 0.55  # least IoU of a box with the mean of those that it joins, as in the paper

Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]
"""One model's detections in one image: score [D], class [D] and box [D, 4] as x, y, w, h, most confident first."""


def overlap(box_4: np.ndarray, others_D4: np.ndarray) -> np.ndarray:
    """Intersection over union of a box with others [D]."""
    low = np.maximum(box_4[:2], others_D4[:, :2])
    high = np.minimum(box_4[:2] + box_4[2:], others_D4[:, :2] + others_D4[:, 2:])
    shared_D = (high - low).clip(min=0).prod(1)
    return shared_D / (box_4[2:].prod() + others_D4[:, 2:].prod(1) - shared_D).clip(min=1e-12)


def fuse(members: Sequence[Boxes], weight_M: np.ndarray) -> Boxes:
    """Going down in confidence, each box joins the group of its class that it overlaps most, or begins one of its own.

    A group's box is the mean of its boxes by weight times score; its score is the sum of weight times score over the weight of all
    members, so that a box which few models see counts less. A model has one box in a group at most, and alone keeps its own.
    """
    owner_D = np.repeat(np.arange(len(members)), [len(one[0]) for one in members])
    score_D, class_D, box_D4 = (np.concatenate([one[part] for one in members]) for part in range(3))
    share_D = weight_M[owner_D] * score_D / weight_M.sum()
    order_D = np.argsort(-score_D, kind="stable")
    groups = len(order_D)
    sum_G, moment_G4, class_G = np.zeros(groups), np.zeros((groups, 4)), np.full(groups, -1)
    joined_GM = np.zeros((groups, len(members)), bool)
    count = 0
    for d in order_D:
        free_G = (class_G[:count] == class_D[d]) & ~joined_GM[:count, owner_D[d]]
        near_G = np.where(free_G, overlap(box_D4[d].astype(float), moment_G4[:count] / sum_G[:count, None]), 0)
        group = int(near_G.argmax()) if count and near_G.max() > OVERLAP else count
        count += group == count
        sum_G[group] += share_D[d]
        moment_G4[group] += share_D[d] * box_D4[d]
        class_G[group], joined_GM[group, owner_D[d]] = class_D[d], True
    order_G = np.argsort(-sum_G[:count], kind="stable")
    return sum_G[order_G], class_G[order_G], moment_G4[order_G] / sum_G[order_G, None]
