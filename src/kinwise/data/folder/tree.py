"""From the labels of a listing to a tree: the one that the folders make, or a taxonomy over their names."""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinwise.data.folder.listing import Label, Listing
from kinwise.data.folder.names import label_name, printable
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.taxonomy import find
from kinwise.taxonomy.paths import ClassPaths, tree

TAXONOMIES = ("taxonomy.json", "taxonomy.csv", "hierarchy.json", "hierarchy.csv")
"""The files in a folder of pictures that are taken for its tree, the first that is there."""

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A tree, the node at which each label of a listing stops, int64, (pictures,), and what is to be said about it."""

    hierarchy: Hierarchy
    nodes: np.ndarray
    notes: tuple[str, ...] = ()


def tree_of(listing: Listing, taxonomy: str = "") -> Placed:
    """The tree over the labels of a listing.

    Without a taxonomy the labels are the tree: what stands above another label is an inner node, at which its own
    pictures stop. Nodes that share a name get that of their parent before it: ``tops/other``, ``bottoms/other``.

    With one, each label is looked up by its name, that of its last folder; it may be an inner node. Nodes of the
    taxonomy without pictures are left out of the tree.

    Args:
        listing: pictures with labels.
        taxonomy: a built-in tree or a file; where it is empty, one of ``TAXONOMIES`` in the folder, or beside a table
            that has one level only; else none.

    Raises:
        InputError: when there are fewer than two classes, or a label is not in the taxonomy.
    """
    name = taxonomy or _taxonomy_beside(listing)
    if not name:
        return _own_tree(listing)
    placed = _under(listing, find(name), name)
    found = () if taxonomy else (f"the tree is that of {printable(name)}",)
    return Placed(hierarchy=placed.hierarchy, nodes=placed.nodes, notes=(*found, *placed.notes))


def _taxonomy_beside(listing: Listing) -> str:
    if len(listing.levels) > 1:
        return ""
    there = [file for file in (listing.root / name for name in TAXONOMIES) if file.is_file()]
    return next((str(file) for file in there if file != listing.path), "")


# --- the tree that the labels make -----------------------------------------------------------------------------------


def _own_tree(listing: Listing) -> Placed:
    every = sorted({label[:depth] for label in listing.labels for depth in range(1, len(label) + 1)})
    inner = {label[:-1] for label in every}
    classes = [label for label in every if label not in inner]
    _check_two(["/".join(label) for label in classes], listing)
    names = _told_apart(classes) | _told_apart([label for label in every if label in inner])

    def named(label: Label) -> Label:
        return tuple(names[label[:depth]] for depth in range(1, len(label) + 1))

    deepest = max(map(len, classes))
    hierarchy = tree(
        ClassPaths(
            paths=[named(label) for label in classes],
            places=["/".join(label) for label in classes],
            levels=listing.levels if len(listing.levels) == deepest else (),
        ),
        listing.path,
    )
    number = {way: node for node, way in enumerate(_ways(hierarchy))}
    nodes = np.array([number[named(label)] for label in listing.labels], dtype=np.int64)
    flat = (
        f"all classes are siblings; to say how they are related, put {TAXONOMIES[0]} beside the folders or give "
        f"--hierarchy FILE",
    )
    return Placed(hierarchy=hierarchy, nodes=nodes, notes=flat if deepest == 1 else ())


def _check_two(classes: Sequence[str], listing: Listing) -> None:
    if len(classes) < 2:
        raise InputError(
            f"{printable(str(listing.path))} has pictures of one class only ({', '.join(classes)}); expected at least "
            f"two classes, each with a folder (in a table: a name) of its own"
        )


def _told_apart(labels: Sequence[Label]) -> dict[Label, str]:
    """A name for each label: its last one, with as many of those above it as tell it from all others."""
    used = dict.fromkeys(labels, 1)
    while True:
        names = {label: "/".join(label[-used[label] :]) for label in labels}
        count = Counter(names.values())
        alike = [label for label, name in names.items() if count[name] > 1 and used[label] < len(label)]
        if not alike:
            return names
        for label in alike:
            used[label] += 1


def _ways(hierarchy: Hierarchy) -> list[Label]:
    """The names that lead from the root, itself left out, to each node."""
    ways: list[Label] = [()]
    for node in range(1, len(hierarchy.parents)):
        ways.append((*ways[hierarchy.parents[node]], hierarchy.names[node]))
    return ways


# --- a taxonomy over the names ---------------------------------------------------------------------------------------


def _under(listing: Listing, taxonomy: Hierarchy, name: str) -> Placed:
    found = _look_up(sorted(set(listing.labels)), taxonomy, listing.path, name)
    used = {int(above) for node in found.values() for above in taxonomy.ancestors(node)}
    kept = sorted(used)
    has_below = {int(taxonomy.parents[node]) for node in kept}
    classes = [node for node in kept if node not in has_below]
    _check_two([taxonomy.names[node] for node in classes], listing)
    number = {node: at for at, node in enumerate(kept)}
    depth = int(taxonomy.depths[kept].max())
    whole = depth == len(taxonomy.levels)
    hierarchy = Hierarchy(
        parents=np.array([number.get(int(taxonomy.parents[node]), -1) for node in kept]),
        names=tuple(taxonomy.names[node] for node in kept),
        levels=taxonomy.levels if whole else (*taxonomy.levels[: depth - 1], taxonomy.levels[-1]),
    )
    nodes = np.array([number[found[label]] for label in listing.labels], dtype=np.int64)
    return Placed(hierarchy=hierarchy, nodes=nodes, notes=tuple(_left_out(taxonomy, used, classes, name)))


def _left_out(taxonomy: Hierarchy, used: set[int], classes: Sequence[int], name: str) -> list[str]:
    notes = []
    missing = [taxonomy.names[leaf] for leaf in taxonomy.leaves if leaf not in used]
    if missing:
        notes.append(
            f"not in the tree, as they have no pictures: {_some(missing)} of {printable(os.path.basename(name))}"
        )
    ended = [taxonomy.names[node] for node in classes if taxonomy.heights[node]]
    if ended:
        notes.append(f"classes themselves, as nothing below them has pictures: {_some(ended)}")
    return notes


def _look_up(labels: Sequence[Label], taxonomy: Hierarchy, path: Path, name: str) -> dict[Label, int]:
    nodes: dict[str, list[int]] = {}
    for node in range(1, len(taxonomy.names)):
        nodes.setdefault(label_name(taxonomy.names[node]), []).append(node)
    ways = _ways(taxonomy)
    found = {label: _node_of(label, nodes, taxonomy, ways) for label in labels}
    unknown = [label[-1] for label in labels if found[label] is None]
    if unknown:
        close = difflib.get_close_matches(unknown[0].lower(), nodes, n=1)
        question = f"; did you mean {close[0]}?" if close else ""
        raise InputError(
            f"{printable(str(path))} has classes that {printable(name)} does not have: "
            f"{_some(sorted(set(unknown)))}{question or '.'} Add them to the taxonomy, or rename or remove them"
        )
    return {label: node for label, node in found.items() if node is not None}


def _node_of(label: Label, nodes: dict[str, list[int]], taxonomy: Hierarchy, ways: Sequence[Label]) -> int | None:
    """The node that a label names, by as many of its names as the taxonomy knows it by; None where there is none."""
    for first in range(len(label)):
        called = nodes.get("/".join(label[first:]), [])
        classes = [node for node in called if taxonomy.heights[node] == 0]
        if classes:
            return classes[0]
        if len(called) > 1:
            called = [node for node in called if ways[node][-len(label) :] == label]
        if len(called) == 1:
            return called[0]
    return None


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(listed[:_MOST_NAMED])
    return shown if len(listed) <= _MOST_NAMED else f"{shown} and {len(listed) - _MOST_NAMED} more"
