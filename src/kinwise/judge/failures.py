"""Failures worth looking at: which of the mistakes to show first, so that they differ from each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from kinwise.judge.predictions import Predictions

REASONS = {
    "confident": "the network was very sure",
    "severe": "the answer is far from the truth",
    "frequent": "this confusion is one of the most frequent",
    "branch": "an example of its branch of the tree",
    "doubtful": "the label may be wrong",
}
"""Why a failure was chosen, by the key that says so."""

LIKELY = 0.5  # surer of the answer than of all others together; the label more likely wrong than right


@dataclass(frozen=True, kw_only=True)
class LevelAnswer:
    """What was true and what was answered at one level.

    Attributes:
        level: the name of the level.
        true: the true node.
        answered: the node that was answered.
        confidence: the probability of the answered node, 0..1.
        true_confidence: the probability of the true node, 0..1.
    """

    level: str
    true: str
    answered: str
    confidence: float
    true_confidence: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One picture that did not get its class; or one that did, to stand beside those, with severity 0.

    Attributes:
        row: its place among the predictions, counted from 0.
        id: its name: a file, mostly.
        reasons: why it was chosen, keys of ``REASONS``, the first one first; none where somebody asked for it.
        path: what was true and answered at every level, coarse to fine; the last is the class.
        severity: the height of the lowest common ancestor of the true and the answered class, 0..height; 0 for
            the right class.
        label_doubt: how likely its label is wrong, 0..1 (see ``doubt``).
        near_duplicate: whether a training picture is nearly the same; None where that is not known.
    """

    row: int
    id: str
    reasons: tuple[str, ...]
    path: tuple[LevelAnswer, ...]
    severity: int
    label_doubt: float
    near_duplicate: bool | None


def failure_of(
    predictions: Predictions, answers: np.ndarray, doubt: np.ndarray, row: int, reasons: Sequence[str] = ()
) -> Failure:
    """What is known about one picture from predictions alone; also of a picture whose answer is right.

    Args:
        predictions: of all pictures.
        answers: to them, as ``decide`` gives them, int, shape (pictures, levels).
        doubt: of their labels, as ``label_doubt`` gives it, shape (pictures,).
        row: which picture.
        reasons: why it is looked at, keys of ``REASONS``.
    """
    tree, label = predictions.hierarchy, int(predictions.labels[row])
    twins = predictions.near_duplicate
    return Failure(
        row=row,
        id=str(predictions.ids[row]),
        reasons=tuple(reasons),
        path=tuple(_path(predictions, answers[row], row)),
        severity=int(tree.distances[label, answers[row, -1]]),
        label_doubt=float(doubt[row]),
        near_duplicate=None if twins is None else bool(twins[row]),
    )


