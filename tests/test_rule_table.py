"""All decision rules in one table: each as if judged alone, and what the table says."""

import json

import pytest
from zoo import ZOO, held_out, random_predictions

from kinwise.errors import InputError
from kinwise.judge.decide import RULES
from kinwise.judge.metrics import score
from kinwise.judge.rule_table import NOTHING_HELD_OUT, table_of_rules
from kinwise.taxonomy import built_in

JUDGED, LEARNED = random_predictions(ZOO, 80, 4), held_out(ZOO)


def test_every_rule_scores_as_if_it_were_judged_alone() -> None:
    found = table_of_rules(JUDGED, validation=LEARNED, promise=0.6, resamples=10)
    assert list(found.scores) == list(RULES)
    assert found.reasons == {}
    for rule, scores in found.scores.items():
        assert scores == score(JUDGED, decision=rule, validation=LEARNED, promise=0.6, resamples=10), rule


def test_rules_that_promise_have_a_reason_where_nothing_was_held_out() -> None:
    found = table_of_rules(JUDGED, resamples=1)
    assert list(found.scores) == [rule for rule, one in RULES.items() if not one.fitted]
    assert found.reasons == dict.fromkeys(("climb", "hedge"), NOTHING_HELD_OUT)
    text = found.text()
    assert f"climb, hedge: {NOTHING_HELD_OUT}" in text
    assert "not calibrated" in text
    data = json.loads(json.dumps(found.to_dict()))
    assert list(data) == list(RULES)
    assert data["hedge"] == {"decision": "hedge", "reason": NOTHING_HELD_OUT}
    assert data["argmax"] == json.loads(json.dumps(found.scores["argmax"].to_dict()))


def test_the_table_has_a_row_per_rule_and_a_star_for_those_that_may_stop() -> None:
    found = table_of_rules(JUDGED, validation=LEARNED, promise=0.6, resamples=1)
    lines = found.text().splitlines()
    assert "* may stop at an inner node" in found.text()
    for rule, one in RULES.items():
        row = next(line for line in lines if line.split()[:1] == [rule])
        cells = row.removeprefix(rule).split()
        assert (cells[0] == "*") == one.stops
        scores = found.scores[rule]
        assert cells[-11:][:3] == [f"{100 * scores.accuracy[level]:.2f}" for level in ("class", "superclass", "group")]
        assert f"{scores.average_severity:.3f}" in cells
        if scores.stopping:
            assert cells[-3] == f"{100 * scores.stopping.coverage.value:.2f}"
        else:
            assert cells[-3:] == ["100.00", "100.00", f"{100 * scores.accuracy['class']:.2f}"]
    heads = next(line for line in lines if line.startswith("rule"))
    assert heads.split()[:4] == ["rule", "class", "superclass", "group"]
    assert all(len(line) <= 140 for line in lines)


def test_under_another_tree_both_parts_are_moved() -> None:
    judged = random_predictions(built_in("cifar100"), 150, 1)
    found = table_of_rules(judged, hierarchy="cifar100-5level", validation=held_out(judged.hierarchy), resamples=1)
    assert found.scores["hedge"].levels == ("level2", "level4", "level8", "superclass", "class")
    assert len(found.scores["product"].temperatures) == 1, "under another tree all levels are sums of the classes"


def test_a_promise_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        table_of_rules(JUDGED, validation=LEARNED, promise=1.5)
