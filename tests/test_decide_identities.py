"""Identities of decision rules: what their formulas and the papers say, on any tree and on one without inner nodes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import kin_predictions, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import ROOT, climb
from kinwise.judge.decide import RULES, decide
from kinwise.judge.hedge import hedge
from kinwise.judge.predictions import Predictions, sum_upward

SEEDS = st.integers(0, 2**32 - 1)
ALWAYS_A_CLASS = [rule for rule, one in RULES.items() if not one.stops]


def leaning_to_kin(hierarchy: Hierarchy, seed: int, pictures: int = 8) -> Predictions:
    labels = np.random.default_rng(seed).integers(len(hierarchy.classes), size=pictures)
    return kin_predictions(hierarchy, labels, seed)


def steps_to_classes(hierarchy: Hierarchy) -> np.ndarray:
    """The edges between every node and every class, from the paths to the root, (nodes, classes)."""
    paths = [set(hierarchy.ancestors(node).tolist()) for node in range(len(hierarchy.parents))]
    return np.array([[len(path ^ paths[leaf]) for leaf in hierarchy.leaves] for path in paths])


# --- the formulas ---------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(hierarchies(), SEEDS)
def test_bottom_up_takes_the_node_of_the_highest_sum_at_every_level(hierarchy: Hierarchy, seed: int) -> None:
    predictions = random_predictions(hierarchy, 8, seed)
    answers = decide(predictions, "bottom-up").answers
    sums = predictions.probabilities[-1].astype(float) @ hierarchy.ancestor_matrix.T
    for level, nodes in enumerate(hierarchy.level_nodes):
        assert (nodes[answers[:, level]] == nodes[sums[:, nodes].argmax(axis=1)]).all()


@settings(max_examples=30)
@given(hierarchies(), SEEDS)
def test_product_multiplies_what_every_level_says_of_a_path(hierarchy: Hierarchy, seed: int) -> None:
    predictions = random_predictions(hierarchy, 8, seed)
    decision = decide(predictions, "product")
    products = np.ones((8, len(hierarchy.classes)))
    for class_, path in enumerate(hierarchy.paths):
        for nodes, probabilities, node in zip(hierarchy.level_nodes, predictions.probabilities, path, strict=True):
            products[:, class_] *= probabilities[:, np.flatnonzero(nodes == node)[0]]
    products /= products.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(decision.ranking, products, rtol=1e-4)
    assert (decision.answers[:, -1] == products.argmax(axis=1)).all()


@settings(max_examples=30)
@given(hierarchies(), SEEDS)
def test_coarser_heads_that_know_nothing_leave_product_the_classes(hierarchy: Hierarchy, seed: int) -> None:
    said = random_predictions(hierarchy, 8, seed)
    nothing = tuple(np.full_like(level, 1 / level.shape[1]) for level in said.probabilities[:-1])
    torn = Predictions(
        probabilities=(*nothing, said.probabilities[-1]), labels=said.labels, ids=said.ids, hierarchy=hierarchy
    )
    decision = decide(torn, "product")
    np.testing.assert_allclose(decision.ranking, said.probabilities[-1], rtol=1e-4)
    assert (decision.answers == decide(torn, "argmax").answers).all()


@settings(max_examples=40)
@given(hierarchies(), SEEDS)
def test_no_node_is_fewer_steps_from_the_truth_on_average_than_the_deepest_likely(h: Hierarchy, seed: int) -> None:
    """The Bayes rule of the distance along the tree (Ramaswamy et al. 2015)."""
    predictions = leaning_to_kin(h, seed)
    classes = predictions.probabilities[-1].astype(float)
    expected = classes / classes.sum(axis=1, keepdims=True) @ steps_to_classes(h).T
    chosen = decide(predictions, "deepest-likely").nodes
    np.testing.assert_allclose(expected[np.arange(len(chosen)), chosen], expected.min(axis=1), atol=1e-6)


@settings(max_examples=40)
@given(hierarchies(), SEEDS, st.floats(0.51, 1))
def test_climbing_above_one_half_never_passes_the_deepest_likely(h: Hierarchy, seed: int, threshold: float) -> None:
    """All nodes over 1/2 lie on one path; the best class need not be on it."""
    predictions = leaning_to_kin(h, seed)
    deepest = decide(predictions, "deepest-likely").nodes
    for climbed, likely in zip(climb(predictions.probabilities, h, threshold), deepest, strict=True):
        assert climbed in h.ancestors(int(likely))


# --- a tree without inner nodes has nothing to say --------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_where_all_mistakes_are_alike_every_rule_is_argmax(classes: int) -> None:
    flat = Hierarchy(parents=np.array([-1, *[0] * classes]), names=tuple(f"n{node}" for node in range(classes + 1)))
    predictions = random_predictions(flat, 200, classes)
    best = decide(predictions, "argmax")
    for rule in ALWAYS_A_CLASS:
        assert (decide(predictions, rule).answers == best.answers).all(), rule
    least = decide(predictions, "least-cost")
    np.testing.assert_allclose(least.ranking, predictions.probabilities[-1] - 1, atol=1e-6)
    # Hedging for information alone, and climbing without a threshold; the deepest likely where it is over one half.
    levels = sum_upward(predictions.probabilities[-1], flat)
    assert (hedge(levels[-1], flat, 0.0)[0] == best.nodes).all()
    assert (climb(levels, flat, 0.0) == best.nodes).all()
    over = best.confidence > 0.5
    assert 0 < over.sum() < 200 or classes == 2
    assert (decide(predictions, "deepest-likely").nodes == np.where(over, best.nodes, ROOT)).all()
