"""Decision rules: answers worked out by hand, a slow walk down the tree as oracle, and what must hold on any tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import AXE, DOG, LABELS, PROBABILITIES, RAY, SAW, SHARK, ZOO, held_out, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import kept
from kinwise.judge.decide import RULES, decide
from kinwise.judge.decision import NOT_CALIBRATED
from kinwise.judge.nodes import answers_of
from kinwise.judge.predictions import Predictions, sum_upward
from kinwise.judge.promises import promises

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
        ("product", [ANIMALS, LONE_DOG, DOG]),  # dog .4 x .3 x .4 = .048, shark .2 x .5 x .4 = .04, saw .024
        ("least-cost", [ANIMALS, LONE_DOG, DOG]),  # dog 1.5, shark 1.8, saw 2.2
        ("deepest-likely", [ANIMALS, -1, -1]),  # animals .7, dog .4
    ],
)
def test_each_rule_settles_a_disagreement_in_its_own_way(rule: str, answers: list[int]) -> None:
    assert decide(TORN, rule).answers.tolist() == [answers]


def test_bottom_up_can_prefer_a_family_over_the_best_class() -> None:
    predictions = one_picture([0.5, 0.5], [1, 0, 0], [0.3, 0.3, 0.0, 0.4, 0.0])
    assert decide(predictions, "bottom-up").answers.tolist() == [[ANIMALS, FISH, SAW]]
    assert decide(predictions, "argmax").answers.tolist() == [[THINGS, TOOLS, SAW]]


def test_top_down_stays_with_a_class_that_ends_early() -> None:
    predictions = one_picture([0.9, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.1, 0.1, 0.0])
    assert decide(predictions, "top-down").answers.tolist() == [[ANIMALS, LONE_DOG, DOG]]


def test_top_down_finds_a_child_even_where_every_child_has_probability_zero() -> None:
    predictions = one_picture([0.1, 0.9], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0, 0.0, 0.0])
    assert decide(predictions, "top-down").answers.tolist() == [[THINGS, TOOLS, SAW]]


def test_ties_go_to_the_lower_index() -> None:
    predictions = one_picture([0.5, 0.5], [0.4, 0.4, 0.2], [0.0, 0.5, 0.0, 0.5, 0.0])
    assert decide(predictions, "argmax").answers[0, -1] == RAY
    assert decide(predictions, "independent").answers.tolist() == [[ANIMALS, FISH, RAY]]


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
    assert decide(predictions, "top-down").answers.tolist() == walked


@settings(max_examples=25)
@given(hierarchies(), SEEDS)
def test_answers_are_nodes_of_their_level_and_paths_where_the_rule_promises_one(
    hierarchy: Hierarchy, seed: int
) -> None:
    predictions = random_predictions(hierarchy, 5, seed)
    for rule in RULES:
        decision = decide(predictions, rule, validation=held_out(hierarchy), promise=0.4)
        answers = decision.answers
        assert answers.dtype == decision.nodes.dtype == np.int64
        assert answers.shape == (5, len(hierarchy.levels))
        assert decision.ranking.shape == (5, len(hierarchy.classes))
        assert (answers < hierarchy.level_sizes).all()
        assert (answers >= (-1 if RULES[rule].stops else 0)).all()
        assert ((decision.confidence >= 0) & (decision.confidence <= 1 + 1e-6)).all()
        if rule not in ("independent", "bottom-up"):
            assert (answers == answers_of(decision.nodes, hierarchy)).all(), f"{rule} answers a path to its node"


@given(hierarchies(), SEEDS)
def test_sums_of_class_probabilities_make_independent_heads_and_bottom_up_agree(h: Hierarchy, seed: int) -> None:
    from_sums = Predictions.from_classes(random_predictions(h, 5, seed).probabilities[-1], np.zeros(5, int), h)
    assert (decide(from_sums, "independent").answers == decide(from_sums, "bottom-up").answers).all()


# --- product, least-cost and deepest-likely -------------------------------------------------------------------------


def test_product_by_hand() -> None:
    decision = decide(TORN, "product")
    # shark .2 x .5 x .4, ray .1 x .5 x .4, dog .4 x .3 x .4, saw .2 x .2 x .6, axe .1 x .2 x .6; they sum to .144
    np.testing.assert_allclose(decision.ranking, np.array([[0.04, 0.02, 0.048, 0.024, 0.012]]) / 0.144, rtol=1e-6)
    assert decision.confidence[0] == pytest.approx(1 / 3)


def test_product_decides_even_where_the_heads_rule_each_other_out() -> None:
    torn = one_picture([1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0])
    decision = decide(torn, "product")
    assert decision.nodes.tolist() == [ZOO.leaves[AXE]], "an axe is ruled out by one head, a shark by two"
    assert np.isfinite(decision.ranking).all()


def test_least_cost_by_hand() -> None:
    # A shark costs .24 + .1 x 2 + .4 x 3 = 1.64, a ray 1.66, a dog 2.2, a saw .6 x 3 = 1.8, an axe 2.2.
    picture = Predictions.from_classes(np.array([[0.26, 0.24, 0.1, 0.4, 0.0]]), [SHARK], ZOO)
    decision = decide(picture, "least-cost")
    assert decision.answers.tolist() == [[ANIMALS, FISH, SHARK]]
    np.testing.assert_allclose(decision.ranking, [[-1.64, -1.66, -2.2, -1.8, -2.2]], rtol=1e-6)
    assert decision.confidence[0] == pytest.approx(0.26)


@settings(max_examples=25)
@given(hierarchies(), SEEDS)
def test_no_class_costs_less_than_that_of_least_cost(hierarchy: Hierarchy, seed: int) -> None:
    predictions = random_predictions(hierarchy, 5, seed)
    decision = decide(predictions, "least-cost")
    for row, classes in enumerate(predictions.probabilities[-1].tolist()):
        costs = [
            sum(p * hierarchy.distances[guess, truth] for truth, p in enumerate(classes))
            for guess in range(len(classes))
        ]
        assert costs[decision.answers[row, -1]] == pytest.approx(min(costs), abs=1e-6)
        np.testing.assert_allclose(-decision.ranking[row], costs, atol=1e-6)


@pytest.mark.parametrize(
    ("classes", "answers"),
    [
        ([0.3, 0.25, 0.2, 0.15, 0.1], [ANIMALS, FISH, -1]),  # fish .55
        ([0.25, 0.25, 0.1, 0.4, 0.0], [ANIMALS, -1, -1]),  # fish is 1/2 and no more
        ([0.0, 0.0, 0.6, 0.3, 0.1], [ANIMALS, LONE_DOG, DOG]),  # ends early and is a class
        ([0.2, 0.1, 0.1, 0.3, 0.3], [THINGS, TOOLS, -1]),  # things and its only child alike
        ([0.25, 0.125, 0.125, 0.5, 0.0], [-1, -1, -1]),  # animals and things 1/2 each
    ],
)
def test_deepest_likely_by_hand(classes: list[float], answers: list[int]) -> None:
    found = decide(Predictions.from_classes(np.array([classes]), [SHARK], ZOO), "deepest-likely")
    assert found.answers.tolist() == [answers]
    assert found.stops


@settings(max_examples=25)
@given(hierarchies(), SEEDS)
def test_deepest_likely_is_the_deepest_of_all_nodes_over_one_half(hierarchy: Hierarchy, seed: int) -> None:
    predictions = random_predictions(hierarchy, 8, seed)
    decision = decide(predictions, "deepest-likely")
    for row, classes in enumerate(predictions.probabilities[-1].astype(float)):
        likely = np.zeros(len(hierarchy.parents))
        for class_, leaf in enumerate(hierarchy.leaves):
            likely[hierarchy.ancestors(int(leaf))] += classes[class_] / classes.sum()
        over = [node for node in range(len(likely)) if likely[node] > 0.5]
        deepest = max(over, key=lambda node: hierarchy.depths[node])
        assert decision.nodes[row] == deepest
        assert decision.confidence[row] == pytest.approx(likely[deepest])


# --- what holds for rules together ----------------------------------------------------------------------------------


@settings(max_examples=30)
@given(hierarchies())
def test_the_certain_class_is_what_every_rule_answers(hierarchy: Hierarchy) -> None:
    count = len(hierarchy.classes)
    certain = Predictions.from_classes(np.eye(count), range(count), hierarchy)
    many = Predictions.from_classes(np.eye(count)[np.arange(300) % count], np.arange(300) % count, hierarchy)
    for rule in RULES:
        decision = decide(certain, rule, validation=many, promise=0.9)
        assert (decision.answers == hierarchy.level_labels).all(), rule
        assert (decision.nodes == hierarchy.leaves).all(), rule


@given(hierarchies(), SEEDS)
def test_where_every_level_prefers_the_path_of_the_best_class_product_answers_it(h: Hierarchy, seed: int) -> None:
    predictions = random_predictions(h, 20, seed)
    agreed = (decide(predictions, "independent").answers == decide(predictions, "argmax").answers).all(axis=1)
    ours, plain = decide(predictions, "product"), decide(predictions, "argmax")
    assert (ours.answers[agreed] == plain.answers[agreed]).all()


@settings(max_examples=25)
@given(hierarchies(), SEEDS)
def test_climb_answers_what_a_promise_is_judged_by(hierarchy: Hierarchy, seed: int) -> None:
    judged, learned = random_predictions(hierarchy, 15, seed), held_out(hierarchy, seed)
    decision = decide(judged, "climb", validation=learned, promise=0.6)
    expected = promises([0.6], judged, learned)[0]
    assert kept(decision.nodes, judged.labels, hierarchy) == expected.kept
    assert (decision.threshold, decision.note) == (expected.threshold.value, expected.threshold.note)


# --- calibration first ----------------------------------------------------------------------------------------------


def with_powers(pictures: int, powers: list[float], seed: int) -> Predictions:
    """Heads that say p^power, normalised, of calibrated probabilities p: power 2 wants the temperature 2."""
    generator = np.random.default_rng(seed)
    classes = generator.dirichlet(np.full(5, 0.7), size=pictures).clip(1e-4)
    classes /= classes.sum(axis=1, keepdims=True)
    labels = (generator.random((pictures, 1)) > classes.cumsum(axis=1)).sum(axis=1).clip(max=4)
    told = [level.astype(float) ** power for level, power in zip(sum_upward(classes, ZOO), powers, strict=True)]
    levels = tuple((level / level.sum(axis=1, keepdims=True)).astype(np.float32) for level in told)
    return Predictions(probabilities=levels, labels=labels, ids=np.arange(pictures).astype(str), hierarchy=ZOO)


def test_heads_of_their_own_get_a_temperature_each_and_sums_of_classes_one() -> None:
    torn = with_powers(4000, [2.0, 0.5, 1.5], seed=1)
    temperatures = decide(torn, "product", validation=torn).temperatures
    assert temperatures == pytest.approx((2.0, 0.5, 1.5), rel=0.1)
    assert decide(torn, "least-cost", validation=torn).temperatures == temperatures[-1:], "classes alone"
    summed = torn.under(ZOO)
    assert decide(summed, "product", validation=summed).temperatures == temperatures[-1:]
    for rule in ("argmax", "independent", "top-down"):
        assert decide(torn, rule, validation=torn).temperatures == (), f"no temperature changes {rule}"


def test_the_temperature_changes_the_answers_as_it_should() -> None:
    torn = with_powers(3000, [1.0, 1.0, 2.0], seed=2)
    unsharpened = with_powers(3000, [1.0, 1.0, 1.0], seed=2)
    before, after = decide(torn.under(ZOO), "deepest-likely"), decide(torn, "deepest-likely", validation=torn)
    calibrated = decide(unsharpened, "deepest-likely")
    assert np.mean(after.nodes == calibrated.nodes) > 0.98 > np.mean(before.nodes == calibrated.nodes)


def test_without_validation_pictures_it_is_said_that_nothing_was_calibrated() -> None:
    for rule in ("bottom-up", "product", "least-cost", "deepest-likely"):
        decision = decide(TORN, rule)
        assert (decision.temperatures, decision.note) == ((1.0,), NOT_CALIBRATED), rule
    assert [decide(TORN, rule).note for rule in ("argmax", "independent", "top-down")] == [""] * 3


# --- wrong input ----------------------------------------------------------------------------------------------------


def test_an_unknown_rule_is_refused_with_the_closest_one() -> None:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    with pytest.raises(
        InputError, match=r"no decision rule 'topdown'; did you mean 'top-down'\? The rules are: auto, argmax"
    ):
        decide(predictions, "topdown")
    with pytest.raises(InputError, match="no decision rule 'xyz'; The rules are"):
        decide(predictions, "xyz")


@pytest.mark.parametrize("rule", ["climb", "hedge"])
def test_a_promise_needs_validation_pictures_and_is_a_share(rule: str) -> None:
    with pytest.raises(InputError, match=f"{rule} promises .* no validation pictures .* --set validation=0.1"):
        decide(TORN, rule)
    with pytest.raises(InputError, match=r"between 0 and 1, 0\.95 for example; got 95"):
        decide(TORN, rule, validation=held_out(ZOO), promise=95)


def test_validation_pictures_of_another_tree_are_refused() -> None:
    flat = Hierarchy(parents=np.array([-1, *[0] * 5]), names=("root", *ZOO.classes))
    with pytest.raises(InputError, match="have another tree"):
        decide(TORN, "climb", validation=held_out(flat))
