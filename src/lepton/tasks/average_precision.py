"""Average precision of boxes: matched by pycocotools, averaged as COCO defines it, on any choice of rows."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lepton.tasks.base import Evidence

RECALLS = np.linspace(0, 1, 101)  # where COCO reads precision
IOUS = np.linspace(0.5, 0.95, 10)  # least overlaps of a match that COCO averages over


class BoxEvidence(Evidence):
    """Matches of detections D with true boxes, made by pycocotools; average precision follows COCO's definition.

    Detections are sorted by falling confidence. hit_DI: matched at each IoU threshold I; truth_NK: true boxes per row, class.
    """

    def __init__(self, row_N: np.ndarray, row_D: np.ndarray, class_D: np.ndarray, hit_DI: np.ndarray, truth_NK: np.ndarray):
        self.row_N, self.row_D, self.class_D, self.hit_DI, self.truth_NK = row_N, row_D, class_D, hit_DI, truth_NK

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        count = len(self.row_N)
        weight_N = np.ones(count) if rows is None else np.bincount(rows, minlength=count).astype(float)
        thresholds = self.hit_DI.shape[1] if rows is None else 1  # a bootstrap asks for the task's own metric only
        ap_KI = np.array([self._precision(number, weight_N, thresholds) for number in range(self.truth_NK.shape[1])])
        seen = ~np.isnan(ap_KI[:, 0])
        result = {"ap50": float(ap_KI[seen, 0].mean()) if seen.any() else 0.0}
        if rows is None:
            result["ap"] = float(ap_KI[seen].mean()) if seen.any() else 0.0
        return result

    def _precision(self, number: int, weight_N: np.ndarray, thresholds: int) -> np.ndarray:
        """Average precision of one class at the first `thresholds` IoUs; nan when it has no true box."""
        truth = float(weight_N @ self.truth_NK[:, number])
        if truth == 0:
            return np.full(thresholds, np.nan)
        mine = self.class_D == number
        weight_D = weight_N[self.row_D[mine]]
        result = []
        for hit_D in self.hit_DI[mine, :thresholds].T:
            hits, all_seen = np.cumsum(weight_D * hit_D), np.cumsum(weight_D)
            precision = np.maximum.accumulate((hits / np.maximum(all_seen, 1e-9))[::-1])[::-1]
            at = np.searchsorted(hits / truth, RECALLS)
            result.append(np.append(precision, 0.0)[np.minimum(at, len(precision))].mean())
        return np.array(result)


def match(truth: list[dict], found: list[dict], images: int, classes: int) -> list[tuple[np.ndarray, ...]]:
    """Per class and image: image, class, confidence [D] and hits [D, I] at IoU .50, .55 ... .95.

    Boxes of a class that their image has none of hit nothing. They are most pairs of class and image, and pycocotools is slow.
    """
    there = {(box["image_id"], box["category_id"]) for box in truth}
    vain: dict[tuple[int, int], list[float]] = {}
    for box in found:
        if (pair := (box["image_id"], box["category_id"])) not in there:
            vain.setdefault(pair, []).append(box["score"])
    matches = []
    for one in _judged(truth, [box for box in found if (box["image_id"], box["category_id"]) in there], images, classes):
        score_D = np.asarray(one["dtScores"])
        matches.append((one["image_id"], one["category_id"], score_D, (one["dtMatches"] > 0).T.astype(float)))
    matches += [(*pair, -np.sort(-np.array(scores)), np.zeros((len(scores), len(IOUS)))) for pair, scores in vain.items()]
    return [
        (np.full(len(score_D), image), np.full(len(score_D), number), score_D, hit_DI)
        for image, number, score_D, hit_DI in sorted(matches, key=lambda one: (one[1], one[0]))
    ]


def _judged(truth: list[dict], found: list[dict], images: int, classes: int) -> list[dict]:
    """What pycocotools says of every class and image that have true boxes."""
    if not found:
        return []
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": image} for image in range(images)],
            "categories": [{"id": number} for number in range(classes)],
            "annotations": [{"id": number + 1, **box} for number, box in enumerate(truth)],
        }
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), "bbox")
        judge.params.areaRng, judge.params.areaRngLbl = judge.params.areaRng[:1], judge.params.areaRngLbl[:1]
        judge.params.iouThrs = IOUS
        judge.evaluate()
    return [image for image in judge.evalImgs if image is not None]
