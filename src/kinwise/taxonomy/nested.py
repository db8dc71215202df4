"""Trees that nest: JSON objects, read and written, and folders, read."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.taxonomy.paths import ROOT, ClassPaths, NodePath, check_unique


def read_json(text: str, path: Path) -> ClassPaths | Hierarchy:
    """The classes of a nested JSON text, or the tree itself where the text is what ``Hierarchy.to_dict`` gives.

    Raises:
        InputError: when the text is no JSON, or something in it is no name; the message says where.
    """

    def object_without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name.strip() for name, _ in pairs]
        check_unique(names, f"{path}: two members of one object", "siblings need different names")
        return dict(zip(names, (value for _, value in pairs), strict=True))

    try:
        data = json.loads(text, object_pairs_hook=object_without_twins)
        if isinstance(data, dict) and data.keys() == {"levels", "names", "parents"} and _integers(data["parents"]):
            return _own_form(data, path)
        paths = list(_nested_paths(data, (), path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg})") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply to be a tree of classes") from error
    return ClassPaths(paths=paths, places=[" > ".join(names) for names in paths])


def _integers(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(entry, int) for entry in data)


def _own_form(data: dict[str, Any], path: Path) -> Hierarchy:
    try:
        return Hierarchy.from_dict(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _nested_paths(data: Any, above: NodePath, source: Path) -> Iterator[NodePath]:
    """The path of every class below ``above``; ``above`` itself where there is nothing below it."""
    place = f"{source}, below {' > '.join(above)!r}" if above else f"{source}, at the top"
    if data is not None and not isinstance(data, dict | list):
        got = json.dumps(data)[:60]
        raise InputError(f"{place}: expected an object, a list of class names or null, got {got}")
    for name in data or ():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{place}: expected the name of a class, got {json.dumps(name)[:60]}")
        below = data[name] if isinstance(data, dict) else None
        yield from _nested_paths(below, (*above, name.strip()), source)
    if above and not data:
        yield above


def nested(hierarchy: Hierarchy, node: int) -> dict[str, Any] | list[str]:
    """What stands below ``node``, ready for JSON: a list where all children are classes, else an object.

    Raises:
        InputError: when siblings share a name, which an object cannot hold.
    """
    children = hierarchy.children(node)
    names = [hierarchy.names[child] for child in children]
    check_unique(names, f"two nodes below {hierarchy.names[node]!r}", "nested JSON cannot hold that, rename one")
    if names and not hierarchy.heights[children].any():
        return names
    return {name: nested(hierarchy, int(child)) for name, child in zip(names, children, strict=True)}


def read_folder(path: Path) -> ClassPaths:
    """The classes of a folder layout: every folder that has no folders in it.

    Raises:
        InputError: when there are none, or a folder cannot be read.
    """
    try:
        paths = list(_folder_paths(path, (), frozenset()))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error
    if not paths:
        raise InputError(f"{path} has no folders in it; expected one folder per class")
    places = [str(path.joinpath(*names)) for names in paths]
    return ClassPaths(paths=paths, places=places, root=path.resolve().name or ROOT)


def _folder_paths(folder: Path, above: NodePath, entered: frozenset[str]) -> Iterator[NodePath]:
    """The path of every class below ``folder``; a link back to a folder that we stand in is not followed."""
    entered = entered | {os.path.realpath(folder)}
    inside = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    inside = [entry for entry in inside if os.path.realpath(entry) not in entered]
    for entry in inside:
        yield from _folder_paths(entry, (*above, entry.name), entered)
    if above and not inside:
        yield above
