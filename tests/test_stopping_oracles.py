"""Answers that stop at inner nodes, judged by hiclass and scikit-learn, on trees as deep everywhere and on ragged ones.

hiclass pads the path of an answer that stops with empty strings and leaves these out of its sets, as ours leave out the
root and what lies below the answer. Three conventions differ, and no input here touches them. Where nothing at all is
answered its precision divides by zero, ours is None. It knows nodes by name alone, so that two of one name in different
branches count as one: here each goes by its number. Its "macro" is the mean of every picture's own quotient; ours are
its "micro", quotients of sums.
"""

import hiclass.metrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score, precision_recall_fscore_support
from strategies import hierarchies, regular_hierarchies
from zoo import cifar_predictions, kin_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES, decide
from kinwise.judge.metrics import path_statistics, score
from kinwise.judge.nodes import answers_of, severity_of

MAY_STOP = [rule for rule, one in RULES.items() if one.stops]
TREES = regular_hierarchies() | hierarchies()


def below_root(tree: Hierarchy, nodes: np.ndarray) -> list[list[int]]:
    """The path to each node, coarse to fine, without the root."""
    return [tree.ancestors(int(node))[1:].tolist() for node in nodes]


def hiclass_figures(tree: Hierarchy, labels: np.ndarray, nodes: np.ndarray) -> list[float]:
    """Precision, recall and F1, from paths of node numbers that are padded as hiclass wants it."""
    true, answered = (
        [[str(node) for node in path] + [""] * (len(tree.levels) - len(path)) for path in below_root(tree, ends)]
        for ends in (tree.leaves[labels], nodes)
    )
    precision, recall = hiclass.metrics.precision(true, answered), hiclass.metrics.recall(true, answered)
    return [precision, recall, hiclass.metrics.f1(true, answered, zero_division=0)]


def path_figures(tree: Hierarchy, labels: np.ndarray, nodes: np.ndarray) -> list[float]:
    found = path_statistics(tree, labels, answers_of(nodes, tree))(np.ones((1, len(nodes))))
    return [float(found[f"hierarchical_{figure}"][0]) for figure in ("precision", "recall", "f1")]


@st.composite
def answered_trees(draw: st.DrawFn, trees: st.SearchStrategy[Hierarchy]) -> tuple[Hierarchy, np.ndarray, np.ndarray]:
    """A tree, the classes of one to twelve pictures, and answers anywhere in the tree, at least one below the root."""
    tree = draw(trees)
    pictures = draw(st.integers(1, 12))
    nodes = draw(st.lists(st.integers(0, len(tree.parents) - 1), min_size=pictures, max_size=pictures).filter(any))
    labels = draw(st.lists(st.integers(0, len(tree.classes) - 1), min_size=pictures, max_size=pictures))
    return tree, np.array(labels), np.array(nodes)


# --- hierarchical precision, recall and F1 --------------------------------------------------------------------------


@settings(max_examples=60)
@given(answered_trees(TREES))
def test_answers_anywhere_in_a_tree_agree_with_hiclass(case: tuple[Hierarchy, np.ndarray, np.ndarray]) -> None:
    assert path_figures(*case) == pytest.approx(hiclass_figures(*case))


@settings(max_examples=60)
@given(answered_trees(TREES))
def test_they_are_the_micro_figures_of_sets_of_nodes(case: tuple[Hierarchy, np.ndarray, np.ndarray]) -> None:
    tree, labels, nodes = case
    true, answered = np.zeros((2, len(nodes), len(tree.parents)), dtype=int)
    for members, ends in ((true, tree.leaves[labels]), (answered, nodes)):
        for picture, path in enumerate(below_root(tree, ends)):
            members[picture, path] = 1
    expected = precision_recall_fscore_support(true, answered, average="micro", zero_division=0)
    assert path_figures(*case) == pytest.approx(expected[:3])


