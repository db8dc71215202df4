"""Comparison: the zoo worked out by hand, scipy as an oracle of the tests, properties on any tree, what is refused."""

import json
import time
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from strategies import hierarchies
from zoo import AXE, DOG, LABELS, PROBABILITIES, RAY, SAW, SHARK, ZOO, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.bootstrap import Figure, weights
from kinwise.judge.compare import compare, holm, mcnemar
from kinwise.judge.comparison import OUTCOMES, Comparison, Row
from kinwise.judge.comparison_text import verdict
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.taxonomy import built_in

SEEDS = st.integers(0, 2**32 - 1)
NAMES = ("before", "after")
IDS = np.array(["a", "b", "c", "d", "e"])


def sure_of(answers: list[int], confidence: float = 0.8) -> np.ndarray:
    """Probabilities of five classes with ``confidence`` in each answer and the rest spread evenly."""
    return np.where(np.eye(5)[answers] == 1, confidence, (1 - confidence) / 4)


BEFORE = Predictions.from_classes(PROBABILITIES, LABELS, ZOO, ids=IDS, source="zoo")
#                                            a ray for a shark, right, an axe for a dog, an axe for a saw, right
AFTER = Predictions.from_classes(sure_of([RAY, SHARK, AXE, AXE, AXE]), LABELS, ZOO, ids=IDS, source="zoo")


def rows_of(comparison: Comparison, which: int = 0) -> dict[tuple[str, str], Row]:
    return {(row.where, row.key): row for row in comparison.rows(which)}


def taken(predictions: Predictions, rows: np.ndarray) -> Predictions:
    return replace(
        predictions,
        probabilities=tuple(level[rows] for level in predictions.probabilities),
        labels=predictions.labels[rows],
        ids=predictions.ids[rows],
    )


# --- by hand: severities 0, 1, 2, 3, 0 before and 1, 0, 3, 1, 0 after ------------------------------------------------


@pytest.fixture(scope="module")
def zoo() -> Comparison:
    return compare([BEFORE, AFTER], names=NAMES, resamples=200)


def test_what_became_of_every_picture_by_hand(zoo: Comparison) -> None:
    [difference] = zoo.differences
    assert [OUTCOMES[index] for index in difference.outcomes] == [
        "new_mistake",
        "mended",
        "graver",
        "milder",
        "both_right",
    ]
    assert difference.counts == dict.fromkeys(OUTCOMES, 1) | {"as_severe": 0}
    assert zoo.ids[difference.pictures("mended")].tolist() == ["b"]
    assert zoo.sides[0].confidence == pytest.approx([0.6, 0.5, 0.3, 0.4, 0.6])
    assert zoo.sides[1].severity.tolist() == [1, 0, 3, 1, 0]


def test_differences_and_tests_by_hand(zoo: Comparison) -> None:
    [difference] = zoo.differences
    rows = rows_of(zoo)
    # Of five draws the new mistake must come three times more often than the mended one: P = .0355, four times: .0051.
    assert rows["class", "accuracy"].difference == Figure(0, pytest.approx(-0.6), pytest.approx(0.6))
    found = {where: rows[where, "accuracy"].difference for where in ZOO.levels}
    # Groups: the dog becomes a thing, the saw no longer an animal. Superclasses: the saw becomes a tool.
    assert {where: figure and figure.value for where, figure in found.items()} == pytest.approx(
        {"group": 0, "superclass": 1 / 5, "class": 0}
    )
    assert rows["", "average_severity"].baseline.value == pytest.approx(6 / 5)  # type: ignore[union-attr]
    assert rows["", "average_severity"].difference.value == pytest.approx(5 / 5 - 6 / 5)  # type: ignore[union-attr]
    assert rows["", "mistake_severity"].difference.value == pytest.approx(5 / 3 - 6 / 3)  # type: ignore[union-attr]
    assert {level: (test.mended, test.new_mistakes, test.p) for level, test in difference.tests.items()} == {
        "group": (1, 1, 1),
        "superclass": (1, 0, 1),
        "class": (1, 1, 1),
    }
    shark, *others = difference.classes
    assert (shark.name, shark.pictures, shark.baseline, shark.other) == ("shark", 2, 0.5, 0.5)
    assert (shark.test.mended, shark.test.new_mistakes, shark.difference.value) == (1, 1, 0)
    assert [one.name for one in others] == ["dog", "saw", "axe"], "a ray was never shown"
    assert all(one.difference == Figure(0, 0, 0) and one.test.p == 1 for one in others)


