"""Scores: their file, their table for the terminal, and the public function that makes them of any arrays."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from zoo import LABELS, PROBABILITIES, ZOO, random_predictions

import kinwise
from kinwise.errors import InputError
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
