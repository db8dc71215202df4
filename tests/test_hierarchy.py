"""Hierarchy: hand-made trees, properties on random ones, and what it refuses."""

from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import hierarchies

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy, usual_level_names
from kinwise.taxonomy import built_in

#            0 root
#    1 animals       2 things
#   3 fish   dog 6      |
#  4 shark           5 tools       classes, in node order: shark, dog, ray, saw, axe
#  7 ray             8 saw  9 axe
PARENTS = [-1, 0, 0, 1, 3, 2, 1, 3, 5, 5]
NAMES = ("root", "animals", "things", "fish", "shark", "tools", "dog", "ray", "saw", "axe")


@pytest.fixture
def zoo() -> Hierarchy:
    """A ragged tree (dog ends early) with a single-child chain (things > tools), numbered out of order."""
    return Hierarchy(parents=np.array(PARENTS), names=NAMES)


def test_nodes_of_a_small_tree(zoo: Hierarchy) -> None:
    assert zoo.depths.tolist() == [0, 1, 1, 2, 3, 2, 2, 3, 3, 3]
    assert zoo.heights.tolist() == [3, 2, 2, 1, 0, 1, 0, 0, 0, 0]
    assert zoo.children(1).tolist() == [3, 6]
    assert zoo.children(4).tolist() == []
    assert zoo.ancestors(7).tolist() == [0, 1, 3, 7]
    assert zoo.ancestors(0).tolist() == [0]


def test_classes_of_a_small_tree(zoo: Hierarchy) -> None:
    assert zoo.leaves.tolist() == [4, 6, 7, 8, 9]
    assert zoo.classes == ("shark", "dog", "ray", "saw", "axe")
    assert zoo.class_index["ray"] == 2
    assert [zoo.classes[c] for c in zoo.tree_order] == ["shark", "ray", "dog", "saw", "axe"]


def test_levels_of_a_small_tree(zoo: Hierarchy) -> None:
    assert zoo.levels == ("group", "superclass", "class")
    assert zoo.paths.tolist() == [[1, 3, 4], [1, 6, 6], [1, 3, 7], [2, 5, 8], [2, 5, 9]]
    assert [nodes.tolist() for nodes in zoo.level_nodes] == [[1, 2], [3, 5, 6], [4, 6, 7, 8, 9]]
    assert zoo.level_labels.tolist() == [[0, 0, 0], [0, 2, 1], [0, 0, 2], [1, 1, 3], [1, 1, 4]]
    assert zoo.level_sizes == (2, 3, 5)
    assert zoo.level_names(1) == ("fish", "tools", "dog")


def test_lowest_common_ancestors_and_distances_of_a_small_tree(zoo: Hierarchy) -> None:
    assert zoo.lowest_common_ancestor(4, 7) == 3
    assert zoo.lowest_common_ancestor(4, 6) == 1
    assert zoo.lowest_common_ancestor(7, 3) == 3, "a node is above itself"
    assert zoo.lowest_common_ancestor(np.array([4, 8]), np.array([[9], [8]])).tolist() == [[0, 5], [0, 8]]
    assert zoo.distances.tolist() == [
        [0, 2, 1, 3, 3],
        [2, 0, 2, 3, 3],
        [1, 2, 0, 3, 3],
        [3, 3, 3, 0, 1],
        [3, 3, 3, 1, 0],
    ]


def test_ancestor_matrix_of_a_small_tree(zoo: Hierarchy) -> None:
    probabilities = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    expected = [1.0, 0.6, 0.4, 0.4, 0.1, 0.4, 0.2, 0.3, 0.15, 0.25]
    np.testing.assert_allclose(zoo.ancestor_matrix @ probabilities, expected)


def test_a_flat_tree_has_one_level() -> None:
    flat = Hierarchy(parents=np.array([-1, 0, 0, 0]), names=("root", "a", "b", "c"))
    assert flat.levels == ("class",)
    assert flat.distances.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_usual_level_names_count_from_the_classes_up() -> None:
    assert usual_level_names(1) == ("class",)
    assert usual_level_names(3) == ("group", "superclass", "class")
    assert usual_level_names(5) == ("level1", "level2", "level3", "level4", "class")


