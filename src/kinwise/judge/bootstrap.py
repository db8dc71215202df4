"""Intervals by the bootstrap: what the figures would be if other pictures of the same kind had been drawn."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kinwise.errors import InputError

Statistics = Callable[[np.ndarray], dict[str, np.ndarray]]
"""From weights of pictures, (rows, pictures), to named values, one per row; NaN where a value is undefined."""

Name = TypeVar("Name", bound=Hashable)

_CONFIDENCE = 0.95
_BLOCK = 2**18


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def weights(pictures: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each picture was drawn, float64, in blocks of shape (rows, pictures).

    The first block is one row of ones, the pictures as they are; the ``resamples`` rows after it each count
    ``pictures`` draws with replacement. The same numbers give the same draws, so two models judged on the same
    pictures are resampled alike. Memory does not grow with ``resamples``.
    """
    yield np.ones((1, pictures))
    generator = np.random.default_rng(seed)
    most = max(1, _BLOCK // pictures)
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        drawn = generator.integers(pictures, size=(rows, pictures))
        drawn += pictures * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * pictures).reshape(rows, pictures).astype(np.float64)


def resampled(
    statistics: Mapping[Name, Statistics], pictures: int, *, resamples: int, seed: int
) -> dict[Name, dict[str, np.ndarray]]:
    """Every value of every statistic: on the pictures as they are, then on each resample, shape (1 + resamples,).

    Raises:
        InputError: when ``resamples`` is below 1 or ``seed`` below 0.
    """
    if resamples < 1 or seed < 0:
        raise InputError(f"expected resamples >= 1 and a seed >= 0, got resamples {resamples} and seed {seed}")
    rows = [
        {name: statistic(block) for name, statistic in statistics.items()}
        for block in weights(pictures, resamples=resamples, seed=seed)
    ]
    return {name: {key: np.concatenate([row[name][key] for row in rows]) for key in rows[0][name]} for name in rows[0]}


def estimate(
    statistics: Mapping[str, Statistics], pictures: int, *, resamples: int, seed: int
) -> dict[str, dict[str, Figure | None]]:
    """Every statistic on the pictures as they are, with its 95 % interval: ``figure_of`` what ``resampled`` gives.

    Raises:
        InputError: when ``resamples`` is below 1 or ``seed`` below 0.
    """
    values = resampled(statistics, pictures, resamples=resamples, seed=seed)
    return {name: figures_of(found) for name, found in values.items()}


def figures_of(values: Mapping[str, np.ndarray]) -> dict[str, Figure | None]:
    """``figure_of`` each of the named values."""
    return {key: figure_of(found) for key, found in values.items()}


def figure_of(values: np.ndarray) -> Figure | None:
    """The first of the values with the 95 % percentile bootstrap interval that the others give.

    Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13. A resample in which a value is undefined does
    not count for that value; a value undefined on the pictures as they are is None. The intervals say nothing about
    other seeds of the training, and those of a calibration error lean upward, because resampling adds noise to bins.
    """
    if np.isnan(values[0]):
        return None
    resampled = values[1:][~np.isnan(values[1:])]
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]) if len(resampled) else (values[0], values[0])
    return Figure(float(values[0]), float(low), float(high))