def test_the_baseline_s_failures_are_followed(zoo: Comparison) -> None:
    failures = zoo.failures(most=1)
    assert zoo.ids[failures["most_confident"]].tolist() == ["b"], "half sure that a shark is a ray"
    assert zoo.ids[failures["most_severe"]].tolist() == ["d"], "a dog for a saw"
    everything = zoo.failures()
    assert zoo.ids[everything["most_confident"]].tolist() == ["b", "d", "c"]
    assert len(everything["most_severe"]) == 0, "each failure is told once"
    told = zoo.to_dict()["failures"]["most_confident"][1]
    assert (told["id"], told["true"], told["outcomes"]) == ("d", "saw", {"after": "milder"})
    assert told["answers"]["before"] == {"answer": "dog", "confidence": pytest.approx(0.4), "severity": 3}
    assert told["answers"]["after"] == {"answer": "axe", "confidence": pytest.approx(0.8), "severity": 1}


def test_equally_severe_failures_come_the_more_confident_first() -> None:
    answers = np.array([DOG, DOG, SHARK, SHARK, SHARK])
    unsure = np.where(np.eye(5)[answers] == 1, [[0.5], [0.6], [0.7], [0.9], [0.8]], 0)
    unsure[:, RAY] = 1 - unsure.sum(axis=1)
    wrong = Predictions.from_classes(unsure, np.array([SAW, SAW, DOG, RAY, RAY]), ZOO)
    failures = compare([wrong, replace(wrong)], names=NAMES, resamples=1).failures(most=2)
    assert failures["most_confident"].tolist() == [3, 4]
    assert failures["most_severe"].tolist() == [1, 0]


# --- the tests, against scipy and by hand ----------------------------------------------------------------------------


def test_mcnemar_is_the_exact_binomial_test() -> None:
    pairs = [(0, 0), (1, 0), (5, 5), (3, 10), (10, 3), (0, 12), (60, 31), (1072, 523)]
    found = mcnemar(*(np.array(counts) for counts in zip(*pairs, strict=True)))
    for (mended, new), test in zip(pairs, found, strict=True):
        expected = binomtest(mended, mended + new).pvalue if mended + new else 1
        assert test.p == pytest.approx(expected), (mended, new)
        assert (test.mended, test.new_mistakes) == (mended, new)
    assert mcnemar(np.array([0]), np.array([5]))[0].p == 2 / 32


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .03, .2 times 4, 3, 2, 1: .04, .06, .06, .2.
    assert holm(np.array([0.03, 0.01, 0.2, 0.02])) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert holm(np.array([0.5, 0.5])) == pytest.approx([1, 1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lies_between_no_and_full_correction(p: list[float]) -> None:
    adjusted = holm(np.array(p))
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * np.array(p)) + 1e-12).all()
    assert all(a <= b for a, b in pairwise(adjusted[np.argsort(p, kind="stable")]))


# --- intervals -------------------------------------------------------------------------------------------------------