def test_a_class_may_be_called_like_a_node_above_it() -> None:
    tree = Hierarchy(parents=np.array([-1, 0, 0, 1]), names=("root", "people", "fish", "people"))
    assert tree.classes == ("fish", "people")


def test_the_arrays_cannot_be_changed_through_the_callers_own() -> None:
    parents = np.array([-1, 0, 0])
    tree = Hierarchy(parents=parents, names=("root", "a", "b"))
    parents[1] = 7
    assert tree.parents.tolist() == [-1, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        tree.parents[1] = 7


# --- properties ------------------------------------------------------------------------------------------------------


def node_set(tree: Hierarchy, node: int) -> set[int]:
    """The node and all above it, one step at a time."""
    return {node} | (node_set(tree, int(tree.parents[node])) if tree.parents[node] >= 0 else set())


@given(hierarchies())
def test_distance_is_an_ultrametric(tree: Hierarchy) -> None:
    distances = tree.distances
    assert np.array_equal(distances, distances.T)
    assert np.array_equal(distances == 0, np.eye(len(tree.classes), dtype=bool))
    assert (distances[:, None, :] <= np.maximum(distances[:, :, None], distances[None, :, :])).all()
    assert distances.max() <= tree.depths.max()


@given(hierarchies())
def test_lowest_common_ancestor_is_the_deepest_node_in_both_node_sets(tree: Hierarchy) -> None:
    nodes = np.arange(len(tree.parents))
    common = tree.lowest_common_ancestor(nodes[:, None], nodes[None, :])
    for a, b in product(nodes, nodes):
        shared = node_set(tree, a) & node_set(tree, b)
        assert common[a, b] == max(shared, key=lambda node: len(node_set(tree, node)))


@given(hierarchies())
def test_ancestors_children_depths_and_heights_agree_with_the_node_sets(tree: Hierarchy) -> None:
    for node in range(len(tree.parents)):
        above = node_set(tree, node)
        below = [other for other in range(len(tree.parents)) if node in node_set(tree, other)]
        assert set(tree.ancestors(node)) == above
        assert tree.depths[node] == len(above) - 1
        assert tree.heights[node] == max(len(node_set(tree, other)) for other in below) - len(above)
        assert [child for child in below if tree.parents[child] == node] == tree.children(node).tolist()


@given(hierarchies())
def test_a_row_of_the_ancestor_matrix_holds_the_classes_below_a_node(tree: Hierarchy) -> None:
    matrix = tree.ancestor_matrix
    assert matrix[0].all()
    assert np.array_equal(matrix.sum(axis=0), tree.depths[tree.leaves] + 1)
    for node in np.setdiff1d(np.arange(len(tree.parents)), tree.leaves):
        assert np.array_equal(matrix[node], matrix[tree.children(node)].any(axis=0))
        assert matrix[node].sum() == matrix[tree.children(node)].sum(), "a parent's probability is its children's sum"


@given(hierarchies())
def test_every_level_divides_the_classes_and_refines_the_one_before(tree: Hierarchy) -> None:
    labels = tree.level_labels
    assert labels[:, -1].tolist() == list(range(len(tree.classes)))
    for level, nodes in enumerate(tree.level_nodes):
        assert np.array_equal(nodes[labels[:, level]], tree.paths[:, level])
        assert set(labels[:, level]) == set(range(tree.level_sizes[level]))
        for leaf, node in zip(tree.leaves, tree.paths[:, level], strict=True):
            assert tree.depths[node] == min(level + 1, tree.depths[leaf])
            assert node in node_set(tree, leaf)
    for coarse, fine in zip(labels.T, labels.T[1:], strict=False):
        assert len(set(zip(coarse, fine, strict=True))) == len(set(fine))


@given(hierarchies())
def test_in_tree_order_the_classes_below_any_node_stand_side_by_side(tree: Hierarchy) -> None:
    assert sorted(tree.tree_order) == list(range(len(tree.classes)))
    for row in tree.ancestor_matrix[:, tree.tree_order]:
        places = np.flatnonzero(row)
        assert len(places) == places[-1] - places[0] + 1


@given(hierarchies(), st.randoms(use_true_random=False))
def test_another_class_order_permutes_the_distances(tree: Hierarchy, random: Random) -> None:
    order = list(range(len(tree.classes)))
    random.shuffle(order)
    permuted = tree.with_class_order([tree.classes[class_] for class_ in order])
    assert permuted.classes == tuple(tree.classes[class_] for class_ in order)
    assert np.array_equal(permuted.distances, tree.distances[np.ix_(order, order)])
    assert permuted.levels == tree.levels
    assert all(
        [permuted.names[node] for node in permuted.ancestors(leaf)]
        == [tree.names[node] for node in tree.ancestors(tree.leaves[class_])]
        for leaf, class_ in zip(permuted.leaves, order, strict=True)
    )
    assert tree.with_class_order(tree.classes) == tree


@given(hierarchies())
def test_to_dict_and_from_dict_are_inverse(tree: Hierarchy) -> None:
    again = Hierarchy.from_dict(tree.to_dict())
    assert again == tree
    assert hash(again) == hash(tree)


def test_trees_that_differ_are_not_equal(zoo: Hierarchy) -> None:
    other_names = (*NAMES[:-1], "pick")
    assert zoo != Hierarchy(parents=np.array(PARENTS), names=other_names)
    assert zoo != Hierarchy(parents=np.array(PARENTS), names=NAMES, levels=("a", "b", "c"))
    assert zoo != Hierarchy(parents=np.array([*PARENTS[:-1], 2]), names=NAMES)
    assert zoo != "zoo"


# --- CIFAR-100 -------------------------------------------------------------------------------------------------------


def test_random_answers_under_the_five_level_tree_have_the_published_severity() -> None:
    distances = built_in("cifar100-5level").distances
    assert distances.mean() == pytest.approx(3.875)
    assert distances[distances > 0].mean() == pytest.approx(3.914, abs=0.0005)
    nearest = np.sort(distances, axis=1)
    assert nearest[:, :5].mean() == pytest.approx(0.8), "four siblings and the class itself"
    assert nearest[:, :20].mean() == pytest.approx(2.0625)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parents", "names", "levels", "message"),
    [
        ([-1, 0, 0], "rab", ("x", "y"), "has 1 levels below its root but 2 level names: x, y"),
        ([-1, 0, 1, 1], "rabc", ("x", "x"), "level names must differ, got: x, x"),
        ([-1, 0, 0], "rabc", (), "one parent per name, got (3,) parents, 4 names"),
        ([[-1, 0, 0]], "r", (), "one parent per name, got (1, 3) parents, 1 names"),
        ([-1, 0], "ra", (), "a root and at least two classes"),
        ([0, 0, 0], "rab", (), "node 0 must be the root"),
        ([-1, 2, 0], "rab", (), "the parent of node 1 ('a') must stand before it"),
        ([-1, 0, 2, 0], "rabc", (), "the parent of node 2 ('b') must stand before it"),
        ([-1, 0, -1], "rab", (), "the parent of node 2 ('b') must stand before it"),
        ([-1, 0, 1], "rab", (), "at least two classes, got 1"),
        ([-1, 0, 0, 1], "rabb", (), "the class 'b' stands twice"),
    ],
)
def test_what_is_no_tree_is_refused(parents: list[int], names: str, levels: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Hierarchy(parents=np.array(parents), names=tuple(names), levels=levels)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["shark", "dog", "ray", "saw", "owl"], "in the data but not in the hierarchy: 'owl'"),
        (["shark", "dog", "ray"], "in the hierarchy but not in the data: 'axe', 'saw'"),
        (["shark", "dog", "ray", "saw", "axe", "dog"], "not unique"),
        ([f"owl{n}" for n in range(7)], "'owl4' and 2 more"),
    ],
)
def test_a_class_order_over_other_classes_is_refused(zoo: Hierarchy, classes: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        zoo.with_class_order(classes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"parents": [-1, 0, 0], "names": ["r", "a", "b"]},
        {"parents": "tree", "names": ["r", "a", "b"], "levels": ["class"]},
        {"parents": [-1, 0, 2**70], "names": ["r", "a", "b"], "levels": ["class"]},
        {"parents": [-1, 0, 0], "names": None, "levels": ["class"]},
        [],
    ],
)
def test_a_dictionary_that_is_no_hierarchy_is_refused(data: object) -> None:
    with pytest.raises(InputError, match="expected an object with levels, names and parents"):
        Hierarchy.from_dict(data)  # type: ignore[arg-type]
