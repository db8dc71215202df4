"""Heads: coarse probabilities are sums of class probabilities, on any tree and for any scores."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from strategies import hierarchies
from torch import Tensor
from torch.nn import functional as F

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.learn.heads import HEADS, ConditionalHead, IndependentHeads, SubspaceHead, SummedHead, level_probabilities


def scores_of(class_scores: Tensor, hierarchy: Hierarchy) -> tuple[Tensor, ...]:
    """What a SummedHead makes of the given class scores."""
    classes = len(hierarchy.classes)
    head = SummedHead(classes, hierarchy, bias=False)
    with torch.no_grad():
        head.classes.weight.copy_(torch.eye(classes))
    return head(class_scores)


def members(hierarchy: Hierarchy, level: int) -> Tensor:
    """Which classes lie under each node of a level, float64, (nodes, classes)."""
    return torch.tensor(hierarchy.ancestor_matrix[hierarchy.level_nodes[level]], dtype=torch.float64)


def random_scores(hierarchy: Hierarchy, values: list[float], seed: int, rows: int = 5) -> Tensor:
    drawn = np.random.default_rng(seed).choice(values, size=(rows, len(hierarchy.classes)))
    return torch.tensor(drawn, dtype=torch.float32)


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 1000))
def test_a_node_has_the_sum_of_its_classes(hierarchy: Hierarchy, seed: int) -> None:
    class_scores = torch.randn(5, len(hierarchy.classes), generator=torch.Generator().manual_seed(seed)) * 4
    probabilities = level_probabilities(scores_of(class_scores, hierarchy))
    of_classes = F.softmax(class_scores.double(), dim=1)
    assert len(probabilities) == len(hierarchy.levels)
    for level, found in enumerate(probabilities):
        assert_allclose(found.detach(), (of_classes @ members(hierarchy, level).T), atol=2e-6)
        assert_allclose(found.detach().sum(1), 1, atol=2e-6)


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 1000))
def test_scores_far_apart_stay_finite_and_right(hierarchy: Hierarchy, seed: int) -> None:
    class_scores = random_scores(hierarchy, [-80.0, 0.0, 80.0], seed).requires_grad_()
    found = scores_of(class_scores, hierarchy)
    for level, scores in enumerate(found):
        inside = torch.where(members(hierarchy, level) > 0, 0.0, -torch.inf)
        expected = torch.logsumexp(class_scores.detach().double()[:, None, :] + inside, dim=2)
        assert_allclose(scores.detach(), expected, atol=1e-4)
    torch.stack([scores.sum() for scores in found]).sum().backward()
    assert class_scores.grad is not None
    assert class_scores.grad.isfinite().all()


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 1000))
def test_a_node_passes_its_gradient_on_by_the_share_of_each_class(hierarchy: Hierarchy, seed: int) -> None:
    class_scores = random_scores(hierarchy, [-80.0, -1.0, 0.0, 2.0, 80.0], seed).requires_grad_()
    scores = scores_of(class_scores, hierarchy)[0]
    weights = torch.arange(1.0, scores.shape[1] + 1)
    (scores * weights).sum().backward()
    inside = members(hierarchy, 0)
    shares = F.softmax(class_scores.detach().double()[:, None, :] + torch.where(inside > 0, 0.0, -torch.inf), dim=2)
    assert class_scores.grad is not None
    assert_allclose(class_scores.grad, (shares * weights[:, None]).sum(1), atol=1e-4)


def test_the_levels_agree_in_bfloat16_too() -> None:
    parents = [-1, 0, 0, *[1] * 20, *[2] * 20]
    hierarchy = Hierarchy(parents=np.array(parents), names=tuple(f"n{node}" for node in range(len(parents))))
    torch.manual_seed(0)
    head = SummedHead(16, hierarchy)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        groups, classes = level_probabilities(head(torch.randn(50, 16) * 30))
    assert_allclose(groups.detach(), classes.detach().double() @ members(hierarchy, 0).T, atol=2e-6)


def test_the_head_is_one_linear_layer_over_the_classes() -> None:
    hierarchy = Hierarchy(parents=np.array([-1, 0, 0, 1, 1]), names=("root", "x", "c", "a", "b"))
    head = SummedHead(2, hierarchy, bias=False, scale=0.1)
    with torch.no_grad():
        head.classes.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))  # c, a, b
    coarse, classes = head(torch.tensor([[9.0, 18.0]]))
    assert classes[0].tolist() == pytest.approx([9 * 0.1, 18 * 0.1, 27 * 0.1])
    a_or_b = np.log(np.exp(18 * 0.1) + np.exp(27 * 0.1))
    assert coarse[0].tolist() == pytest.approx([a_or_b, 9 * 0.1])
    assert sum(parameter.numel() for parameter in head.parameters()) == 2 * 3
    assert list(head.state_dict()) == ["classes.weight"]


@given(hierarchies())
def test_independent_heads_have_scores_of_their_own(hierarchy: Hierarchy) -> None:
    head = IndependentHeads(6, hierarchy, bias=False)
    features = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    before = head(features)
    assert [tuple(scores.shape) for scores in before] == [(3, size) for size in hierarchy.level_sizes]
    weights = list(head.parameters())
    assert [tuple(weight.shape) for weight in weights] == [(size, 6) for size in hierarchy.level_sizes]
    with torch.no_grad():
        weights[-1].add_(1)
    after = head(features)
    assert not torch.equal(after[-1], before[-1])
    assert all(torch.equal(*pair) for pair in zip(before[:-1], after[:-1], strict=True))


def test_probabilities_are_float32_and_sum_to_1() -> None:
    scores = (torch.tensor([[0.0, 0.0]], dtype=torch.bfloat16), torch.tensor([[1e4, 0.0, -1e4]]))
    two, three = level_probabilities(scores)
    assert two.dtype == three.dtype == torch.float32
    assert two.tolist() == [[0.5, 0.5]]
    assert three.tolist() == [[1.0, 0.0, 0.0]]


# --- the other heads -------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(hierarchies(), st.integers(0, 1000))
def test_conditional_is_the_product_of_softmaxes_among_siblings(hierarchy: Hierarchy, seed: int) -> None:
    nodes = len(hierarchy.parents)
    head = ConditionalHead(nodes - 1, hierarchy, bias=False)
    features = torch.randn(4, nodes - 1, generator=torch.Generator().manual_seed(seed)) * 3
    with torch.no_grad():
        head.classes.weight.copy_(torch.eye(nodes - 1))
        found = level_probabilities(head(features))
    of_node = torch.ones(4, nodes, dtype=torch.float64)
    for node in range(nodes):
        children = hierarchy.children(node)
        if len(children):
            of_node[:, children] = of_node[:, [node]] * F.softmax(features[:, children - 1].double(), dim=1)
    for level, nodes_of_level in enumerate(hierarchy.level_nodes):
        assert_allclose(found[level], of_node[:, nodes_of_level], atol=1e-5)


@settings(max_examples=20)
@given(hierarchies(), st.integers(0, 1000))
def test_hier_cos_is_the_squared_length_of_the_projection_on_a_paths_subspace(hierarchy: Hierarchy, seed: int) -> None:
    generator, nodes = np.random.default_rng(seed), len(hierarchy.parents)
    vectors = np.linalg.qr(generator.normal(size=(nodes + 2, nodes + 2)))[0][1:nodes]  # orthonormal, none for the root
    head = SubspaceHead(nodes + 2, hierarchy, bias=False)
    features = generator.normal(size=(4, nodes + 2))
    with torch.no_grad():
        head.nodes.weight.copy_(torch.tensor(vectors))
        found = head(torch.tensor(features, dtype=torch.float32))
    for level, nodes_of_level in enumerate(hierarchy.level_nodes):
        for place, node in enumerate(nodes_of_level):
            spanned = vectors[hierarchy.ancestors(int(node))[1:] - 1].T
            projected = spanned @ np.linalg.lstsq(spanned, features.T, rcond=None)[0]
            assert_allclose(found[level][:, place], np.square(projected).sum(axis=0), rtol=1e-4, atol=1e-5)


def test_heads_that_only_read_do_not_shape_the_features() -> None:
    hierarchy = Hierarchy(parents=np.array([-1, 0, 1, 1, 0]), names=tuple("rxabc"))
    for detach in (False, True):
        features = torch.ones(1, 6, requires_grad=True)
        coarse, _ = IndependentHeads(6, hierarchy, detach=detach)(features)
        (coarse * torch.tensor([1.0, 2.0])).sum().backward()
        assert (features.grad is None) == detach


@pytest.mark.parametrize("value", ["haframe_gamma=1e-8", "haframe_least=0.99999999"])
def test_classes_of_a_frame_must_differ(value: str) -> None:
    hierarchy = Hierarchy(parents=np.array([-1, 0, 1, 1, 0]), names=tuple("rxabc"))
    config = Config().changed([value])
    message = rf"larger haframe_gamma than {config.haframe_gamma} or a lower haframe_least than {config.haframe_least}$"
    with pytest.raises(InputError, match=message):
        HEADS["haframe"](6, hierarchy, config)


@pytest.mark.parametrize("name", HEADS)
def test_every_head_gives_scores_of_every_level(name: str) -> None:
    hierarchy = Hierarchy(parents=np.array([-1, 0, 1, 1, 0]), names=tuple("rxabc"))
    head = HEADS[name](6, hierarchy, Config(), bias=True, scale=0.5)
    assert [tuple(scores.shape) for scores in head(torch.ones(2, 6))] == [(2, 2), (2, 3)]
    head.adjust(torch.tensor([0.0, 0.0, 50.0]))
    assert head(torch.ones(2, 6))[-1].argmax(1).tolist() == [2, 2]
