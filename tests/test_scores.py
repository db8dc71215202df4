"""Scores: their file, their table for the terminal, and the public function that makes them of any arrays."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from zoo import LABELS, PROBABILITIES, ZOO, random_predictions

import kinwise
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import MEASURES, Scores
from kinwise.taxonomy import built_in


def test_scores_survive_json() -> None:
    scores = score(PROBABILITIES, LABELS, ZOO, resamples=20)
    scores = replace(scores, model={"parameters": 7}, training={"seconds": 1.5, "device": "cpu"})
    data = json.loads(json.dumps(scores.to_dict()))
    assert Scores.from_dict(data) == scores
    assert list(data["level"]) == ["group", "superclass", "class"]
    assert data["level"]["class"]["accuracy"].keys() == {"value", "low", "high"}
    assert data["hierarchy"]["mistakes"] == 3
    assert data["hierarchy"]["severity_histogram"] == [2, 1, 1, 1]
    none = json.loads(json.dumps(score(np.eye(5), range(5), ZOO, resamples=5).to_dict()))
    assert none["hierarchy"]["mistake_severity"] is None
    assert none["model"] is None


@pytest.mark.parametrize("data", [{}, {"n": 3}, {"n": 3, "decision": "argmax", "split": "official", "levels": 3}, []])
def test_what_are_no_scores_is_refused(data: dict) -> None:
    with pytest.raises(InputError, match="these are no scores, or they are damaged"):
        Scores.from_dict(data)


def test_the_table_says_what_was_measured_and_which_way_is_better() -> None:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    text = score(predictions, resamples=20).text()
    assert "5 pictures, decision rule argmax, split official" in text
    assert "NOT COMPARABLE" not in text
    row = next(line for line in text.splitlines() if line.startswith("accuracy"))
    assert row.split()[:4] == ["accuracy", "higher", "80.00", "%"]
    assert "mistakes                    lower   3" in text
    assert "mistake severity            lower   2.000 [" in text
    assert "random 2.400" in text
    assert "0: 2  1: 1  2: 1  3: 1" in text
    assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines())
    resplit = score(replace(predictions, split="80:20"), resamples=5).text()
    assert "NOT COMPARABLE with scores on the official split: the split is 80:20" in resplit
    perfect = score(np.eye(5), range(5), ZOO, resamples=5).text()
    assert "none (no mistakes)" in perfect


def judged_without(near_duplicate: list[int], decision: str = "argmax") -> Scores:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    marked = replace(predictions, near_duplicate=np.array(near_duplicate, bool))
    return score(marked, decision=decision, resamples=20)


def test_accuracy_without_near_duplicates_by_hand() -> None:
    # Right are pictures 0 and 4 (class), 0, 1 and 4 (superclass), all but 3 (group).
    scores = judged_without([1, 0, 0, 0, 0])
    without = scores.without_near_duplicates
    assert without is not None
    assert (without.n, without.left_out) == (4, 1)
    assert {name: figures["accuracy"].value for name, figures in without.level.items()} == {
        "group": 0.75,
        "superclass": 0.5,
        "class": 0.25,
    }
    for figures in without.level.values():
        assert 0 <= figures["accuracy"].low <= figures["accuracy"].value <= figures["accuracy"].high <= 1
    assert replace(scores, without_near_duplicates=None) == score(PROBABILITIES, LABELS, ZOO, resamples=20)
    assert Scores.from_dict(json.loads(json.dumps(scores.to_dict()))) == scores


def test_near_duplicates_follow_another_tree_and_rule() -> None:
    predictions = replace(Predictions.from_classes(PROBABILITIES, LABELS, ZOO), near_duplicate=LABELS == 0)
    flat = Hierarchy(parents=np.array([-1, *[0] * 5]), names=("root", *ZOO.classes))
    for scores in (score(predictions, hierarchy=flat, resamples=5), judged_without([1, 1, 0, 0, 0], "top-down")):
        assert scores.without_near_duplicates is not None
        assert scores.without_near_duplicates.n == 3


def test_the_table_shows_accuracy_with_and_without_near_duplicates() -> None:
    lines = judged_without([1, 0, 0, 0, 0]).text().splitlines()
    assert lines[1] == "1 of the pictures have a near-duplicate among the training pictures"
    row = lines.index(next(line for line in lines if line.startswith("accuracy")))
    assert lines[row + 1].split()[:5] == ["without", "near-duplicates", "higher", "75.00", "%"]
    assert "none of the pictures have a near-duplicate" in judged_without([0] * 5).text()
    assert "  without near-duplicates" not in judged_without([0] * 5).text()
    alone = judged_without([1] * 5)
    assert alone.to_dict()["without_near_duplicates"] == {"n": 0, "left_out": 5, "level": {}}
    assert "  without near-duplicates" not in alone.text()
    unknown = score(PROBABILITIES, LABELS, ZOO, resamples=5)
    assert "near-duplicate" not in unknown.text()
    assert unknown.to_dict()["without_near_duplicates"] is None


def test_every_figure_has_a_title() -> None:
    scores = score(PROBABILITIES, LABELS, ZOO, resamples=1)
    keys = {key for figures in scores.level.values() for key in figures} | set(scores.hierarchy)
    assert keys - MEASURES.keys() == {"severity_histogram"}


def test_scores_have_no_other_attributes() -> None:
    scores = score(PROBABILITIES, LABELS, ZOO, resamples=1)
    with pytest.raises(AttributeError, match="scores have no 'severity'; they have: mistakes, mistake_severity"):
        _ = scores.severity


# --- the public function ---------------------------------------------------------------------------------------------


def test_arrays_lists_levels_and_predictions_are_judged_alike() -> None:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    expected = score(predictions, resamples=5)
    assert kinwise.score(PROBABILITIES, LABELS, ZOO, resamples=5) == expected
    assert kinwise.score(PROBABILITIES.tolist(), LABELS.tolist(), ZOO, resamples=5) == expected
    assert kinwise.score(predictions.probabilities, LABELS, ZOO, resamples=5) == expected
    assert kinwise.score(torch.tensor(PROBABILITIES), torch.tensor(LABELS), ZOO, resamples=5) == expected


def test_a_tree_may_be_named_and_predictions_judged_under_another() -> None:
    predictions = random_predictions(built_in("cifar100"), 200, 0)
    by_name = score(predictions.probabilities[-1], predictions.labels, "cifar100-5level", resamples=2)
    assert by_name.levels == ("level2", "level4", "level8", "superclass", "class")
    assert score(predictions, hierarchy="cifar100-5level", resamples=2) == by_name


def test_what_cannot_be_judged_is_refused() -> None:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    with pytest.raises(InputError, match="Predictions hold their labels"):
        score(predictions, LABELS)
    with pytest.raises(InputError, match="need labels and a hierarchy"):
        score(PROBABILITIES, LABELS)
    with pytest.raises(InputError, match="expected probabilities at 3 levels, got 2"):
        score(predictions.probabilities[1:], LABELS, ZOO)
    with pytest.raises(InputError, match="no decision rule 'best'"):
        score(predictions, decision="best")
    with pytest.raises(InputError, match="resamples >= 1 and a seed >= 0, got resamples 0 and seed 0"):
        score(predictions, resamples=0)
    with pytest.raises(InputError, match="seed -1"):
        score(predictions, seed=-1)
