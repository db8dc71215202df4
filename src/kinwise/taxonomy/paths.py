"""ClassPaths: what every form of a tree comes down to before it is one: for each class the names above it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy

NodePath = tuple[str, ...]
ROOT = "root"


@dataclass(frozen=True, kw_only=True)
class ClassPaths:
    """The classes of a tree, each with its way down from the root.

    Attributes:
        paths: for each class the names from the coarsest node to the class itself; the root is left out.
        places: where each class was found, for messages: "line 12", say.
        levels: one name per level, coarse to fine; empty where nobody named them.
        root: the name of the root.
    """

    paths: Sequence[NodePath]
    places: Sequence[str]
    levels: Sequence[str] = ()
    root: str = ROOT


def tree(classes: ClassPaths, source: Path) -> Hierarchy:
    """The tree of these paths: the root, the inner nodes by depth, then the classes in the order given.

    Raises:
        InputError: when a class stands twice or above another, or there are fewer than two; it names ``source``.
    """
    _check(classes, source)
    inner = dict.fromkeys(names[:depth] for names in classes.paths for depth in range(1, len(names)))
    order = [*sorted(inner, key=len), *classes.paths]
    number = {(): 0} | {names: node for node, names in enumerate(order, start=1)}
    parents = np.array([-1, *(number[names[:-1]] for names in order)])
    try:
        return Hierarchy(
            parents=parents, names=(classes.root, *(names[-1] for names in order)), levels=tuple(classes.levels)
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _check(classes: ClassPaths, source: Path) -> None:
    first: dict[str, tuple[NodePath, str]] = {}
    for names, place in zip(classes.paths, classes.places, strict=True):
        if names[-1] in first:
            raise InputError(
                f"{source}: the class {names[-1]!r} stands twice, {first[names[-1]][1]} and {place}; class names must "
                f"be unique"
            )
        first[names[-1]] = names, place
    for names, place in zip(classes.paths, classes.places, strict=True):
        for depth in range(1, len(names)):
            above, its_place = first.get(names[depth - 1], ((), ""))
            if above == names[:depth]:
                raise InputError(
                    f"{source}: {above[-1]!r} is a class ({its_place}) and has the class {names[-1]!r} below it "
                    f"({place}); it can be only one of the two"
                )


def check_unique(names: Sequence[str], who: str, advice: str) -> None:
    """Refuse a name that stands twice.

    Raises:
        InputError: which names it.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{who} are called {twice[0]!r}; {advice}")
