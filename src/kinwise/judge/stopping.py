"""Figures of answers that may stop at an inner node: how often, how much they say, and how often they are right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinwise.judge.bootstrap import Figure, Statistics
from kinwise.judge.climb import ROOT, specificity_of
from kinwise.judge.decision import Decision
from kinwise.judge.nodes import wrong_among
from kinwise.judge.predictions import Predictions
from kinwise.judge.selective import RiskCoverage, risk_coverage
from kinwise.judge.sums import means_of, quotient

GROUP = "stopping"
"""What these statistics are called among all of them."""

CURVE_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """How answers that may stop at an inner node did.

    Attributes:
        coverage: the share of pictures with an answer below the root, 0..1; higher is better at the same accuracy.
        level_coverage: for each level the share of pictures whose answer goes at least so deep.
        accuracy_of_answers: of the answers given, the share that is the true class or above it, 0..1, higher is better;
            None where nothing was answered.
        specificity: the mean of 1 - log(classes below the answer) / log(classes), 0..1: 1 for a class, 0 for no answer;
            higher is better at the same accuracy (Deng et al., CVPR 2012).
        risk_coverage_area: the area under the risk-coverage curve, as far as answers are given: the mean over 1, 2, ...
            of the most confident answers of the share that is wrong, 0..1, lower is better; None where there are none.
        lowest_area: what it would be if every wrong answer were less confident than every right one.
        curve: points (share of all pictures answered, share of wrong answers among these), the most confident answers
            first; at most 100 of them, the last with all answers given.
        promise: the share of right answers that was promised; None for rules that promise nothing.
        threshold: what that took: of the confidence for ``climb``, lambda for ``hedge``.
    """

    coverage: Figure
    level_coverage: dict[str, Figure]
    accuracy_of_answers: Figure | None
    specificity: Figure
    risk_coverage_area: float | None
    lowest_area: float | None
    curve: tuple[tuple[float, float], ...]
    promise: float | None = None
    threshold: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept on these pictures; None where nothing was promised or answered."""
        if self.promise is None or self.accuracy_of_answers is None:
            return None
        return self.accuracy_of_answers.value >= self.promise

    @property
    def promise_text(self) -> str:
        """In words what became of the promise; empty where there was none."""
        if self.promise is None:
            return ""
        said = f"promised {100 * self.promise:.4g} %"
        if self.accuracy_of_answers is None:
            return f"{said}: nothing was answered"
        if self.kept:
            return f"{said}: kept"
        within = self.accuracy_of_answers.high >= self.promise
        return f"{said}: {'missed, by less than the interval' if within else 'not kept'}"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON, and whether the promise was ``kept``."""
        return {
            "coverage": _plain(self.coverage),
            "level_coverage": {level: _plain(figure) for level, figure in self.level_coverage.items()},
            "accuracy_of_answers": _plain(self.accuracy_of_answers),
            "specificity": _plain(self.specificity),
            "risk_coverage_area": self.risk_coverage_area,
            "lowest_area": self.lowest_area,
            "curve": [list(point) for point in self.curve],
            "promise": self.promise,
            "threshold": self.threshold,
            "kept": self.kept,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Stopping":
        """The inverse of ``to_dict``; raises KeyError or TypeError where something is missing."""
        answers = data["accuracy_of_answers"]
        return Stopping(
            coverage=Figure(**data["coverage"]),
            level_coverage={level: Figure(**figure) for level, figure in data["level_coverage"].items()},
            accuracy_of_answers=None if answers is None else Figure(**answers),
            specificity=Figure(**data["specificity"]),
            risk_coverage_area=data["risk_coverage_area"],
            lowest_area=data["lowest_area"],
            curve=tuple((coverage, risk) for coverage, risk in data["curve"]),
            promise=data["promise"],
            threshold=data["threshold"],
        )


def stopping_statistics(judged: Predictions, decision: Decision) -> Statistics:
    """Coverage, that of each level ("to NAME"), specificity, and accuracy of the answers given (see ``Stopping``).

    The last is undefined where a resample has no answers.
    """
    tree, given = judged.hierarchy, decision.nodes != ROOT
    depths = {f"to {level}": answered >= 0 for level, answered in zip(tree.levels, decision.answers.T, strict=True)}
    columns = {
        "coverage": given,
        "specificity": specificity_of(decision.nodes, tree),
        "right": given & ~wrong_among(decision.nodes, judged.labels, tree),
        **depths,
    }
    means = means_of(columns)

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        mean = means(weights)
        return {**mean, "accuracy_of_answers": quotient(mean.pop("right"), mean["coverage"], undefined=np.nan)}

    return statistics


def stopping_of(judged: Predictions, decision: Decision, figures: Mapping[str, Figure | None]) -> Stopping:
    """From the figures that ``stopping_statistics`` gave, and the curve, which has no interval."""
    curve = answers_curve(judged, decision)
    known = {key: figure for key, figure in figures.items() if figure}
    return Stopping(
        coverage=known["coverage"],
        level_coverage={level: known[f"to {level}"] for level in judged.hierarchy.levels},
        accuracy_of_answers=known.get("accuracy_of_answers"),
        specificity=known["specificity"],
        risk_coverage_area=curve.area if curve else None,
        lowest_area=curve.lowest_area if curve else None,
        curve=_points(curve, len(judged)) if curve else (),
        promise=decision.promise,
        threshold=decision.threshold,
    )


def answers_curve(judged: Predictions, decision: Decision) -> RiskCoverage | None:
    """The error among the most confident of the answers given, its coverage as a share of these; None without any."""
    given = decision.nodes != ROOT
    if not given.any():
        return None
    wrong = wrong_among(decision.nodes, judged.labels, judged.hierarchy)
    return risk_coverage(decision.confidence[given], wrong[given])


def _points(curve: RiskCoverage, pictures: int) -> tuple[tuple[float, float], ...]:
    """At most ``CURVE_POINTS`` of the curve, evenly spaced, the coverage as a share of all pictures."""
    given = len(curve.risk)
    counts = np.unique(np.ceil(np.linspace(0, given, min(given, CURVE_POINTS) + 1)[1:] - 1e-9).astype(np.int64))
    return tuple((float(count / pictures), float(curve.risk[count - 1])) for count in counts)


def _plain(figure: Figure | None) -> dict[str, float] | None:
    return None if figure is None else {"value": figure.value, "low": figure.low, "high": figure.high}
