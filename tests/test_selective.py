"""Selective answers: risk-coverage curves by hand and by scikit-learn, their limits, and that equals have no order."""

from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_curve

from kinwise.judge.selective import risk_coverage

PICTURES = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.sampled_from([0.1, 0.2, 0.5, 0.9])),
        arrays(np.bool_, n, elements=st.booleans()),
    )
)


def test_the_curve_by_hand() -> None:
    curve = risk_coverage(np.array([0.9, 0.4, 0.8, 0.6]), np.array([False, True, True, False]))
    assert curve.coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    # By confidence: right, wrong, right, wrong.
    assert curve.risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 4)
    # At best: right, right, wrong, wrong.
    assert curve.lowest_area == pytest.approx((1 / 3 + 2 / 4) / 4)
    assert [curve.at(share) for share in (0.1, 0.5, 0.51, 1.0)] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])


def test_equals_count_with_their_mean_error() -> None:
    curve = risk_coverage(np.array([0.5, 0.5, 0.5, 0.9]), np.array([True, False, False, False]))
    assert curve.risk == pytest.approx([0, (1 / 3) / 2, (2 / 3) / 3, 1 / 4])


@given(PICTURES)
def test_the_risk_is_what_scikit_learns_precision_leaves_to_1(given_: tuple[np.ndarray, np.ndarray]) -> None:
    """Among all answers at least as confident as each value; in the midst of equals scikit-learn has no point."""
    confidence, wrong = given_
    assume(not wrong.all())
    precision, _, values = precision_recall_curve(~wrong, confidence)
    counts = np.array([np.count_nonzero(confidence >= value) for value in values])
    np.testing.assert_allclose(risk_coverage(confidence, wrong).risk[counts - 1], 1 - precision[:-1], atol=1e-12)


@given(PICTURES, st.randoms(use_true_random=False))
def test_the_order_of_the_pictures_changes_nothing(given_: tuple[np.ndarray, np.ndarray], order: Random) -> None:
    confidence, wrong = given_
    mixed = list(range(len(wrong)))
    order.shuffle(mixed)
    first, second = risk_coverage(confidence, wrong), risk_coverage(confidence[mixed], wrong[mixed])
    np.testing.assert_allclose(first.risk, second.risk, atol=1e-12)


@given(PICTURES)
def test_it_ends_at_the_error_and_no_order_is_below_the_best(given_: tuple[np.ndarray, np.ndarray]) -> None:
    confidence, wrong = given_
    curve = risk_coverage(confidence, wrong)
    assert curve.risk[-1] == pytest.approx(wrong.mean())
    assert curve.lowest_area <= curve.area + 1e-12
    perfect = risk_coverage(-wrong.astype(float) - np.arange(len(wrong)) / 1000, wrong)
    assert perfect.area == pytest.approx(curve.lowest_area)
    assert risk_coverage(confidence, np.zeros(len(wrong), bool)).area == 0
