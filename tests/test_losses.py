"""Losses: worked out by hand on three classes, and how they relate to each other on any tree."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from torch import Tensor

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.learn.heads import SummedHead
from kinwise.learn.losses import LOSSES, Labels, Scores, loss_context
from kinwise.learn.losses.classes import flat, severity_weighted
from kinwise.learn.losses.context import class_targets
from kinwise.learn.losses.paths import levels

#       root
#      /    \
#     X      \        superclasses: X, c (c stands for itself)
#    / \      \
#   a   b      c      severities: a-b 1, a-c 2, b-c 2
TREE = Hierarchy(parents=np.array([-1, 0, 1, 1, 0]), names=("root", "X", "a", "b", "c"))

# Scores are log probabilities here, so that the softmax gives these very numbers back.
CLASSES = torch.tensor([[1 / 2, 1 / 4, 1 / 4], [1 / 8, 1 / 8, 3 / 4]], dtype=torch.float64)
SUMMED = torch.tensor([[3 / 4, 1 / 4], [1 / 4, 3 / 4]], dtype=torch.float64)
SCORES = (SUMMED.log(), CLASSES.log())
LABELS = torch.tensor([[0, 0], [0, 1]])  # a, b
LN2, LN_3_4 = math.log(2), math.log(3 / 4)


def value(loss: str, *changes: str, scores: Scores = SCORES, labels: Labels = LABELS) -> float:
    config = Config(label_smoothing=0.0).changed(changes)
    result = LOSSES[loss].function(scores, labels, loss_context(config, TREE, torch.device("cpu")))
    assert result.shape == ()
    return float(result)


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_flat_by_hand() -> None:
    assert value("flat") == pytest.approx((LN2 + 3 * LN2) / 2)


def test_label_smoothing_by_hand() -> None:
    # targets: (.8, .1, .1) and (.1, .8, .1)
    first = 0.8 * LN2 + 0.1 * 2 * LN2 + 0.1 * 2 * LN2
    second = 0.1 * 3 * LN2 + 0.8 * 3 * LN2 - 0.1 * LN_3_4
    assert value("flat", "label_smoothing=0.3") == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("loss", ["levels", "ancestor-sum"])
def test_levels_by_hand(loss: str) -> None:
    superclass, class_ = (-LN_3_4 + 2 * LN2) / 2, 2 * LN2
    assert value(loss) == pytest.approx(0.1 * superclass + class_)
    assert value(loss, "level_weights=3,0.5") == pytest.approx(3 * superclass + 0.5 * class_)


def test_levels_with_scores_that_contradict_each_other() -> None:
    superclass = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)  # e / (e + 1) and 1 / (e + 1)
    expected = (math.log(1 + 1 / math.e) + math.log(1 + math.e)) / 2 + 2 * LN2
    assert value("levels", "level_weights=1,1", scores=(superclass, CLASSES.log())) == pytest.approx(expected)


def test_levels_smooth_the_classes_only() -> None:
    a_and_c = torch.tensor([[0, 0], [1, 2]])
    first = 0.8 * LN2 + 0.1 * 2 * LN2 + 0.1 * 2 * LN2
    second = 0.1 * 3 * LN2 + 0.1 * 3 * LN2 - 0.8 * LN_3_4
    found = value("levels", "level_weights=2,1", "label_smoothing=0.3", labels=a_and_c)
    assert found == pytest.approx(2 * -LN_3_4 + (first + second) / 2)


def test_severity_weighted_by_hand() -> None:
    # a is answered rightly: factor 1; b is taken for c, severity 2: factor 5
    assert value("severity-weighted", "severity_factors=1,3,5") == pytest.approx((LN2 + 5 * 3 * LN2) / 2)
    # without factors given: 1, 1, 2
    assert value("severity-weighted") == pytest.approx((LN2 + 2 * 3 * LN2) / 2)
    # b taken for a, severity 1: factor 3, and -log .25
    assert value(
        "severity-weighted", "severity_factors=1,3,5", scores=(SUMMED[:1], CLASSES[:1].log()), labels=LABELS[1:]
    ) == pytest.approx(3 * 2 * LN2)


def test_severity_weighted_factors_come_before_label_smoothing() -> None:
    first = 0.8 * LN2 + 0.1 * 2 * LN2 + 0.1 * 2 * LN2
    second = 0.1 * 3 * LN2 + 0.8 * 3 * LN2 - 0.1 * LN_3_4
    smoothed = value("severity-weighted", "severity_factors=1,3,5", "label_smoothing=0.3")
    assert smoothed == pytest.approx((first + 5 * second) / 2)


def test_severity_weighted_levels_by_hand() -> None:
    # a is answered rightly: factor 1; b is taken for c, severity 2: factor 5; every level's term has the same factor
    given = ("severity_factors=1,3,5", "level_weights=0.5,2")
    first, second = 0.5 * -LN_3_4 + 2 * LN2, 0.5 * 2 * LN2 + 2 * 3 * LN2
    assert value("severity-weighted-levels", *given) == pytest.approx((first + 5 * second) / 2)
    equal = value("severity-weighted-levels", "severity_factors=1,1,1", "level_weights=0.5,2")
    assert equal == pytest.approx(value("levels", "level_weights=0.5,2"))
    # only X is known of the second: a or b, both of severity 2 from c, and the class term is left out
    found = value("severity-weighted-levels", *given, labels=torch.tensor([[0, 0], [0, -1]]))
    assert found == pytest.approx((first + 5 * 0.5 * 2 * LN2) / 2)


# --- labels that are not known ---------------------------------------------------------------------------------------


def test_a_level_without_its_label_takes_no_part() -> None:
    only_x = torch.tensor([[0, 0], [0, -1]])  # the second picture shows some X, nobody knows which
    superclass = (-LN_3_4 + 2 * LN2) / 2
    assert value("ancestor-sum", "level_weights=1,1", labels=only_x) == pytest.approx(superclass + LN2)
    class_only = torch.tensor([[-1, 0], [0, 1]])
    assert value("levels", "level_weights=1,1", labels=class_only) == pytest.approx(2 * LN2 + 2 * LN2)


def test_a_label_that_stops_early_is_each_class_below_it_as_likely_as_it_seems() -> None:
    only_x = torch.tensor([[0, -1], [0, 1]])  # a or b: 1/2 and 1/4, so 2/3 and 1/3 of X
    first, second = 2 / 3 * LN2 + 1 / 3 * 2 * LN2, 3 * LN2
    assert value("flat", labels=only_x) == pytest.approx((first + second) / 2)
    # a is answered, so the first picture's factor is 7 with 2/3 and 1 with 1/3
    found = value("severity-weighted", "severity_factors=7,1,1", labels=only_x)
    assert found == pytest.approx(((7 * 2 / 3 + 1 / 3) * first + second) / 2)
    # what a mistake costs: a 1/4 * 1 + 1/4 * 2, b 1/2 * 1 + 1/4 * 2; the second picture: 1/8 + 3/4 * 2
    cost = 2 / 3 * (1 / 4 + 1 / 2) + 1 / 3 * (1 / 2 + 1 / 2)
    found = value("expected-cost", "expected_cost_lambda=2", labels=only_x)
    assert found == pytest.approx((first + 2 * cost + second + 2 * (1 / 8 + 3 / 2)) / 2)


@pytest.mark.parametrize("loss", ["flat", "ancestor-sum", "hxe"])
def test_the_gradient_of_an_inner_label_is_that_of_its_summed_probability(loss: str) -> None:
    classes = torch.tensor([[0.3, -1.0, 0.7]], dtype=torch.float64, requires_grad=True)
    context = loss_context(
        Config(label_smoothing=0.0, level_weights=(1.0, 0.0), hxe_alpha=0.0), TREE, torch.device("cpu")
    )
    summed = torch.stack([classes[:, :2].logsumexp(1), classes[:, 2]], dim=1)
    (found,) = torch.autograd.grad(
        LOSSES[loss].function((summed, classes), torch.tensor([[0, -1]]), context), classes, retain_graph=True
    )
    (expected,) = torch.autograd.grad(-classes.softmax(1)[:, :2].sum().log(), classes)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_nothing_known_is_a_loss_of_0_and_no_gradient(loss: str, smoothing: float) -> None:
    scores = tuple(level.clone().requires_grad_() for level in SCORES)
    context = loss_context(Config(label_smoothing=smoothing), TREE, torch.device("cpu"))
    result = LOSSES[loss].function(scores, torch.full((2, 2), -1), context)
    assert result.item() == 0
    result.backward()
    assert all(level.grad is None or not level.grad.any() for level in scores)


# --- relations on any tree -------------------------------------------------------------------------------------------


@st.composite
def trees_with_answers(draw: st.DrawFn) -> tuple[Hierarchy, Scores, Tensor, np.random.Generator]:
    """A tree, a SummedHead's scores for six pictures, their class labels, and a generator for more."""
    hierarchy = draw(hierarchies())
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    classes = len(hierarchy.classes)
    head = SummedHead(classes, hierarchy, bias=False)
    with torch.no_grad():
        head.classes.weight.copy_(torch.eye(classes))
        scores = head(torch.tensor(3 * generator.normal(size=(6, classes)), dtype=torch.float32))
    return hierarchy, scores, torch.tensor(generator.integers(classes, size=6)), generator


