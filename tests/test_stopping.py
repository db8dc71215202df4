"""Scores of answers that stop at inner nodes: by hand on the zoo, and that class answers keep the figures they had."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import AXE, DOG, LABELS, PROBABILITIES, SAW, SHARK, ZOO, held_out, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.bootstrap import estimate
from kinwise.judge.compare import compare
from kinwise.judge.decide import RULES, decide
from kinwise.judge.decision import Decision
from kinwise.judge.metrics import score, scores_of, statistics_of
from kinwise.judge.nodes import answers_of
from kinwise.judge.predictions import Predictions
from kinwise.judge.promises import promises
from kinwise.judge.scores import Scores
from kinwise.judge.stopping import CURVE_POINTS, Stopping
from kinwise.show.report import report_html

NODE = {name: node for node, name in enumerate(ZOO.names)}


def answered(names: list[str], labels: list[int], sure: list[float], promise: float | None = None) -> Scores:
    """The scores of answers made up by hand, on pictures whose probabilities are all alike."""
    classes = np.full((len(names), 5), 0.2)
    judged = Predictions.from_classes(classes, labels, ZOO)
    nodes = np.array([NODE[name] for name in names])
    decision = Decision(
        answers=answers_of(nodes, ZOO),
        nodes=nodes,
        ranking=classes,
        confidence=np.array(sure),
        stops=True,
        rule="by hand",
        promise=promise,
    )
    figures = estimate(statistics_of(judged, decision), len(judged), resamples=50, seed=0)
    return scores_of(judged, decision, figures)


# Right: shark (0), fish for a shark (its height 1), animals for a dog (2). Wrong: tools for a dog (3). Root: none (3).
BY_HAND = answered(
    ["shark", "fish", "animals", "tools", "root"],
    [SHARK, SHARK, DOG, DOG, AXE],
    [0.9, 0.8, 0.6, 0.7, 1.0],
    promise=0.7,
)


def stopping(scores: Scores) -> Stopping:
    assert scores.stopping is not None
    return scores.stopping


def test_a_right_inner_answer_costs_its_own_height() -> None:
    assert BY_HAND.severity_histogram == [1, 1, 1, 2]
    assert BY_HAND.average_severity == pytest.approx((0 + 1 + 2 + 3 + 3) / 5)


def test_a_mistake_is_an_answer_that_is_neither_the_class_nor_above_it() -> None:
    assert BY_HAND.mistakes == 1, "no answer is no mistake, and a right inner one is none"
    assert BY_HAND.mistake_severity == pytest.approx(3)


def test_a_level_that_was_not_answered_is_not_right() -> None:
    # Groups: animals three times right, things for a dog wrong, none. Superclasses: fish twice. Classes: the shark.
    assert BY_HAND.accuracy == pytest.approx({"group": 3 / 5, "superclass": 2 / 5, "class": 1 / 5})
    assert BY_HAND.full_path_accuracy == pytest.approx(1 / 5)
    assert BY_HAND.inconsistent_paths == 0
    group = {key: figure.value for key, figure in BY_HAND.level["group"].items()}
    # Animals: 3 answers, all right, of 4; things: 1 answer, wrong, and one thing not answered.
    assert group["precision_macro"] == pytest.approx((3 / 3 + 0 / 1) / 2)
    assert group["recall_macro"] == pytest.approx((3 / 4 + 0 / 1) / 2)


def test_hierarchical_precision_counts_the_nodes_answered() -> None:
    # Answered 3 + 2 + 1 + 2 + 0 nodes, of which 3 + 2 + 1 are true ones; true are 3 + 3 + 2 + 2 + 3.
    assert BY_HAND.hierarchical_precision == pytest.approx(6 / 8)
    assert BY_HAND.hierarchical_recall == pytest.approx(6 / 13)
    assert BY_HAND.hierarchical_f1 == pytest.approx(12 / 21)


def test_coverage_accuracy_of_the_answers_and_specificity_by_hand() -> None:
    found = stopping(BY_HAND)
    assert found.coverage.value == pytest.approx(4 / 5)
    assert {level: figure.value for level, figure in found.level_coverage.items()} == pytest.approx(
        {"group": 4 / 5, "superclass": 3 / 5, "class": 1 / 5}
    )
    assert found.accuracy_of_answers is not None
    assert found.accuracy_of_answers.value == pytest.approx(3 / 4)
    says = {1: 1.0, 2: 1 - np.log(2) / np.log(5), 3: 1 - np.log(3) / np.log(5), 5: 0.0}
    assert found.specificity.value == pytest.approx((says[1] + says[2] + says[3] + says[2] + says[5]) / 5)
    for figure in (found.coverage, found.specificity, found.accuracy_of_answers, *found.level_coverage.values()):
        assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_the_risk_coverage_curve_by_hand() -> None:
    # By confidence: right, right, wrong (.7), right; the picture without an answer, however sure, has no place.
    found = stopping(BY_HAND)
    np.testing.assert_allclose(found.curve, [(1 / 5, 0), (2 / 5, 0), (3 / 5, 1 / 3), (4 / 5, 1 / 4)])
    assert found.risk_coverage_area == pytest.approx((1 / 3 + 1 / 4) / 4)
    assert found.lowest_area == pytest.approx((1 / 4) / 4)


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    predictions = random_predictions(ZOO, 1000, 3)
    found = stopping(score(predictions, decision="deepest-likely", resamples=1))
    assert len(found.curve) == CURVE_POINTS
    assert found.accuracy_of_answers is not None
    assert found.curve[-1] == pytest.approx((found.coverage.value, 1 - found.accuracy_of_answers.value))


def test_whether_a_promise_is_kept() -> None:
    assert (stopping(BY_HAND).kept, stopping(BY_HAND).promise_text) == (True, "promised 70 %: kept")
    wrong = answered(["dog"] * 50, [SAW] * 49 + [DOG], [0.9] * 50, promise=0.9)
    assert (stopping(wrong).kept, stopping(wrong).promise_text) == (False, "promised 90 %: not kept")
    nearly = answered(["dog"] * 10, [DOG] * 8 + [SAW] * 2, [0.9] * 10, promise=0.9)
    assert stopping(nearly).promise_text == "promised 90 %: missed, by less than the interval"
    plain = answered(["dog"], [DOG], [0.9])
    assert (stopping(plain).kept, stopping(plain).promise_text) == (None, "")


def test_where_nothing_is_answered_what_has_no_value_has_none() -> None:
    silent = answered(["root"] * 3, [SHARK, DOG, AXE], [1.0] * 3, promise=0.9)
    found = stopping(silent)
    assert (silent.mistakes, silent.mistake_severity, silent.hierarchical_precision) == (0, None, None)
    assert (silent.average_severity, silent.hierarchical_recall, silent.hierarchical_f1) == (3, 0, 0)
    assert (found.coverage.value, found.accuracy_of_answers, found.risk_coverage_area) == (0, None, None)
    assert (found.curve, found.kept, found.promise_text) == ((), None, "promised 90 %: nothing was answered")
    assert "none (no answers)" in silent.text()
    assert Scores.from_dict(json.loads(json.dumps(silent.to_dict()))) == silent


# --- beside class answers -------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(hierarchies(), st.integers(0, 100))
def test_where_all_answers_are_classes_every_figure_is_exactly_that_of_class_answers(h: Hierarchy, seed: int) -> None:
    judged = random_predictions(h, 30, seed)
    plain = decide(judged, "argmax")
    figures, same = (
        estimate(statistics_of(judged, one), len(judged), resamples=20, seed=1)
        for one in (plain, replace(plain, stops=True))
    )
    assert {group: same[group] for group in figures} == figures
    as_classes, as_nodes = scores_of(judged, plain, figures), scores_of(judged, replace(plain, stops=True), same)
    assert replace(as_nodes, stopping=None) == as_classes
    found = stopping(as_nodes)
    assert found.coverage.value == 1
    assert found.specificity.value == pytest.approx(1)
    assert found.accuracy_of_answers is not None
    assert found.accuracy_of_answers.value == pytest.approx(as_classes.accuracy["class"])
    assert as_nodes.average_severity == pytest.approx(
        (1 - as_classes.accuracy["class"]) * (as_classes.mistake_severity or 0)
    )


@settings(max_examples=25)
@given(hierarchies(), st.integers(0, 100), st.sampled_from([rule for rule, one in RULES.items() if one.stops]))
def test_the_figures_hang_together(tree: Hierarchy, seed: int, rule: str) -> None:
    judged = random_predictions(tree, 25, seed)
    scores = score(judged, decision=rule, validation=held_out(tree), promise=0.5, resamples=1)
    found = stopping(scores)
    coverages = [figure.value for figure in found.level_coverage.values()]
    assert coverages == sorted(coverages, reverse=True)
    assert coverages[0] == found.coverage.value
    assert sum(scores.severity_histogram) == 25
    assert all(scores.accuracy[level] <= share.value + 1e-9 for level, share in found.level_coverage.items())
    assert scores.full_path_accuracy == scores.accuracy["class"]
    assert scores.inconsistent_paths == 0
    answers = found.coverage.value * 25
    right = found.accuracy_of_answers.value * answers if found.accuracy_of_answers else 0
    assert answers - right == pytest.approx(scores.mistakes)
    assert Scores.from_dict(json.loads(json.dumps(scores.to_dict()))) == scores


def test_climb_scores_what_the_promises_of_a_report_say() -> None:
    judged, learned = random_predictions(ZOO, 300, 1), held_out(ZOO)
    found = stopping(score(judged, decision="climb", validation=learned, promise=0.6, resamples=1))
    expected = promises([0.6], judged, learned)[0].kept
    assert expected.accuracy is not None
    assert found.accuracy_of_answers is not None
    assert found.accuracy_of_answers.value == pytest.approx(expected.accuracy[0])
    assert found.coverage.value == pytest.approx(expected.coverage)
    assert found.specificity.value == pytest.approx(expected.specificity)


# --- what is said ---------------------------------------------------------------------------------------------------


def test_every_text_says_that_answers_may_stop() -> None:
    text = BY_HAND.text()
    assert "decision rule by hand (may stop at an inner node)" in text
    assert "coverage                    higher  80.00 %" in text
    assert "  down to superclass        higher  60.00 %" in text
    assert next(line for line in text.splitlines() if line.startswith("accuracy of answers")).endswith(
        "promised 70 %: kept"
    )
    assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines())
    assert "may stop" not in score(PROBABILITIES, LABELS, ZOO, resamples=1).text()


def test_the_text_says_what_was_calibrated() -> None:
    judged, learned = random_predictions(ZOO, 40, 1), held_out(ZOO)
    temperatures = decide(judged, "product", validation=learned).temperatures
    shown = " / ".join(f"{one:.3g}" for one in temperatures)
    text = score(judged, decision="product", validation=learned, resamples=1).text()
    assert f"calibrated on validation pictures: temperature {shown}\n" in text
    assert "not calibrated: there are no validation" in score(judged, decision="product", resamples=1).text()
    assert "calibrated" not in score(judged, resamples=1).text().replace("calibration error", "")


def test_the_probability_figures_stay_those_of_the_network() -> None:
    judged, learned = random_predictions(ZOO, 60, 1), held_out(ZOO)
    plain = score(judged, resamples=1)
    for rule in RULES:
        scores = score(judged, decision=rule, validation=learned, promise=0.5, resamples=1)
        for level, figures in plain.level.items():
            for key in ("negative_log_likelihood", "brier", "calibration_error"):
                assert scores.level[level][key] == figures[key], (rule, key)


def test_scores_of_older_files_have_none() -> None:
    data = score(PROBABILITIES, LABELS, ZOO, resamples=1).to_dict()
    for key in ("stopping", "temperatures", "note"):
        del data[key]
    assert Scores.from_dict(data) == score(PROBABILITIES, LABELS, ZOO, resamples=1)


def test_a_report_and_a_comparison_ask_for_a_rule_that_answers_classes() -> None:
    judged = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    scores = score(judged, decision="deepest-likely", resamples=1)
    always = "argmax, independent, top-down, bottom-up, product, least-cost"
    with pytest.raises(InputError, match=f"deepest-likely may stop at an inner node, and a report .* one: {always}$"):
        report_html(predictions=judged, scores=scores, title="zoo", facts={}, commands={})
    with pytest.raises(InputError, match=f"climb may stop at an inner node, and a comparison .* one: {always}$"):
        compare([judged, replace(judged)], names=["a", "b"], decision="climb")


def test_a_comparison_is_calibrated_on_each_ones_validation_pictures() -> None:
    one, other = random_predictions(ZOO, 50, 1), replace(random_predictions(ZOO, 50, 2), labels=LABELS.repeat(10))
    one = replace(one, labels=LABELS.repeat(10))
    learned = [held_out(ZOO, 5), None]
    for tree in (None, ZOO):
        found = compare(
            [one, other], names=["a", "b"], decision="product", validations=learned, hierarchy=tree, resamples=2
        )
        for side, judged, validation in zip(found.sides, (one, other), learned, strict=True):
            expected = score(judged, hierarchy=tree, decision="product", validation=validation, resamples=2)
            assert side.scores == expected
