"""Intervals: against judging each resample by itself, what the draws are, and how often they cover the truth."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from zoo import ZOO, flat_values, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.bootstrap import Figure, Statistics, estimate, weights
from kinwise.judge.metrics import score


def test_every_interval_is_that_of_judging_each_resample_by_itself() -> None:
    predictions = random_predictions(ZOO, 15, 5)
    scores = score(predictions, resamples=60, seed=7)
    alone: dict[str, list[float]] = {key: [] for key in flat_values(scores)}
    for counts in np.concatenate(list(weights(15, resamples=60, seed=7)))[1:]:
        drawn = np.repeat(np.arange(15), counts.astype(int))
        resample = replace(
            predictions,
            probabilities=tuple(level[drawn] for level in predictions.probabilities),
            labels=predictions.labels[drawn],
            ids=predictions.ids[drawn],
        )
        for key, value in flat_values(score(resample, resamples=1)).items():
            alone[key] += [] if value is None else [value]
    figures = {f"{level} {key}": figure for level, all_ in scores.level.items() for key, figure in all_.items()}
    figures |= {key: figure for key, figure in scores.hierarchy.items() if isinstance(figure, Figure)}
    assert len(figures) == 3 * 7 + 9
    for key, figure in figures.items():
        low, high = np.quantile(alone[key], [0.025, 0.975])
        assert (figure.low, figure.high) == pytest.approx((low, high)), key


def test_weights_count_draws_with_replacement_and_start_with_the_pictures_as_they_are() -> None:
    drawn = np.concatenate(list(weights(400, resamples=2000, seed=0)))
    assert drawn.shape == (2001, 400)
    assert (drawn[0] == 1).all()
    assert (drawn.sum(axis=1) == 400).all()
    assert drawn[1:].mean() == pytest.approx(1)
    assert drawn[1:].var() == pytest.approx(1 - 1 / 400, abs=0.01)
    assert (drawn == np.concatenate(list(weights(400, resamples=2000, seed=0)))).all()
    assert (drawn != np.concatenate(list(weights(400, resamples=2000, seed=1)))).any()


def _share_of(right: np.ndarray) -> Statistics:
    return lambda rows: {"accuracy": rows @ right / len(right)}


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        statistics = _share_of(generator.random(150) < 0.7)
        figure = estimate({"": statistics}, 150, resamples=200, seed=seed)[""]["accuracy"]
        assert figure
        covered += figure.low <= 0.7 <= figure.high
    assert 0.90 <= covered / 300 <= 0.98


def test_the_same_seed_gives_the_same_scores_and_another_seed_other_intervals_only() -> None:
    predictions = random_predictions(ZOO, 40, 0)
    first, again, other = (score(predictions, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert flat_values(first) == flat_values(other)


def test_a_figure_undefined_in_some_resamples_rests_on_the_others() -> None:
    answers = np.eye(5)[[0, 0, 2, 3, 4]]  # one mistake, a shark for a ray: severity 1 wherever it is drawn
    scores = score(answers, [1, 0, 2, 3, 4], ZOO, resamples=100)
    assert scores.hierarchy["mistake_severity"] == Figure(1.0, 1.0, 1.0)
    assert scores.to_dict()["hierarchy"]["average_severity"]["low"] == 0


def test_one_picture_and_two_classes() -> None:
    tree = Hierarchy(parents=np.array([-1, 0, 0]), names=("root", "yes", "no"))
    scores = score(np.array([[0.25, 0.75]]), [0], tree, resamples=10)
    likelihood = scores.level["class"]["negative_log_likelihood"]
    assert [likelihood.value, likelihood.low, likelihood.high] == pytest.approx([np.log(4)] * 3)
    assert scores.level["class"]["accuracy"] == Figure(0.0, 0.0, 0.0)
    assert scores.mistake_severity == 1
    assert scores.hierarchical_distance_at_5 == pytest.approx(0.5)
    assert scores.reference["random_mistake_severity"] == 1


def test_a_thousand_classes_need_no_more_memory_for_more_resamples() -> None:
    parents = np.concatenate([[-1], np.zeros(50, int), 1 + np.arange(1000) % 50])
    tree = Hierarchy(parents=parents, names=tuple(f"n{node}" for node in range(1051)))
    predictions = random_predictions(tree, 500, 0)
    score(predictions, resamples=1)  # the tree now holds its distances
    peaks = []
    for resamples in (600, 2400):
        tracemalloc.start()
        score(predictions, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 1e8
