"""Choosing a class for pictures whose class nobody knows: by the same rules, calibrated once."""

from collections.abc import Callable, Sequence

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import PROMISE, check_answers_classes, decided
from kinwise.judge.decision import Given, Temperatures
from kinwise.judge.predictions import Predictions

Choose = Callable[[Sequence[np.ndarray]], np.ndarray]
"""From probabilities, one array per level, coarse to fine, (pictures, nodes), to class indices, int64, (pictures,)."""


def chooser(rule: str, learned: Temperatures, hierarchy: Hierarchy) -> Choose:
    """What chooses classes as ``decide`` does by this rule, whatever pictures it is asked about.

    Args:
        rule: a rule that always answers a class.
        learned: what validation pictures say about how sure the network is.
        hierarchy: the tree.

    Raises:
        InputError: when there is no such rule, or it may stop at an inner node.
    """
    check_answers_classes(rule, "choosing a class")

    def choose(probabilities: Sequence[np.ndarray]) -> np.ndarray:
        count = len(probabilities[-1])
        if not count:
            return np.zeros(0, dtype=np.int64)
        asked = Predictions(
            probabilities=tuple(probabilities),
            labels=np.zeros(count, dtype=np.int64),  # not known, and not looked at
            ids=np.arange(count).astype(str),
            hierarchy=hierarchy,
        )
        return decided(Given(predictions=asked, learned=learned, promise=PROMISE), rule).answers[:, -1]

    return choose
