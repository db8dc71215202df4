"""Comparing: two or more predictions of the same pictures, figure by figure, class by class, picture by picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.align import align, under
from kinwise.judge.arguments import tree_of
from kinwise.judge.bootstrap import Figure, Statistics, figures_of, resampled
from kinwise.judge.comparison import OUTCOMES, ClassDifference, Comparison, Difference, McNemar, Side
from kinwise.judge.decide import AUTO, Decision, check_answers_classes, decide, rule_meant
from kinwise.judge.metrics import scores_of, statistics_of
from kinwise.judge.predictions import Predictions
from kinwise.judge.sums import quotient, sums_by

Values = dict[str, dict[str, np.ndarray]]


def compare(
    predictions: Sequence[Predictions],
    *,
    names: Sequence[str],
    decision: str = AUTO,
    validations: Sequence[Predictions | None] = (),
    hierarchy: Hierarchy | str | Path | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare each of the predictions after the first with the first, the baseline.

    Every difference is other minus baseline. Its interval is that of the paired bootstrap: both are judged on the same
    resampled pictures, so that what makes a draw easy or hard for both cancels out (Efron and Tibshirani, An
    Introduction to the Bootstrap, chapter 13). It speaks of other pictures, not of other trainings: two runs of one
    recipe may differ too.

    Args:
        predictions: two or more, of the same pictures; another order of the pictures does not matter.
        names: what to call each.
        decision: the rule that turns probabilities into answers, a key of ``decide.RULES`` that always answers a
            class, or ``auto``: least-cost where all have validation pictures, else argmax.
        validations: for each, what it said about pictures held out, to calibrate on; None or nothing where there are
            none.
        hierarchy: the tree to judge all by: a Hierarchy, the name of a built-in one, or a path; without it, their own.
        resamples: how many resamples the intervals rest on.
        seed: of the resamples.

    Raises:
        InputError: when there are fewer than two, or the same twice; when names are missing or equal; when pictures,
            true classes or trees differ (see ``align``); for an unknown rule or tree.
    """
    _check(predictions, names)
    check_answers_classes(decision, "a comparison")
    hierarchy = tree_of(hierarchy)
    judged = align(predictions, names, hierarchy)
    held_out = [
        validation if validation is None or hierarchy is None else under(hierarchy, validation, name)
        for validation, name in zip(validations or [None] * len(judged), names, strict=True)
    ]
    first, decision = judged[0], rule_meant(decision, *held_out)
    decisions = [decide(one, decision, validation=held) for one, held in zip(judged, held_out, strict=True)]
    values = _values(judged, decisions, resamples=resamples, seed=seed)
    sides = [
        _side(one, name, theirs, found)
        for one, name, theirs, found in zip(judged, names, decisions, values, strict=True)
    ]
    return Comparison(
        hierarchy=first.hierarchy,
        decision=decision,
        split=next((one.split for one in judged if not one.comparable), first.split),
        ids=first.ids.astype(str),
        labels=first.labels,
        sides=tuple(sides),
        differences=tuple(
            _difference(first, sides[0], side, values[0], found)
            for side, found in zip(sides[1:], values[1:], strict=True)
        ),
    )


def _check(predictions: Sequence[Predictions], names: Sequence[str]) -> None:
    if len(predictions) < 2:
        raise InputError(f"a comparison needs two or more predictions, the baseline first, got {len(predictions)}")
    if len(names) != len(predictions):
        raise InputError(f"expected {len(predictions)} names, one for each of the predictions, got {len(names)}")
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError(f"the name {name!r} stands twice; give each of the predictions a name of its own")
        if any(predictions[index] is other for other in predictions[:index]):
            raise InputError(f"{name} is the same as one before it; compare it with another")


def _values(judged: Sequence[Predictions], decisions: Sequence[Decision], *, resamples: int, seed: int) -> list[Values]:
    """For each of the predictions every figure on every resample, and after the first the changes of the classes."""
    labels, classes = judged[0].labels, len(judged[0].hierarchy.classes)
    right = [one.answers[:, -1] == labels for one in decisions]
    statistics = {
        (index, group): statistic
        for index, (one, theirs) in enumerate(zip(judged, decisions, strict=True))
        for group, statistic in statistics_of(one, theirs).items()
    }
    for index in range(1, len(judged)):
        statistics[index, "classes"] = class_statistics(labels, right[0], right[index], classes)
    values = resampled(statistics, len(labels), resamples=resamples, seed=seed)
    return [{group: found for (of, group), found in values.items() if of == index} for index in range(len(judged))]


def _side(one: Predictions, name: str, decision: Decision, values: Values) -> Side:
    answers = decision.answers
    figures = {group: figures_of(found) for group, found in values.items() if group != "classes"}
    return Side(
        name=name,
        scores=scores_of(one, decision, figures),
        answers=answers,
        confidence=one.probabilities[-1][np.arange(len(one)), answers[:, -1]].astype(np.float64),
        severity=one.hierarchy.distances[one.labels, answers[:, -1]],
    )


