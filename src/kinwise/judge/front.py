"""The Pareto front: what is worth choosing when two figures count and no one says how much each."""

import numpy as np

from kinwise.errors import InputError


def pareto_front(points: np.ndarray) -> np.ndarray:
    """The indices of the points that no other point beats, int64, by falling first figure.

    A point is beaten by one that is at least as good in both figures and better in one (Pareto 1906). Equal points do
    not beat each other. It compares the numbers as they are: two that differ by chance count as different.

    Args:
        points: shape (points, 2): accuracy, which is better the higher it is, and severity, better the lower.

    Raises:
        InputError: when the shape is another, or a number is not finite.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2) if np.size(points) == 0 else np.asarray(points, float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(f"expected finite numbers of shape (points, 2), got shape {points.shape}")
    accuracy, severity = points.T
    order = np.lexsort((severity, -accuracy))
    lowest = np.minimum.accumulate(severity[order])
    ahead = np.concatenate([[np.inf], lowest[:-1]])[: len(order)]
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (points[order[1:]] == points[order[:-1]]).all(axis=1)
    kept = severity[order] < ahead
    for place in np.flatnonzero(same):
        kept[place] = kept[place - 1]
    return order[kept]
