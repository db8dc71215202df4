"""Which losses are proper, least in expectation at the true probabilities, and which one is not and why."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies, regular_hierarchies
from test_losses import trees_with_answers
from torch import Tensor

from kinwise.config import Config
from kinwise.hierarchy import Hierarchy
from kinwise.learn.heads import SummedHead
from kinwise.learn.losses import LOSSES, Scores, loss_context
from kinwise.learn.losses.classes import severity_weighted

CPU = torch.device("cpu")


def expected_slope(loss: str, hierarchy: Hierarchy, probabilities: Tensor) -> Tensor:
    """How the expected loss changes with the scores of classes where their softmax is what they truly are."""
    count = len(hierarchy.classes)
    head = SummedHead(count, hierarchy, bias=False)
    with torch.no_grad():
        head.classes.weight.copy_(torch.eye(count))
    classes = probabilities.log()[None].requires_grad_()
    context = loss_context(Config(label_smoothing=0.0, hxe_alpha=math.log(2)), hierarchy, CPU)
    each = [LOSSES[loss].function(head(classes), torch.tensor(path[None]), context) for path in hierarchy.level_labels]
    (slope,) = torch.autograd.grad(probabilities @ torch.stack(each), classes)
    return slope[0]


@pytest.mark.parametrize(
    ("loss", "trees"),
    [("flat", hierarchies()), ("ancestor-sum", hierarchies()), ("hxe", regular_hierarchies())],
    ids=["flat", "ancestor-sum", "hxe"],
)
@settings(max_examples=20)
@given(data=st.data())
def test_at_the_true_probabilities_there_is_no_slope(
    loss: str, trees: st.SearchStrategy[Hierarchy], data: st.DataObject
) -> None:
    """And each is convex in the probabilities or conditional probabilities it looks at, so nothing lies lower."""
    tree, generator = data.draw(trees), torch.Generator().manual_seed(data.draw(st.integers(0, 1000)))
    slope = expected_slope(loss, tree, torch.randn(len(tree.classes), generator=generator).softmax(0))
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-5)


def test_hxe_is_not_proper_where_sisters_differ_in_height() -> None:
    """There it weighs a decision by its outcome: c counts whole, X beside it half, so a step down makes c likelier."""
    ragged = Hierarchy(parents=np.array([-1, 0, 1, 1, 0]), names=tuple("rXabc"))
    slope = expected_slope("hxe", ragged, torch.tensor([0.3, 0.3, 0.4]))
    # -(P(X) log p(X) / 2 + P(c) log p(c)) by the score of c: P(X) p(c) / 2 - P(c) p(X)
    assert slope.tolist() == pytest.approx([0.06, 0.06, -0.12], rel=1e-4)


def test_severity_weighted_is_least_where_the_best_classes_tie() -> None:
    """Of ten pictures alike six show a, two b, one c and one d, and every mistake has the factor 4.

    On a's side of the tie a weighs 6, b 2 * 4, c and d 4 each: it pulls to b's side, and there a weighs 24 and pulls
    back. At the tie a and b share 14 of the 22, c and d have 4 each.
    """
    flat_tree = Hierarchy(parents=np.array([-1, 0, 0, 0, 0]), names=tuple("rabcd"))
    context = loss_context(Config(label_smoothing=0.0, severity_factors=(1.0, 4.0)), flat_tree, CPU)
    labels = torch.tensor([0] * 6 + [1] * 2 + [2, 3])[:, None]

    def lost(classes: np.ndarray) -> float:
        return float(severity_weighted((torch.tensor(classes).log().expand(10, 4),), labels, context))

    tie, truth = np.array([7, 7, 4, 4]) / 22, np.array([0.6, 0.2, 0.1, 0.1])
    lowest = lost(tie + np.array([1, -1, 0, 0]) * 1e-9)
    assert lowest == pytest.approx(-1.4 * math.log(7 / 22) - 0.8 * math.log(4 / 22))
    assert lost(truth) > lowest + 0.4
    assert min(map(lost, np.random.default_rng(0).dirichlet(np.ones(4), size=500))) > lowest


@settings(max_examples=20)
@given(trees_with_answers())
def test_a_severity_factor_only_pulls_harder(case: tuple[Hierarchy, Scores, Tensor, np.random.Generator]) -> None:
    """The slope is factor * (p - onehot(y)) / pictures: it says nothing about which wrong class was answered."""
    hierarchy, scores, classes, generator = case
    factors = 1 + generator.random(int(hierarchy.distances.max()) + 1).cumsum()
    context = loss_context(Config(label_smoothing=0.0, severity_factors=tuple(factors.tolist())), hierarchy, CPU)
    leaf = scores[-1].clone().requires_grad_()
    lost = severity_weighted((*scores[:-1], leaf), torch.tensor(hierarchy.level_labels)[classes], context)
    (slope,) = torch.autograd.grad(lost, leaf)
    p, pictures = scores[-1].softmax(1), torch.arange(6)
    factor = torch.tensor(factors)[hierarchy.distances[p.argmax(1).numpy(), classes.numpy()]].float()
    p[pictures, classes] -= 1
    torch.testing.assert_close(slope, factor[:, None] * p / 6, rtol=1e-4, atol=1e-6)