def test_every_interval_is_that_of_judging_both_on_each_resample() -> None:
    before, after = random_predictions(ZOO, 15, 1), random_predictions(ZOO, 15, 2)
    after = replace(after, labels=before.labels)
    comparison = compare([before, after], names=NAMES, resamples=40, seed=3)
    draws = np.concatenate(list(weights(15, resamples=40, seed=3)))[1:].astype(int)
    alone = [
        [score(taken(one, np.repeat(np.arange(15), counts)), resamples=1) for counts in draws]
        for one in (before, after)
    ]
    for row in comparison.rows(0):
        pairs = [
            [one.level[row.where][row.key].value if row.where else getattr(one, row.key) for one in scores]
            for scores in alone
        ]
        changes = [b - a for a, b in zip(*pairs, strict=True) if a is not None and b is not None]
        assert row.difference
        limits = np.quantile(changes, [0.025, 0.975])
        assert [row.difference.low, row.difference.high] == pytest.approx(limits.tolist(), abs=1e-6), row.key
        assert (row.baseline, row.other) == tuple(
            side.scores.level[row.where][row.key] if row.where else side.scores.hierarchy[row.key]
            for side in comparison.sides
        )


def test_the_sides_are_judged_as_by_score() -> None:
    comparison = compare([BEFORE, AFTER], names=NAMES, decision="top-down", resamples=30, seed=5)
    for side, one in zip(comparison.sides, (BEFORE, AFTER), strict=True):
        assert side.scores == score(one, decision="top-down", resamples=30, seed=5)


def test_an_interval_of_a_class_is_that_of_its_own_pictures() -> None:
    labels = np.repeat([SHARK, DOG], 50)
    before = Predictions.from_classes(sure_of([SHARK] * 100), labels, ZOO)
    half = Predictions.from_classes(sure_of([SHARK] * 50 + [SHARK, DOG] * 25), labels, ZOO)
    shark, dog = compare([before, half], names=NAMES).differences[0].classes
    assert shark.difference == Figure(0, 0, 0)
    assert dog.difference.value == 0.5
    assert dog.difference.low == pytest.approx(0.5 - 1.96 * np.sqrt(0.25 / 50), abs=0.03)
    assert dog.difference.high == pytest.approx(0.5 + 1.96 * np.sqrt(0.25 / 50), abs=0.03)
    assert dog.p_holm == pytest.approx(2 * binomtest(25, 25).pvalue)


def test_direction_is_told_only_where_the_interval_excludes_zero() -> None:
    def direction(key: str, *values: float) -> str:
        return Row("", key, None, None, Figure(*values)).direction

    assert direction("accuracy", 0.1, 0.05, 0.2) == "better"
    assert direction("accuracy", -0.1, -0.2, -0.05) == "worse"
    assert direction("average_severity", -0.1, -0.2, -0.05) == "better"
    assert direction("average_severity", 0.1, 0.05, 0.2) == "worse"
    assert direction("accuracy", 0.1, 0.0, 0.2) == direction("brier", 0.1, -0.1, 0.2) == ""
    assert Row("", "mistake_severity", None, None, None).direction == ""


# --- properties ------------------------------------------------------------------------------------------------------


def pair_on(tree: Hierarchy, seed: int, pictures: int = 12) -> tuple[Predictions, Predictions]:
    first = random_predictions(tree, pictures, seed)
    return first, replace(random_predictions(tree, pictures, seed + 1), labels=first.labels)


@settings(max_examples=30)
@given(tree=hierarchies(), seed=SEEDS)
def test_the_same_answers_differ_in_nothing(tree: Hierarchy, seed: int) -> None:
    one = random_predictions(tree, 12, seed)
    comparison = compare([one, replace(one)], names=NAMES, decision="independent", resamples=10)
    [difference] = comparison.differences
    for row in comparison.rows(0):
        assert row.difference in (Figure(0, 0, 0), None)
        assert row.direction == ""
    assert all(test.p == 1 for test in difference.tests.values())
    assert all(one.p_holm == 1 and one.difference == Figure(0, 0, 0) for one in difference.classes)
    assert difference.counts["both_right"] + difference.counts["as_severe"] == 12


