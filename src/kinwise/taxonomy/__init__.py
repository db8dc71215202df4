"""How trees are read and written: files people have -> Hierarchy -> files people can edit. The built-in trees too.

Four forms are known:

- nested JSON: ``{"animals": {"fish": ["shark", "ray"], "dog": {}}}``; objects nest; a list, ``{}`` or ``null`` ends in
  classes; what ``Hierarchy.to_dict`` gives is read as well;
- a table of levels (CSV): the header names the levels, a row per class, coarse to fine, empty cells at the end where a
  class ends early;
- a parent-child table (CSV): the header is ``parent,child``; a row without a parent declares a top node; several top
  nodes get a root of their own; only the root of a single tree needs no row;
- a folder layout: a folder without sub-folders is a class; hidden folders do not count.

The order of the classes is the order of the rows; in JSON that of the text, in folders that of the names.

``NAME:shuffled`` is the tree NAME with its classes permuted over its leaves: the control that shows how much of a
result comes from the tree itself.
"""

import csv
import json
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from kinwise.errors import InputError
from kinwise.files import write_file
from kinwise.hierarchy import Hierarchy
from kinwise.taxonomy.nested import nested, read_folder, read_json
from kinwise.taxonomy.paths import ClassPaths, tree
from kinwise.taxonomy.tables import level_rows, parent_child_rows, read_table, table_text

LAYOUTS = ("nested", "levels", "parent-child")
_USUAL_LAYOUT = {".json": "nested", ".csv": "levels", ".tsv": "levels"}
_BUILT_IN_LEVELS = {
    "cifar100": ("group", "superclass", "class"),
    "cifar100-5level": ("level2", "level4", "level8", "superclass", "class"),
}
BUILT_IN = tuple(_BUILT_IN_LEVELS)
SHUFFLED = ":shuffled"
"""What the name of a tree ends in whose classes are shuffled."""
SHUFFLE_SEED = 0


@lru_cache
def built_in(name: str) -> Hierarchy:
    """The tree called ``name``: one of ``BUILT_IN``; its classes are in the order of CIFAR-100's fine labels.

    "cifar100" has the 100 classes and 20 superclasses of Krizhevsky (2009) under 9 groups; "cifar100-5level" has
    2 / 4 / 8 nodes above the superclasses, the tree of the published comparisons of mistake severity. "NAME:shuffled"
    is the tree NAME with its classes permuted (``shuffled``).

    Raises:
        InputError: for an unknown name.
    """
    if name.endswith(SHUFFLED):
        return shuffled(built_in(name.removesuffix(SHUFFLED)))
    if name not in _BUILT_IN_LEVELS:
        raise InputError(f"no built-in hierarchy is called {name!r}; there are {', '.join(BUILT_IN)}")
    levels = _BUILT_IN_LEVELS[name]
    rows = list(csv.DictReader((files("kinwise") / "cifar100_levels.csv").read_text("utf-8").splitlines()))
    paths = [tuple(row[level] for level in levels) for row in rows]
    places = [f"line {line}" for line in range(2, len(rows) + 2)]
    return tree(ClassPaths(paths=paths, places=places, levels=levels), Path("cifar100_levels.csv"))


def shuffled(hierarchy: Hierarchy, seed: int = SHUFFLE_SEED) -> Hierarchy:
    """The same shape of tree, its classes permuted over the leaves: it says nothing about which classes are related.

    The leaves, in their order, get the classes in the order of SHA-256("SEED:CLASS"), so one seed gives one tree on
    every machine. The classes keep their numbers, the inner nodes their names, and every level its size.
    """
    order = sorted(
        hierarchy.classes, key=lambda name: sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()
    )
    names = list(hierarchy.names)
    for leaf, name in zip(hierarchy.leaves, order, strict=True):
        names[leaf] = name
    moved = Hierarchy(parents=hierarchy.parents, names=tuple(names), levels=hierarchy.levels)
    return moved.with_class_order(hierarchy.classes)


def find(name_or_path: str | Path) -> Hierarchy:
    """The built-in tree of that name, else the tree in that file or folder; shuffled where ``:shuffled`` follows.

    Raises:
        InputError: when it is neither, or the file holds no tree.
    """
    name = str(name_or_path)
    if name.endswith(SHUFFLED) and not Path(name).exists():
        return shuffled(find(name.removesuffix(SHUFFLED)))
    if name in BUILT_IN:
        return built_in(name)
    if not Path(name_or_path).exists():
        raise InputError(
            f"no hierarchy {name!r}: it is no file or folder, and the built-in ones are {', '.join(BUILT_IN)}"
        )
    return read(name_or_path)


def read(path: str | Path) -> Hierarchy:
    """The tree in a file or folder; its form is recognised by its content (see the top of this module).

    Text is UTF-8, with or without a byte order mark; cells are separated by commas, semicolons or tabs; white space
    around a name does not count. A table of levels that runs fine to coarse is turned round: one without empty cells in
    which the number of different names falls from left to right.

    Raises:
        InputError: when there is no such file, or it holds no tree; the message names the file and the line or class.
    """
    path = Path(path)
    if path.is_dir():
        return tree(read_folder(path), path)
    text = _text(path)
    if path.suffix.lower() == ".json" or text.lstrip().startswith(("{", "[")):
        found = read_json(text, path)
        return found if isinstance(found, Hierarchy) else tree(found, path)
    return tree(read_table(text, path), path)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"no hierarchy at {path}: there is no such file or folder") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8") from error
    if not text.strip():
        raise InputError(f"{path} is empty; expected a tree as JSON or CSV")
    return text


def write(hierarchy: Hierarchy, path: str | Path, layout: str | None = None) -> None:
    """Write the tree into a file that ``read`` reads back: the same nodes and edges, numbered anew.

    ``layout`` is one of ``LAYOUTS``; without it ``.json`` gets "nested" and ``.csv`` and ``.tsv`` get "levels". Only
    "levels" keeps the names of the levels; "nested" orders the classes as a walk down the tree meets them, the others
    keep their order. What stood in the file before is replaced only once the new text is complete.

    Raises:
        InputError: when the layout is unknown or cannot hold this tree, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    layout = layout or _USUAL_LAYOUT.get(suffix)
    if layout not in LAYOUTS:
        raise InputError(
            f"cannot tell from the name {path.name!r} and the layout {layout!r} how to write the hierarchy; end the "
            f"name in {', '.join(_USUAL_LAYOUT)} or give one of the layouts {', '.join(LAYOUTS)}"
        )
    for name in (*hierarchy.levels, *hierarchy.names[1:]):
        if not name or name != name.encode("utf-8", "ignore").decode().strip():
            raise InputError(
                f"the name {name!r} would not be read back: it is empty, has white space around it, or is not Unicode"
            )
    if layout == "nested":
        text = json.dumps(nested(hierarchy, 0), indent=2, ensure_ascii=False) + "\n"
    else:
        rows = level_rows(hierarchy) if layout == "levels" else parent_child_rows(hierarchy)
        text = table_text(rows, "\t" if suffix == ".tsv" else ",")
    write_file(path, lambda temporary: temporary.write_text(text, "utf-8", newline=""))
