"""Metrics: from predictions to scores. Each figure is a function of weighted sums over pictures.

A function here takes what is known of every picture and returns *statistics*: a function from weights, shape (rows,
pictures), to values, one per row. A row of ones gives the figure itself; rows that count the draws of a resample give
its interval. So every formula is written once, and nothing loops over pictures or resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.arguments import judged_under
from kinwise.judge.bootstrap import Figure, Statistics, estimate
from kinwise.judge.calibrate import calibrate, calibrate_levels
from kinwise.judge.decide import AUTO, PROMISE, Decision, decide
from kinwise.judge.nodes import severity_of, wrong_among
from kinwise.judge.predictions import SMALLEST_PROBABILITY, Predictions
from kinwise.judge.scores import Scores, WithoutNearDuplicates
from kinwise.judge.stopping import GROUP as STOPPING
from kinwise.judge.stopping import stopping_of, stopping_statistics
from kinwise.judge.sums import means_of, quotient, shares_among, sums_by

DISTANCES_AT = (5, 20)
CALIBRATION_BINS = 15

WITHOUT = "without near-duplicates"

__all__ = ["Figure", "Scores", "score"]


def score(
    predictions: Predictions | np.ndarray | Sequence[np.ndarray],
    labels: np.ndarray | Sequence[int] | None = None,
    hierarchy: Hierarchy | str | Path | None = None,
    *,
    decision: str = AUTO,
    validation: Predictions | None = None,
    promise: float = PROMISE,
    resamples: int = 1000,
    seed: int = 0,
) -> Scores:
    """Judge predictions: per-level and hierarchical figures, each with a 95 % bootstrap interval over pictures.

    Args:
        predictions: Predictions; or class probabilities, shape (pictures, classes), with columns in the order of
            ``hierarchy.classes``; or one such array per level, coarse to fine.
        labels: the class index of each picture, shape (pictures,); not with Predictions, which hold them.
        hierarchy: a Hierarchy, the name of a built-in one, or a path. With Predictions it replaces theirs, and the
            coarser levels become sums of class probabilities.
        decision: the rule that turns probabilities into answers, a key of ``decide.RULES``, or ``auto``: least-cost
            with validation pictures, argmax without. The figures of the probabilities themselves (likelihood, Brier
            score, calibration error) are those of the network, whatever the rule, before any calibration; of a rule
            that was calibrated there is the calibration error after it as well.
        validation: of other pictures, by the same network, to calibrate and to fit the rule on (see ``decide``); with
            ``hierarchy`` they are moved under it as well.
        promise: the share of right answers wanted among those given, for rules that promise one.
        resamples: how many resamples the intervals rest on.
        seed: of the resamples; the same seed and number of pictures give the same draws.

    Raises:
        InputError: when shapes, labels, probabilities or names are wrong.
    """
    judged, held_out = judged_under(predictions, labels, hierarchy, validation)
    found = decide(judged, decision, validation=held_out, promise=promise)
    figures = estimate(statistics_of(judged, found), len(judged), resamples=resamples, seed=seed)
    return scores_of(judged, found, figures)


def statistics_of(judged: Predictions, decision: Decision) -> dict[str, Statistics]:
    """All statistics of a decision: "level NAME" for each level, "severity" and "path"; "stopping" where it may stop.

    Where it is known which pictures have a near-duplicate among those that were learned from, there is accuracy on all
    others as well, by level.
    """
    tree, answers = judged.hierarchy, decision.answers
    truth = tree.level_labels[judged.labels]
    sure = _calibrated(judged, decision)
    levels = {
        f"level {name}": level_statistics(judged.probabilities[level], truth[:, level], answers[:, level], calibrated)
        for (level, name), calibrated in zip(enumerate(tree.levels), sure, strict=True)
    }
    severity, path = severity_statistics(judged, decision), path_statistics(tree, judged.labels, answers)
    found = {**levels, "severity": severity, "path": path}
    if decision.stops:
        found[STOPPING] = stopping_statistics(judged, decision)
    if judged.near_duplicate is not None:
        found[WITHOUT] = shares_among(~judged.near_duplicate, answers == truth, tree.levels)
    return found


def _calibrated(judged: Predictions, decision: Decision) -> Sequence[np.ndarray | None]:
    """The probabilities of every level at the decision's temperatures; None where it was not calibrated."""
    if not decision.calibrated:
        return [None] * len(judged.probabilities)
    if len(decision.temperatures) == 1:
        return calibrate(judged, decision.temperatures[0]).probabilities
    return calibrate_levels(judged, decision.temperatures).probabilities


