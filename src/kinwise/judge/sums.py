"""Weighted sums over pictures, and the means, shares and quotients made of them: what statistics are built from."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kinwise.judge.bootstrap import Statistics


def means_of(columns: Mapping[str, np.ndarray]) -> Statistics:
    """The weighted mean over the pictures of every column, each of shape (pictures,)."""
    values = np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1)
    return lambda weights: dict(zip(columns, (weights @ values / weights.sum(axis=1)[:, None]).T, strict=True))


def shares_among(chosen: np.ndarray, right: np.ndarray, names: Sequence[str]) -> Statistics:
    """The share of the ``chosen`` pictures, bool (pictures,), with True in each column of ``right``, (pictures, names).

    0..1; undefined where a resample holds none of them.
    """
    values = np.concatenate([right & chosen[:, None], chosen[:, None]], axis=1).astype(np.float64)

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        sums = weights @ values
        shares = quotient(sums[:, :-1], np.broadcast_to(sums[:, -1:], sums[:, :-1].shape), undefined=np.nan)
        return dict(zip(names, shares.T, strict=True))

    return statistics


def sums_by(groups: np.ndarray, pictures: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Weights, (rows, pictures) -> their sums over the chosen pictures of each group, (rows, count)."""
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    ordered = pictures[order]

    def sums(weights: np.ndarray) -> np.ndarray:
        result = np.zeros((len(weights), count))
        if len(present):
            result[:, present] = np.add.reduceat(weights[:, ordered], starts, axis=1)
        return result

    return sums


def quotient(above: np.ndarray, below: np.ndarray, undefined: float = 0.0) -> np.ndarray:
    """``above`` / ``below``, arrays of one shape; ``undefined`` where ``below`` is 0."""
    return np.divide(above, below, out=np.full(above.shape, undefined), where=below > 0)
