"""Calibration: a temperature, learned from pictures held out, makes probabilities neither too sure nor too unsure."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kinwise.judge.predictions import SMALLEST_PROBABILITY, Predictions, sum_upward

COLDEST, HOTTEST = 0.05, 20.0
"""The temperatures to choose among."""

SAME = 1e-4
"""Two probabilities that differ by no more are the same."""


def temperature_for(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T that makes the true classes of some pictures most likely, within 0.05..20.

    T minimises the mean of -log softmax(log p / T)_y (temperature scaling: Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017). 1 leaves probabilities as they are; above 1 they were too sure, below 1 too unsure. One number
    can only make all of them surer or less sure together: it does not mend single classes.

    Args:
        probabilities: of the classes, shape (pictures, classes).
        labels: the true class of each picture, int64, shape (pictures,); pictures that nothing was learnt from.
    """
    from scipy.optimize import minimize_scalar

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(_loss_of(probabilities, labels), bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def _loss_of(probabilities: np.ndarray, labels: np.ndarray) -> Callable[[float], float]:
    """From log T to the mean negative log likelihood."""
    logs = _logs(probabilities)
    true = logs[np.arange(len(labels)), labels].mean()

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return float(np.log(np.exp(logs / temperature).sum(axis=1)).mean() - true / temperature)

    return loss


def calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log p / temperature) of each row of class probabilities, float32, shape (pictures, classes).

    Their order stays; a probability counts as 2^-23 at least.
    """
    powers = np.exp(_logs(probabilities) / temperature)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def calibrate(predictions: Predictions, temperature: float) -> Predictions:
    """The same predictions with calibrated class probabilities, and at the coarser levels the sums of these.

    So the levels never contradict each other, whatever the heads of the network said about the coarser ones.
    """
    classes = calibrated(predictions.probabilities[-1], temperature)
    return replace(predictions, probabilities=sum_upward(classes, predictions.hierarchy))


def consistent(predictions: Predictions) -> bool:
    """Whether every coarser level is the sum of the classes to 1e-4, as with one head, or says something of its own."""
    sums = sum_upward(predictions.probabilities[-1], predictions.hierarchy)
    pairs = zip(sums, predictions.probabilities, strict=True)
    return all(float(np.abs(summed - told).max()) <= SAME for summed, told in pairs)


def level_temperatures(validation: Predictions) -> tuple[float, ...]:
    """For each level the temperature that makes its true nodes most likely (``temperature_for``)."""
    truth = validation.hierarchy.level_labels[validation.labels]
    return tuple(temperature_for(told, truth[:, level]) for level, told in enumerate(validation.probabilities))


def calibrate_levels(predictions: Predictions, temperatures: Sequence[float]) -> Predictions:
    """The same predictions with each level calibrated by itself, so that the levels may still contradict each other."""
    pairs = zip(predictions.probabilities, temperatures, strict=True)
    return replace(predictions, probabilities=tuple(calibrated(told, temperature) for told, temperature in pairs))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    """log p in float64, less the largest of each row, so that no power of it overflows."""
    logs = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY, dtype=np.float64))
    return logs - logs.max(axis=1, keepdims=True)
