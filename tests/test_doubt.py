"""Doubtful labels: a confident joint worked out by hand, flipped labels that must be found, properties, speed."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from kinwise.judge.doubt import confident_joint, label_doubt, suspicious

# Means of the own class: .5, .6, .6.
PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],  # counts for 0
        [0.6, 0.3, 0.1],  # counts for 0
        [0.1, 0.8, 0.1],  # labelled 0, counts for 1
        [0.1, 0.8, 0.1],  # counts for 1
        [0.3, 0.6, 0.1],  # counts for 1, just
        [0.2, 0.4, 0.4],  # sure of nothing
        [0.1, 0.1, 0.8],  # counts for 2
        [0.3, 0.3, 0.4],  # sure of nothing
    ]
)
LABELS = np.array([0, 0, 0, 1, 1, 1, 2, 2])


def noisy(pictures: int, classes: int, *, wrong: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities as they truly are given one noisy hint per class, labels of which a share is wrong, and which."""
    draw = np.random.default_rng(seed)
    true = draw.integers(classes, size=pictures)
    hints = draw.normal(size=(pictures, classes)) + 3 * np.eye(classes)[true]
    powers = np.exp(3 * hints)  # Bayes: a hint h has the density exp(3 h) higher for the true class
    flipped = draw.random(pictures) < wrong
    labels = np.where(flipped, (true + draw.integers(1, classes, size=pictures)) % classes, true)
    return powers / powers.sum(axis=1, keepdims=True), labels, flipped


def test_the_confident_joint_by_hand() -> None:
    assert confident_joint(PROBABILITIES, LABELS).tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 1]]
    assert suspicious(PROBABILITIES, LABELS).tolist() == [False, False, True, False, False, False, False, False]


def test_doubt_by_hand() -> None:
    # Scaled to 3, 3 and 2 labels: [2, 1, 0], [0, 3, 0], [0, 0, 2]. So a 1 is labelled 0 with probability 1/4.
    expected = [0.025 / 0.825, 0.075 / 0.675, 0.2 / 0.3, 0, 0, 0, 0, 0]
    assert label_doubt(PROBABILITIES, LABELS) == pytest.approx(expected)


def test_the_most_likely_of_several_sure_classes_counts() -> None:
    probabilities = np.array([[0.2, 0.4, 0.4], [0.1, 0.5, 0.4], [0.1, 0.4, 0.5], [0.2, 0.3, 0.5]])
    # Means .2, .45, .5: the first is above its own alone, the third above 2, the second above 1.
    assert confident_joint(probabilities, np.array([0, 1, 1, 2])).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    both = np.array([[0.4, 0.6, 0.0], [0.3, 0.7, 0.0], [0.6, 0.4, 0.0]])
    # Means .4 (of .4) and .55: the first picture is above both thresholds.
    assert confident_joint(both, np.array([0, 1, 1])).tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_equal_confidences_are_their_own_mean() -> None:
    tenth = np.full((3, 10), 0.1)
    assert tenth[:, 0].sum() / 3 > 0.1, "a mean that is larger than each of its terms"
    assert confident_joint(tenth, np.zeros(3, np.int64)).sum() == 3


def test_a_class_without_pictures_is_never_the_true_one() -> None:
    probabilities = np.array([[0.3, 0.1, 0.6], [0.2, 0.2, 0.6], [0.1, 0.3, 0.6]])
    labels = np.array([0, 0, 1])
    assert confident_joint(probabilities, labels)[:, 2].tolist() == [0, 0, 0]
    assert label_doubt(probabilities, labels) == pytest.approx([0, 0, 0])


def test_a_label_without_sure_pictures_is_taken_to_be_right() -> None:
    # Means .5, .5 and .2. The pictures labelled 2 are at least as sure of another class, so that 2's column is empty.
    probabilities = np.array([[0.5, 0.4, 0.1], [0.4, 0.5, 0.1], [0.6, 0.1, 0.3], [0.1, 0.8, 0.1]])
    labels = np.array([0, 1, 2, 2])
    assert confident_joint(probabilities, labels).tolist() == [[1, 0, 0], [0, 1, 0], [1, 1, 0]]
    # A 0 and a 1 are labelled 2 half of the time, a 2 always.
    assert label_doubt(probabilities, labels) == pytest.approx([0, 0, 0.35 / 0.65, 0.45 / 0.55])
    unsure = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])
    assert label_doubt(unsure, np.array([0, 1])).tolist() == [0, 0]


def test_a_label_that_nothing_explains_stays() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert label_doubt(probabilities, np.array([0, 0, 1, 1])).tolist() == [0, 0, 0, 0]
    all_wrong = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert np.isfinite(label_doubt(all_wrong, np.array([0, 0]))).all()


def test_flipped_labels_are_doubted() -> None:
    probabilities, labels, flipped = noisy(4000, 10, wrong=0.1)
    doubt = label_doubt(probabilities, labels)
    flipped_above = mannwhitneyu(doubt[flipped], doubt[~flipped]).statistic / (flipped.sum() * (~flipped).sum())
    assert flipped_above > 0.97, "the area under the ROC curve"
    assert np.median(doubt[flipped]) > 0.8 > 0.05 > np.median(doubt[~flipped])
    found = suspicious(probabilities, labels)
    assert found[flipped].mean() > 0.6
    assert found[~flipped].mean() < 0.05


@pytest.mark.parametrize("wrong", [0, 0.1, 0.2])
def test_where_the_probabilities_are_right_doubt_is_the_share_of_wrong_labels(wrong: float) -> None:
    probabilities, labels, flipped = noisy(4000, 10, wrong=wrong)
    doubt = label_doubt(probabilities, labels)
    assert doubt.mean() == pytest.approx(flipped.mean(), abs=0.01)
    if wrong:
        assert flipped[doubt > 0.9].mean() == pytest.approx(doubt[doubt > 0.9].mean(), abs=0.02)


def test_the_joint_tells_how_labels_were_flipped() -> None:
    probabilities, labels, _ = noisy(20_000, 4, wrong=0)
    flipped = (labels == 2) & (np.random.default_rng(1).random(len(labels)) < 0.3)
    joint = confident_joint(probabilities, np.where(flipped, 3, labels))
    assert joint[3, 2] / joint[:, 2].sum() == pytest.approx(0.3, abs=0.03)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(1, 60))
def test_permuting_the_classes_permutes_nothing_else(seed: int, classes: int, pictures: int) -> None:
    probabilities, labels, _ = noisy(pictures, classes, wrong=0.3, seed=seed)
    order = np.random.default_rng(seed).permutation(classes)
    permuted, renamed = probabilities[:, order], np.argsort(order)[labels]
    doubt = label_doubt(probabilities, labels)
    assert label_doubt(permuted, renamed) == pytest.approx(doubt)
    assert (confident_joint(permuted, renamed) == confident_joint(probabilities, labels)[np.ix_(order, order)]).all()
    assert (suspicious(permuted, renamed) == suspicious(probabilities, labels)).all()
    assert ((doubt >= 0) & (doubt <= 1)).all()


def test_ten_thousand_pictures_of_a_hundred_classes_take_less_than_half_a_second() -> None:
    probabilities, labels, _ = noisy(10_000, 100, wrong=0.1)
    start = time.perf_counter()
    label_doubt(probabilities.astype(np.float32), labels)
    assert time.perf_counter() - start < 0.5
