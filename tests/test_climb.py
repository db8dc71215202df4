"""Climbing: answers by hand on the zoo, thresholds against a plain loop, and promises on pictures drawn at random."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from strategies import hierarchies
from zoo import AXE, DOG, LABELS, PROBABILITIES, RAY, SAW, SHARK, ZOO, cifar_predictions, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import (
    CONFIDENCE,
    ROOT,
    climb,
    confidences,
    given_and_wrong,
    kept,
    kept_on,
    levels_answered,
    specificity_of,
    threshold_for,
)
from kinwise.judge.predictions import Predictions, sum_upward
from kinwise.judge.promises import promises

LEVELS = sum_upward(PROBABILITIES.astype(np.float32), ZOO)
NODE = {name: node for node, name in enumerate(ZOO.names)}

# The most likely class of each row, and how likely the nodes on its path are:
#   shark 0.6, fish 0.8, animals 0.9;   ray 0.5, fish 0.6, animals 0.8;   shark 0.3, fish 0.4, animals 0.6;
#   dog 0.4, animals 0.4;               axe 0.6, tools 0.7, things 0.7
ANSWERS = {
    0.0: ["shark", "ray", "shark", "dog", "axe"],
    0.5: ["shark", "ray", "animals", "root", "axe"],
    0.65: ["fish", "animals", "root", "root", "tools"],
    0.85: ["animals", "root", "root", "root", "root"],
    1.0: ["root"] * 5,
}


@pytest.mark.parametrize("threshold", ANSWERS)
def test_answers_by_hand(threshold: float) -> None:
    found = climb(LEVELS, ZOO, threshold)
    assert [ZOO.names[node] for node in found] == ANSWERS[threshold]


def test_a_class_that_ends_early_stands_for_itself_below() -> None:
    nodes, along = confidences(LEVELS, ZOO)
    assert [ZOO.names[node] for node in nodes[3]] == ["animals", "dog", "dog"]
    np.testing.assert_allclose(along[3], [0.4, 0.4, 0.4], atol=1e-6)


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 100), st.floats(0, 1))
def test_against_a_walk_up_the_tree(hierarchy: Hierarchy, seed: int, threshold: float) -> None:
    classes = random_predictions(hierarchy, 12, seed).probabilities[-1]
    found = climb(sum_upward(classes, hierarchy), hierarchy, threshold)
    for row, node in enumerate(found):
        walker = int(hierarchy.leaves[classes[row].argmax()])
        while walker != ROOT:
            probability = classes[row, hierarchy.ancestor_matrix[walker]].sum(dtype=np.float64)
            if abs(probability - threshold) < 1e-5:
                break  # rounding decides
            if probability >= threshold:
                break
            walker = int(hierarchy.parents[walker])
        else:
            assert node == ROOT
            continue
        assert node == walker or abs(probability - threshold) < 1e-5


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 100))
def test_a_higher_threshold_answers_no_deeper_and_on_the_same_path(hierarchy: Hierarchy, seed: int) -> None:
    levels = sum_upward(random_predictions(hierarchy, 12, seed).probabilities[-1], hierarchy)
    before = climb(levels, hierarchy, 0.0)
    assert np.array_equal(before, hierarchy.leaves[levels[-1].argmax(axis=1)])
    for threshold in np.linspace(0.1, 1, 10):
        after = climb(levels, hierarchy, threshold)
        assert all(higher in hierarchy.ancestors(int(lower)) for higher, lower in zip(after, before, strict=True))
        before = after


# --- the threshold for a promise ------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 100))
def test_given_and_wrong_against_the_answers_themselves(hierarchy: Hierarchy, seed: int) -> None:
    predictions = random_predictions(hierarchy, 30, seed)
    levels = sum_upward(predictions.probabilities[-1], hierarchy)
    thresholds = np.linspace(0, 1, 21)
    answered, wrong = given_and_wrong(thresholds, levels, predictions.labels, hierarchy)
    for place, threshold in enumerate(thresholds):
        found = kept(climb(levels, hierarchy, threshold), predictions.labels, hierarchy)
        assert (answered[place], answered[place] - wrong[place]) == (found.answered, found.right)


def two_classes(sure: np.ndarray, wrong: np.ndarray) -> tuple[tuple[np.ndarray], np.ndarray, Hierarchy]:
    """A flat tree of two classes; class 0 is answered with the confidences ``sure``, the truth is 1 where ``wrong``."""
    flat = Hierarchy(parents=np.array([-1, 0, 0]), names=("root", "a", "b"))
    return (np.stack([sure, 1 - sure], axis=1),), wrong.astype(np.int64), flat


def test_a_threshold_by_hand() -> None:
    # 100 answers at 0.99, all right; 100 at 0.85, 15 of them wrong. For the promise 0.9 it starts at 0.95:
    # P(Binomial(100, 0.1) <= 0) = 2.7e-5; with all 200, P(Binomial(200, 0.1) <= 15) = 0.14 > 0.1.
    # So the threshold is the lowest above 0.85.
    sure, wrong = np.repeat([0.99, 0.85], 100), np.arange(200) >= 185
    assert binom.cdf(15, 200, 0.1) > 1 - CONFIDENCE > binom.cdf(14, 200, 0.1)
    found = threshold_for(0.9, *two_classes(sure, wrong))
    assert found.value == pytest.approx(0.851)
    assert (found.pictures, found.promise, found.note) == (200, 0.9, "")
    # One mistake less, and all may be answered.
    assert threshold_for(0.9, *two_classes(sure, np.arange(200) >= 186)).value == pytest.approx(0.001)


def test_it_never_goes_below_a_threshold_that_fails() -> None:
    # 0.9 of all answers together are right with room to spare, but not of those down to 0.9.
    sure, wrong = np.repeat([0.99, 0.9, 0.8], [50, 50, 400]), np.zeros(500, bool)
    wrong[50:80] = True
    assert binom.cdf(30, 500, 0.1) < 1 - CONFIDENCE
    assert threshold_for(0.9, *two_classes(sure, wrong)).value == pytest.approx(0.901)


def test_too_few_pictures_promise_nothing() -> None:
    # 0.95^44 > 0.1 >= 0.95^45: it takes 45.
    enough, few = np.full(45, 0.99), np.full(44, 0.99)
    assert threshold_for(0.95, *two_classes(enough, enough < 0)).note == ""
    found = threshold_for(0.95, *two_classes(few, few < 0))
    assert found.value == 1
    assert found.note == (
        "0.95 cannot be promised: it takes 45 sure answers on validation pictures, and there are 44; "
        "hold out more of them"
    )


def test_a_model_that_errs_when_it_is_surest_promises_nothing() -> None:
    sure = np.full(200, 0.99)
    found = threshold_for(0.95, *two_classes(sure, np.arange(200) < 40))
    assert found.value == 1
    assert "too many of the surest answers on the validation pictures are wrong" in found.note


@pytest.mark.parametrize("promise", [0, 1, -0.5, 95, float("nan")])
def test_a_promise_is_a_share(promise: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        threshold_for(promise, LEVELS, LABELS, ZOO)


def test_promises_are_kept_on_new_pictures_in_nine_draws_of_ten() -> None:
    broken = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        sure = generator.uniform(0.5, 1, size=2000)
        levels, labels, flat = two_classes(sure, generator.random(2000) > sure)
        found = threshold_for(0.9, levels, labels, flat).value
        # Of all pictures with confidence c >= t, uniform in t..1, (1 + t) / 2 are right.
        broken += (1 + found) / 2 < 0.9
    assert broken <= 16  # P(Binomial(100, 0.1) > 16) = 0.02


def test_cifar_sized_predictions_take_no_time() -> None:
    one = cifar_predictions()
    many = replace(
        one,
        probabilities=tuple(np.tile(level, (13, 1))[:10_000] for level in one.probabilities),
        labels=np.tile(one.labels, 13)[:10_000],
        ids=np.arange(10_000).astype(str),
    )
    began = time.perf_counter()
    kept_on(many, threshold_for(0.9, many.probabilities, many.labels, many.hierarchy).value)
    assert time.perf_counter() - began < 0.5


# --- what came of it ------------------------------------------------------------------------------------------------


def test_what_came_of_it_by_hand() -> None:
    # At 0.5: shark (right), ray for a shark (wrong), animals for a dog (right), no answer, axe (right).
    found = kept(climb(LEVELS, ZOO, 0.5), LABELS, ZOO)
    assert (found.pictures, found.answered, found.right) == (5, 4, 3)
    assert found.coverage == 0.8
    assert found.levels == pytest.approx((1 / 5, 0, 3 / 5))
    assert found.depth == pytest.approx((3 + 3 + 1 + 0 + 3) / 5)
    # Of 5 classes, 3 are animals.
    assert found.specificity == pytest.approx((1 + 1 + (1 - np.log(3) / np.log(5)) + 0 + 1) / 5)
    assert found.accuracy is not None
    share, low, high = found.accuracy
    assert share == 0.75
    # Wilson's ends solve (share - p)^2 = z^2 p (1 - p) / n.
    for end in (low, high):
        assert (0.75 - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / 4, rel=1e-6)


def test_no_answers_have_no_accuracy() -> None:
    found = kept(np.zeros(5, np.int64), LABELS, ZOO)
    assert (found.accuracy, found.coverage, found.depth, found.specificity) == (None, 0, 0, 0)


def test_levels_and_information_of_every_node() -> None:
    nodes = np.array([NODE[name] for name in ("root", "animals", "fish", "shark", "dog")])
    assert levels_answered(nodes, ZOO).tolist() == [0, 1, 2, 3, 3]
    assert specificity_of(nodes, ZOO) == pytest.approx([0, 1 - np.log(3) / np.log(5), 1 - np.log(2) / np.log(5), 1, 1])


def test_a_promise_in_words_and_in_json() -> None:
    generator = np.random.default_rng(0)
    labels = generator.choice([SHARK, RAY, DOG, SAW, AXE], size=600)
    classes = np.full((600, 5), 0.02)
    classes[np.arange(600), labels] += 0.9
    classes[:30] = np.roll(classes[:30], 1, axis=1)  # sure and wrong
    predictions = Predictions.from_classes(classes, labels, ZOO)
    (found,) = promises([0.9], predictions, predictions)
    assert found.text() == (
        f"promise 90 %: 95.0 % of 600 answers right (93.0 % to 96.5 %); threshold {found.threshold.value:.3f}, "
        "from 600 validation pictures\n"
        "answered 100.0 % of 600 pictures, down to: class 100.0 %, superclass 0.0 %, group 0.0 %"
    )
    told = found.to_dict()
    assert told["kept"]["levels"] == {"group": 0, "superclass": 0, "class": 1}
    assert told["threshold"]["promise"] == 0.9