@settings(max_examples=30)
@given(tree=hierarchies(), seed=SEEDS)
def test_swapping_the_two_turns_every_sign(tree: Hierarchy, seed: int) -> None:
    first, second = pair_on(tree, seed)
    there = compare([first, second], names=NAMES, resamples=10)
    back = compare([second, first], names=NAMES[::-1], resamples=10)
    for row, turned in zip(there.rows(0), back.rows(0), strict=True):
        assert (row.baseline, row.other) == (turned.other, turned.baseline)
        assert (row.difference is None) == (turned.difference is None)
        if row.difference and turned.difference:
            mirrored = [-turned.difference.value, -turned.difference.high, -turned.difference.low]
            assert [row.difference.value, row.difference.low, row.difference.high] == pytest.approx(mirrored, abs=1e-9)
    [one], [other] = there.differences, back.differences
    for level, test in one.tests.items():
        assert (test.mended, test.new_mistakes) == (other.tests[level].new_mistakes, other.tests[level].mended)
        assert test.p == other.tests[level].p
    swapped = {"mended": "new_mistake", "new_mistake": "mended", "milder": "graver", "graver": "milder"}
    for name in OUTCOMES:
        assert one.pictures(name).tolist() == other.pictures(swapped.get(name, name)).tolist()


@settings(max_examples=30)
@given(tree=hierarchies(), seed=SEEDS)
def test_the_order_of_the_pictures_changes_nothing(tree: Hierarchy, seed: int) -> None:
    first, second = pair_on(tree, seed)
    shuffled = taken(second, np.random.default_rng(seed).permutation(12))
    straight = compare([first, second], names=NAMES, resamples=10)
    assert compare([first, shuffled], names=NAMES, resamples=10).to_dict() == straight.to_dict()


@settings(max_examples=30)
@given(tree=hierarchies(), seed=SEEDS)
def test_pictures_tests_and_figures_agree(tree: Hierarchy, seed: int) -> None:
    comparison = compare(pair_on(tree, seed), names=NAMES, resamples=5)
    [difference], level = comparison.differences, tree.levels[-1]
    mended, new = (len(difference.pictures(name)) for name in ("mended", "new_mistake"))
    assert sum(difference.counts.values()) == comparison.n == 12
    assert (difference.tests[level].mended, difference.tests[level].new_mistakes) == (mended, new)
    assert difference.level[level]["accuracy"].value == pytest.approx((mended - new) / 12)
    assert sum(one.test.mended for one in difference.classes) == mended
    gained = sum(one.difference.value * one.pictures for one in difference.classes)
    assert gained == pytest.approx(mended - new)
    failures = comparison.failures(most=3)
    told = np.concatenate(list(failures.values()))
    assert len(np.unique(told)) == len(told) == min(6, np.count_nonzero(comparison.sides[0].severity))


def test_each_of_several_is_compared_with_the_first() -> None:
    third = Predictions.from_classes(sure_of([SHARK, SHARK, DOG, SAW, AXE]), LABELS, ZOO, ids=IDS)
    three = compare([BEFORE, AFTER, third], names=("a", "b", "c"), resamples=20)
    assert [one.name for one in three.differences] == ["b", "c"]
    two = compare([BEFORE, third], names=("a", "c"), resamples=20)
    assert three.to_dict()["differences"][1] == two.to_dict()["differences"][0]
    assert rows_of(three, 1)["", "mistake_severity"].difference is None, "the third makes no mistake"


# --- what is the same picture ----------------------------------------------------------------------------------------


def refusal(*predictions: Predictions, **options: object) -> str:
    names = [f"run{index}" for index in range(len(predictions))]
    with pytest.raises(InputError) as refused:
        compare(predictions, **{"names": names, "resamples": 2, **options})  # type: ignore[arg-type]
    return str(refused.value)


