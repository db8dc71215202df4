"""Selective answers: how the error falls when a classifier may keep silent on the pictures it is least sure of."""

from dataclasses import dataclass

import numpy as np

from kinwise.judge.predictions import Predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskCoverage:
    """The error among the most confident pictures, for every number of them.

    Attributes:
        coverage: the share of pictures that are answered, 1/n, 2/n, ..., 1, shape (pictures,).
        risk: the share of wrong answers among those, 0..1, shape (pictures,); lower is better.
    """

    coverage: np.ndarray
    risk: np.ndarray

    @property
    def area(self) -> float:
        """The area under the curve (AURC), the mean risk over all coverages, 0..1; lower is better.

        Geifman and El-Yaniv (NeurIPS 2017), Geifman et al. (ICLR 2019). It falls with the error as well as with a
        better order; ``lowest_area`` is what the best order of the same mistakes would have.
        """
        return float(self.risk.mean())

    @property
    def lowest_area(self) -> float:
        """The area if every mistake were less confident than every right answer, 0..1: nothing lower is possible."""
        pictures = len(self.risk)
        mistakes = round(self.risk[-1] * pictures)
        last = np.arange(pictures - mistakes + 1, pictures + 1)
        return float(((last - (pictures - mistakes)) / last).sum() / pictures)

    def at(self, coverage: float) -> float:
        """The risk when at least the share ``coverage`` of the pictures is answered, and as few more as possible."""
        return float(self.risk[max(int(np.ceil(coverage * len(self.risk) - 1e-9)), 1) - 1])


def risk_coverage(confidence: np.ndarray, wrong: np.ndarray) -> RiskCoverage:
    """Pictures by falling confidence, and the share of wrong answers among the first 1, 2, ..., n of them.

    Args:
        confidence: of each picture, shape (pictures,); any scale.
        wrong: whether its answer is wrong, bool, shape (pictures,).

    Pictures of equal confidence have no order: each counts with their mean error, so the order in which they are given
    changes nothing.
    """
    _, group = np.unique(-confidence, return_inverse=True)
    size = np.bincount(group)
    mean = np.bincount(group, wrong) / size
    counts = np.arange(1, len(wrong) + 1)
    return RiskCoverage(coverage=counts / len(wrong), risk=np.cumsum(np.repeat(mean, size)) / counts)


def level_curves(predictions: Predictions, answers: np.ndarray) -> list[RiskCoverage]:
    """For each level, coarse to fine, its error among the pictures with the most confident class answers.

    Args:
        predictions: what was answered, with the truth.
        answers: of a decision rule, int64, shape (pictures, levels).
    """
    truth = predictions.hierarchy.level_labels[predictions.labels]
    confidence = predictions.probabilities[-1][np.arange(len(answers)), answers[:, -1]]
    return [risk_coverage(confidence, wrong) for wrong in (answers != truth).T]
