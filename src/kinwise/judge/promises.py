"""Promises: for a share of right answers, the threshold that keeps it and how the test pictures fare with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kinwise.judge.calibrate import calibrate, temperature_for
from kinwise.judge.climb import Kept, Threshold, kept_on, threshold_for
from kinwise.judge.predictions import Predictions

PROMISES = (0.8, 0.9, 0.95, 0.99)
"""Those that a report looks at, and for which an exported file holds a threshold."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A share of right answers, what it takes, and what came of it.

    Attributes:
        threshold: chosen on the validation pictures.
        kept: how the answers that reach it did on the test pictures.
        levels: the names of the levels, coarse to fine.
    """

    threshold: Threshold
    kept: Kept
    levels: tuple[str, ...]

    def text(self) -> str:
        """Two lines for people."""
        found, threshold = self.kept, self.threshold
        stops = ", ".join(
            f"{name} {_percent(share)}" for name, share in zip(self.levels[::-1], found.levels[::-1], strict=True)
        )
        right = "nothing was answered"
        if found.accuracy:
            share, low, high = map(_percent, found.accuracy)
            right = f"{share} of {found.answered:,} answers right ({low} to {high})"
        lines = [
            f"promise {100 * threshold.promise:.4g} %: {right}; threshold {threshold.value:.3f}, from "
            f"{threshold.pictures:,} validation pictures",
            f"answered {_percent(found.coverage)} of {found.pictures:,} pictures, down to: {stops}",
        ]
        return "\n".join([*lines, threshold.note] if threshold.note else lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        found = asdict(self.kept)
        if self.kept.accuracy:
            found["accuracy"] = dict(zip(("value", "low", "high"), self.kept.accuracy, strict=True))
        found["levels"] = dict(zip(self.levels, self.kept.levels, strict=True))
        return {"threshold": asdict(self.threshold), "kept": found}


def promises(wanted: Sequence[float], predictions: Predictions, validation: Predictions) -> list[Promise]:
    """For each promise wanted its threshold, learned from the validation pictures, and how the others fare with it.

    Raises:
        InputError: when a promise is outside (0, 1).
    """
    temperature = temperature_for(validation.probabilities[-1], validation.labels)
    learned, judged = calibrate(validation, temperature), calibrate(predictions, temperature)
    found = []
    for promise in wanted:
        threshold = threshold_for(promise, learned.probabilities, learned.labels, learned.hierarchy)
        kept = kept_on(judged, threshold.value)
        found.append(Promise(threshold=threshold, kept=kept, levels=predictions.hierarchy.levels))
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