@settings(max_examples=40)
@given(trees_with_answers())
def test_ancestor_sum_is_the_weighted_sum_of_logs_of_summed_probabilities(
    case: tuple[Hierarchy, Scores, Tensor, np.random.Generator],
) -> None:
    hierarchy, scores, classes, generator = case
    weights = generator.random(len(hierarchy.levels))
    config = Config(label_smoothing=0.0, level_weights=tuple(map(float, weights)))
    context = loss_context(config, hierarchy, torch.device("cpu"))
    labels = torch.tensor(hierarchy.level_labels)[classes]

    odds = np.exp(scores[-1].numpy().astype(np.float64))
    of_nodes = (odds / odds.sum(1, keepdims=True)) @ hierarchy.ancestor_matrix.T
    true_nodes = hierarchy.paths[classes.numpy()]
    expected = -(weights * np.log(of_nodes[np.arange(6)[:, None], true_nodes])).sum(1).mean()
    assert float(LOSSES["ancestor-sum"].function(scores, labels, context)) == pytest.approx(
        expected, rel=1e-4, abs=1e-5
    )


@settings(max_examples=40)
@given(trees_with_answers(), st.floats(0, 0.9))
def test_what_is_flat_in_the_end(case: tuple[Hierarchy, Scores, Tensor, np.random.Generator], smoothing: float) -> None:
    hierarchy, scores, classes, generator = case
    height = int(hierarchy.distances.max())
    config = Config(
        label_smoothing=smoothing,
        level_weights=(0.0,) * (len(hierarchy.levels) - 1) + (1.0,),
        severity_factors=(1.0,) * (height + 1),
    )
    context = loss_context(config, hierarchy, torch.device("cpu"))
    labels = torch.tensor(hierarchy.level_labels)[classes]
    labels[torch.tensor(generator.random(6) < 0.3)] = -1
    baseline = pytest.approx(float(flat(scores, labels, context)), rel=1e-5, abs=1e-6)
    assert float(levels(scores, labels, context)) == baseline
    assert float(severity_weighted(scores, labels, context)) == baseline


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_equal_finite_differences(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(label_smoothing=0.2, level_weights=(0.4, 1.3), severity_factors=(0.5, 2.0, 3.0))
    context = loss_context(config, TREE, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    scores = [torch.randn(6, size, generator=generator, dtype=torch.float64) for size in TREE.level_sizes]
    if loss == "hier-cos":  # squared lengths grow along a path
        above = scores[0].square() + 0.5
        scores = [above, scores[1].square() + 0.5 + above[:, [0, 0, 1]]]
    labels = torch.tensor([[0, 0], [0, 1], [1, 2], [0, -1], [-1, 2], [-1, -1]])
    fixed = class_targets(tuple(scores), labels, context)  # no gradient flows through what a class is taken to be
    for module in ("classes", "context"):
        monkeypatch.setattr(f"kinwise.learn.losses.{module}.class_targets", lambda *_: fixed)

    def loss_of(superclass: Tensor, class_: Tensor) -> Tensor:
        return LOSSES[loss].function((superclass, class_), labels, context)

    leaves = [level.clone().requires_grad_() for level in scores]
    loss_of(*leaves).backward()
    for level, leaf in enumerate(leaves):
        for place in np.ndindex(*leaf.shape):
            step = torch.zeros_like(leaf)
            step[place] = 1e-5
            up, down = ([*scores[:level], scores[level] + sign * step, *scores[level + 1 :]] for sign in (1, -1))
            slope = float(loss_of(*up) - loss_of(*down)) / 2e-5
            found = 0.0 if leaf.grad is None else float(leaf.grad[place])
            assert found == pytest.approx(slope, rel=1e-6, abs=1e-8)


# --- what the config asks for ----------------------------------------------------------------------------------------


def test_as_many_weights_as_levels() -> None:
    with pytest.raises(InputError, match="level_weights: expected 2, one for each of superclass, class, got 3"):
        value("levels", "level_weights=1,1,1")


def test_as_many_factors_as_severities() -> None:
    with pytest.raises(InputError, match=r"severity_factors: expected 3, for severities 0 \(right\) to 2, got 2"):
        value("severity-weighted", "severity_factors=1,1")


def test_a_taller_tree_has_more_default_factors() -> None:
    hierarchy = Hierarchy(parents=np.array([-1, 0, 1, 2, 3, 0]), names=tuple("rxyzab"))
    context = loss_context(Config(), hierarchy, torch.device("cpu"))
    assert context.severity_factors.tolist() == [1, 1, 2, 4, 8]
    assert context.level_weights == (0.1, 0.1, 0.1, 1.0)