def _difference(judged: Predictions, baseline: Side, other: Side, ours: Values, theirs: Values) -> Difference:
    tree = judged.hierarchy
    figures = {
        group: figures_of({key: theirs[group][key] - found for key, found in values.items() if key in theirs[group]})
        for group, values in ours.items()
        if group in theirs  # near-duplicates may be known of one alone, and one alone may be calibrated
    }
    truth = tree.level_labels[judged.labels]
    before, after = baseline.answers == truth, other.answers == truth
    tests = mcnemar(np.sum(~before & after, axis=0), np.sum(before & ~after, axis=0))
    changes = figures_of(theirs["classes"])
    return Difference(
        name=other.name,
        level={name: {key: f for key, f in figures[f"level {name}"].items() if f} for name in tree.levels},
        hierarchy={**figures["severity"], **figures["path"]},
        tests=dict(zip(tree.levels, tests, strict=True)),
        classes=_class_differences(judged, before[:, -1], after[:, -1], changes),
        outcomes=outcomes(baseline.severity, other.severity),
    )


def outcomes(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What became of every picture, as an index into ``OUTCOMES``, from its severity with the baseline and the other.

    Severities of shape (pictures,), 0 for the right class.
    """
    both_wrong = np.array([OUTCOMES.index(name) for name in ("milder", "as_severe", "graver")])
    return np.select(
        [(before == 0) & (after == 0), before == 0, after == 0],
        [OUTCOMES.index("both_right"), OUTCOMES.index("new_mistake"), OUTCOMES.index("mended")],
        both_wrong[np.sign(after - before) + 1],
    )


# --- classes and tests -----------------------------------------------------------------------------------------------


def _class_differences(
    judged: Predictions, before: np.ndarray, after: np.ndarray, changes: Mapping[str, Figure | None]
) -> tuple[ClassDifference, ...]:
    """Every class that has pictures, in the order of the tree; ``before`` and ``after``: is the answer right?"""
    tree, labels = judged.hierarchy, judged.labels
    counts, were, are, mended, broken = (
        np.bincount(labels[chosen], minlength=len(tree.classes))
        for chosen in (slice(None), before, after, ~before & after, before & ~after)
    )
    present = [int(class_) for class_ in tree.tree_order if counts[class_]]
    tests = mcnemar(mended[present], broken[present])
    adjusted = holm(np.array([test.p for test in tests]))
    return tuple(
        ClassDifference(
            name=tree.classes[class_],
            pictures=int(counts[class_]),
            baseline=float(were[class_] / counts[class_]),
            other=float(are[class_] / counts[class_]),
            difference=change,
            test=test,
            p_holm=float(p),
        )
        for class_, test, p in zip(present, tests, adjusted, strict=True)
        if (change := changes[str(class_)])
    )


def class_statistics(labels: np.ndarray, before: np.ndarray, after: np.ndarray, count: int) -> Statistics:
    """The difference in accuracy of every class, -1..1, higher is better; its key is the index of the class as text.

    (mended - new mistakes) / pictures, of the pictures of the class; undefined where a resample holds none.
    """
    pictures, mended, broken = (
        sums_by(labels[chosen], np.flatnonzero(chosen), count)
        for chosen in (np.ones(len(labels), dtype=bool), ~before & after, before & ~after)
    )

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        change = quotient(mended(weights) - broken(weights), pictures(weights), undefined=np.nan)
        return {str(class_): column for class_, column in enumerate(change.T)}

    return statistics


def mcnemar(mended: np.ndarray, new_mistakes: np.ndarray) -> list[McNemar]:
    """McNemar's exact two-sided test (Psychometrika 1947), for counts of shape (tests,).

    ``mended`` counts pictures that only the other has right, ``new_mistakes`` those that only the baseline has right.
    Were both right equally often, each of these n pictures would be either with probability 1/2, so
    p = min(1, 2 P(X <= min(mended, new))), X binomial (n, 1/2). 0..1, and 1 where n = 0. A high p is no proof that both
    are equally good.
    """
    from scipy.special import bdtr

    smaller = np.minimum(mended, new_mistakes).astype(np.float64)
    p = np.minimum(1.0, 2 * bdtr(smaller, mended + new_mistakes, 0.5))
    return [
        McNemar(mended=int(gained), new_mistakes=int(lost), p=float(chance))
        for gained, lost, chance in zip(mended, new_mistakes, p, strict=True)
    ]


def holm(p: np.ndarray) -> np.ndarray:
    """p values of m tests, adjusted so that the chance of any false alarm among them is kept; shape (m,), 0..1.

    The i-th smallest becomes the largest of (m - j + 1) p_j over j <= i, at most 1 (Holm, Scandinavian Journal of
    Statistics 1979).
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    return adjusted
