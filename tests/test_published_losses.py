"""The published losses: worked out by hand on three classes, against their formulas written out, and on any tree."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from test_losses import CLASSES, LABELS, LN2, LN_3_4, SUMMED, TREE, trees_with_answers, value
from torch import Tensor

from kinwise.config import Config
from kinwise.hierarchy import Hierarchy
from kinwise.learn.heads import ConditionalHead, FrameHead, SubspaceHead, similarities
from kinwise.learn.losses import LOSSES, Scores, loss_context
from kinwise.learn.losses.paths import jensen_shannon

CPU = torch.device("cpu")
C_ONLY = torch.tensor([[1, 2]])


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_expected_cost_by_hand() -> None:
    # a: b costs 1 and c 2; b: a costs 1 and c 2
    first, second = 1 / 4 + 2 / 4, 1 / 8 + 2 * 3 / 4
    assert value("expected-cost", "expected_cost_lambda=0.5") == pytest.approx(2 * LN2 + 0.5 * (first + second) / 2)


def test_soft_margin_by_hand() -> None:
    # with tau = log 2 a step of distance doubles what a class weighs
    first = LN2 + math.log(1 / 2 + 2 / 4 + 4 / 4)
    second = 3 * LN2 + math.log(2 / 8 + 1 / 8 + 4 * 3 / 4)
    assert value("soft-margin", f"soft_margin_tau={LN2}") == pytest.approx((first + second) / 2)


def test_soft_labels_by_hand() -> None:
    # the tree is 2 high, so with beta = 2 log 2 a step of distance halves a target: 4/7, 2/7, 1/7
    first = 4 / 7 * math.log(8 / 7) + 2 / 7 * math.log(8 / 7) + 1 / 7 * math.log(4 / 7)
    second = 2 / 7 * math.log(16 / 7) + 4 / 7 * math.log(32 / 7) + 1 / 7 * math.log(4 / 21)
    assert value("soft-labels", f"soft_labels_beta={2 * LN2}") == pytest.approx((first + second) / 2)


def test_tree_smoothing_by_hand() -> None:
    # .7 of the class itself and .3 of 4/7, 2/7, 1/7
    first = 0.7 * LN2 + 0.3 * (4 / 7 * LN2 + 2 / 7 * 2 * LN2 + 1 / 7 * 2 * LN2)
    second = 0.7 * 3 * LN2 + 0.3 * (2 / 7 * 3 * LN2 + 4 / 7 * 3 * LN2 - 1 / 7 * LN_3_4)
    found = value("tree-smoothing", f"tree_smoothing_beta={LN2}", "label_smoothing=0.3")
    assert found == pytest.approx((first + second) / 2)


def test_tree_smoothing_levels_by_hand() -> None:
    given = (f"tree_smoothing_beta={LN2}", "label_smoothing=0.3", "level_weights=0.2,2")
    superclass = (-LN_3_4 + 2 * LN2) / 2  # never smoothed
    assert value("tree-smoothing-levels", *given) == pytest.approx(
        0.2 * superclass + 2 * value("tree-smoothing", *given)
    )


def test_hxe_by_hand() -> None:
    # X is 1 high and counts half, a class counts whole; the conditional probabilities are 3/4, 2/3 and 1/4, 1/2
    first, second = -LN_3_4 / 2 + math.log(3 / 2), 2 * LN2 / 2 + LN2
    assert value("hxe", f"hxe_alpha={LN2}") == pytest.approx((first + second) / 2)
    # c is a class already at the upper level: it counts whole there, and below nothing is left to decide
    scores = (SUMMED[1:].log(), CLASSES[1:].log())
    assert value("hxe", f"hxe_alpha={LN2}", scores=scores, labels=C_ONLY) == pytest.approx(-LN_3_4)


def test_hxe_smooths_over_the_paths_of_all_classes() -> None:
    # of the first picture: a, b and c lose as above
    a, b, c = -LN_3_4 / 2 + math.log(3 / 2), -LN_3_4 / 2 + math.log(3), 2 * LN2
    found = value(
        "hxe",
        f"hxe_alpha={LN2}",
        "label_smoothing=0.3",
        scores=(SUMMED[:1].log(), CLASSES[:1].log()),
        labels=LABELS[:1],
    )
    assert found == pytest.approx(0.7 * a + 0.1 * (a + b + c))


def test_consistency_by_hand() -> None:
    given = ("consistency_mu=3", "level_weights=0.5,1")
    assert value("consistency", *given) == pytest.approx(value("levels", "level_weights=0.5,1"))
    undecided = torch.full((1, 2), 0.5, dtype=torch.float64)  # below it says 3/4, 1/4
    scores, labels = (undecided.log(), CLASSES[:1].log()), LABELS[:1]
    from_below = 3 / 4 * math.log((3 / 4) / (5 / 8)) + 1 / 4 * math.log((1 / 4) / (3 / 8))
    from_above = 1 / 2 * math.log((1 / 2) / (5 / 8)) + 1 / 2 * math.log((1 / 2) / (3 / 8))
    found = value("consistency", *given, scores=scores, labels=labels)
    assert found == pytest.approx(0.5 * LN2 + LN2 + 3 * (from_below + from_above) / 2)


def test_jensen_shannon_is_log_2_where_nothing_is_shared() -> None:
    first, second = torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([[0.0, 1.0], [0.5, 0.5]])
    torch.testing.assert_close(jensen_shannon(first, second), torch.tensor([LN2, 0.0]), rtol=0, atol=1e-6)
    torch.testing.assert_close(jensen_shannon(first, second), jensen_shannon(second, first))


def test_path_kl_by_hand() -> None:
    given = ("path_kl_mu=2", "level_weights=0,0", "label_smoothing=0.3")  # the divergence alone, never smoothed
    tripled = (SUMMED.log() + math.log(3), CLASSES.log())  # 9/4, 3/4 and so on: together they weigh 4
    first = -LN2 - (math.log(9 / 16) + math.log(1 / 8)) / 2
    second = -LN2 - (math.log(3 / 16) + math.log(1 / 32)) / 2
    assert value("path-kl", *given, scores=tripled) == pytest.approx(first + second)
    # of the second only X is known: all of the target lies there
    only_x = torch.tensor([[0, 0], [0, -1]])
    found = value("path-kl", *given, scores=tripled, labels=only_x)
    assert found == pytest.approx(first - math.log(3 / 16))


# --- formulas written out --------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(hierarchies(), st.integers(0, 1000))
def test_haframe_pulls_cosines_to_their_places(hierarchy: Hierarchy, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    classes = len(hierarchy.classes)
    config = Config(label_smoothing=0.0, haframe_alpha=0.3, haframe_gamma=1.5, haframe_least=0.1, loss="haframe")
    wanted = similarities(torch.tensor(hierarchy.distances, dtype=torch.float32), 1.5, 0.1)
    head = FrameHead(classes, wanted, hierarchy, bias=False)
    torch.testing.assert_close(head.vectors @ head.vectors.T, wanted, rtol=0, atol=1e-5)
    with torch.no_grad():
        head.classes.weight.copy_(torch.eye(classes))
        features = torch.randn(5, classes, generator=generator) + 0.1
        scores = head(features)
    labels = torch.randint(classes, (5,), generator=generator)
    cosines = F.cosine_similarity(features[:, None], head.vectors[None], dim=2)
    entropy = F.cross_entropy(features @ head.vectors.T, labels)
    expected = 0.7 * entropy + 0.3 * (cosines - wanted[labels]).square().sum(1).mean()
    context = loss_context(config, hierarchy, CPU)
    found = LOSSES["haframe"].function(scores, torch.tensor(hierarchy.level_labels)[labels], context)
    assert float(found) == pytest.approx(float(expected), rel=2e-3)


def test_hier_cos_by_hand() -> None:
    # coordinates of X, a, b, c; the picture shows a
    x, a, b, c = 2.0, -1.0, 0.5, 0.25
    scores = (
        torch.tensor([[x * x, c * c]], dtype=torch.float64),
        torch.tensor([[x * x + a * a, x * x + b * b, c * c]], dtype=torch.float64),
    )
    at_a, at_x = math.exp(2), math.exp(1)
    at_a, at_x = at_a / (at_a + at_x), at_x / (at_a + at_x)
    weigh = sum(math.exp(abs(z)) for z in (x, a, b, c))
    divergence = at_a * math.log(at_a * weigh / math.exp(1)) + at_x * math.log(at_x * weigh / math.exp(2))
    upper, lower = math.hypot(x, c), math.hypot(a, b)
    apart = (1 - 2 / upper) + 0.25 / upper + (1 - 1 / lower) + 0.5 / lower
    found = value("hier-cos", "hier_cos_alpha=0.5", scores=scores, labels=torch.tensor([[0, 0]]))
    assert found == pytest.approx(divergence + 0.5 * apart, rel=1e-4)
    # c ends above: all of the target lies on it, and nothing is wanted of a and b
    divergence, apart = math.log(weigh / math.exp(0.25)), 2 / upper + (1 - 0.25 / upper) + 1 + 0.5
    found = value("hier-cos", "hier_cos_alpha=0.5", scores=scores, labels=C_ONLY)
    assert found == pytest.approx(divergence + 0.5 * apart, rel=1e-4)


def test_hier_cos_answers_where_the_projection_is_longest() -> None:
    head = SubspaceHead(4, TREE, bias=False)
    with torch.no_grad():
        head.nodes.weight.copy_(torch.eye(4))
        superclass, class_ = head(torch.tensor([[2.0, -1.0, 0.5, 3.0]]))
    assert superclass.tolist() == [[4, 9]]
    assert class_.tolist() == [[5, 4.25, 9]]


@settings(max_examples=30)
@given(trees_with_answers(), st.floats(0, 0.9), st.floats(0.1, 3))
def test_the_losses_on_class_scores_are_their_formulas(
    case: tuple[Hierarchy, Scores, Tensor, np.random.Generator], smoothing: float, strength: float
) -> None:
    hierarchy, scores, classes, _ = case
    distances, height = torch.tensor(hierarchy.distances, dtype=torch.float64), int(hierarchy.distances.max())
    s, d = scores[-1].double(), distances[classes]
    onehot = F.one_hot(classes, s.shape[1]).double()

    def lost(loss: str, **changes: float) -> float:
        context = loss_context(Config(**changes), hierarchy, CPU)  # type: ignore[arg-type]
        return float(LOSSES[loss].function(scores, torch.tensor(hierarchy.level_labels)[classes], context))

    def near(expected: Tensor) -> object:
        return pytest.approx(float(expected), rel=1e-4, abs=1e-5)

    cost = (d * s.softmax(1)).sum(1).mean()
    found = lost("expected-cost", label_smoothing=0.0, expected_cost_lambda=strength)
    assert found == near(F.cross_entropy(s, classes) + strength * cost)
    # The margin of the true class is 0, so it is the cross-entropy of scores moved apart.
    found = lost("soft-margin", label_smoothing=0.0, soft_margin_tau=strength)
    assert found == near(F.cross_entropy(s + strength * d, classes))
    found = lost("soft-labels", soft_labels_beta=strength)
    assert found == near(F.kl_div(s.log_softmax(1), (-strength * d / height).softmax(1), reduction="batchmean"))
    target = (1 - smoothing) * onehot + smoothing * (-strength * d).softmax(1)
    found = lost("tree-smoothing", label_smoothing=smoothing, tree_smoothing_beta=strength)
    assert found == near(F.cross_entropy(s, target))
    of_nodes = s.softmax(1) @ torch.tensor(hierarchy.ancestor_matrix).double().T
    along = torch.zeros(len(classes), dtype=torch.float64)
    for picture, class_ in enumerate(classes.tolist()):
        for node in hierarchy.ancestors(int(hierarchy.leaves[class_]))[1:]:
            given_parent = of_nodes[picture, node] / of_nodes[picture, hierarchy.parents[node]]
            along[picture] -= np.exp(-strength * hierarchy.heights[node]) * given_parent.log()
    assert lost("hxe", label_smoothing=0.0, hxe_alpha=strength) == near(along.mean())


@settings(max_examples=20)
@given(hierarchies(), st.integers(0, 1000))
def test_path_kl_is_the_divergence_of_all_levels_side_by_side(hierarchy: Hierarchy, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = tuple(torch.randn(5, size, generator=generator) for size in hierarchy.level_sizes)
    labels = torch.tensor(hierarchy.level_labels)[torch.randint(len(hierarchy.classes), (5,), generator=generator)]
    target = torch.cat([F.one_hot(labels[:, at], size) for at, size in enumerate(hierarchy.level_sizes)], dim=1)
    divergence = F.kl_div(torch.cat(scores, dim=1).log_softmax(1), target / len(scores), reduction="batchmean")
    for mu in (0.0, 1.7):
        context = loss_context(Config(label_smoothing=0.2, path_kl_mu=mu), hierarchy, CPU)
        of_levels = LOSSES["levels"].function(scores, labels, context)
        torch.testing.assert_close(LOSSES["path-kl"].function(scores, labels, context), of_levels + mu * divergence)


# --- relations on any tree -------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(trees_with_answers(), st.floats(0, 0.9))
def test_without_their_strength_they_are_flat(
    case: tuple[Hierarchy, Scores, Tensor, np.random.Generator], smoothing: float
) -> None:
    hierarchy, scores, classes, _ = case
    labels = torch.tensor(hierarchy.level_labels)[classes]

    def lost(loss: str, **changes: float) -> float:
        context = loss_context(Config(**{"label_smoothing": smoothing, **changes}), hierarchy, CPU)  # type: ignore[arg-type]
        return float(LOSSES[loss].function(scores, labels, context))

    baseline = pytest.approx(lost("flat"), rel=1e-4, abs=1e-5)
    assert lost("hxe", hxe_alpha=0.0) == baseline
    assert lost("expected-cost", expected_cost_lambda=0.0) == baseline
    assert lost("soft-margin", soft_margin_tau=0.0) == baseline
    assert lost("tree-smoothing", tree_smoothing_beta=0.0) == baseline
    assert lost("tree-smoothing", tree_smoothing_beta=1e3) == pytest.approx(
        lost("flat", label_smoothing=0.0), rel=1e-4, abs=1e-5
    )
    assert lost("soft-labels", soft_labels_beta=1e4) == pytest.approx(
        lost("flat", label_smoothing=0.0), rel=1e-4, abs=1e-5
    )


@settings(max_examples=20)
@given(trees_with_answers(), st.floats(0, 10))
def test_levels_that_agree_have_nothing_to_be_made_consistent(
    case: tuple[Hierarchy, Scores, Tensor, np.random.Generator], mu: float
) -> None:
    hierarchy, summed, classes, generator = case
    torn = tuple(torch.tensor(generator.normal(size=level.shape), dtype=torch.float32) for level in summed)
    labels = torch.tensor(hierarchy.level_labels)[classes]
    for scores, strength in ((summed, mu), (torn, 0.0)):
        context = loss_context(Config(consistency_mu=strength), hierarchy, CPU)
        found, expected = (LOSSES[loss].function(scores, labels, context) for loss in ("consistency", "levels"))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_in_a_tree_without_inner_nodes_they_are_flat(classes: int) -> None:
    tree = Hierarchy(parents=np.array([-1, *[0] * classes]), names=tuple(f"n{node}" for node in range(classes + 1)))
    features = torch.randn(8, classes, generator=torch.Generator().manual_seed(classes))
    head = ConditionalHead(classes, tree, bias=False)
    with torch.no_grad():
        head.classes.weight.copy_(torch.eye(classes))
        conditional = head(features)
    labels = torch.arange(8)[:, None] % classes

    def lost(loss: str, scores: Scores = (features,), **changes: float) -> float:
        context = loss_context(Config(**{"label_smoothing": 0.0, **changes}), tree, CPU)  # type: ignore[arg-type]
        return float(LOSSES[loss].function(scores, labels, context))

    baseline = float(F.cross_entropy(features, labels[:, 0]))
    for loss in ("flat", "levels", "ancestor-sum", "hxe", "consistency", "tree-smoothing", "tree-smoothing-levels"):
        assert lost(loss) == pytest.approx(baseline, rel=1e-5), loss
    assert lost("conditional", conditional) == pytest.approx(baseline, rel=1e-5)
    assert lost("path-kl", path_kl_mu=0.7) == pytest.approx(1.7 * baseline, rel=1e-5)
    wrong = 1 - features.softmax(1).gather(1, labels).mean()
    assert lost("expected-cost", expected_cost_lambda=0.7) == pytest.approx(baseline + 0.7 * float(wrong), rel=1e-5)
    assert lost("haframe", haframe_alpha=0.0) == pytest.approx(baseline, rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_whole_labels_need_no_guessing(loss: str) -> None:
    generator = torch.Generator().manual_seed(1)
    scores = [torch.rand(4, size, generator=generator) + level for level, size in enumerate(TREE.level_sizes)]
    labels = torch.tensor([[0, 0], [0, 1], [1, 2], [0, 1]])
    config = Config(loss=loss)
    guessing, knowing = (
        LOSSES[loss].function(tuple(scores), labels, loss_context(config, TREE, CPU, partial=partial))
        for partial in (True, False)
    )
    torch.testing.assert_close(guessing, knowing)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_down_each_loss_makes_the_true_class_likelier(loss: str) -> None:
    generator = torch.Generator().manual_seed(2)
    classes = torch.rand(6, 3, generator=generator)
    scores = [torch.stack([classes[:, :2].logsumexp(1), classes[:, 2]], dim=1), classes]
    if loss == "hier-cos":
        scores = [torch.ones(6, 2), torch.ones(6, 3) + classes]
    leaves = [level.clone().requires_grad_() for level in scores]
    labels = torch.tensor([[0, 0], [0, 1], [1, 2]] * 2)
    context = loss_context(Config(loss=loss, label_smoothing=0.1), TREE, CPU)
    LOSSES[loss].function(tuple(leaves), labels, context).backward()
    slopes = sum(leaf.grad.gather(1, labels[:, [level]]) for level, leaf in enumerate(leaves) if leaf.grad is not None)
    assert (slopes < 0).all(), f"{loss} pushes the truth down: {slopes.T}"
