"""How trees are read and written: every form, round trips on random trees, and one clear message per fault."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import hierarchies

from kinwise import taxonomy
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy


def ways(tree: Hierarchy) -> dict[str, list[str]]:
    """From each class to the names above it without the root: all there is to a tree but its numbering."""
    return {tree.names[leaf]: [tree.names[node] for node in tree.ancestors(leaf)[1:-1]] for leaf in tree.leaves}


def save(folder: Path, text: str | bytes, name: str = "tree.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- the four forms --------------------------------------------------------------------------------------------------

ZOO = {"shark": ["animals", "fish"], "ray": ["animals", "fish"], "dog": ["animals"], "saw": ["things", "tools"]}


@pytest.mark.parametrize(
    "text",
    [
        '{"animals": {"fish": ["shark", "ray"], "dog": {}}, "things": {"tools": {"saw": null}}}',
        '\ufeff{"animals": {" fish": {"shark": [], "ray": {}}, "dog": null}, "things": {"tools": ["saw "]}}',
        "group,superclass,class\nanimals,fish,shark\nanimals,fish,ray\nanimals,dog,\nthings,tools,saw\n",
        "\ufeffgroup;superclass;class\r\n\r\nanimals; fish;shark\r\nanimals;fish;ray\r\n"
        "animals;dog\r\nthings;tools;saw",
        'group\tsuperclass\tclass\n"animals"\tfish\tshark\nanimals\tfish\tray\nanimals\tdog\t\nthings\ttools\tsaw',
        "parent,child\n,animals\n,things\nanimals,fish\nfish,shark\nfish,ray\nanimals,dog\ntools,saw\nthings,tools\n",
        "Child;Parent\nshark;fish\nray;fish\ndog;animals\nfish;animals\nsaw;tools\ntools;things\nanimals;\nthings;\n",
        "parent,child\nall,animals\nall,things\nanimals,fish\nfish,shark\nfish,ray\nanimals,dog\ntools,saw\nthings,tools",
        "parent,child\n,all\nall,animals\nall,things\nanimals,fish\nfish,shark\nfish,ray\nanimals,dog\ntools,saw\n"
        "things,tools",
    ],
)
def test_one_tree_in_many_forms(tmp_path: Path, text: str) -> None:
    tree = taxonomy.read(save(tmp_path, text))
    assert ways(tree) == ZOO
    assert tree.classes == ("shark", "ray", "dog", "saw"), "the order of the rows"
    assert tree.levels == ("group", "superclass", "class")
    assert tree.names[0] == ("all" if "all" in text else "root")
    assert tree.leaves.tolist() == list(range(len(tree.names) - 4, len(tree.names))), "classes come last"


def test_folders(tmp_path: Path) -> None:
    for names in ("zoo/things/tools/saw", "zoo/animals/fish/shark", "zoo/animals/fish/ray", "zoo/animals/dog/.cache/x"):
        (tmp_path / names).mkdir(parents=True)
    save(tmp_path / "zoo" / "animals" / "dog", "a picture", "1.png")
    tree = taxonomy.read(tmp_path / "zoo")
    assert ways(tree) == ZOO
    assert tree.classes == ("dog", "ray", "shark", "saw"), "in the order of the names"
    assert tree.names[0] == "zoo"


def test_links_that_lead_back_up_are_not_followed(tmp_path: Path) -> None:
    for names in ("animals/dog", "animals/cat", "elsewhere/pike"):
        (tmp_path / "zoo" / names if names != "elsewhere/pike" else tmp_path / names).mkdir(parents=True)
    try:
        os.symlink(tmp_path / "zoo", tmp_path / "zoo" / "animals" / "dog" / "again", target_is_directory=True)
        os.symlink(tmp_path / "elsewhere", tmp_path / "zoo" / "fish", target_is_directory=True)
        os.symlink("itself", tmp_path / "zoo" / "itself")
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")
    assert ways(taxonomy.read(tmp_path / "zoo")) == {"dog": ["animals"], "cat": ["animals"], "pike": ["fish"]}


def test_a_table_that_runs_fine_to_coarse_is_turned_round(tmp_path: Path) -> None:
    text = "class,superclass,group\nshark,fish,animals\nray,fish,animals\nsaw,tools,things\naxe,tools,things\n"
    tree = taxonomy.read(save(tmp_path, text))
    assert tree.levels == ("group", "superclass", "class")
    assert tree.classes == ("shark", "ray", "saw", "axe")
    assert ways(tree)["axe"] == ["things", "tools"]


def test_a_ragged_table_is_never_turned_round(tmp_path: Path) -> None:
    tree = taxonomy.read(save(tmp_path, "group,class\na,x\nb,\nc,\n"))
    assert ways(tree) == {"x": ["a"], "b": [], "c": []}


def test_one_name_may_stand_at_two_levels_of_one_path(tmp_path: Path) -> None:
    tree = taxonomy.read(save(tmp_path, "group,superclass,class\npeople,people,boy\npeople,people,girl\n"))
    assert ways(tree) == {"boy": ["people", "people"], "girl": ["people", "people"]}
    assert tree.distances[0, 1] == 1


def test_one_name_may_stand_in_two_branches_of_nested_json(tmp_path: Path) -> None:
    tree = taxonomy.read(save(tmp_path, '{"sea": {"large": ["whale"]}, "land": {"large": ["elephant"]}}'))
    assert ways(tree) == {"whale": ["sea", "large"], "elephant": ["land", "large"]}
    assert tree.distances[0, 1] == 3


def test_flat_lists_have_one_level(tmp_path: Path) -> None:
    for text in ('["b", "a"]', '{"b": {}, "a": null}', "class\nb\na\n", "parent,child\n,b\n,a\n"):
        tree = taxonomy.read(save(tmp_path, text))
        assert (tree.classes, tree.levels) == (("b", "a"), ("class",))


# --- writing ---------------------------------------------------------------------------------------------------------


@given(hierarchies(), st.booleans())
def test_what_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, tree: Hierarchy, named: bool) -> None:
    folder = tmp_path_factory.mktemp("trees")
    if named:
        levels = tuple(f"the {depth}; level, so" for depth in range(tree.depths.max()))
        tree = Hierarchy(parents=tree.parents, names=tree.names, levels=levels)
    for name, layout in (("t.csv", None), ("t.tsv", None), ("t.json", None), ("t.txt", "parent-child")):
        taxonomy.write(tree, folder / name, layout)
        again = taxonomy.read(folder / name)
        assert ways(again) == ways(tree)
        assert [sorted(again.depths), sorted(again.heights)] == [sorted(tree.depths), sorted(tree.heights)]
        if name != "t.json":
            assert again.classes == tree.classes
        if name in ("t.csv", "t.tsv"):
            assert again.levels == tree.levels
    assert sorted(path.name for path in folder.iterdir()) == ["t.csv", "t.json", "t.tsv", "t.txt"]


@given(hierarchies())
def test_the_dictionary_form_is_read_without_any_change(
    tmp_path_factory: pytest.TempPathFactory, tree: Hierarchy
) -> None:
    path = save(tmp_path_factory.mktemp("trees"), json.dumps(tree.to_dict()), "hierarchy.json")
    assert taxonomy.read(path) == tree


def test_what_files_look_like(tmp_path: Path) -> None:
    tree = taxonomy.read(save(tmp_path, '{"b": {"y": ["z", "x"], "ä": {}}, "c": {"d": {"e": {}}}}'))
    taxonomy.write(tree, tmp_path / "levels.csv")
    assert (tmp_path / "levels.csv").read_text("utf-8") == "group,superclass,class\nb,y,z\nb,y,x\nb,ä\nc,d,e\n"
    taxonomy.write(tree, tmp_path / "pairs.csv", "parent-child")
    pairs = "parent,child\n,b\n,c\nb,y\nc,d\ny,z\ny,x\nb,ä\nd,e\n"
    assert (tmp_path / "pairs.csv").read_text("utf-8") == pairs
    taxonomy.write(tree, tmp_path / "nested.json")
    nested = json.loads((tmp_path / "nested.json").read_text("utf-8"))
    assert nested == {"b": {"y": ["z", "x"], "ä": {}}, "c": {"d": ["e"]}}


@pytest.mark.parametrize("root", ["all", "", " "])
def test_a_root_with_one_child_survives_as_parents_and_children(tmp_path: Path, root: str) -> None:
    tree = Hierarchy(parents=np.array([-1, 0, 1, 1]), names=(root, "living", "a", "b"))
    taxonomy.write(tree, tmp_path / "t.csv", "parent-child")
    again = taxonomy.read(tmp_path / "t.csv")
    assert ways(again) == ways(tree)
    assert again.names[0] == (root.strip() or "root")


def tree_of(names: str, parents: list[int], levels: tuple[str, ...] = ()) -> Hierarchy:
    return Hierarchy(parents=np.array(parents), names=tuple(names), levels=levels)


@pytest.mark.parametrize(
    ("tree", "name", "layout", "message"),
    [
        (tree_of("rab", [-1, 0, 0]), "t.txt", None, "end the name in .json, .csv, .tsv or give one of the layouts"),
        (tree_of("rab", [-1, 0, 0]), "t.csv", "xml", "layout 'xml'"),
        (tree_of(["r", "a ", "b"], [-1, 0, 0]), "t.csv", None, "the name 'a ' would not be read back"),
        (tree_of(["r", "a", ""], [-1, 0, 0]), "t.json", None, "the name '' would not be read back"),
        (tree_of("rggab", [-1, 0, 0, 1, 2]), "t.csv", None, "two nodes of the level 'superclass' are called 'g'"),
        (tree_of("rggab", [-1, 0, 0, 1, 2]), "t.json", None, "two nodes below 'r' are called 'g'"),
        (tree_of("rggab", [-1, 0, 1, 2, 2]), "t.csv", "parent-child", "two nodes are called 'g'"),
        (tree_of("rgab", [-1, 0, 1, 1], ("parent", "Child")), "t.csv", None, "levels called parent and child"),
        (tree_of("rab", [-1, 0, 0]), "none/t.csv", None, "none/t.csv: No such file or directory"),
        (tree_of(["r", "a", "\udc80"], [-1, 0, 0]), "t.csv", None, r"the name '\udc80' would not be read back"),
        (tree_of("rab", [-1, 0, 0], (" x",)), "t.csv", None, "the name ' x' would not be read back"),
    ],
)
def test_what_cannot_be_written_is_refused_and_harms_nothing(
    tmp_path: Path, tree: Hierarchy, name: str, layout: str | None, message: str
) -> None:
    before = save(tmp_path, "what was there", Path(name).name)
    with pytest.raises(InputError) as caught:
        taxonomy.write(tree, tmp_path / name, layout)
    assert message in str(caught.value)
    assert before.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [before], "nothing unfinished is left"


# --- what is refused -------------------------------------------------------------------------------------------------

FAULTS = [
    # any text
    ("", "tree.csv is empty"),
    (" \n\t\n", "tree.csv is empty"),
    (b"group,class\na,caf\xe9\n", "tree.csv, line 2: not UTF-8"),
    ("class\na\n", "tree.csv: a hierarchy needs a root and at least two classes"),
    # JSON
    ('{"a": [],\n "b": }', "tree.csv, line 2, column 7: not JSON"),
    ("{}", "at least two classes"),
    ('{"a": {"b": 3}}', "tree.csv, below 'a > b': expected an object, a list of class names or null, got 3"),
    ('{"a": "b"}', "below 'a': expected an object, a list of class names or null, got \"b\""),
    ('{"a": ["x", 5]}', "below 'a': expected the name of a class, got 5"),
    ('[{"name": "x"}]', 'at the top: expected the name of a class, got {"name": "x"}'),
    ('{"a": {" ": {}}}', "below 'a': expected the name of a class"),
    ('{"a": ["x"], "b": ["y"], "a ": ["z"]}', "two members of one object are called 'a'"),
    ('{"a": ["x"], "b": {"c": ["x"]}}', "the class 'x' stands twice, a > x and b > c > x"),
    ('{"a": ["x", "x"]}', "the class 'x' stands twice, a > x and a > x"),
    ("[" * 100_000, "nested too deeply"),
    ('{"levels": ["class"], "names": ["r", "a", "b"], "parents": [-1, 0, 2]}', "tree.csv: the parent of node 2"),
    # a table of levels
    ("group,class\n", "tree.csv has a header (group, class) but no rows"),
    (",,\n,,\n", "line 1: column names must be different and not empty"),
    ("group,,class\na,b,c\n", "line 1: column names must be different and not empty"),
    ("\ngroup,group\na,b\n", "line 2: column names must be different"),
    ("group,class\na,x\na,y,z\n", "line 3: 3 cells, but the header has 2"),
    ('group,class\na,"x\nb,y\n', "line 3: not CSV"),
    ("group,superclass,class\na,b,x\n\na,,y\n", "line 4: the superclass is empty but the class is not"),
    ("group,class\na,x\n,y\n", "line 3: the group is empty but the class is not"),
    ("group,class,race\na,x,\na,y,\n", "the column 'race' is empty"),
    ("group,class\na,x\nb,y\nb,x\n", "the class 'x' stands twice, line 2 and line 4"),
    (
        "group,superclass,class\na,s,x\na,s,y\nb,s,z\n",
        "the superclass 's' stands under 'a' (line 2) and under 'b' (line 4)",
    ),
    ("group,class\na,\na,x\nb,y\n", "'a' is a class (line 2) and has the class 'x' below it (line 3)"),
    ("group,class\na,x\nb,y\nb,\n", "'b' is a class (line 4) and has the class 'y' below it (line 3)"),
    # parents and children
    ("parent,child\n", "has a header (parent, child) but no rows"),
    ("parent,child\n,a\n", "at least two classes"),
    ("parent,child\n,a\na,\n", "line 3: the child is empty"),
    ("parent,child\n,a\na,x\nb,b\n", "line 4: 'b' is its own parent"),
    ("parent,child\n,a\n,b\na,x\na,y\nb,x\n", "'x' stands under 'a' (line 4) and again under 'b' (line 6)"),
    ("parent,child\n,a\na,x\na,x\n", "'x' stands under 'a' (line 3) and again under 'a' (line 4)"),
    ("parent,child\n,a\na,x\na,y\nb,z\n", "parents that no row has as a child: 'b' (line 5)"),
    ("parent,child\nr,a\na,x\nr,b\nbb,y\nc,z\n", "as a child: 'r' (line 2), 'bb' (line 5), 'c' (line 6)"),
    ("parent,child\n,a\na,x\nb,c\nd,b\nc,d\n", "line 4: a cycle: 'c' under 'b' under 'd' under 'c'"),
    ("parent,child\na,b\nb,a\n", "a cycle: 'b' under 'a' under 'b'"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_in_a_file_is_named_with_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        taxonomy.read(save(tmp_path, text))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value), "the file is named"


def test_a_json_file_that_is_none_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tree\.json, line 1, column 1: not JSON"):
        taxonomy.read(save(tmp_path, "group,class\na,x\n", "tree.json"))


def test_files_and_folders_without_a_tree_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        taxonomy.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="has no folders in it; expected one folder per class"):
        taxonomy.read(tmp_path)
    (tmp_path / "a" / "x").mkdir(parents=True)
    with pytest.raises(InputError, match="at least two classes"):
        taxonomy.read(tmp_path)
    (tmp_path / "b" / "x").mkdir(parents=True)
    with pytest.raises(InputError, match=r"the class 'x' stands twice, .*a.x and .*b.x"):
        taxonomy.read(tmp_path)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_tree_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    check_any(tmp_path_factory.mktemp("bytes"), content)


@given(st.text(alphabet='ab,;\n"{}[]:parentchild ', max_size=60))
def test_any_text_gives_a_tree_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    assume(content.strip())
    check_any(tmp_path_factory.mktemp("text"), content.encode())


def check_any(folder: Path, content: bytes) -> None:
    path = save(folder, content)
    fault = ""
    try:
        assert len(taxonomy.read(path).classes) >= 2
    except InputError as error:
        fault = str(error)
    assert not fault or fault.startswith(str(path))


# --- the built-in trees ----------------------------------------------------------------------------------------------


def test_the_built_in_trees() -> None:
    three, five = (taxonomy.built_in(name) for name in taxonomy.BUILT_IN)
    assert three.levels == ("group", "superclass", "class")
    assert three.level_sizes == (9, 20, 100)
    assert five.levels == ("level2", "level4", "level8", "superclass", "class")
    assert five.level_sizes == (2, 4, 8, 20, 100)
    assert three.classes == five.classes
    assert (three.classes[0], three.classes[99]) == ("apple", "worm"), "the order of the official fine labels"
    assert ways(three)["boy"] == ["people", "people"]
    assert ways(five)["maple_tree"] == ["living", "plants_all", "plant_life", "trees"]
    for tree in (three, five):
        superclasses = tree.ancestor_matrix[tree.level_nodes[-2]]
        assert (superclasses.sum(axis=1) == 5).all(), "five classes in every superclass"


def test_a_built_in_tree_is_read_once() -> None:
    assert taxonomy.built_in("cifar100") is taxonomy.built_in("cifar100")


def test_a_tree_is_found_by_name_file_or_folder(tmp_path: Path) -> None:
    assert taxonomy.find("cifar100-5level") == taxonomy.built_in("cifar100-5level")
    path = save(tmp_path, '["a", "b"]')
    assert taxonomy.find(str(path)) == taxonomy.find(path) == taxonomy.read(path)
    with pytest.raises(InputError, match="no built-in hierarchy is called 'cifar10'; there are cifar100, cifar100-5le"):
        taxonomy.built_in("cifar10")
    with pytest.raises(InputError, match="no hierarchy 'cifar10': it is no file or folder, and the built-in ones are "):
        taxonomy.find("cifar10")
