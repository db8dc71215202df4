"""Comparison: two or more predictions of the same pictures side by side; the first of them is the baseline."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.bootstrap import Figure
from kinwise.judge.scores import MEASURES, Scores
from kinwise.splits import comparable

OUTCOMES = ("both_right", "mended", "new_mistake", "milder", "as_severe", "graver")
"""What became of a picture between the baseline and another; the last three are wrong in both."""
MOST_FAILURES = 10


def direction(key: str, difference: Figure | None) -> str:
    """Whether a difference of the figure ``key`` is "better" or "worse"; empty where its interval holds 0."""
    if difference is None or difference.low <= 0 <= difference.high:
        return ""
    return "better" if (difference.value > 0) == (MEASURES[key].better == "higher") else "worse"


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Whether two classifiers are right equally often on the same pictures; ``compare.mcnemar`` has the formula.

    Attributes:
        mended: how many pictures only the other has right.
        new_mistakes: how many only the baseline has right.
        p: of the exact two-sided test, 0..1; low where the two counts differ by more than chance explains.
    """

    mended: int
    new_mistakes: int
    p: float


@dataclass(frozen=True, kw_only=True)
class ClassDifference:
    """How the accuracy of one class changed.

    Attributes:
        name: of the class.
        pictures: how many there are of it.
        baseline: the share of them that the baseline has right, 0..1.
        other: the share that the other has right, 0..1.
        difference: other minus baseline, -1..1, with its paired interval.
        test: McNemar's test on the pictures of the class.
        p_holm: its p, adjusted for the number of classes.
    """

    name: str
    pictures: int
    baseline: float
    other: float
    difference: Figure
    test: McNemar
    p_holm: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One of the predictions that are compared.

    Attributes:
        name: what it is called.
        scores: all its figures.
        answers: by the decision rule, for each level the index within that level, shape (pictures, levels).
        confidence: the probability that it gave to its class answer, 0..1, shape (pictures,).
        severity: how far off the class answer is, 0..height, shape (pictures,); 0 is right.
    """

    name: str
    scores: Scores
    answers: np.ndarray
    confidence: np.ndarray
    severity: np.ndarray

    @property
    def average_severity(self) -> Figure:
        """The mean severity over all pictures, with its interval; lower is better."""
        figure = self.scores.hierarchy["average_severity"]
        assert isinstance(figure, Figure), "defined for any number of pictures"
        return figure


@dataclass(frozen=True, kw_only=True, eq=False)
class Difference:
    """How another differs from the baseline; every figure is other minus baseline, with its paired interval.

    Attributes:
        name: of the other.
        level: for each level the differences of its figures by name.
        hierarchy: the differences of the figures that need the tree; None where one of the two is undefined.
        tests: McNemar's test at each level.
        classes: every class that has pictures, in the order of the tree.
        outcomes: what became of each picture, as an index into ``OUTCOMES``, shape (pictures,).
    """

    name: str
    level: dict[str, dict[str, Figure]]
    hierarchy: dict[str, Figure | None]
    tests: dict[str, McNemar]
    classes: tuple[ClassDifference, ...]
    outcomes: np.ndarray

    def pictures(self, outcome: str) -> np.ndarray:
        """The indices of the pictures with that outcome, one of ``OUTCOMES``, ascending."""
        return np.flatnonzero(self.outcomes == OUTCOMES.index(outcome))

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures have each outcome."""
        return dict(zip(OUTCOMES, np.bincount(self.outcomes, minlength=len(OUTCOMES)).tolist(), strict=True))

    def classes_by_change(self) -> list[ClassDifference]:
        """The classes from the one that lost most to the one that gained most."""
        return sorted(self.classes, key=lambda one: one.difference.value)


