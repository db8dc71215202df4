"""Calibration: the temperature by hand and against a grid, and what it must leave as it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import ZOO, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.calibrate import COLDEST, HOTTEST, calibrate, calibrated, temperature_for


def drawn(pictures: int, power: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are p^power, normalised, and labels drawn from p itself: calibrated at power 1."""
    generator = np.random.default_rng(seed)
    true = generator.dirichlet(np.full(5, 0.5), size=pictures)
    labels = (generator.random((pictures, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=4)
    told = np.maximum(true, 1e-6) ** power
    return told / told.sum(axis=1, keepdims=True), labels


def test_a_temperature_by_hand() -> None:
    # Two classes, always 0.9 sure, right in 3 of 4 cases: log(0.9 / 0.1) / T must be log(0.75 / 0.25), T = 2.
    probabilities = np.tile([0.9, 0.1], (4, 1))
    temperature = temperature_for(probabilities, np.array([0, 0, 0, 1]))
    assert temperature == pytest.approx(np.log(9) / np.log(3), rel=1e-3)
    np.testing.assert_allclose(calibrated(probabilities, temperature), np.tile([0.75, 0.25], (4, 1)), atol=1e-3)


def test_a_power_by_hand() -> None:
    # T = 1/2 squares: 0.64, 0.04 and 0.04 over their sum 0.72.
    np.testing.assert_allclose(calibrated(np.array([[0.8, 0.2, 0.2]]) / 1.2, 0.5), [[8 / 9, 1 / 18, 1 / 18]], rtol=1e-6)


@pytest.mark.parametrize(("power", "temperature"), [(1.0, 1.0), (2.0, 2.0), (0.5, 0.5)])
def test_the_temperature_undoes_what_was_done_to_calibrated_probabilities(power: float, temperature: float) -> None:
    assert temperature_for(*drawn(20_000, power)) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_makes_the_labels_likelier() -> None:
    probabilities, labels = drawn(500, 1.7, seed=3)

    def loss(temperature: float) -> float:
        return -np.log(calibrated(probabilities, temperature)[np.arange(500), labels].astype(float)).mean()

    best = loss(temperature_for(probabilities, labels))
    assert best <= min(loss(temperature) for temperature in np.geomspace(0.3, 10, 200)) + 1e-6


def test_answers_that_are_all_right_end_at_the_coldest_and_certainties_at_no_infinity() -> None:
    sure = np.eye(3)[[0, 1, 2]] * 0.8 + 0.2 / 3
    assert COLDEST <= temperature_for(sure, np.arange(3)) < 0.1
    assert temperature_for(np.eye(3), np.array([1, 2, 0])) == pytest.approx(HOTTEST, rel=0.01)
    assert np.isfinite(calibrated(np.eye(3), COLDEST)).all()


@given(
    st.integers(0, 100).map(lambda seed: np.random.default_rng(seed).dirichlet(np.full(6, 0.3), size=20)),
    st.floats(COLDEST, HOTTEST),
)
def test_the_likeliest_class_stays_and_rows_sum_to_one(probabilities: np.ndarray, temperature: float) -> None:
    found = calibrated(probabilities, temperature)
    best = probabilities.argmax(axis=1)
    assert np.all(found[np.arange(20), best] == found.max(axis=1))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert found.dtype == np.float32


def test_a_temperature_of_one_changes_nothing() -> None:
    probabilities, _ = drawn(50, 1.0)
    np.testing.assert_allclose(calibrated(probabilities, 1.0), probabilities, atol=1e-6)


@settings(max_examples=30)
@given(hierarchies(), st.sampled_from([0.3, 1.0, 4.0]))
def test_coarser_levels_are_the_sums_of_the_classes(hierarchy: Hierarchy, temperature: float) -> None:
    found = calibrate(random_predictions(hierarchy, 10, seed=1), temperature)
    for level, nodes in enumerate(hierarchy.level_nodes):
        sums = found.probabilities[-1] @ hierarchy.ancestor_matrix[nodes].T.astype(np.float32)
        np.testing.assert_allclose(found.probabilities[level], sums, atol=1e-5)


def test_labels_and_names_stay() -> None:
    before = random_predictions(ZOO, 10, seed=2)
    after = calibrate(before, 2.0)
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(after.ids, before.ids)
