"""Failures worth looking at: a choice worked out by hand, properties on any tree, and what is known of one picture."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import AXE, DOG, RAY, SAW, SHARK, ZOO, cifar_predictions, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import decide
from kinwise.judge.doubt import label_doubt
from kinwise.judge.failures import LIKELY, REASONS, Failure, LevelAnswer, choose_failures, failure_of
from kinwise.judge.predictions import Predictions

SEEDS = st.integers(0, 2**32 - 1)

#           true, answered, its confidence, doubt of the label
PICTURES = [
    (SHARK, SHARK, 0.9, 0.99),  # 0: right
    (SHARK, RAY, 0.6, 0.6),  # 1
    (SHARK, RAY, 0.7, 0.1),  # 2: the better one of the only confusion that occurs twice
    (RAY, SHARK, 0.9, 0.97),  # 3: the most confident, the most doubtful
    (DOG, SHARK, 0.55, 0.1),  # 4: severity 2
    (DOG, AXE, 0.45, 0.7),  # 5: severity 3
    (SAW, AXE, 0.8, 0.95),  # 6
    (AXE, DOG, 0.52, 0.1),  # 7: severity 3, more confident than the others
    (SAW, RAY, 0.4, 0.1),  # 8: severity 3
]
DOUBT = np.array([doubt for *_, doubt in PICTURES])


def predictions_of(pictures: list[tuple[int, int, float, float]], tree: Hierarchy = ZOO) -> Predictions:
    """Pictures that get an answer with a confidence; the other classes share the rest."""
    others = len(tree.classes) - 1
    rows = [np.where(np.eye(others + 1)[answer] == 1, sure, (1 - sure) / others) for _, answer, sure, _ in pictures]
    return Predictions.from_classes(np.array(rows), [true for true, *_ in pictures], tree)


def chosen_from(predictions: Predictions, count: int, doubt: np.ndarray | None = None) -> tuple[Failure, ...]:
    doubt = label_doubt(predictions.probabilities[-1], predictions.labels) if doubt is None else doubt
    return choose_failures(predictions, decide(predictions).answers, doubt, count)


def confusion(failure: Failure) -> tuple[str, str]:
    return failure.path[-1].true, failure.path[-1].answered


def branches(predictions: Predictions, rows: np.ndarray) -> np.ndarray:
    tree = predictions.hierarchy
    return tree.parents[tree.leaves[predictions.labels[rows]]]


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_every_reason_takes_its_turn_by_hand() -> None:
    five = chosen_from(predictions_of(PICTURES), 5, DOUBT)
    assert [(failure.row, failure.reasons) for failure in five] == [
        (3, ("confident", "doubtful")),
        (7, ("severe",)),  # of tools, of which there was none; the dog for an axe is less sure
        (2, ("frequent",)),
        (4, ("branch",)),  # animals were missing; the other dog is less sure
        (6, ("doubtful",)),  # 3 is taken; tools and animals are there once each, but a dog was there already
    ]


def test_missing_branches_get_the_last_turns() -> None:
    # The third turn is that of "frequent", which has but fish to offer; and tools are missing.
    kinds = [(SHARK, RAY, 0.9), (SAW, AXE, 0.8), (RAY, SHARK, 0.7), (RAY, SHARK, 0.6), (DOG, RAY, 0.3)]
    pictures = [(*kind, 0.1) for kind in kinds]
    three = chosen_from(predictions_of(pictures), 3, np.full(5, 0.1))
    assert [(failure.row, failure.reasons[0]) for failure in three] == [
        (0, "confident"),
        (4, "severe"),
        (1, "branch"),
    ]


def test_where_fewer_than_wanted_failed_all_are_there_in_turn() -> None:
    everything = chosen_from(predictions_of(PICTURES), 100, DOUBT)
    assert [failure.row for failure in everything][:5] == [3, 7, 2, 4, 6]
    assert sorted(failure.row for failure in everything) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert everything[-1].row == 1, "the only confusion that is there twice"


def test_a_reason_is_never_given_without_ground() -> None:
    # One mistake: not sure, right beside the truth, seen once, with a label that is likely right.
    [only] = chosen_from(predictions_of([(SHARK, RAY, 0.5, 0.5), PICTURES[0]]), 10, np.array([0.5, 0.99]))
    assert only.reasons == ("branch",)


def test_a_picture_has_all_reasons_for_which_it_is_among_the_first() -> None:
    # Ten candidates are asked for, so the first two of each reason count.
    found = {failure.row: set(failure.reasons) for failure in chosen_from(predictions_of(PICTURES), 10, DOUBT)}
    assert {"confident", "doubtful"} <= found[3]
    assert {"confident", "doubtful"} <= found[6]
    assert not {"confident", "doubtful"} & found[4], "third in neither"
    assert all("frequent" in found[row] for row in (1, 2)), "any picture of the confusion is an example of it"
    assert [row for row in sorted(found) if "severe" in found[row]] == [5, 7]


def test_no_mistakes_and_none_wanted() -> None:
    right = predictions_of([PICTURES[0]])
    assert chosen_from(right, 10) == ()
    assert chosen_from(predictions_of(PICTURES), 0, DOUBT) == ()


def test_one_failure_from_end_to_end() -> None:
    predictions = predictions_of(PICTURES)
    predictions = replace(predictions, near_duplicate=np.arange(9) == 7, ids=np.array([f"{i}.png" for i in range(9)]))
    assert failure_of(predictions, decide(predictions).answers, DOUBT, 7, ["severe"]) == Failure(
        row=7,
        id="7.png",
        reasons=("severe",),
        path=(
            # The others have .12 each: shark, ray and dog .76 together, saw and axe .24.
            step("group", "things", "animals", 0.24, 0.76),
            step("superclass", "tools", "dog", 0.24, 0.52),
            step("class", "axe", "dog", 0.12, 0.52),
        ),
        severity=3,
        label_doubt=0.1,
        near_duplicate=True,
    )


def step(level: str, true: str, answered: str, true_confidence: float, confidence: float) -> LevelAnswer:
    told = {"level": level, "true": true, "answered": answered}
    return LevelAnswer(**told, true_confidence=pytest.approx(true_confidence), confidence=pytest.approx(confidence))


def test_a_right_answer_can_stand_beside_the_failures() -> None:
    right = failure_of(predictions_of(PICTURES), decide(predictions_of(PICTURES)).answers, DOUBT, 0)
    assert (right.severity, right.reasons, right.near_duplicate) == (0, (), None)
    assert all(step.true == step.answered and step.confidence == step.true_confidence for step in right.path)


def test_each_level_s_own_probabilities_are_told() -> None:
    one = random_predictions(ZOO, 30, 0)
    answers = decide(one, "independent").answers
    for failure in choose_failures(one, answers, np.zeros(30), 30):
        for level, step in enumerate(failure.path):
            assert step.confidence == one.probabilities[level][failure.row].max()
            assert step.answered == ZOO.level_names(level)[answers[failure.row, level]]


# --- any tree --------------------------------------------------------------------------------------------------------


@given(hierarchies(), SEEDS, st.integers(1, 60), st.integers(0, 40))
def test_what_is_chosen_on_any_tree(tree: Hierarchy, seed: int, pictures: int, count: int) -> None:
    predictions = random_predictions(tree, pictures, seed)
    answers, doubt = decide(predictions).answers, label_doubt(predictions.probabilities[-1], predictions.labels)
    chosen = choose_failures(predictions, answers, doubt, count)
    rows, wrong = np.array([failure.row for failure in chosen], int), answers[:, -1] != predictions.labels
    assert len(rows) == len(set(rows.tolist())) == min(count, wrong.sum())
    assert wrong[rows].all()
    assert chosen == choose_failures(predictions, answers, doubt, count)
    for failure in chosen:
        assert failure == failure_of(predictions, answers, doubt, failure.row, failure.reasons)
        assert len(set(failure.reasons)) == len(failure.reasons) >= 1
        assert "confident" not in failure.reasons or failure.path[-1].confidence > LIKELY
        assert "severe" not in failure.reasons or failure.severity > 1
        assert "doubtful" not in failure.reasons or failure.label_doubt > LIKELY
    shown = len(np.unique(branches(predictions, rows)))
    assert shown == min(count, len(np.unique(branches(predictions, np.flatnonzero(wrong))))), "a branch is missing"


@given(hierarchies(), SEEDS, st.integers(1, 60), st.integers(1, 40))
def test_no_confusion_is_shown_again_before_all_others_were(
    tree: Hierarchy, seed: int, pictures: int, count: int
) -> None:
    predictions = random_predictions(tree, pictures, seed)
    chosen = [confusion(failure) for failure in chosen_from(predictions, count)]
    everything = Counter(map(confusion, chosen_from(predictions, pictures)))
    for end in range(1, len(chosen) + 1):
        shown = Counter(chosen[:end])
        most = max(shown.values())
        late = [kind for kind in everything if shown[kind] < min(most - 1, everything[kind])]
        assert late == [], f"{end} failures show a confusion {most} times"


@given(hierarchies(), SEEDS, st.integers(1, 60), st.integers(1, 40))
def test_the_order_of_the_pictures_does_not_matter(tree: Hierarchy, seed: int, pictures: int, count: int) -> None:
    one = random_predictions(tree, pictures, seed)
    order = np.random.default_rng(seed).permutation(pictures)
    other = replace(
        one, probabilities=tuple(p[order] for p in one.probabilities), labels=one.labels[order], ids=one.ids[order]
    )
    assert [(f.id, f.reasons) for f in chosen_from(other, count)] == [
        (f.id, f.reasons) for f in chosen_from(one, count)
    ]


def test_a_flat_tree_has_neither_branches_nor_severities() -> None:
    flat = Hierarchy(parents=np.array([-1, 0, 0, 0]), names=("root", "a", "b", "c"))
    chosen = chosen_from(random_predictions(flat, 60, 0), 9)
    assert len(chosen) == 9
    assert len(set(map(confusion, chosen[:6]))) == 6
    assert not any("severe" in failure.reasons for failure in chosen)


def test_failures_of_cifar_differ_from_each_other() -> None:
    predictions = cifar_predictions()
    chosen = chosen_from(predictions, 40)
    assert len(set(map(confusion, chosen))) == 40
    rows = np.array([failure.row for failure in chosen])
    each = Counter(branches(predictions, rows).tolist()).values()
    assert len(each) == 20
    assert max(each) <= 3, "two for each superclass, more or less"
    assert len(set(branches(predictions, rows[:10]).tolist())) == 10, "the first ones are varied already"
    firsts = Counter(failure.reasons[0] for failure in chosen)
    assert set(firsts) == set(REASONS)
    assert max(firsts.values()) <= 12, "no reason has much more than its share"


def test_ten_thousand_pictures_of_a_hundred_classes_take_less_than_half_a_second() -> None:
    predictions = random_predictions(cifar_predictions().hierarchy, 10_000, 0)
    answers, doubt = decide(predictions).answers, np.random.default_rng(0).random(10_000)
    start = time.perf_counter()
    choose_failures(predictions, answers, doubt, 40)
    assert time.perf_counter() - start < 0.5