class Row(NamedTuple):
    """One figure on both sides; ``where`` is its level, or empty for a figure that needs the tree."""

    where: str
    key: str
    baseline: Figure | None
    other: Figure | None
    difference: Figure | None

    @property
    def direction(self) -> str:
        """``direction`` of its difference."""
        return direction(self.key, self.difference)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two or more predictions of the same pictures; the first is the baseline, all others are compared with it.

    Attributes:
        hierarchy: the tree by which all are judged.
        decision: the decision rule the answers come from.
        split: of the pictures; where it is not ``comparable``, nothing here compares with published figures.
        ids: the name of each picture, shape (pictures,).
        labels: the true class of each picture, shape (pictures,).
        sides: how each fared, the baseline first.
        differences: how each of the others differs from the baseline.
    """

    hierarchy: Hierarchy
    decision: str
    split: str
    ids: np.ndarray
    labels: np.ndarray
    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]

    @property
    def n(self) -> int:
        """How many pictures there are."""
        return len(self.labels)

    @property
    def comparable(self) -> bool:
        """Whether the figures may stand beside others on the same data; see ``splits.comparable``."""
        return comparable(self.split)

    def rows(self, which: int) -> Iterator[Row]:
        """Every figure of the baseline and of ``sides[1 + which]``, level by level from the finest, then the tree's."""
        before, after, change = self.sides[0].scores, self.sides[1 + which].scores, self.differences[which]
        for level in self.hierarchy.levels[::-1]:
            for key, difference in change.level[level].items():
                yield Row(level, key, before.level[level][key], after.level[level][key], difference)
        for key, on_the_tree in change.hierarchy.items():
            yield Row("", key, _figure(before, key), _figure(after, key), on_the_tree)

    def failures(self, most: int = MOST_FAILURES) -> dict[str, np.ndarray]:
        """The baseline's failures most worth following: indices of the ``most_confident``, then of the ``most_severe``.

        At most ``most`` of each, all different; of equally severe ones the more confident first.
        """
        side = self.sides[0]
        wrong = np.flatnonzero(side.severity)
        confident = wrong[np.argsort(-side.confidence[wrong], kind="stable")][:most]
        rest = np.setdiff1d(wrong, confident)
        severe = rest[np.lexsort((-side.confidence[rest], -side.severity[rest]))][:most]
        return {"most_confident": confident, "most_severe": severe}

    def failure(self, index: int) -> dict[str, Any]:
        """A picture by its index: its id and true class, each one's answer, and what became of it in the others."""
        classes = self.hierarchy.classes
        return {
            "id": str(self.ids[index]),
            "true": classes[self.labels[index]],
            "answers": {
                side.name: {
                    "answer": classes[side.answers[index, -1]],
                    "confidence": float(side.confidence[index]),
                    "severity": int(side.severity[index]),
                }
                for side in self.sides
            },
            "outcomes": {one.name: OUTCOMES[one.outcomes[index]] for one in self.differences},
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, texts, lists and dicts, ready for ``comparison.json``; pictures by their ids."""
        return {
            "n": self.n,
            "decision": self.decision,
            "split": self.split,
            "levels": list(self.hierarchy.levels),
            "baseline": self.sides[0].name,
            "scores": {side.name: side.scores.to_dict() for side in self.sides},
            "differences": [self._difference(difference) for difference in self.differences],
            "failures": {
                why: [self.failure(index) for index in indices.tolist()] for why, indices in self.failures().items()
            },
        }

    def _difference(self, difference: Difference) -> dict[str, Any]:
        return {
            "name": difference.name,
            "level": {level: _plain(figures) for level, figures in difference.level.items()},
            "hierarchy": _plain(difference.hierarchy),
            "mcnemar": {level: asdict(test) for level, test in difference.tests.items()},
            "classes": [asdict(one) for one in difference.classes],
            "outcomes": difference.counts,
            "pictures": {name: self.ids[difference.pictures(name)].tolist() for name in OUTCOMES[1:]},
        }

    def text(self) -> str:
        """Plain tables for the terminal: figures, tests, classes and pictures, for each of the others in turn."""
        from kinwise.judge.comparison_text import comparison_text

        return comparison_text(self)


def _figure(scores: Scores, key: str) -> Figure | None:
    figure = scores.hierarchy[key]
    return figure if isinstance(figure, Figure) else None


def _plain(figures: Mapping[str, Figure | None]) -> dict[str, Any]:
    return {key: asdict(figure) if figure else None for key, figure in figures.items()}