def choose_failures(
    predictions: Predictions, answers: np.ndarray, doubt: np.ndarray, count: int
) -> tuple[Failure, ...]:
    """The mistakes to show first: at most ``count`` pictures whose class is wrong, in the order of choice.

    The reasons take turns. Each takes from its best ``count`` candidates, of every confusion (true class, answered
    class) the best first: "confident" by the confidence in the answer, "severe" by severity and then confidence,
    "frequent" by how often the confusion occurs, "doubtful" by the doubt of the label, "branch" from all mistakes.
    Some mistakes are no candidates: the answer gets at most half of the probability, the answer stands right beside
    the truth, the confusion occurs once, the label is more likely right.

    Of its candidates a reason takes one whose branch (the inner node above the true class), then whose true class was
    taken least often so far, then the best. No confusion is taken again before all others were, and when only as many
    turns are left as branches are missing, they go to these: every branch with mistakes is there if ``count`` allows.
    A reason that has nothing to offer misses its turn.

    A picture also has every other reason but "branch" for which it is as good as the first fifth of ``count``
    candidates. Deterministic; of equally good ones the more confident comes first, then the one that stands first.

    Args:
        predictions: of all pictures.
        answers: to them, as ``decide`` gives them, int, shape (pictures, levels).
        doubt: of their labels, as ``label_doubt`` gives it, shape (pictures,).
        count: how many, >= 0.
    """
    mistakes = _mistakes_of(predictions, answers)
    merits = _merits(mistakes, doubt)
    rankings = {reason: _ranking(merit, mistakes) for reason, merit in merits.items()}
    share = -(-count // len(REASONS))
    also = {
        reason: merits[reason] >= merits[reason][ranking[:share]].min(initial=np.inf)
        for reason, ranking in rankings.items()
        if reason != "branch"
    }
    pools = {reason: rankings[reason][: None if reason == "branch" else count] for reason in REASONS}
    return tuple(
        failure_of(
            predictions,
            answers,
            doubt,
            int(mistakes.rows[place]),
            (first, *(reason for reason in also if reason != first and also[reason][place])),
        )
        for place, first in _chosen(pools, mistakes, min(count, len(mistakes.rows)))
    )


def _path(predictions: Predictions, answer: np.ndarray, row: int) -> Iterator[LevelAnswer]:
    tree = predictions.hierarchy
    truth = tree.level_labels[predictions.labels[row]]
    for level, (name, true, answered) in enumerate(zip(tree.levels, truth, answer, strict=True)):
        nodes, probabilities = tree.level_nodes[level], predictions.probabilities[level][row]
        yield LevelAnswer(
            level=name,
            true=tree.names[nodes[true]],
            answered=tree.names[nodes[answered]],
            confidence=float(probabilities[answered]),
            true_confidence=float(probabilities[true]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Mistakes:
    """All mistakes: which pictures, and of which kind; every array has the shape (mistakes,)."""

    rows: np.ndarray
    classes: np.ndarray
    branches: np.ndarray
    confusions: np.ndarray
    confidence: np.ndarray
    severity: np.ndarray


def _mistakes_of(predictions: Predictions, answers: np.ndarray) -> _Mistakes:
    tree, answered = predictions.hierarchy, answers[:, -1]
    rows = np.flatnonzero(answered != predictions.labels)
    true, given = predictions.labels[rows], answered[rows]
    return _Mistakes(
        rows=rows,
        classes=true,
        branches=tree.parents[tree.leaves[true]],
        confusions=np.unique(true * len(tree.classes) + given, return_inverse=True)[1],
        confidence=predictions.probabilities[-1][rows, given].astype(np.float64),
        severity=tree.distances[true, given],
    )


def _merits(mistakes: _Mistakes, doubt: np.ndarray) -> dict[str, np.ndarray]:
    """How good a candidate each mistake is for each reason, higher is better; -inf where it is none."""
    confidence, severity, doubts = mistakes.confidence, mistakes.severity, doubt[mistakes.rows]
    frequency = np.bincount(mistakes.confusions)[mistakes.confusions]
    return {
        "confident": np.where(confidence > LIKELY, confidence, -np.inf),
        "severe": np.where(severity > 1, severity + confidence / 2, -np.inf),
        "frequent": np.where(frequency > 1, frequency, -np.inf),
        "branch": confidence,
        "doubtful": np.where(doubts > LIKELY, doubts, -np.inf),
    }


def _ranking(merit: np.ndarray, mistakes: _Mistakes) -> np.ndarray:
    """The candidates: the best of every confusion, the best of these first, then every second best, and so on."""
    order = np.lexsort((-mistakes.confidence, -merit))
    order = order[merit[order] > -np.inf]
    return order[np.argsort(_occurrence(mistakes.confusions[order]), kind="stable")]


def _occurrence(values: np.ndarray) -> np.ndarray:
    """How often each value stood there before, int, (values,)."""
    order = np.argsort(values, kind="stable")
    first = np.searchsorted(values[order], values[order])
    occurrence = np.empty(len(values), np.int64)
    occurrence[order] = np.arange(len(values)) - first
    return occurrence


def _chosen(pools: Mapping[str, np.ndarray], mistakes: _Mistakes, count: int) -> Iterator[tuple[int, str]]:
    """``count`` different mistakes, each with the reason that took it."""
    kinds = np.stack([mistakes.confusions, mistakes.branches, mistakes.classes])
    often = np.zeros_like(kinds)  # how often the confusion, the branch, the class of each mistake was taken
    free, turns = np.ones(len(mistakes.rows), dtype=bool), cycle(pools)
    for left in range(count, 0, -1):
        fresh = free & (often[0] == often[0, free].min())
        missing = often[1] == 0
        if len(np.unique(mistakes.branches[missing])) >= left:
            fresh &= missing
        reason, pool = next((reason, pool) for reason in turns if len(pool := pools[reason][fresh[pools[reason]]]))
        for times in often[1:]:
            pool = pool[times[pool] == times[pool].min()]
        free[pool[0]] = False
        often += kinds == kinds[:, pool[:1]]
        yield int(pool[0]), reason
