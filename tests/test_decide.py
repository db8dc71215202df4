"""Decision rules: answers worked out by hand, a slow walk down the tree as oracle, and what must hold on any tree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import DOG, LABELS, PROBABILITIES, RAY, SAW, SHARK, ZOO, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES, decide
from kinwise.judge.predictions import Predictions

SEEDS = st.integers(0, 2**32 - 1)
ANIMALS, THINGS = 0, 1
FISH, TOOLS, LONE_DOG = 0, 1, 2


def one_picture(*levels: list[float]) -> Predictions:
    rows = tuple(np.array([level], dtype=np.float32) for level in levels)
    return Predictions(probabilities=rows, labels=np.array([SHARK]), ids=np.array(["a"]), hierarchy=ZOO)


# The group says thing, the superclass says fish, the class says dog.
TORN = one_picture([0.4, 0.6], [0.5, 0.2, 0.3], [0.2, 0.1, 0.4, 0.2, 0.1])


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ("argmax", [ANIMALS, LONE_DOG, DOG]),
        ("independent", [THINGS, FISH, DOG]),
        ("bottom-up", [ANIMALS, LONE_DOG, DOG]),  # animals .7, then dog .4 against fish .3 and tools .3
        ("top-down", [THINGS, TOOLS, SAW]),  # things has one child; of its classes saw is likelier
    ],
)
def test_each_rule_settles_a_disagreement_in_its_own_way(rule: str, answers: list[int]) -> None:
    assert decide(TORN, rule).tolist() == [answers]


def test_bottom_up_can_prefer_a_family_over_the_best_class() -> None:
    predictions = one_picture([0.5, 0.5], [1, 0, 0], [0.3, 0.3, 0.0, 0.4, 0.0])
    assert decide(predictions, "bottom-up").tolist() == [[ANIMALS, FISH, SAW]]
    assert decide(predictions, "argmax").tolist() == [[THINGS, TOOLS, SAW]]


def test_top_down_stays_with_a_class_that_ends_early() -> None:
    predictions = one_picture([0.9, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.1, 0.1, 0.0])
    assert decide(predictions, "top-down").tolist() == [[ANIMALS, LONE_DOG, DOG]]


def test_top_down_finds_a_child_even_where_every_child_has_probability_zero() -> None:
    predictions = one_picture([0.1, 0.9], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0, 0.0, 0.0])
    assert decide(predictions, "top-down").tolist() == [[THINGS, TOOLS, SAW]]


def test_ties_go_to_the_lower_index() -> None:
    predictions = one_picture([0.5, 0.5], [0.4, 0.4, 0.2], [0.0, 0.5, 0.0, 0.5, 0.0])
    assert decide(predictions, "argmax")[0, -1] == RAY
    assert decide(predictions, "independent").tolist() == [[ANIMALS, FISH, RAY]]


def slow_top_down(hierarchy: Hierarchy, levels: tuple[np.ndarray, ...], picture: int) -> list[int]:
    """The rule as one would tell it: start at the root, step to the best child until a class is reached."""
    answers: list[int] = []
    node = 0
    for nodes, probabilities in zip(hierarchy.level_nodes, levels, strict=True):
        children = hierarchy.children(node)
        if len(children):
            node = max(children, key=lambda child: probabilities[picture, np.flatnonzero(nodes == child)[0]])
        answers.append(int(np.flatnonzero(nodes == node)[0]))
    return answers


@given(hierarchies(), SEEDS)
def test_top_down_is_the_walk_from_the_root(hierarchy: Hierarchy, seed: int) -> None:
    predictions = random_predictions(hierarchy, 7, seed)
    walked = [slow_top_down(hierarchy, predictions.probabilities, picture) for picture in range(7)]
    assert decide(predictions, "top-down").tolist() == walked


@given(hierarchies(), SEEDS)
def test_answers_are_nodes_of_their_level_and_paths_where_the_rule_promises_one(
    hierarchy: Hierarchy, seed: int
) -> None:
    predictions = random_predictions(hierarchy, 5, seed)
    for rule in RULES:
        answers = decide(predictions, rule)
        assert answers.dtype == np.int64
        assert answers.shape == (5, len(hierarchy.levels))
        assert (answers >= 0).all()
        assert (answers < hierarchy.level_sizes).all()
        if rule in ("argmax", "top-down"):
            assert (answers == hierarchy.level_labels[answers[:, -1]]).all()


@given(hierarchies(), SEEDS)
def test_sums_of_class_probabilities_make_independent_heads_and_bottom_up_agree(h: Hierarchy, seed: int) -> None:
    from_sums = Predictions.from_classes(random_predictions(h, 5, seed).probabilities[-1], np.zeros(5, int), h)
    assert (decide(from_sums, "independent") == decide(from_sums, "bottom-up")).all()


def test_an_unknown_rule_is_refused_with_the_closest_one() -> None:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    with pytest.raises(
        InputError, match=r"no decision rule 'topdown'; did you mean 'top-down'\? The rules are: argmax"
    ):
        decide(predictions, "topdown")
    with pytest.raises(InputError, match="no decision rule 'xyz'; The rules are"):
        decide(predictions, "xyz")
