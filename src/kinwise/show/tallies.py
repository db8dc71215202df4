"""What the charts and tables of a report count: right and wrong answers by node, by pair, by severity, by confidence.

Answers are what a decision rule gave, int64, shape (pictures, levels): for each level the index within that level.
"""

from dataclasses import dataclass

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import CALIBRATION_BINS
from kinwise.judge.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often one class was taken for another."""

    true: int
    answered: int
    count: int
    share: float
    back: int
    severity: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability:
    """Accuracy beside confidence in equal-width bins, each array of shape (filled bins,).

    ``share`` is each bin's part of all pictures; a calibrated classifier has ``accuracy`` equal to ``confidence``.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    share: np.ndarray


def level_order(hierarchy: Hierarchy, level: int) -> np.ndarray:
    """The nodes of a level, as indices within it, in the order of a walk down the tree: kin stand side by side."""
    labels = hierarchy.level_labels[hierarchy.tree_order, level]
    _, first = np.unique(labels, return_index=True)
    return labels[np.sort(first)]


def severities(hierarchy: Hierarchy, level: int) -> np.ndarray:
    """How severe it is to take one node of a level for another, shape (nodes, nodes).

    0 for the same node, else the height of the lowest common ancestor: for classes the same as ``distances``.
    """
    nodes = hierarchy.level_nodes[level]
    common = hierarchy.heights[hierarchy.lowest_common_ancestor(nodes[:, None], nodes[None, :])]
    return np.where(np.eye(len(nodes), dtype=bool), 0, common)


def severity_names(hierarchy: Hierarchy) -> tuple[str, ...]:
    """What a mistake of each severity 0..height is called: "right class", "same superclass", ..., "other group".

    A severity has a level's name only where every class is equally deep; in a ragged tree it has its number.
    """
    levels, height = hierarchy.levels, int(hierarchy.heights[0])
    if np.any(hierarchy.depths[hierarchy.leaves] != len(levels)):
        return ("right class", *(f"severity {severity}" for severity in range(1, height + 1)))
    return ("right class", *(f"same {level}" for level in reversed(levels[:-1])), f"other {levels[0]}")


def confusion_counts(true: np.ndarray, answered: np.ndarray, size: int) -> np.ndarray:
    """How often each node (row) got each answer (column), int64, shape (size, size)."""
    return np.bincount(true * size + answered, minlength=size * size).reshape(size, size)


def strength(counts: np.ndarray) -> np.ndarray:
    """How strongly each cell of a confusion matrix is coloured, 0..1: its share of its row, to the power of 0.4.

    The power lets rare mistakes be seen.
    """
    return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)) ** 0.4


def blocks(parents: np.ndarray) -> list[tuple[int, int]]:
    """Where runs of equal parents start and end (exclusive)."""
    edges = np.flatnonzero(np.diff(parents)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(parents)], strict=True))


def top_confusions(counts: np.ndarray, severity: np.ndarray, most: int = 20) -> list[Confusion]:
    """The most frequent mistakes of a confusion matrix, the most frequent first; ties in the order of the classes."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    totals = counts.sum(axis=1)
    return [
        Confusion(
            true=int(true),
            answered=int(answered),
            count=int(wrong[true, answered]),
            share=float(wrong[true, answered] / totals[true]),
            back=int(wrong[answered, true]),
            severity=int(severity[true, answered]),
        )
        for true, answered in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[true, answered]
    ]


def node_accuracy(predictions: Predictions, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every node of the tree: how many pictures are under it, and the share of them answered with it.

    A node is judged at its own level: an inner node at that of its depth, a class always at the last. The root counts
    all pictures and the right classes among them. Where no picture is under a node its share is nan.
    """
    tree = predictions.hierarchy
    right = answers == tree.level_labels[predictions.labels]
    counts = tree.ancestor_matrix @ np.bincount(predictions.labels, minlength=len(tree.leaves))
    hits = np.zeros(len(tree.parents))
    for level in range(len(tree.levels)):
        at_level = np.bincount(tree.paths[predictions.labels, level], right[:, level], minlength=len(hits))
        hits = np.where(tree.depths == level + 1, at_level, hits)
    hits[0] = right[:, -1].sum()
    hits[tree.leaves] = np.bincount(predictions.labels, right[:, -1], minlength=len(tree.leaves))
    with np.errstate(invalid="ignore"):
        return counts, np.where(counts > 0, hits / counts, np.nan)


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS) -> Reliability:
    """Accuracy beside confidence: pictures sorted into equal-width bins by the probability of their best node.

    ``probabilities`` (pictures, nodes) and ``labels`` (pictures,) belong to one level (Guo et al., ICML 2017, eq. 1-2);
    the bins are those of the calibration error, which is the mean of |accuracy - confidence| weighted by share.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    total = count[filled]
    return Reliability(
        confidence=np.bincount(place, confidence, minlength=bins)[filled] / total,
        accuracy=np.bincount(place, right, minlength=bins)[filled] / total,
        share=total / len(labels),
    )


def kept_in_the_family(predictions: Predictions, answers: np.ndarray) -> tuple[float, ...] | None:
    """Of the wrong class answers, the share that still lies in the right node of each coarser level, coarse to fine.

    None when there are no wrong answers.
    """
    tree = predictions.hierarchy
    wrong = answers[:, -1] != predictions.labels
    if not wrong.any():
        return None
    kin = tree.level_labels[answers[wrong, -1], :-1] == tree.level_labels[predictions.labels[wrong], :-1]
    return tuple(float(share) for share in kin.mean(axis=0))


def display(name: str) -> str:
    """A name as it reads best: underscores become spaces."""
    return name.replace("_", " ")
