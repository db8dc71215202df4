"""Answers as nodes of the tree: how likely every node is, what a node says at each level, and how far off it is."""

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import ROOT, levels_answered


def node_probabilities(classes: np.ndarray, nodes: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """P(v), the sum over the classes below v, float64, shape (pictures, nodes), of the given ``nodes``.

    ``classes`` are class probabilities, shape (pictures, classes).
    """
    return classes.astype(np.float64) @ hierarchy.ancestor_matrix[nodes].T.astype(np.float64)


def different_nodes(hierarchy: Hierarchy) -> np.ndarray:
    """The nodes that do not have exactly one child, ascending: a node with an only child says the same as that child.

    Of such a chain the last node stands for all.
    """
    children = np.bincount(hierarchy.parents[1:], minlength=len(hierarchy.parents))
    return np.flatnonzero(children != 1)


def answers_of(nodes: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """What nodes say at every level: the index within it, -1 below the node; int64, shape (pictures, levels).

    The root says nothing, a class says something at every level.
    """
    below = hierarchy.ancestor_matrix.argmax(axis=1)[nodes]
    silent = np.arange(len(hierarchy.levels)) >= levels_answered(nodes, hierarchy)[:, None]
    return np.where(silent, -1, hierarchy.level_labels[below])


def severity_of(nodes: np.ndarray, labels: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """d, the height of the lowest common ancestor of each answered node and the true class, int64, shape (pictures,).

    So a right answer costs its own height: 0 for the class, 1 for its superclass, the height of the tree for none.
    """
    return hierarchy.heights[hierarchy.lowest_common_ancestor(nodes, hierarchy.leaves[labels])]


def wrong_among(nodes: np.ndarray, labels: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """Which answers are wrong, bool, shape (pictures,): neither the true class nor above it. No answer is not wrong."""
    return (nodes != ROOT) & ~hierarchy.ancestor_matrix[nodes, labels]
