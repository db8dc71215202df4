"""Metrics: a case worked out by hand, scikit-learn, torchmetrics and hiclass as oracles, and properties on any tree."""

from dataclasses import replace

import hiclass.metrics
import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error
from zoo import LABELS, PROBABILITIES, ZOO, flat_values, held_out, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES, decide
from kinwise.judge.metrics import distance_at, reference_values, score
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.taxonomy import built_in

ALWAYS_A_CLASS = [rule for rule, one in RULES.items() if not one.stops]
SEEDS = st.integers(0, 2**32 - 1)


# --- by hand: two right answers, a ray for a shark (1), a shark for a dog (2), a dog for a saw (3) -------------------


def test_the_zoo_by_hand() -> None:
    scores = score(PROBABILITIES, LABELS, ZOO, resamples=1)
    assert (scores.n, scores.decision, scores.levels) == (5, "argmax", ("group", "superclass", "class"))
    assert scores.accuracy == pytest.approx({"group": 4 / 5, "superclass": 3 / 5, "class": 2 / 5})
    assert scores.mistakes == 3
    assert scores.severity_histogram == [2, 1, 1, 1]
    assert scores.mistake_severity == pytest.approx((1 + 2 + 3) / 3)
    assert scores.average_severity == pytest.approx((1 + 2 + 3) / 5)
    assert scores.full_path_accuracy == pytest.approx(2 / 5)
    assert scores.inconsistent_paths == 0
    # Answered nodes 3 + 3 + 3 + 2 + 3 (the dog ends early), true ones as many, shared 3 + 2 + 1 + 0 + 3.
    assert scores.hierarchical_precision == pytest.approx(9 / 14)
    assert scores.hierarchical_recall == pytest.approx(9 / 14)
    assert scores.hierarchical_f1 == pytest.approx(9 / 14)
    # With five classes the five best are all: rows of d sum to 9 for a shark and to 10 for a dog, a saw or an axe.
    assert scores.hierarchical_distance_at_5 == pytest.approx((9 + 9 + 10 + 10 + 10) / 25)
    assert scores.hierarchical_distance_at_20 == scores.hierarchical_distance_at_5


def test_the_zoo_per_level_by_hand() -> None:
    level = score(PROBABILITIES, LABELS, ZOO, resamples=1).level
    by_class = {key: figure.value for key, figure in level["class"].items()}
    # Sharks: one of two found, one of two shark answers right. Axe: all right. Rays, dogs and saws: nothing right.
    assert by_class["precision_macro"] == pytest.approx((1 / 2 + 1) / 5)
    assert by_class["recall_macro"] == pytest.approx((1 / 2 + 1) / 5)
    assert by_class["f1_macro"] == pytest.approx((1 / 2 + 1) / 5)
    assert by_class["negative_log_likelihood"] == pytest.approx(-np.log([0.6, 0.1, 0.2, 0.3, 0.6]).mean())
    assert by_class["brier"] == pytest.approx((0.22 + 1.12 + 0.82 + 0.74 + 0.20) / 5)
    # Bins of width 1/15: {.6, .6} both right, {.5}, {.3} and {.4} wrong.
    assert by_class["calibration_error"] == pytest.approx((2 * 0.4 + 0.5 + 0.3 + 0.4) / 5)
    # Animals: 3 of 3 found with 4 answers; things: 1 of 2 found with 1 answer.
    assert level["group"]["precision_macro"].value == pytest.approx((3 / 4 + 1) / 2)
    assert level["group"]["recall_macro"].value == pytest.approx((1 + 1 / 2) / 2)
    assert level["group"]["f1_macro"].value == pytest.approx((6 / 7 + 2 / 3) / 2)


def test_answers_that_are_no_path_count_by_their_nodes() -> None:
    torn = Predictions(
        probabilities=(
            np.array([[0.2, 0.8], [1, 0], [1, 0]], np.float32),
            np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1]], np.float32),
            np.array([[1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0]], np.float32),
        ),
        labels=np.array([0, 2, 2]),
        ids=np.array(["a", "b", "c"]),
        hierarchy=ZOO,
    )
    scores = score(torn, decision="independent", resamples=1)
    # (things, fish, shark) for a shark; (animals, dog) for a dog; (animals, dog, ray) for a dog.
    assert scores.inconsistent_paths == pytest.approx(2 / 3)
    assert scores.full_path_accuracy == pytest.approx(1 / 3)
    assert scores.accuracy == pytest.approx({"group": 2 / 3, "superclass": 1, "class": 2 / 3})
    assert scores.hierarchical_precision == pytest.approx((2 + 2 + 2) / (3 + 2 + 3))
    assert scores.hierarchical_recall == pytest.approx((2 + 2 + 2) / (3 + 2 + 2))
    assert scores.hierarchical_f1 == pytest.approx(12 / (8 + 7))
    assert score(torn, decision="argmax", resamples=1).inconsistent_paths == 0