@pytest.mark.parametrize("rule", MAY_STOP)
@settings(max_examples=25)
@given(tree=TREES, seed=st.integers(0, 2**32 - 1), promise=st.sampled_from([0.5, 0.8]))
def test_rules_that_stop_agree_with_hiclass(rule: str, tree: Hierarchy, seed: int, promise: float) -> None:
    labels = np.random.default_rng(seed).integers(len(tree.classes), size=40)
    judged, learned = kin_predictions(tree, labels, seed), kin_predictions(tree, labels, 1)
    nodes = decide(judged, rule, validation=learned, promise=promise).nodes
    scores = score(judged, decision=rule, validation=learned, promise=promise, resamples=1)
    if not nodes.any():
        assert scores.hierarchical_precision is None, "nothing was answered"
        return
    found = [scores.hierarchical_precision, scores.hierarchical_recall, scores.hierarchical_f1]
    assert found == pytest.approx(hiclass_figures(tree, labels, nodes))


@settings(max_examples=60)
@given(answered_trees(regular_hierarchies()))
def test_where_all_classes_are_as_deep_recall_is_a_mean_over_levels(
    case: tuple[Hierarchy, np.ndarray, np.ndarray],
) -> None:
    """Every answer shares height - d nodes with the truth, whether it stops or not."""
    tree, labels, nodes = case
    _, recall, _ = path_figures(*case)
    right = answers_of(nodes, tree) == tree.level_labels[labels]
    assert recall == pytest.approx(right.mean(axis=0).mean())
    assert recall == pytest.approx(1 - severity_of(nodes, labels, tree).mean() / tree.heights[0])
    of_classes = path_figures(tree, labels, tree.leaves[nodes % len(tree.leaves)])
    assert of_classes == pytest.approx([of_classes[0]] * 3), "as many nodes answered as true"


# --- levels, answers, and the risk-coverage curve -------------------------------------------------------------------


@pytest.mark.parametrize("rule", MAY_STOP)
def test_the_figures_of_cifar_sized_answers_agree_with_scikit_learn(rule: str) -> None:
    """To scikit-learn a level that was not answered is one more label, -1, over which no mean is taken."""
    judged, learned = cifar_predictions(0), cifar_predictions(1)
    tree, decision = judged.hierarchy, decide(judged, rule, validation=learned, promise=0.9)
    depths = tree.depths[decision.nodes]
    assert set(depths.tolist()) == {0, 1, 2, 3}, "the test needs answers of every depth, and some pictures without"
    scores = score(judged, decision=rule, validation=learned, promise=0.9, resamples=1)
    for level, name in enumerate(tree.levels):
        true, answered = tree.level_labels[judged.labels, level], decision.answers[:, level]
        nodes = np.setdiff1d(np.union1d(true, answered), [-1])
        expected = precision_recall_fscore_support(true, answered, labels=nodes, average="macro", zero_division=0)
        found = {key: figure.value for key, figure in scores.level[name].items()}
        assert [found[f"{key}_macro"] for key in ("precision", "recall", "f1")] == pytest.approx(expected[:3])
        assert found["accuracy"] == pytest.approx(accuracy_score(true, answered))

    given_, stopping = depths > 0, scores.stopping
    assert stopping is not None
    assert stopping.accuracy_of_answers is not None
    assert stopping.coverage.value == pytest.approx(accuracy_score(given_, np.ones(len(judged), bool)))
    at_depth = np.column_stack([np.zeros(len(judged), int), tree.paths[judged.labels]])[np.arange(len(judged)), depths]
    assert stopping.accuracy_of_answers.value == pytest.approx(accuracy_score(at_depth[given_], decision.nodes[given_]))
    right, sure = (at_depth == decision.nodes)[given_], decision.confidence[given_]
    assert len(np.unique(sure)) == len(sure), "among equals scikit-learn has no order"
    # The mean precision over the ranks of right answers, and the mean risk over those of wrong ones.
    at_right, at_wrong = average_precision_score(right, sure), average_precision_score(~right, sure)
    area = right.mean() * (1 - at_right) + (~right).mean() * at_wrong
    assert stopping.risk_coverage_area == pytest.approx(area)
