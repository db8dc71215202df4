"""Climb: an answer that stops at the deepest node it is sure enough of, and the threshold that keeps a promise.

Start at the most likely class and climb towards the root until the node's probability reaches a threshold (Goren et
al., Hierarchical Selective Classification, NeurIPS 2024). At the root there is no answer. The threshold is learned
from pictures that nothing else was learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.rates import wilson

ROOT = 0
"""The node that stands for no answer."""

CONFIDENCE = 0.9
"""How likely a threshold is to keep its promise, over the validation pictures that might have been drawn."""

STEP = 0.001
"""Between the thresholds that are tried."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What an answer's probability must reach so that a promise is kept.

    Attributes:
        value: the threshold, 0..1.
        promise: the share of right answers among those given that it is to keep, 0..1.
        pictures: how many validation pictures it was chosen on.
        note: why the promise may not be kept; empty where it is.
    """

    value: float
    promise: float
    pictures: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How answers that stop early did on pictures whose classes are known.

    Attributes:
        pictures: how many pictures there were.
        answered: how many got an answer below the root.
        right: how many answers were the true class or above it.
        accuracy: right / answered with the ends of its 95 % interval (Wilson, JASA 1927), 0..1, higher is better; None
            where nothing was answered.
        coverage: answered / pictures, 0..1; higher is better at the same accuracy.
        levels: the share of pictures whose answer stops at each level, coarse to fine; they sum to the coverage.
        depth: the mean number of levels answered, 0..levels; higher is better at the same accuracy.
        specificity: the mean information of the answers as a share of a class's (``specificity_of``), 0..1.
    """

    pictures: int
    answered: int
    right: int
    accuracy: tuple[float, float, float] | None
    coverage: float
    levels: tuple[float, ...]
    depth: float
    specificity: float