def test_other_pictures_are_refused_with_how_many_which_and_why() -> None:
    other = replace(AFTER, ids=np.array(["a", "b", "c", "x", "y"]))
    told = refusal(BEFORE, other)
    assert told.startswith(
        "run0 and run1 have different test pictures: 2 of 5 only in run0 ('d', 'e'), 2 of 5 only in run1 ('x', 'y'). "
    )
    assert "Judge both on the same pictures" in told
    assert "run1 the split 70:30: train both on the same" in refusal(BEFORE, replace(other, split="70:30"))
    resplit = [replace(one, split="80:20") for one in (BEFORE, other)]
    assert "Both have the split 80:20, which each seed draws anew: train both with the same seed" in refusal(*resplit)
    assert "comes from 'zoo', run1 from 'park'" in refusal(BEFORE, replace(other, source="park"))
    numbered = replace(AFTER, ids=np.arange(5).astype(str))
    assert "run1 seems to have no ids but the numbers of its rows" in refusal(BEFORE, numbered)
    fewer = taken(AFTER, np.arange(1))
    assert "4 of 5 only in run0 ('b', 'c', 'd' and so on)" in refusal(BEFORE, fewer)
    assert "1 of" not in refusal(BEFORE, fewer), "nothing is only in the second"


def test_other_labels_of_the_same_pictures_are_refused() -> None:
    relabelled = replace(AFTER, labels=np.array([RAY, SHARK, DOG, SAW, SAW]))
    told = refusal(BEFORE, relabelled)
    assert "run0 and run1 give 2 of 5 pictures different true classes, for example 'a': 'shark' and 'ray'" in told


def test_an_id_that_stands_twice_matters_only_where_the_order_differs() -> None:
    ids = np.array(["a", "a", "b", "c", "d"])
    before, after = replace(BEFORE, ids=ids), replace(AFTER, ids=ids)
    assert compare([before, after], names=NAMES, resamples=2).n == 5
    told = refusal(before, taken(after, np.arange(5)[::-1]))
    assert "in different orders, and in run0 'a' stands more than once" in told
    assert "give every picture an id of its own, or both the same order" in told


def test_near_duplicates_follow_their_pictures_and_may_be_known_of_one_alone() -> None:
    marked = replace(AFTER, near_duplicate=AFTER.labels == SHARK)
    order = np.array([4, 2, 0, 3, 1])
    turned = replace(taken(marked, order), near_duplicate=marked.near_duplicate[order])  # type: ignore[index]
    for hierarchy in (None, ZOO):
        _, side = compare([BEFORE, turned], names=NAMES, resamples=20, hierarchy=hierarchy).sides
        assert side.scores.without_near_duplicates == score(marked, resamples=20).without_near_duplicates
    first = compare([marked, BEFORE], names=NAMES, resamples=20).sides[0].scores
    assert first == score(marked, resamples=20)


def test_different_trees_need_one_to_judge_all_by() -> None:
    flat = Hierarchy(parents=np.array([-1, 0, 0, 0, 0, 0]), names=("root", *ZOO.classes))
    told = refusal(BEFORE, AFTER.under(flat))
    assert "different trees (2 group, 3 superclass, 5 class, and 5 class); say by which to judge all" in told
    comparison = compare([BEFORE, AFTER.under(flat)], names=NAMES, hierarchy=ZOO, resamples=5)
    assert comparison.to_dict() == compare([BEFORE, AFTER], names=NAMES, hierarchy=ZOO, resamples=5).to_dict()
    assert compare([BEFORE, AFTER], names=NAMES, hierarchy=flat, resamples=5).hierarchy.levels == ("class",)


def test_classes_in_another_order_are_matched_by_name_under_a_tree() -> None:
    order = [AXE, DOG, SHARK, RAY, SAW]
    tree = ZOO.with_class_order([ZOO.classes[class_] for class_ in order])
    turned = Predictions.from_classes(AFTER.probabilities[-1][:, order], np.argsort(order)[LABELS], tree, ids=IDS)
    comparison = compare([BEFORE, turned], names=NAMES, hierarchy=ZOO, resamples=5)
    assert comparison.to_dict() == compare([BEFORE, AFTER], names=NAMES, hierarchy=ZOO, resamples=5).to_dict()