def test_classes_tied_for_the_last_place_share_it() -> None:
    tied = np.array([[0.3, 0.1, 0.2, 0.2, 0.2]])  # a dog's second best: dog, saw and axe alike
    assert distance_at(2, tied, np.array([2]), ZOO.distances) == pytest.approx((2 + (0 + 3 + 3) / 3) / 2)
    assert distance_at(1, tied, np.array([2]), ZOO.distances) == pytest.approx(2)


def test_the_references_of_the_zoo_by_hand() -> None:
    assert reference_values(ZOO, LABELS) == {
        "random_average_severity": pytest.approx(48 / 25),
        "random_mistake_severity": pytest.approx(48 / 20),
        "random_severity_histogram": pytest.approx([1, 4 / 5, 4 / 5, 12 / 5]),
        "distance_at_5_floor": pytest.approx(48 / 25),
        "distance_at_20_floor": pytest.approx(48 / 25),
    }


def test_the_references_of_the_five_level_cifar_tree_are_the_published_ones() -> None:
    tree, labels = built_in("cifar100-5level"), np.repeat(np.arange(100), 100)
    reference = reference_values(tree, labels)
    assert reference["distance_at_5_floor"] == pytest.approx(0.8)
    assert reference["distance_at_20_floor"] == pytest.approx(2.0625)
    assert reference["random_average_severity"] == pytest.approx(3.875)
    assert reference["random_mistake_severity"] == pytest.approx(3.914, abs=5e-4)
    assert np.sum(reference["random_severity_histogram"]) == pytest.approx(10_000)
    # Random answers, judged, come out there; the truth itself has distance 0 and the floors.
    noise = np.random.default_rng(0).dirichlet(np.ones(100), size=10_000)
    random = score(noise, labels, tree, resamples=1)
    assert random.average_severity == pytest.approx(3.875, abs=0.05)
    assert random.hierarchical_distance_at_20 == pytest.approx(3.875, abs=0.05)
    best = np.exp(-tree.distances.astype(float))[labels]
    best = score(best / best.sum(axis=1, keepdims=True), labels, tree, resamples=1)
    assert (best.average_severity, best.mistakes, best.mistake_severity) == (0, 0, None)
    assert best.hierarchical_distance_at_5 == pytest.approx(0.8)
    assert best.hierarchical_distance_at_20 == pytest.approx(2.0625)


# --- oracles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ALWAYS_A_CLASS)
def test_level_figures_agree_with_scikit_learn_and_torchmetrics(rule: str) -> None:
    tree = built_in("cifar100")
    predictions = random_predictions(tree, 2000, 1)
    answers, scores = decide(predictions, rule).answers, score(predictions, decision=rule, resamples=1)
    for level, name in enumerate(tree.levels):
        true, answered = tree.level_labels[predictions.labels, level], answers[:, level]
        probabilities = predictions.probabilities[level].astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        nodes = np.arange(tree.level_sizes[level])
        assert {key: figure.value for key, figure in scores.level[name].items()} == {
            "accuracy": pytest.approx(
                float(multiclass_accuracy(torch.tensor(answered), torch.tensor(true), len(nodes), average="micro"))
            ),
            "precision_macro": pytest.approx(
                sklearn.metrics.precision_score(true, answered, average="macro", zero_division=0)
            ),
            "recall_macro": pytest.approx(
                sklearn.metrics.recall_score(true, answered, average="macro", zero_division=0)
            ),
            "f1_macro": pytest.approx(sklearn.metrics.f1_score(true, answered, average="macro", zero_division=0)),
            "negative_log_likelihood": pytest.approx(
                sklearn.metrics.log_loss(true, probabilities, labels=nodes), abs=1e-5
            ),
            "brier": pytest.approx(
                sklearn.metrics.brier_score_loss(true, probabilities, labels=nodes, scale_by_half=False), abs=1e-5
            ),
            "calibration_error": pytest.approx(
                float(multiclass_calibration_error(torch.tensor(probabilities), torch.tensor(true), len(nodes), 15)),
                abs=1e-5,
            ),
        }


@pytest.mark.parametrize("rule", ALWAYS_A_CLASS)
@settings(max_examples=20)
@given(tree=hierarchies(), seed=SEEDS)
def test_hierarchical_precision_recall_and_f1_agree_with_hiclass(rule: str, tree: Hierarchy, seed: int) -> None:
    predictions = random_predictions(tree, 9, seed)
    answers, scores = decide(predictions, rule).answers, score(predictions, decision=rule, resamples=1)
    answered = np.stack([nodes[answers[:, level]] for level, nodes in enumerate(tree.level_nodes)], axis=1).astype(str)
    true = tree.paths[predictions.labels].astype(str)
    assert scores.hierarchical_precision == pytest.approx(hiclass.metrics.precision(true, answered))
    assert scores.hierarchical_recall == pytest.approx(hiclass.metrics.recall(true, answered))
    assert scores.hierarchical_f1 == pytest.approx(hiclass.metrics.f1(true, answered, zero_division=0))


