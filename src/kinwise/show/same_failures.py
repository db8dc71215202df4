"""The same failures side by side: each of the baseline's with its picture, and every run's answer and heat map."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinwise.errors import InputError
from kinwise.examine.cases import Case
from kinwise.examine.explanations import Explanations
from kinwise.judge.comparison import OUTCOMES, Comparison, Difference
from kinwise.show.gallery import Overlay, overlays, target_names
from kinwise.show.glossary import percent
from kinwise.show.pictures import LARGEST_LOSSLESS, picture_uri
from kinwise.show.tallies import display


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one run answered: its class, how sure, how severe, its heat maps, and what became of the failure.

    ``outcome`` is one of ``OUTCOMES``, and empty for the baseline.
    """

    answered: str
    confidence: str
    severity: int
    maps: tuple[Overlay, ...]
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A failure of the baseline: its picture, its true class, and each run's answer, the baseline's first."""

    id: str
    true: str
    picture: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True)
class SameFailures:
    """Failures side by side, and what to choose from: maps by their targets, outcomes by their counts.

    ``summary`` is a sentence per run beside the baseline; ``targets`` and ``shown`` are as in a ``Gallery``.
    """

    rows: tuple[Followed, ...]
    summary: tuple[str, ...]
    targets: tuple[str, ...]
    shown: int
    pixelated: bool
    outcomes: tuple[tuple[str, str, int], ...]


def same_failures(comparison: Comparison, explained: Sequence[Explanations]) -> SameFailures | None:
    """What the page shows of the baseline's failures; None where nothing was explained.

    Args:
        comparison: what ``compare`` found.
        explained: for each side the explanations of the same pictures in the same order, failures of the baseline.

    Raises:
        InputError: when they are not of every side, or not of the same pictures.
    """
    if not explained or not explained[0].cases:
        return None
    ids = [[case.failure.id for case in one.cases] for one in explained]
    if len(explained) != len(comparison.sides) or any(one != ids[0] for one in ids):
        raise InputError(
            f"the explanations of {len(comparison.sides)} sides must be of the same pictures in the same order, got "
            f"{len(explained)} with {', '.join(str(len(one)) for one in ids)} pictures"
        )
    rows = tuple(_followed(explained, index) for index in range(len(ids[0])))
    found = Counter(outcome for row in rows for outcome in {answer.outcome for answer in row.answers[1:]})
    targets, shown = target_names(explained[0].cases[0].maps, comparison.hierarchy.levels)
    return SameFailures(
        rows=rows,
        summary=tuple(summary(one, comparison.sides[0].name) for one in comparison.differences),
        targets=targets,
        shown=shown,
        pixelated=max(explained[0].pictures.shape[2:]) <= LARGEST_LOSSLESS,
        outcomes=tuple((key, display(key), found[key]) for key in OUTCOMES if found[key]),
    )


def summary(difference: Difference, baseline: str) -> str:
    """What became of the baseline's mistakes, in shares: mended, new ones, and in what both have wrong."""
    counts = difference.counts
    both = counts["milder"] + counts["as_severe"] + counts["graver"]
    before = counts["mended"] + both
    if not before:
        return f"{baseline} makes no mistake; {difference.name} makes {counts['new_mistake']:,}."
    new = {0: "no new ones", 1: "1 new one"}.get(counts["new_mistake"], f"{counts['new_mistake']:,} new ones")
    mended = percent(counts["mended"] / before, 0)
    start = f"{difference.name} mends {mended} of the mistakes of {baseline} and makes {new}"
    if not both:
        return f"{start}."
    milder, graver = (percent(counts[key] / both, 0) for key in ("milder", "graver"))
    return f"{start}; of what both have wrong, {milder} became milder and {graver} graver."


def outcome(before: int, after: int) -> str:
    """What became of a failure of severity ``before``, 1..height, that another answers with severity ``after``."""
    if not after:
        return "mended"
    return "milder" if after < before else "graver" if after > before else "as_severe"


def _followed(explained: Sequence[Explanations], index: int) -> Followed:
    first = explained[0].cases[index]
    became = ["", *(outcome(first.failure.severity, one.cases[index].failure.severity) for one in explained[1:])]
    return Followed(
        id=first.failure.id,
        true=display(first.failure.path[-1].true),
        picture=picture_uri(explained[0].pictures[index]),
        answers=tuple(
            _answer(one.cases[index], one.maps[index], what) for one, what in zip(explained, became, strict=True)
        ),
    )


def _answer(case: Case, maps: np.ndarray, became: str) -> Answer:
    last = case.failure.path[-1]
    return Answer(
        answered=display(last.answered),
        confidence=percent(last.confidence, 0),
        severity=case.failure.severity,
        maps=overlays(case, maps),
        outcome=became,
    )
