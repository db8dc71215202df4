"""All decision rules side by side on the same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.arguments import judged_under
from kinwise.judge.bootstrap import Figure, figures_of, resampled
from kinwise.judge.climb import check_promise
from kinwise.judge.decide import PROMISE, RULES, decided, given_of
from kinwise.judge.decision import NOT_CALIBRATED, Decision
from kinwise.judge.metrics import scores_of, statistics_of
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import MAY_STOP, Scores, not_comparable

_OF_THE_TREE = {
    "full_path_accuracy": "full path",
    "average_severity": "average severity",
    "mistake_severity": "mistake severity",
    "hierarchical_distance_at_5": "distance at 5",
    "inconsistent_paths": "inconsistent paths",
}
NOTHING_HELD_OUT = "no validation pictures to learn from how sure to be; train with some: --set validation=0.1"

_SHARES = ("full_path_accuracy", "inconsistent_paths")


@dataclass(frozen=True, kw_only=True)
class RuleTable:
    """What every rule scores on the same pictures.

    Attributes:
        scores: by rule, in the order of ``RULES``.
        reasons: for each rule that could not be applied, why.
    """

    scores: dict[str, Scores]
    reasons: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """For each rule its scores as in scores.json, or an object with the ``reason`` why there are none."""
        found = {rule: scores.to_dict() for rule, scores in self.scores.items()}
        found |= {rule: {"decision": rule, "reason": reason} for rule, reason in self.reasons.items()}
        return {rule: found[rule] for rule in RULES}

    def text(self) -> str:
        """A row per rule for the terminal; rules that may stop at an inner node have a star."""
        first = next(iter(self.scores.values()))
        levels = first.levels[::-1]
        accuracy = (f"accuracy {level}" for level in levels)
        heads = ["decision rule", *accuracy, *_OF_THE_TREE.values(), "coverage", "specificity", "right answers"]
        rows = [_row(scores, levels) for scores in self.scores.values()]
        widths = [max(len(cell) for cell in column) for column in zip(*(_words(heads)), *rows, strict=True)]
        body = [_line(cells, widths) for cells in [*_words(heads), *rows]]
        lines = [f"{first.n:,} pictures, split {first.split}; accuracy and other shares in %"]
        if not first.comparable:
            lines.append(not_comparable(first.split))
        return "\n".join([*lines, "", *body, "", *self._notes()])

    def _notes(self) -> list[str]:
        notes = [f"* {MAY_STOP}; right answers: of those given, the share that is the true class or above it"]
        temperatures = {" / ".join(f"{t:.3g}" for t in one.temperatures) for one in self.scores.values()} - {""}
        if any(one.note == NOT_CALIBRATED for one in self.scores.values()):
            notes.append(NOT_CALIBRATED)
        else:
            notes.append(f"calibrated on validation pictures: temperature {', '.join(sorted(temperatures))}")
        for rule, scores in self.scores.items():
            if scores.stopping and scores.stopping.promise is not None:
                notes.append(f"{rule}: {scores.stopping.promise_text}{scores.note and f'; {scores.note}'}")
        for reason in dict.fromkeys(self.reasons.values()):
            rules = ", ".join(rule for rule, why in self.reasons.items() if why == reason)
            notes.append(f"{rules}: {reason}")
        return notes


def table_of_rules(
    predictions: Predictions | np.ndarray | Sequence[np.ndarray],
    labels: np.ndarray | Sequence[int] | None = None,
    hierarchy: Hierarchy | str | Path | None = None,
    *,
    validation: Predictions | None = None,
    promise: float = PROMISE,
    resamples: int = 1000,
    seed: int = 0,
) -> RuleTable:
    """Judge the same predictions by every rule; the arguments are those of ``metrics.score``.

    A rule that cannot be applied (nothing was held out to fit it on) has a reason instead of scores. All rules are
    judged on the same resamples.

    Raises:
        InputError: as ``score``.
    """
    check_promise(promise)
    judged, held_out = judged_under(predictions, labels, hierarchy, validation)
    given = given_of(judged, held_out, promise)
    decisions: dict[str, Decision] = {}
    reasons = {}
    for rule in RULES:
        if RULES[rule].fitted and held_out is None:
            reasons[rule] = NOTHING_HELD_OUT
        else:
            decisions[rule] = decided(given, rule)
    statistics = {
        (rule, group): statistic
        for rule, decision in decisions.items()
        for group, statistic in statistics_of(judged, decision).items()
    }
    values = resampled(statistics, len(judged), resamples=resamples, seed=seed)
    scores = {}
    for rule, decision in decisions.items():
        figures: dict[str, dict[str, Figure | None]] = {
            group: figures_of(found) for (of, group), found in values.items() if of == rule
        }
        scores[rule] = scores_of(judged, decision, figures)
    return RuleTable(scores=scores, reasons=reasons)


def _row(scores: Scores, levels: Sequence[str]) -> list[str]:
    """The cells of a rule; an answer that is always a class covers all and says all."""
    stopping, accuracy = scores.stopping, scores.accuracy
    answers: tuple[float, float, float | None] = (1.0, 1.0, accuracy[scores.levels[-1]])
    if stopping:
        right = stopping.accuracy_of_answers
        answers = (stopping.coverage.value, stopping.specificity.value, right.value if right else None)
    tree = [_percent(value) if key in _SHARES else _number(value) for key, value in _tree_values(scores)]
    name = f"{scores.decision} *" if stopping else scores.decision
    return [name, *(_percent(accuracy[level]) for level in levels), *tree, *map(_percent, answers)]


def _tree_values(scores: Scores) -> list[tuple[str, float | None]]:
    return [(key, getattr(scores, key)) for key in _OF_THE_TREE]


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.2f}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _words(heads: Sequence[str]) -> list[list[str]]:
    """Heads of two words in two lines, so that columns stay narrow."""
    split = [head.split(" ", 1) if " " in head else ["", head] for head in heads]
    return [[above for above, _ in split], [below for _, below in split]]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