def scores_of(judged: Predictions, decision: Decision, figures: Mapping[str, Mapping[str, Figure | None]]) -> Scores:
    """Scores from the figures that the statistics of ``statistics_of`` gave, and the counts that have no interval."""
    tree = judged.hierarchy
    severity = severity_of(decision.nodes, judged.labels, tree)
    return Scores(
        n=len(judged),
        decision=decision.rule,
        split=judged.split,
        levels=tree.levels,
        level={name: {key: f for key, f in figures[f"level {name}"].items() if f} for name in tree.levels},
        hierarchy={
            "mistakes": int(np.count_nonzero(wrong_among(decision.nodes, judged.labels, tree))),
            **figures["severity"],
            **figures["path"],
            "severity_histogram": np.bincount(severity, minlength=int(tree.heights[0]) + 1).tolist(),
        },
        reference=reference_values(tree, judged.labels),
        without_near_duplicates=_without_near_duplicates(judged, figures),
        temperatures=decision.temperatures,
        note=decision.note,
        stopping=stopping_of(judged, decision, figures[STOPPING]) if decision.stops else None,
    )


def _without_near_duplicates(
    judged: Predictions, figures: Mapping[str, Mapping[str, Figure | None]]
) -> WithoutNearDuplicates | None:
    if judged.near_duplicate is None:
        return None
    left_out = int(np.count_nonzero(judged.near_duplicate))
    return WithoutNearDuplicates(
        n=len(judged) - left_out,
        left_out=left_out,
        level={name: {"accuracy": figure} for name, figure in figures[WITHOUT].items() if figure},
    )


def level_statistics(
    probabilities: np.ndarray, labels: np.ndarray, answers: np.ndarray, calibrated: np.ndarray | None = None
) -> Statistics:
    """Figures of one level from its probabilities, shape (pictures, nodes), true nodes and answered nodes.

    An answer of -1 is none, which is never right.

    Of the answers: accuracy; precision, recall and F1, the plain means over the nodes that occur among the labels or
    the answers, with 0 for a quotient 0/0 (as in scikit-learn). All 0..1, higher is better.

    Of the probabilities alone, whatever the decision rule: the mean negative log likelihood -log p_y in nats, p_y at
    least 2^-23, so 0..15.94; the Brier score, the mean of sum_k (p_k - [k = y])^2, 0..2 (Brier 1950); and the
    calibration error, 0..1, and that of the ``calibrated`` probabilities where there are some. Lower is better.
    """
    count = probabilities.shape[1]
    correct = answers == labels
    true_probability = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    square_sum = np.einsum("nk,nk->n", probabilities, probabilities, dtype=np.float64)
    columns = {
        "accuracy": correct,
        "negative_log_likelihood": -np.log(np.maximum(true_probability, SMALLEST_PROBABILITY)),
        "brier": square_sum - 2 * true_probability + 1,
    }
    means = means_of(columns)
    hits = sums_by(labels[correct], np.flatnonzero(correct), count)
    missed = sums_by(labels[~correct], np.flatnonzero(~correct), count)
    false_answer = ~correct & (answers >= 0)
    taken = sums_by(answers[false_answer], np.flatnonzero(false_answer), count)
    errors = {"calibration_error": _calibration_error(probabilities, labels)}
    if calibrated is not None:
        errors["calibrated_error"] = _calibration_error(calibrated, labels)

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        mean = means(weights)
        right, miss, false = hits(weights), missed(weights), taken(weights)
        occur = np.maximum(((right + miss + false) > 0).sum(axis=1), 1)
        return {
            "accuracy": mean["accuracy"],
            "precision_macro": quotient(right, right + false).sum(axis=1) / occur,
            "recall_macro": quotient(right, right + miss).sum(axis=1) / occur,
            "f1_macro": quotient(2 * right, 2 * right + miss + false).sum(axis=1) / occur,
            "negative_log_likelihood": mean["negative_log_likelihood"],
            "brier": mean["brier"],
            **{name: error(weights) for name, error in errors.items()},
        }

    return statistics


def _calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """sum_b |accuracy_b - confidence_b| * share_b over 15 bins of equal width (Guo et al., ICML 2017, equation 3).

    The confidence is the highest probability, the accuracy that of the node which has it; bin b holds confidences in
    ((b - 1) / 15, b / 15]. 0..1, lower is better. It does not show in which direction the confidence errs.
    """
    top = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(top)), top].astype(np.float64)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    bins = np.searchsorted(edges, confidence, side="left")
    gaps = np.zeros((len(top), CALIBRATION_BINS))
    gaps[np.arange(len(top)), bins] = (top == labels) - confidence
    return lambda weights: np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)


