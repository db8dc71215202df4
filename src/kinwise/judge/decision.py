"""What a decision rule is given, calibrated as it needs it, and the decision it returns."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinwise.judge.calibrate import calibrate, calibrate_levels, consistent, level_temperatures, temperature_for
from kinwise.judge.predictions import Predictions, sum_upward

NOT_CALIBRATED = "not calibrated: there are no validation pictures to learn a temperature from"


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision:
    """What a rule answers about some pictures.

    Attributes:
        answers: for each level the index within that level, -1 below the node where the answer stops; int64, shape
            (pictures, levels).
        nodes: the deepest node answered, int64, shape (pictures,); 0, the root, is no answer. Where a rule answers the
            levels one by one, the answered class.
        ranking: of all classes, the better guess the higher, any scale, shape (pictures, classes).
        confidence: how likely the rule takes its node to be, 0..1, shape (pictures,).
        stops: whether it may stop at an inner node.
        rule: its name.
        temperatures: that of the classes, or one per level; 1 where nothing was calibrated; empty where the rule only
            asks which node of a level is the likeliest, which no temperature changes.
        threshold: what the validation pictures gave: of the confidence for ``climb``, lambda for ``hedge``.
        promise: the share of the answers given that were to be right, for rules that are fitted to one.
        note: why nothing was calibrated, or why the promise may not be kept; else empty.
    """

    answers: np.ndarray
    nodes: np.ndarray
    ranking: np.ndarray
    confidence: np.ndarray
    stops: bool = False
    rule: str = ""
    temperatures: tuple[float, ...] = ()
    threshold: float | None = None
    promise: float | None = None
    note: str = ""

    @property
    def calibrated(self) -> bool:
        """Whether there are temperatures that were learned."""
        return bool(self.temperatures) and self.note != NOT_CALIBRATED


@dataclass(frozen=True, kw_only=True, eq=False)
class Temperatures:
    """What validation pictures say about how sure a network is; learned when it is first asked for, and then kept.

    Attributes:
        validation: what the network said about pictures that nothing was learned from; None where there are none.
    """

    validation: Predictions | None

    @cached_property
    def of_classes(self) -> float:
        """That of the classes; 1 without validation pictures."""
        held_out = self.validation
        return 1.0 if held_out is None else temperature_for(held_out.probabilities[-1], held_out.labels)

    @cached_property
    def of_levels(self) -> tuple[float, ...]:
        """One per level, of what each says by itself; a single 1 without validation pictures."""
        return (1.0,) if self.validation is None else level_temperatures(self.validation)


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What a rule may look at, calibrated as it needs it.

    Attributes:
        predictions: what to decide about.
        learned: the temperatures, and the validation pictures they come from, under the same tree.
        promise: the share of right answers wanted among those given, for rules that may stop.
    """

    predictions: Predictions
    learned: Temperatures
    promise: float

    @property
    def validation(self) -> Predictions | None:
        """Of pictures that nothing was learned from; None where there are none."""
        return self.learned.validation

    @property
    def temperature(self) -> float:
        """That of the classes; 1 without validation pictures."""
        return self.learned.of_classes

    @cached_property
    def summed(self) -> Predictions:
        """Calibrated classes and their sums: the levels cannot contradict each other."""
        return self._summed(self.predictions)

    @cached_property
    def summed_validation(self) -> Predictions | None:
        """The same of the validation pictures."""
        return None if self.validation is None else self._summed(self.validation)

    def _summed(self, predictions: Predictions) -> Predictions:
        if self.validation is not None:
            return calibrate(predictions, self.temperature)
        return replace(predictions, probabilities=sum_upward(predictions.probabilities[-1], predictions.hierarchy))

    @cached_property
    def temperatures(self) -> tuple[float, ...]:
        """One for all levels where they are sums of the classes, else one per level; 1 without validation pictures."""
        if self.validation is None or (consistent(self.predictions) and consistent(self.validation)):
            return (self.temperature,)
        return self.learned.of_levels

    @cached_property
    def each_level(self) -> tuple[np.ndarray, ...]:
        """The probabilities at every level: each level's own, calibrated, where they are no sums of the classes."""
        if self.validation is None:
            return self.predictions.probabilities
        if len(self.temperatures) == 1:
            return self.summed.probabilities
        return calibrate_levels(self.predictions, self.temperatures).probabilities
