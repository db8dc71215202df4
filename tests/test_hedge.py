"""Hedging: answers by hand on the zoo, all nodes one by one as oracle, and promises on pictures drawn at random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from strategies import hierarchies
from zoo import ZOO, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import CONFIDENCE, ROOT, kept
from kinwise.judge.hedge import HEAVIEST, hedge, most_wrong, weight_for
from kinwise.judge.predictions import sum_upward

SEEDS = st.integers(0, 100)
PICTURE = np.array([[0.3, 0.25, 0.2, 0.15, 0.1]])
NAMES = ZOO.names


# Of five classes, a class says log 5 = 1.609 nats, fish log 5/2 = .916, animals log 5/3 = .511, the root nothing.
@pytest.mark.parametrize(
    ("weight", "answer"),
    [
        (0.0, "fish"),  # shark 1.609 x .3 = .483, fish .916 x .55 = .504, animals .511 x .75 = .383
        (1.0, "animals"),  # shark .783, fish 1.054, animals 1.133, root 1
        (10.0, "root"),  # animals 10.511 x .75 = 7.88, root 10
    ],
)
def test_answers_by_hand(weight: float, answer: str) -> None:
    nodes, sure = hedge(PICTURE, ZOO, weight)
    assert [NAMES[node] for node in nodes] == [answer]
    assert sure[0] == pytest.approx({"fish": 0.55, "animals": 0.75, "root": 1.0}[answer])


def test_of_a_chain_of_only_children_the_last_is_answered() -> None:
    # Things and its only child tools are as likely and say as much.
    nodes, _ = hedge(np.array([[0.05, 0.05, 0.0, 0.45, 0.45]]), ZOO, 1.0)
    assert [NAMES[node] for node in nodes] == ["tools"]


@settings(max_examples=25)
@given(hierarchies(), SEEDS, st.sampled_from([0.0, 0.3, 1.0, 4.0, 30.0]))
def test_no_node_is_worth_more_than_the_one_answered(hierarchy: Hierarchy, seed: int, weight: float) -> None:
    classes = random_predictions(hierarchy, 8, seed).probabilities[-1].astype(float)
    nodes, _ = hedge(classes, hierarchy, weight)
    for row, node in enumerate(nodes):
        worth = []
        for other in range(len(hierarchy.parents)):
            below = [c for c, leaf in enumerate(hierarchy.leaves) if other in hierarchy.ancestors(int(leaf))]
            information = np.log(len(hierarchy.leaves) / len(below))
            worth.append((information + weight) * classes[row, below].sum())
        assert worth[node] == pytest.approx(max(worth))
        assert len(hierarchy.children(int(node))) != 1, "an only child says the same and is deeper"


@settings(max_examples=25)
@given(hierarchies(), SEEDS)
def test_a_heavier_lambda_says_less_and_is_surer(hierarchy: Hierarchy, seed: int) -> None:
    classes = random_predictions(hierarchy, 12, seed).probabilities[-1]
    classes = classes / classes.sum(axis=1, keepdims=True, dtype=np.float64)
    below = hierarchy.ancestor_matrix.sum(axis=1)
    before, was = hedge(classes, hierarchy, 0.0)
    for weight in (0.1, 1.0, 10.0, HEAVIEST):
        after, now = hedge(classes, hierarchy, weight)
        assert (below[after] >= below[before]).all()
        assert (now >= was - 1e-9).all()
        before, was = after, now
    assert (below[before] == len(hierarchy.leaves)).all(), "at last nothing is said, as no class is certain"


# --- lambda for a promise -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("promise", [0.5, 0.9, 0.99])
def test_as_many_may_be_wrong_as_the_test_allows(promise: float) -> None:
    for given_ in (1, 10, 50, 400):
        most = most_wrong(given_, promise)
        assert most < 0 or binom.cdf(most, given_, 1 - promise) <= 1 - CONFIDENCE
        assert binom.cdf(most + 1, given_, 1 - promise) > 1 - CONFIDENCE


def drawn(pictures: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities of the zoo's classes, sure and unsure ones, and classes drawn from them."""
    generator = np.random.default_rng(seed)
    sharpness = generator.choice([0.02, 0.1, 0.5], size=(pictures, 1))
    odds = generator.gamma(np.broadcast_to(sharpness, (pictures, 5))) + 1e-9
    classes = odds / odds.sum(axis=1, keepdims=True)
    labels = (generator.random((pictures, 1)) > classes.cumsum(axis=1)).sum(axis=1).clip(max=4)
    return classes.astype(np.float32), labels


def test_the_promise_is_kept_on_new_pictures_in_nine_draws_of_ten() -> None:
    new, truth = drawn(20_000, seed=10_000)
    broken, specificity = 0, []
    for seed in range(40):
        found = weight_for(0.95, *drawn(800, seed), ZOO)
        assert not found.note
        result = kept(hedge(new, ZOO, found.value)[0], truth, ZOO)
        assert result.accuracy is not None
        broken += result.accuracy[0] < 0.95
        specificity.append(result.specificity)
    assert broken <= 8  # P(Binomial(40, 0.1) > 8) = 0.02
    assert np.mean(specificity) > 0.4, "it is not kept by silence"


def test_it_stops_where_a_lighter_lambda_fails() -> None:
    classes, labels = drawn(800, seed=3)
    found = weight_for(0.95, classes, labels, ZOO)

    def passes(weight: float) -> bool:
        result = kept(hedge(classes, ZOO, weight)[0], labels, ZOO)
        return result.answered - result.right <= most_wrong(result.answered, 0.95)

    assert passes(found.value)
    assert not passes(0.8 * found.value)


def test_answers_that_are_always_right_need_no_hedging() -> None:
    classes = np.full((200, 5), 0.02) + 0.9 * np.eye(5)[np.arange(200) % 5]
    assert weight_for(0.9, classes, np.arange(200) % 5, ZOO) == (0.0, "")


@pytest.mark.parametrize(
    ("pictures", "wrong", "note"),
    [(20, 0, "it takes 45 sure answers"), (500, 200, "too many of the surest answers")],
)
def test_what_cannot_be_promised_is_answered_by_silence_and_a_reason(pictures: int, wrong: int, note: str) -> None:
    truth = np.arange(pictures) % 5
    labels = np.where(np.arange(pictures) < wrong, (truth + 2) % 5, truth)
    classes = np.full((pictures, 5), 0.01) + 0.95 * np.eye(5)[truth]
    found = weight_for(0.95, classes, labels, ZOO)
    assert found.value == HEAVIEST
    assert f"0.95 cannot be promised: {note}" in found.note
    assert (hedge(classes, ZOO, found.value)[0] == ROOT).all()


@pytest.mark.parametrize("promise", [0, 1, 95])
def test_a_promise_is_a_share(promise: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        weight_for(promise, PICTURE, np.array([0]), ZOO)


@settings(max_examples=20)
@given(hierarchies(), SEEDS)
def test_any_tree_can_be_hedged_on(hierarchy: Hierarchy, seed: int) -> None:
    learned = random_predictions(hierarchy, 40, seed)
    classes = sum_upward(learned.probabilities[-1], hierarchy)[-1]
    found = weight_for(0.5, classes, learned.labels, hierarchy)
    result = kept(hedge(classes, hierarchy, found.value)[0], learned.labels, hierarchy)
    assert found.note or result.answered - result.right <= most_wrong(result.answered, 0.5)