def confidences(
    probabilities: Sequence[np.ndarray], hierarchy: Hierarchy, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The path to a class: its nodes and how likely each is, both of shape (pictures, levels).

    Args:
        probabilities: one array per level, coarse to fine, the coarser ones the sums of the finer.
        hierarchy: the tree; a class that ends early stands for itself at the levels below.
        classes: to which class of each picture, int64, shape (pictures,); without them the most likely one.

    From the class up the probabilities never fall, whatever was lost in rounding. Ties go to the lower class.
    """
    best = probabilities[-1].argmax(axis=1) if classes is None else classes
    rows = np.arange(len(best))
    levels = zip(probabilities, hierarchy.level_labels[best].T, strict=True)
    along = np.stack([level[rows, place] for level, place in levels], axis=1)
    return hierarchy.paths[best], np.maximum.accumulate(along[:, ::-1], axis=1)[:, ::-1]


def climb(probabilities: Sequence[np.ndarray], hierarchy: Hierarchy, threshold: float) -> np.ndarray:
    """The deepest node above (or equal to) the most likely class whose probability reaches ``threshold``.

    Returns:
        Nodes, int64, shape (pictures,); 0, the root, where none does: no answer.
    """
    nodes, along = confidences(probabilities, hierarchy)
    deepest = (along >= threshold).sum(axis=1)
    return np.where(deepest > 0, nodes[np.arange(len(nodes)), np.maximum(deepest, 1) - 1], ROOT)


# --- the threshold for a promise --------------------------------------------------------------------------------------


def threshold_for(
    promise: float, probabilities: Sequence[np.ndarray], labels: np.ndarray, hierarchy: Hierarchy
) -> Threshold:
    """The lowest threshold that the validation pictures allow, if ``promise`` of the answers given are to be right.

    A threshold t is tested against "of the answers it gives, more than 1 - promise are wrong": with k wrong among m
    given, the chance of so few is P(Binomial(m, 1 - promise) <= k). Beginning half-way between the promise and 1, where
    calibrated probabilities keep it with room to spare, lower and lower ones are tested until that chance is above
    10 % (fixed sequence testing: Angelopoulos, Bates, Candes, Jordan and Lei, Learn then Test, arXiv 2110.01052). So
    with 90 % confidence the threshold keeps the promise on new pictures like these; it speaks of the mean of many, not
    of one picture or class.

    Conformal risk control (Angelopoulos et al., ICLR 2024) would ask for (k + 1) / (m + 1) <= 1 - promise. That keeps
    it on average over the validation pictures that might have been drawn, so that about one draw in two breaks it; and
    the share of wrong answers among those given is not monotone in t, as its proof needs (``benchmarks/promises.py``).

    Args:
        promise: the share of right answers wanted among those given, in (0, 1).
        probabilities: calibrated, one array per level, coarse to fine.
        labels: the true class of each picture, int64, shape (pictures,).
        hierarchy: the tree.

    Returns:
        The threshold; where none passes, 1 and a note that says why.

    Raises:
        InputError: when ``promise`` is outside (0, 1).
    """
    from scipy.special import bdtr

    check_promise(promise)
    start = (1 + promise) / 2
    tried = np.append(np.arange(STEP, start, STEP), start)
    given, wrong = given_and_wrong(tried, probabilities, labels, hierarchy)
    failed = np.flatnonzero(bdtr(wrong, given, 1 - promise) > 1 - CONFIDENCE)
    lowest = int(failed[-1]) + 1 if len(failed) else 0
    if lowest < len(tried):
        return Threshold(value=float(tried[lowest]), promise=promise, pictures=len(labels))
    return Threshold(value=1.0, promise=promise, pictures=len(labels), note=why_not(promise, int(given[-1])))


def given_and_wrong(
    thresholds: np.ndarray, probabilities: Sequence[np.ndarray], labels: np.ndarray, hierarchy: Hierarchy
) -> tuple[np.ndarray, np.ndarray]:
    """How many answers each of the rising thresholds gives and how many of them are wrong, both (thresholds,).

    An answer is given where the coarsest node of the path reaches the threshold, and is wrong where the first node that
    does not stand above the true class reaches it too.
    """
    nodes, along = confidences(probabilities, hierarchy)
    right = hierarchy.ancestor_matrix[nodes, labels[:, None]]
    first_wrong = along[~right.all(axis=1), right.argmin(axis=1)[~right.all(axis=1)]]
    return _reaching(thresholds, along[:, 0]), _reaching(thresholds, first_wrong)


def _reaching(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of ``values`` are at least as high as each threshold."""
    return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")


def why_not(promise: float, given: int) -> str:
    """Why a share of right answers cannot be promised, from how many answers could be tested."""
    needed = int(np.ceil(np.log(1 - CONFIDENCE) / np.log(promise)))
    if given < needed:
        return (
            f"{promise:.4g} cannot be promised: it takes {needed:,} sure answers on validation pictures, and there are "
            f"{given:,}; hold out more of them"
        )
    return f"{promise:.4g} cannot be promised: too many of the surest answers on the validation pictures are wrong"


def check_promise(promise: float) -> None:
    """Make sure that a promise can be one.

    Raises:
        InputError: when it is outside (0, 1).
    """
    if not 0 < promise < 1:
        raise InputError(f"a promise is a share of right answers between 0 and 1, 0.95 for example; got {promise:g}")


# --- what came of it --------------------------------------------------------------------------------------------------


def levels_answered(nodes: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """How many levels each node answers, int64: 0 for the root, all of them for a class."""
    count = hierarchy.depths.copy()
    count[hierarchy.leaves] = len(hierarchy.levels)
    return count[nodes]


def specificity_of(nodes: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """How much of what could be said a node says, 0..1: 1 - log(classes below it) / log(classes); 1 for a class.

    The information of Deng et al. (Hedging Your Bets, CVPR 2012) as a share of a class's.
    """
    below = hierarchy.ancestor_matrix.sum(axis=1)
    return (1 - np.log(below) / np.log(len(hierarchy.leaves)))[nodes]


def kept(nodes: np.ndarray, labels: np.ndarray, hierarchy: Hierarchy) -> Kept:
    """How the answers ``nodes`` did on pictures of the classes ``labels``, both int64, (pictures,)."""
    given = nodes != ROOT
    right = int(np.count_nonzero(hierarchy.ancestor_matrix[nodes, labels] & given))
    answered, pictures = int(np.count_nonzero(given)), len(nodes)
    stops = levels_answered(nodes, hierarchy)
    shares = np.bincount(stops, minlength=len(hierarchy.levels) + 1)[1:] / pictures
    return Kept(
        pictures=pictures,
        answered=answered,
        right=right,
        accuracy=wilson(right, answered) if answered else None,
        coverage=answered / pictures,
        levels=tuple(shares.tolist()),
        depth=float(stops.mean()),
        specificity=float(specificity_of(nodes, hierarchy).mean()),
    )


def kept_on(predictions: Predictions, threshold: float) -> Kept:
    """How ``climb`` with this threshold does on calibrated predictions."""
    nodes = climb(predictions.probabilities, predictions.hierarchy, threshold)
    return kept(nodes, predictions.labels, predictions.hierarchy)