@given(hierarchies(), SEEDS, st.integers(1, 20))
def test_distance_at_k_agrees_with_a_loop_over_pictures_and_ranks(tree: Hierarchy, seed: int, k: int) -> None:
    predictions = random_predictions(tree, 4, seed)
    found = distance_at(k, predictions.probabilities[-1], predictions.labels, tree.distances)
    for picture, row in enumerate(predictions.probabilities[-1].tolist()):
        best = sorted(range(len(row)), key=lambda class_: -row[class_])[:k]
        steps = [
            tree.heights[tree.lowest_common_ancestor(tree.leaves[predictions.labels[picture]], tree.leaves[class_])]
            for class_ in best
        ]
        assert found[picture] == pytest.approx(sum(steps) / len(best), rel=1e-5)


def test_the_likelihood_of_an_impossible_truth_is_clipped() -> None:
    never = np.array([[0, 1, 0, 0, 0]])
    scores = score(never, [0], ZOO, resamples=1)
    assert scores.level["class"]["negative_log_likelihood"].value == pytest.approx(23 * np.log(2))
    assert scores.level["class"]["brier"].value == pytest.approx(2)
    assert scores.level["class"]["calibration_error"].value == pytest.approx(1)


def test_the_calibration_error_is_told_before_and_after_calibration() -> None:
    """At a temperature of 1/2, .6 .2 .2 becomes .36 .04 .04 over .44: a gap of .4 becomes one of 1 - 9/11."""
    never_sure = np.repeat([[0.6, 0.2, 0.2, 0.0, 0.0]], 200, axis=0)
    judged = Predictions.from_classes(never_sure[:3], [0] * 3, ZOO)
    validation = Predictions.from_classes(never_sure, np.r_[[0] * 164, [1, 2] * 18], ZOO)
    decision = decide(judged, "least-cost", validation=validation)
    assert decision.temperatures == pytest.approx((0.5,), abs=0.02)
    scores = score(judged, validation=validation, resamples=1).level["class"]
    assert scores["calibration_error"].value == pytest.approx(0.4)
    assert scores["calibrated_error"].value == pytest.approx(2 / 11, abs=0.01)
    for plain in (score(judged, resamples=1), score(judged, decision="argmax", validation=validation, resamples=1)):
        assert "calibrated_error" not in plain.level["class"]


# --- what must hold --------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(hierarchies(), SEEDS, st.sampled_from(ALWAYS_A_CLASS))
def test_the_figures_hang_together(tree: Hierarchy, seed: int, rule: str) -> None:
    predictions = random_predictions(tree, 12, seed)
    scores = score(predictions, decision=rule, resamples=1)
    severity = scores.mistake_severity or 0
    assert scores.average_severity == pytest.approx((1 - scores.accuracy["class"]) * severity)
    assert sum(scores.severity_histogram) == 12
    assert len(scores.severity_histogram) == tree.heights[0] + 1
    assert scores.severity_histogram[0] == 12 - scores.mistakes
    assert np.average(range(tree.heights[0] + 1), weights=scores.severity_histogram) == pytest.approx(
        scores.average_severity
    )
    assert scores.full_path_accuracy <= min(scores.accuracy.values())
    for k in (5, 20):
        assert scores.reference[f"distance_at_{k}_floor"] <= getattr(scores, f"hierarchical_distance_at_{k}") + 1e-6
    if rule == "argmax":
        classes, labels = predictions.probabilities[-1], predictions.labels
        assert scores.average_severity == pytest.approx(distance_at(1, classes, labels, tree.distances).mean())
    if rule in ("argmax", "top-down", "product", "least-cost"):
        assert scores.inconsistent_paths == 0
        assert scores.full_path_accuracy == scores.accuracy["class"]


@settings(max_examples=50)
@given(tree=hierarchies(), seed=SEEDS, rule=st.sampled_from(sorted(RULES)), data=st.data())
def test_the_order_of_the_classes_changes_nothing(tree: Hierarchy, seed: int, rule: str, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(tree.classes)))))
    turned = tree.with_class_order([tree.classes[class_] for class_ in order])

    def renumbered(one: Predictions) -> Predictions:
        return Predictions.from_classes(one.probabilities[-1][:, order], np.argsort(order)[one.labels], turned)

    judged, fitted = random_predictions(tree, 10, seed).under(tree), held_out(tree).under(tree)
    before = score(judged, decision=rule, validation=fitted, promise=0.4, resamples=3)
    after = score(renumbered(judged), decision=rule, validation=renumbered(fitted), promise=0.4, resamples=3)
    assert _comparable(after) == pytest.approx(_comparable(before), rel=1e-5, abs=1e-6, nan_ok=True)
    assert after.severity_histogram == before.severity_histogram


def _comparable(scores: Scores) -> dict[str, float]:
    """All values, what is undefined (the severity of no mistake) as nan, which approx can compare."""
    return {key: float("nan") if value is None else value for key, value in flat_values(scores).items()}


def test_the_order_of_the_pictures_changes_no_value() -> None:
    predictions = random_predictions(ZOO, 50, 3)
    turned = replace(
        predictions,
        probabilities=tuple(level[::-1] for level in predictions.probabilities),
        labels=predictions.labels[::-1],
    )
    assert flat_values(score(turned, resamples=1)) == pytest.approx(flat_values(score(predictions, resamples=1)))
