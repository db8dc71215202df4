"""Trees of folders: what the labels make by themselves, and what a taxonomy makes of them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from photos import touched

from kinwise.data.folder.listing import Listing, list_pictures
from kinwise.data.folder.tree import Placed, tree_of
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy


def listing(*labels: str, path: Path = Path("photos"), levels: tuple[str, ...] = ()) -> Listing:
    """One picture per label."""
    return Listing(
        path=path,
        files=tuple(path / f"{number}.jpg" for number in range(len(labels))),
        ids=tuple(map(str, range(len(labels)))),
        labels=tuple(tuple(label.split("/")) for label in labels),
        parts=("",) * len(labels),
        levels=levels,
    )


def ways(tree: Hierarchy, nodes: Sequence[int] | np.ndarray) -> list[str]:
    """The names down to each node; those of one node are separated by blanks, as names have slashes."""
    return [" ".join(tree.names[node] for node in tree.ancestors(int(node))[1:]) for node in nodes]


def stops(placed: Placed) -> list[str]:
    return ways(placed.hierarchy, placed.nodes)


def taxonomy(folder: Path, tree: object, name: str = "tree.json") -> str:
    (folder / name).write_text(json.dumps(tree), "utf-8")
    return str(folder / name)


# --- without a taxonomy -----------------------------------------------------------------------------------------------


def test_folders_make_a_ragged_tree() -> None:
    placed = tree_of(listing("tops/shirt", "hat", "tops", "tops/knit/jumper", "tops/shirt"))
    assert placed.hierarchy.classes == ("hat", "jumper", "shirt")
    assert stops(placed) == ["tops shirt", "hat", "tops", "tops knit jumper", "tops shirt"]
    assert placed.hierarchy.levels == ("group", "superclass", "class")
    assert placed.notes == ()


def test_a_flat_folder_has_one_level_and_a_note() -> None:
    placed = tree_of(listing("b", "a", "b"))
    assert (placed.hierarchy.names, placed.hierarchy.levels) == (("root", "a", "b"), ("class",))
    assert stops(placed) == ["b", "a", "b"]
    assert placed.notes[0].startswith("all classes are siblings; to say how they are related, put taxonomy.json")


def test_equal_names_get_that_of_their_parent() -> None:
    placed = tree_of(listing("tops/other", "bottoms/other", "hat", "x/misc/a", "y/misc/b", "dress/dress"))
    assert stops(placed) == [
        "tops tops/other",
        "bottoms bottoms/other",
        "hat",
        "x x/misc a",
        "y y/misc b",
        "dress dress",
    ]


def test_equal_names_below_equal_names_get_as_many_as_it_takes() -> None:
    placed = tree_of(listing("a/x/other", "b/x/other", "c/y/other", "c/z"))
    assert [name.split()[-1] for name in stops(placed)] == ["a/x/other", "b/x/other", "y/other", "z"]


def test_the_levels_of_a_table_keep_their_names() -> None:
    assert tree_of(listing("a/b", "c/d", levels=("family", "kind"))).hierarchy.levels == ("family", "kind")
    assert tree_of(listing("a", "c", levels=("family", "kind"))).hierarchy.levels == ("class",)


@pytest.mark.parametrize("labels", [["a"], ["a", "a/b"], ["a/b/c", "a"]])
def test_one_class_is_too_few(labels: list[str]) -> None:
    with pytest.raises(InputError, match=r"photos has pictures of one class only .*expected at least two classes"):
        tree_of(listing(*labels))


names = st.sampled_from("abc")


@given(st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), min_size=2, max_size=20))
def test_every_label_keeps_its_place(labels: list[str]) -> None:
    prefixes = {label[:end] for label in labels for end in range(1, len(label) + 1, 2)}
    classes = [one for one in prefixes if not any(other.startswith(one + "/") for other in prefixes)]
    if len(classes) < 2:
        with pytest.raises(InputError, match="one class only"):
            tree_of(listing(*labels))
        return
    placed = tree_of(listing(*labels))
    tree = placed.hierarchy
    assert len(tree.names) == len(prefixes) + 1
    assert len(tree.classes) == len(classes)
    for label, node in zip(labels, placed.nodes, strict=True):
        above = [tree.names[one] for one in tree.ancestors(int(node))[1:]]
        assert [name.rpartition("/")[2] for name in above] == label.split("/")


# --- with one ---------------------------------------------------------------------------------------------------------

CLOTHES = {"tops": {"light": ["shirt", "t-shirt"], "coat": None}, "feet": ["shoe", "sandal"], "hat": {}}


def test_flat_folders_under_a_taxonomy(tmp_path: Path) -> None:
    placed = tree_of(listing("shirt", "hat", "t-shirt", "tops", "coat", "shoe", "sandal"), taxonomy(tmp_path, CLOTHES))
    assert stops(placed) == [
        "tops light shirt",
        "hat",
        "tops light t-shirt",
        "tops",
        "tops coat",
        "feet shoe",
        "feet sandal",
    ]
    assert placed.notes == ()


def test_nodes_without_pictures_are_left_out(tmp_path: Path) -> None:
    placed = tree_of(listing("hat", "coat", "feet"), taxonomy(tmp_path, CLOTHES))
    assert placed.hierarchy.classes == ("feet", "coat", "hat")
    assert stops(placed) == ["hat", "tops coat", "feet"]
    assert placed.hierarchy.levels == ("group", "class")
    assert placed.notes == (
        "not in the tree, as they have no pictures: shirt, t-shirt, shoe, sandal of tree.json",
        "classes themselves, as nothing below them has pictures: feet",
    )


def test_classes_that_the_taxonomy_lacks_are_refused(tmp_path: Path) -> None:
    name = taxonomy(tmp_path, CLOTHES)
    with pytest.raises(InputError, match=r"has classes that .*tree.json does not have: T-Shirt; did you mean t-shirt"):
        tree_of(listing("T-Shirt", "hat", "shirt"), name)
    with pytest.raises(InputError, match=r"does not have: 1, 2, 3, 4, 5 and 1 more\. Add them to the taxonomy"):
        tree_of(listing(*"123456", "hat", "shirt"), name)
    with pytest.raises(InputError, match=r"one class only \(hat\)"):
        tree_of(listing("hat"), name)


def test_names_that_stand_twice_are_looked_up_with_those_above_them(tmp_path: Path) -> None:
    name = taxonomy(tmp_path, {"x": {"mixed": ["a", "x/other"]}, "y": {"mixed": ["b", "y/other"]}})
    placed = tree_of(listing("x/other", "y/other", "x/mixed", "a", "b"), name)
    assert stops(placed) == ["x mixed x/other", "y mixed y/other", "x mixed", "x mixed a", "y mixed b"]
    with pytest.raises(InputError, match="does not have: mixed"):
        tree_of(listing("mixed", "a", "b"), name)


def test_accents_are_compared_composed(tmp_path: Path) -> None:
    name = taxonomy(tmp_path, ["cafe\u0301", "bar"])
    (tmp_path / "photos").mkdir()
    touched(tmp_path / "photos", ["caf\u00e9/1.jpg", "bar/2.jpg"])
    assert stops(tree_of(list_pictures(tmp_path / "photos"), name)) == ["bar", "cafe\u0301"]


def test_a_taxonomy_in_the_folder_is_found(tmp_path: Path) -> None:
    touched(tmp_path, ["shirt/1.jpg", "hat/2.jpg"])
    assert "siblings" in tree_of(list_pictures(tmp_path)).notes[0]
    (tmp_path / "hierarchy.csv").write_text("group,class\nbody,shirt\nhead,hat\n", "utf-8")
    placed = tree_of(list_pictures(tmp_path))
    assert stops(placed) == ["head hat", "body shirt"]
    assert placed.notes == (f"the tree is that of {tmp_path / 'hierarchy.csv'}",)
    taxonomy(tmp_path, CLOTHES, "taxonomy.json")
    assert stops(tree_of(list_pictures(tmp_path))) == ["hat", "tops light shirt"], "comes before the other"
    other = taxonomy(tmp_path, {"all": ["shirt", "hat"]}, "other.json")
    assert stops(tree_of(list_pictures(tmp_path), other)) == ["all hat", "all shirt"], "named, so it wins"


def test_a_taxonomy_beside_a_table_counts_where_that_has_one_level(tmp_path: Path) -> None:
    touched(tmp_path, ["1.jpg", "2.jpg"])
    taxonomy(tmp_path, CLOTHES, "taxonomy.json")
    (tmp_path / "flat.csv").write_text("path,class\n1.jpg,shirt\n2.jpg,hat\n", "utf-8")
    (tmp_path / "deep.csv").write_text("path,group,class\n1.jpg,a,shirt\n2.jpg,b,hat\n", "utf-8")
    (tmp_path / "taxonomy.csv").write_text("path,class\n1.jpg,one\n2.jpg,two\n", "utf-8")
    assert stops(tree_of(list_pictures(tmp_path / "flat.csv"))) == ["tops light shirt", "hat"]
    assert stops(tree_of(list_pictures(tmp_path / "deep.csv"))) == ["a shirt", "b hat"]
    (tmp_path / "taxonomy.json").unlink()
    assert stops(tree_of(list_pictures(tmp_path / "taxonomy.csv"))) == ["one", "two"], "it is no taxonomy itself"


def test_the_taxonomy_of_the_clothing_photos_is_one() -> None:
    classes = ("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt")
    file = Path(__file__).parent.parent / "docs" / "clothing-taxonomy.json"
    placed = tree_of(listing(*classes), str(file))
    assert sorted(placed.hierarchy.classes) == sorted(classes)
    assert placed.hierarchy.levels == ("group", "superclass", "class")
    assert placed.notes == ()