def severity_statistics(predictions: Predictions, decision: Decision) -> Statistics:
    """How far off the answers are, in steps d = height of the lowest common ancestor with the truth; lower is better.

    mistake_severity: the mean d over mistakes only, 1..height; undefined without mistakes. It falls when mild
    mistakes are added, so compare it at equal accuracy only. A mistake is an answer that is neither the true class nor
    above it. average_severity: the mean d over all pictures, 0..height; a right answer that stops at an inner node
    costs the height of that node, and no answer the height of the tree. Where all answers are classes it equals
    (1 - accuracy) * mistake_severity. hierarchical_distance_at_k: the mean d of the k classes that the rule ranks
    highest (Bertinetto et al., CVPR 2020, section 2); all classes where there are fewer than k.
    """
    tree, labels = predictions.hierarchy, predictions.labels
    severity, wrong = severity_of(decision.nodes, labels, tree), wrong_among(decision.nodes, labels, tree)
    columns = {"average_severity": severity, "mistakes": wrong}
    for k in DISTANCES_AT:
        columns[f"hierarchical_distance_at_{k}"] = distance_at(k, decision.ranking, labels, tree.distances)
    means, of_mistakes = means_of(columns), means_of({"severity": severity * wrong})

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        mean, severe = means(weights), of_mistakes(weights)["severity"]
        return {"mistake_severity": quotient(severe, mean.pop("mistakes"), undefined=np.nan), **mean}

    return statistics


def distance_at(k: int, ranking: np.ndarray, labels: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """For each picture the mean d between its class and the k classes of the highest ``ranking``, shape (pictures,).

    Classes tied for the last places share them, so the order of the classes changes nothing.
    """
    k = min(k, ranking.shape[1])
    last = np.partition(ranking, -k, axis=1)[:, -k, None]
    above, tied = ranking > last, ranking == last
    share = (k - above.sum(axis=1)) / tied.sum(axis=1)
    steps = distances.astype(np.float32)[labels]
    summed = np.einsum("nk,nk->n", above, steps) + share * np.einsum("nk,nk->n", tied, steps)
    return summed / k


def path_statistics(hierarchy: Hierarchy, labels: np.ndarray, answers: np.ndarray) -> Statistics:
    """How well the answers of all levels fit the tree and the truth together; all 0..1.

    full_path_accuracy: the share of pictures with every level right; higher is better. inconsistent_paths: the share
    whose answers are no path of the tree; lower is better. An answer may stop, with -1 at the levels below: it is not
    right there, and a path all the same. Hierarchical precision, recall and F1 (Kiritchenko et al.
    2006): with P the answered nodes and T the true ones, without the root, sum |P and T| over sum |P|, over sum |T|,
    and their harmonic mean; higher is better.
    """
    truth = hierarchy.level_labels[labels]
    given = answers >= 0
    nodes = np.stack([level[answers[:, i]] for i, level in enumerate(hierarchy.level_nodes)], axis=1)
    whole_path = hierarchy.level_labels[answers[:, -1]]
    # A class that ends early stands for itself on the levels below it: count it once.
    first = np.ones(nodes.shape, dtype=bool)
    for level in range(1, nodes.shape[1]):
        first[:, level] = (nodes[:, :level] != nodes[:, level, None]).all(axis=1)
    columns = {
        "full_path_accuracy": (answers == truth).all(axis=1),
        "inconsistent_paths": given[:, -1] & (answers != whole_path).any(axis=1),
        "shared": ((answers == truth) & first).sum(axis=1),
        "answered": (given & first).sum(axis=1),
        "true": hierarchy.depths[hierarchy.leaves[labels]],
    }
    means = means_of(columns)

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        mean = means(weights)
        shared, answered, true = mean.pop("shared"), mean.pop("answered"), mean.pop("true")
        return {
            **mean,
            "hierarchical_precision": quotient(shared, answered, undefined=np.nan),
            "hierarchical_recall": shared / true,
            "hierarchical_f1": 2 * shared / (answered + true),
        }

    return statistics


def reference_values(hierarchy: Hierarchy, labels: np.ndarray) -> dict[str, float | list[float]]:
    """What the tree and the labels alone say about the severity figures.

    random_average_severity: of classes drawn at random, each as likely; any distance at k has this expectation too.
    random_mistake_severity: of wrong classes drawn at random. random_severity_histogram: how many of the pictures a
    random answer is expected to put at d = 0, 1, ..., height. distance_at_k_floor: the lowest possible distance at k.
    """
    count, distances = len(hierarchy.classes), np.sort(hierarchy.distances, axis=1)
    pictures = np.bincount(labels, minlength=count)
    at_height = np.stack([(distances == d).sum(axis=1) for d in range(hierarchy.heights[0] + 1)], axis=1)
    average = float(pictures @ distances.mean(axis=1)) / len(labels)
    floors = {
        f"distance_at_{k}_floor": float(pictures @ distances[:, :k].mean(axis=1)) / len(labels) for k in DISTANCES_AT
    }
    return {
        "random_average_severity": average,
        "random_mistake_severity": average * count / (count - 1),
        "random_severity_histogram": (pictures @ at_height / count).tolist(),
        **floors,
    }
