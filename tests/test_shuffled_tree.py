"""Shuffled trees: the same shape, other kin; the same tree on every machine; found by name wherever a tree is named."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from runs import tiny_images
from strategies import hierarchies

from kinwise import taxonomy
from kinwise.data import read, under, whole_name
from kinwise.data.options import ReadOptions
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.taxonomy import BUILT_IN, built_in, find, shuffled

pytest_plugins = ["run_fixtures"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_tree_shuffled_has_its_shape_and_says_nothing_of_kin(name: str) -> None:
    plain, mixed = built_in(name), built_in(f"{name}:shuffled")
    assert (mixed.classes, mixed.levels, mixed.level_sizes) == (plain.classes, plain.levels, plain.level_sizes)
    assert [mixed.level_names(level) for level in range(len(mixed.levels))] == [
        plain.level_names(level) for level in range(len(plain.levels))
    ]
    apart = ~np.eye(100, dtype=bool)
    siblings = [(tree.distances == 1) & apart for tree in (plain, mixed)]
    # each class has 4 siblings among 99 others: by chance 400 * 4 / 99 = 16 of the 400 pairs stay
    assert siblings[0].sum() == siblings[1].sum() == 400
    assert (siblings[0] & siblings[1]).sum() < 40
    assert abs(np.corrcoef(plain.distances[apart], mixed.distances[apart])[0, 1]) < 0.05


def test_the_order_is_that_of_the_digests() -> None:
    tree = Hierarchy(parents=np.array([-1, 0, 0, 1, 1, 2, 2]), names=("", "x", "y", "a", "b", "c", "d"))
    # printf '0:a' | sha256sum and so on: d 7d98…, a 9df3…, c be08…, b e021…
    mixed = shuffled(tree)
    parents = {name: mixed.names[mixed.parents[leaf]] for name, leaf in zip(mixed.classes, mixed.leaves, strict=True)}
    assert parents == {"d": "x", "a": "x", "c": "y", "b": "y"}
    assert mixed.classes == tree.classes


@given(hierarchies())
def test_any_tree_keeps_its_shape(tree: Hierarchy) -> None:
    mixed = shuffled(tree)
    assert mixed == shuffled(tree)
    assert (mixed.classes, mixed.levels, mixed.level_sizes) == (tree.classes, tree.levels, tree.level_sizes)
    for each in (mixed, tree):
        assert each.heights[0] == tree.heights[0]
    assert sorted(mixed.depths[mixed.leaves]) == sorted(tree.depths[tree.leaves])
    assert np.array_equal(np.sort(mixed.distances, axis=None), np.sort(tree.distances, axis=None))


def test_another_seed_is_another_tree() -> None:
    tree = built_in("cifar100")
    assert shuffled(tree) == find("cifar100:shuffled") != shuffled(tree, seed=1)


@pytest.mark.usefixtures("_tiny_shapes")
def test_a_file_has_a_shuffled_tree_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = tiny_images().hierarchy
    taxonomy.write(tree, "tree.csv")
    assert find("tree.csv:shuffled") == shuffled(find("tree.csv"))
    assert whole_name("tree.csv:shuffled") == f"{os.path.abspath('tree.csv')}:shuffled"
    assert whole_name("cifar100:shuffled") == "cifar100:shuffled"
    expected = shuffled(find("tree.csv")).with_class_order(tree.classes)
    assert read("shapes", ReadOptions(hierarchy="tree.csv:shuffled")).hierarchy == expected


@pytest.mark.parametrize("name", ["cifar10:shuffled", "cifar100:shufled", "tree.csv:shuffled"])
def test_what_is_no_tree_cannot_be_shuffled(name: str) -> None:
    with pytest.raises(InputError, match="no hierarchy"):
        find(name)


def test_labels_at_inner_nodes_bind_pictures_to_their_tree(tmp_path: Path) -> None:
    images = tiny_images()
    bound = type(images)(**{**vars(images), "nodes": images.hierarchy.leaves[images.labels]})
    taxonomy.write(images.hierarchy, tmp_path / "tree.csv")
    with pytest.raises(InputError, match="labels stop at inner nodes of its own tree"):
        under(bound, f"{tmp_path / 'tree.csv'}:shuffled")


def test_cifar_can_be_had_with_another_tree(cifar_folder: Path) -> None:
    images = read("cifar100", ReadOptions(hierarchy="cifar100:shuffled"), data_dir=cifar_folder)
    assert images.hierarchy == find("cifar100:shuffled") != built_in("cifar100")
    five = under(images, "cifar100-5level")
    assert five.hierarchy == built_in("cifar100-5level")
    assert five.hierarchy.classes == images.hierarchy.classes == built_in("cifar100").classes
    assert images.hierarchy.classes[images.labels[0]] == "cattle", "the first training picture, whatever the tree"