def test_what_cannot_be_compared_is_refused() -> None:
    assert "needs two or more predictions, the baseline first, got 1" in refusal(BEFORE)
    assert "run1 is the same as one before it" in refusal(BEFORE, BEFORE)
    assert "the name 'x' stands twice" in refusal(BEFORE, AFTER, names=["x", "x"])
    assert "expected 2 names, one for each of the predictions, got 1" in refusal(BEFORE, AFTER, names=["x"])
    assert "no decision rule 'best'" in refusal(BEFORE, AFTER, decision="best")
    assert "no hierarchy 'nowhere.json'" in refusal(BEFORE, AFTER, hierarchy="nowhere.json")
    assert "run0: classes in the data but not in the hierarchy: 'dog'" in refusal(BEFORE, AFTER, hierarchy="cifar100")
    assert "resamples >= 1" in refusal(BEFORE, AFTER, resamples=0)


# --- text, JSON, cost ------------------------------------------------------------------------------------------------


def test_the_text_tells_figures_tests_classes_and_pictures(zoo: Comparison) -> None:
    text = zoo.text()
    assert "5 pictures, decision rule argmax, split official; baseline before; 95 % paired intervals" in text
    assert "NOT COMPARABLE" not in text
    assert "  average severity            1.200       1.000       -0.200 [" in text
    assert "  superclass                  1           0               1.0000" in text
    assert "pictures: 1 right in both, 1 mended, 1 new mistakes, 2 wrong in both" in text
    assert "of the 2 wrong in both: 1 milder, 0 as severe, 1 graver" in text
    assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines())
    mixed = compare([replace(one, split="80:20") for one in (BEFORE, AFTER)], names=NAMES, resamples=5)
    assert "NOT COMPARABLE with scores on the official split: the split is 80:20" in mixed.text()
    one_of_them = compare([BEFORE, replace(AFTER, split="80:20")], names=NAMES, resamples=5)
    assert (one_of_them.split, one_of_them.comparable) == ("80:20", False)


def test_the_verdict_is_one_sentence_and_careful(zoo: Comparison) -> None:
    assert verdict(zoo, 0).startswith(
        "after gets the right class about as often as before: 40.00 % instead of 40.00 % (+0.00 points [-60.00,"
    )
    many = np.repeat(np.arange(5), 40)
    wrong = Predictions.from_classes(np.tile(sure_of([DOG]), (200, 1)), many, ZOO)
    right = Predictions.from_classes(np.eye(5)[many], many, ZOO)
    better = verdict(compare([wrong, right], names=NAMES, resamples=50), 0)
    assert "after gets the right class more often than before: 100.00 % instead of 20.00 % (+80.00 points" in better
    assert "on average its answers are less severe: 0.000 instead of 2.000 (-2.000 [" in better
    worse = verdict(compare([right, wrong], names=NAMES, resamples=50), 0)
    assert "less often than before" in worse
    assert "more severe" in worse


def test_the_comparison_survives_json(zoo: Comparison) -> None:
    data = json.loads(json.dumps(zoo.to_dict()))
    assert (data["n"], data["baseline"], list(data["scores"])) == (5, "before", ["before", "after"])
    [difference] = data["differences"]
    assert difference["name"] == "after"
    assert difference["level"]["class"]["accuracy"].keys() == {"value", "low", "high"}
    assert difference["mcnemar"]["superclass"] == {"mended": 1, "new_mistakes": 0, "p": 1.0}
    assert difference["outcomes"]["milder"] == 1
    assert difference["pictures"] == {
        "mended": ["b"],
        "new_mistake": ["a"],
        "milder": ["d"],
        "as_severe": [],
        "graver": ["c"],
    }


def test_ten_thousand_pictures_take_seconds_and_bounded_memory() -> None:
    first, second = pair_on(built_in("cifar100"), 0, pictures=10_000)
    compare([first, second], names=NAMES, resamples=1)  # the tree now holds its distances
    started = time.perf_counter()
    compare([first, second], names=NAMES)
    assert time.perf_counter() - started < 10, "about 1.5 s on one quiet core"
    peaks = []
    for resamples in (100, 400):
        tracemalloc.start()
        compare([first, second], names=NAMES, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 2e8
