"""Hierarchy: how the classes are related. One array of parents and the names; everything else follows from them.

A tree has one root (node 0), inner nodes, and leaves, which are the classes. Class ``c`` is the ``c``-th leaf in node
order. *Levels* cut the tree from coarse to fine; level ``l`` holds each class's ancestor at depth ``l + 1``, and a
class that ends earlier (a ragged tree) stands for itself from there on. The last level is the classes themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kinwise.errors import InputError

_USUAL_LEVELS = ("group", "superclass", "class")


def usual_level_names(count: int) -> tuple[str, ...]:
    """The names of ``count`` levels, coarse to fine, where nobody gave any: the last is always ``class``."""
    if count <= len(_USUAL_LEVELS):
        return _USUAL_LEVELS[-count:]
    return (*(f"level{depth}" for depth in range(1, count)), "class")


@dataclass(frozen=True, kw_only=True, eq=False)
class Hierarchy:
    """A tree of classes.

    Attributes:
        parents: the parent of every node, shape (nodes,); -1 for the root, which is node 0; a parent stands before
            its children.
        names: one name per node; the names of the classes are unique.
        levels: one name per level, coarse to fine, without the root.

    Raises:
        InputError: when the arrays do not describe one tree.
    """

    parents: np.ndarray
    names: tuple[str, ...]
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the tree and freeze its arrays."""
        parents = np.array(self.parents, dtype=np.int64)
        parents.setflags(write=False)
        object.__setattr__(self, "parents", parents)
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        self._check()
        object.__setattr__(self, "levels", tuple(self.levels) or usual_level_names(int(self.depths.max())))
        if len(self.levels) != self.depths.max():
            raise InputError(
                f"the hierarchy has {self.depths.max()} levels below its root but {len(self.levels)} level names: "
                f"{', '.join(self.levels)}"
            )
        if len(set(self.levels)) != len(self.levels):
            raise InputError(f"level names must differ, got: {', '.join(self.levels)}")

    def _check(self) -> None:
        parents, names = self.parents, self.names
        if parents.ndim != 1 or len(parents) != len(names):
            raise InputError(f"a hierarchy needs one parent per name, got {parents.shape} parents, {len(names)} names")
        if len(parents) < 3:
            raise InputError("a hierarchy needs a root and at least two classes")
        if parents[0] != -1:
            raise InputError("node 0 must be the root: its parent is -1")
        late = np.flatnonzero((parents[1:] < 0) | (parents[1:] >= np.arange(1, len(parents)))) + 1
        if len(late):
            raise InputError(f"the parent of node {late[0]} ({names[late[0]]!r}) must stand before it")
        if len(self.leaves) < 2:
            raise InputError(f"a hierarchy needs at least two classes, got {len(self.leaves)}")
        seen: set[str] = set()
        for name in self.classes:
            if name in seen:
                raise InputError(f"the class {name!r} stands twice in the hierarchy; class names must be unique")
            seen.add(name)

    # --- nodes ---------------------------------------------------------------------------------------------------

    @cached_property
    def depths(self) -> np.ndarray:
        """Steps from the root to each node, shape (nodes,); the root has 0."""
        depths = np.zeros(len(self.parents), dtype=np.int64)
        for node in range(1, len(depths)):
            depths[node] = depths[self.parents[node]] + 1
        return depths

    @cached_property
    def heights(self) -> np.ndarray:
        """Steps from each node down to its deepest leaf, shape (nodes,); a class has 0."""
        heights = np.zeros(len(self.parents), dtype=np.int64)
        for node in range(len(heights) - 1, 0, -1):
            parent = self.parents[node]
            heights[parent] = max(heights[parent], heights[node] + 1)
        return heights

    def children(self, node: int) -> np.ndarray:
        """The children of a node, in node order; empty for a class."""
        return np.flatnonzero(self.parents == node)

    def ancestors(self, node: int) -> np.ndarray:
        """The nodes from the root down to ``node``, both included."""
        path = [node]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return np.array(path[::-1])

    def lowest_common_ancestor(self, a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
        """The deepest node above (or equal to) both ``a`` and ``b``; node ids of any shapes that broadcast."""
        a, b = np.broadcast_arrays(np.asarray(a), np.asarray(b))
        a, b = a.copy(), b.copy()
        while np.any(a != b):
            deeper_a = (self.depths[a] > self.depths[b]) | ((self.depths[a] == self.depths[b]) & (a != b))
            deeper_b = (self.depths[b] > self.depths[a]) | ((self.depths[a] == self.depths[b]) & (a != b))
            a, b = np.where(deeper_a, self.parents[a], a), np.where(deeper_b, self.parents[b], b)
        return a

    # --- classes and levels ----------------------------------------------------------------------------------------

    @cached_property
    def leaves(self) -> np.ndarray:
        """The node of every class, shape (classes,), ascending."""
        is_leaf = np.ones(len(self.parents), dtype=bool)
        is_leaf[self.parents[1:]] = False
        return np.flatnonzero(is_leaf)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The name of every class."""
        return tuple(self.names[node] for node in self.leaves)

    @cached_property
    def class_index(self) -> dict[str, int]:
        """From the name of a class to its index."""
        return {name: index for index, name in enumerate(self.classes)}

    @cached_property
    def paths(self) -> np.ndarray:
        """The node that stands for each class at each level, shape (classes, levels), coarse to fine."""
        paths = np.repeat(self.leaves[:, None], len(self.levels), axis=1)
        for class_, leaf in enumerate(self.leaves):
            above = self.ancestors(int(leaf))[1:]
            paths[class_, : len(above)] = above
        return paths

    @cached_property
    def level_nodes(self) -> tuple[np.ndarray, ...]:
        """For each level the nodes it holds, ascending; the last one equals ``leaves``."""
        return tuple(np.unique(self.paths[:, level]) for level in range(len(self.levels)))

    @cached_property
    def level_labels(self) -> np.ndarray:
        """The index of each class within each level, shape (classes, levels); the last column counts 0, 1, 2, ..."""
        columns = [np.searchsorted(nodes, self.paths[:, level]) for level, nodes in enumerate(self.level_nodes)]
        return np.stack(columns, axis=1)

    @cached_property
    def level_sizes(self) -> tuple[int, ...]:
        """How many nodes each level holds, coarse to fine."""
        return tuple(len(nodes) for nodes in self.level_nodes)

    def level_names(self, level: int) -> tuple[str, ...]:
        """The names of the nodes of one level, in the order of their indices within it."""
        return tuple(self.names[node] for node in self.level_nodes[level])

    def level_parents(self, level: int, above: int) -> np.ndarray:
        """For each node of a level the index of its ancestor at the coarser level ``above``, int64, (nodes,).

        A class that ends early stands for itself at the levels below, and is its own parent there.
        """
        parents = np.empty(self.level_sizes[level], dtype=np.int64)
        parents[self.level_labels[:, level]] = self.level_labels[:, above]
        return parents

    @cached_property
    def tree_order(self) -> np.ndarray:
        """The classes in the order in which a walk down the tree meets them: siblings stand side by side."""
        keys = [self.paths[:, level] for level in reversed(range(len(self.levels)))]
        return np.lexsort(keys)

    @cached_property
    def ancestor_matrix(self) -> np.ndarray:
        """R, shape (nodes, classes), bool: ``R @ p`` is the probability of every node when ``p`` is the classes'."""
        matrix = np.zeros((len(self.parents), len(self.leaves)), dtype=bool)
        matrix[self.leaves, np.arange(len(self.leaves))] = True
        for node in range(len(self.parents) - 1, 0, -1):
            matrix[self.parents[node]] |= matrix[node]
        return matrix

    @cached_property
    def distances(self) -> np.ndarray:
        """d(a, b), shape (classes, classes): the height of the lowest common ancestor of two classes.

        0 for the same class, 1 for two classes of one parent above leaves only, and so on: the severity of taking one
        for the other (Bertinetto et al., CVPR 2020). An ultrametric: d(a, c) <= max(d(a, b), d(b, c)).
        """
        common = self.lowest_common_ancestor(self.leaves[:, None], self.leaves[None, :])
        return self.heights[common]

    # --- other forms -----------------------------------------------------------------------------------------------

    def with_class_order(self, classes: Sequence[str]) -> "Hierarchy":
        """The same tree with its classes numbered in the order given: class ``c`` becomes ``classes[c]``.

        Raises:
            InputError: when ``classes`` and the classes of the tree are not the same set; the message names them.
        """
        missing = [name for name in classes if name not in self.class_index]
        extra = sorted(set(self.classes) - set(classes))
        if missing:
            raise InputError(f"classes in the data but not in the hierarchy: {_listing(missing)}")
        if extra:
            raise InputError(f"classes in the hierarchy but not in the data: {_listing(extra)}")
        if len(set(classes)) != len(classes):
            raise InputError("the classes to order by are not unique")
        if tuple(classes) == self.classes:
            return self
        inner = np.setdiff1d(np.arange(len(self.parents)), self.leaves)
        order = np.concatenate([inner, self.leaves[[self.class_index[name] for name in classes]]])
        new_id = np.empty_like(order)
        new_id[order] = np.arange(len(order))
        parents = np.concatenate([[-1], new_id[self.parents[order[1:]]]])
        return Hierarchy(parents=parents, names=tuple(self.names[node] for node in order), levels=self.levels)

    def to_dict(self) -> dict[str, Any]:
        """Names, parents and levels as plain lists, ready for JSON."""
        return {"levels": list(self.levels), "names": list(self.names), "parents": self.parents.tolist()}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Hierarchy":
        """The inverse of ``to_dict``.

        Raises:
            InputError: when a key is missing or the arrays are no tree.
        """
        try:
            return Hierarchy(
                parents=np.array(data["parents"], dtype=np.int64), names=data["names"], levels=data["levels"]
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError("not a hierarchy: expected an object with levels, names and parents") from error

    def __eq__(self, other: object) -> bool:
        """Same nodes in the same order, same names, same levels."""
        return (
            isinstance(other, Hierarchy)
            and np.array_equal(self.parents, other.parents)
            and self.names == other.names
            and self.levels == other.levels
        )

    def __hash__(self) -> int:
        """Consistent with ``==``."""
        return hash((self.parents.tobytes(), self.names, self.levels))


def _listing(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
