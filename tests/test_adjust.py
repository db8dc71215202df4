"""Logit adjustment: the strengths against sums by hand, the choice among them, and that it stays with the weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from easy import CONFIG, CPU, TREE, easy_images

from kinwise.config import Config
from kinwise.learn.adjust import STRENGTHS, Tried, adjust, best_of, log_shares, tried_on
from kinwise.learn.heads import level_probabilities
from kinwise.learn.network import Network, predict
from kinwise.learn.train import Training
from kinwise.learn.weights import load_network, save_network


def test_shares_are_logarithms_and_a_class_without_pictures_counts_as_one() -> None:
    torch.testing.assert_close(log_shares(np.array([6, 3, 0])), torch.log(torch.tensor([0.6, 0.3, 0.1])))


def test_recall_is_the_mean_over_the_classes_that_are_there() -> None:
    scores = torch.tensor([[2.0, 1, 0], [2, 1, 0], [2, 1, 0], [0, 1, 0]])  # answers 0, 0, 0, 1
    tried = tried_on(scores, np.array([0, 0, 1, 1]), 0.5)
    assert (tried.strength, tried.accuracy, tried.recall_macro) == (0.5, 0.75, 0.75)
    assert tried_on(scores, np.array([0, 0, 0, 1]), 0.5).recall_macro == 1
    assert tried_on(scores, np.array([0, 0, 1, 2]), 0.5).recall_macro == pytest.approx(1 / 3)


def tried(strength: float, accuracy: float, recall: float) -> Tried:
    return Tried(strength=strength, accuracy=accuracy, recall_macro=recall)


def test_the_best_recall_wins_where_accuracy_does_not_suffer() -> None:
    """80 % of 100 pictures have a standard error of 4 points."""
    some = [tried(0, 0.80, 0.60), tried(0.25, 0.79, 0.65), tried(0.5, 0.77, 0.70), tried(1, 0.75, 0.80)]
    assert best_of(some, 100).strength == 0.5
    assert best_of(some, 10).strength == 1
    assert best_of([tried(0, 0.8, 0.6), tried(0.25, 0.8, 0.6)], 100).strength == 0


def uneven() -> Training:
    """A network that saw 8 times as many suns and skies as tigers and seas."""
    images = easy_images(train=288, others=64)
    train = np.flatnonzero(images.parts == "train")
    rare = train[images.labels[train] % 2 == 1]
    images = images.take(np.setdiff1d(np.arange(len(images)), rare[len(rare) // 8 :]))
    training = Training(replace(CONFIG, epochs=1.0), images, CPU)
    training.run()
    training.network.eval()
    training.images = images  # type: ignore[attr-defined]
    return training


def test_an_adjusted_network_answers_by_scores_less_the_shares(tmp_path: Path) -> None:
    training = uneven()
    network, images = training.network, training.images  # type: ignore[attr-defined]
    before = predict(network, images.validation, CPU)[-1]
    chosen, *others = adjust(network, images, CPU)
    assert sorted([chosen.strength, *(one.strength for one in others)]) == list(STRENGTHS)
    plain = next(one for one in (chosen, *others) if one.strength == 0)
    assert chosen.recall_macro >= plain.recall_macro
    counts = np.bincount(images.labels[images.parts == "train"])
    expected = before / counts**chosen.strength
    after = predict(network, images.validation, CPU)
    np.testing.assert_allclose(after[-1], expected / expected.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(after[0][:, 0], after[1][:, :2].sum(axis=1), atol=1e-6)  # the levels still agree

    save_network(tmp_path / "weights.safetensors", network, training.config, TREE)
    again = predict(load_network(tmp_path / "weights.safetensors"), images.validation, CPU)
    np.testing.assert_array_equal(again[-1], after[-1])


@pytest.mark.parametrize("loss", ["flat", "levels"])
def test_only_the_class_scores_are_given_and_what_lies_above_follows(loss: str) -> None:
    from kinwise.data.augment import unit_statistics

    network = Network(Config(widths=(8, 8, 8), loss=loss), TREE, unit_statistics(3), 18).eval()
    pictures = torch.rand(2, 3, 18, 18)
    with torch.no_grad():
        before = network(pictures)
        network.head.adjust(torch.tensor([0.0, 0.0, 50.0, 0.0]))
        after = network(pictures)
    torch.testing.assert_close(after[1], before[1] + torch.tensor([0.0, 0.0, 50.0, 0.0]))
    coarse = level_probabilities(after)[0]
    if loss == "flat":
        torch.testing.assert_close(coarse, torch.tensor([[0.0, 1.0]] * 2))
    else:
        torch.testing.assert_close(after[0], before[0])
