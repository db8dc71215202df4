"""Trees as CSV: a table of levels, or one of parents and children."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.taxonomy.paths import ROOT, ClassPaths, NodePath, check_unique


@dataclass(frozen=True, kw_only=True)
class Row:
    """The stripped cells of one row of a table, as many as the header has, and the line it ends in."""

    line: int
    cells: list[str]


def read_table(text: str, path: Path) -> ClassPaths:
    """The classes of a CSV text: parents and children where the header says so, else a table of levels.

    Raises:
        InputError: when it is no table or not that of a tree; the message names the lines.
    """
    header, rows = table_rows(text, path)
    if _is_parent_child(header):
        return _read_parent_child([name.lower() for name in header], rows, path)
    return _read_levels(header, rows, path)


def table_rows(text: str, path: Path) -> tuple[list[str], list[Row]]:
    """The header and the other rows that are not blank.

    Raises:
        InputError: when the text is no table: a row that is too long, column names that are empty or the same, no rows.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        rows = [Row(line=reader.line_num, cells=[cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not CSV ({error})") from error
    head, *rows = [row for row in rows if any(row.cells)] or [Row(line=1, cells=[""])]
    header = head.cells
    if not all(header) or len(set(header)) != len(header):
        raise InputError(f"{path}, line {head.line}: column names must be different and not empty, got {header}")
    if not rows:
        raise InputError(f"{path} has a header ({', '.join(header)}) but no rows")
    for row in rows:
        if len(row.cells) > len(header):
            raise InputError(f"{path}, line {row.line}: {len(row.cells)} cells, but the header has {len(header)}")
        row.cells.extend([""] * (len(header) - len(row.cells)))
    return header, rows


def _delimiter(text: str) -> str:
    """The mark that cuts the first line into most cells; a mark between quotes does not count."""
    outside_quotes = "".join(text.lstrip().splitlines()[0].split('"')[::2])
    return max(",;\t", key=outside_quotes.count)


def _is_parent_child(header: Sequence[str]) -> bool:
    return sorted(name.lower() for name in header) == ["child", "parent"]


def _read_levels(header: list[str], rows: list[Row], path: Path) -> ClassPaths:
    if _runs_fine_to_coarse(rows):
        header, rows = header[::-1], [Row(line=row.line, cells=row.cells[::-1]) for row in rows]
    if not any(row.cells[-1] for row in rows):
        raise InputError(f"{path}: the column {header[-1]!r} is empty; fill it or leave it out")
    paths = [_level_path(header, row, path) for row in rows]
    first: dict[tuple[int, str], tuple[str, int]] = {}
    for names, row in zip(paths, rows, strict=True):
        for level in range(1, len(names) - 1):
            parent, line = first.setdefault((level, names[level]), (names[level - 1], row.line))
            if parent != names[level - 1]:
                raise InputError(
                    f"{path}: the {header[level]} {names[level]!r} stands under {parent!r} (line {line}) and under "
                    f"{names[level - 1]!r} (line {row.line}); a node has one parent"
                )
    return ClassPaths(paths=paths, places=[f"line {row.line}" for row in rows], levels=header)


def _runs_fine_to_coarse(rows: list[Row]) -> bool:
    """Whether no cell is empty and the number of different names falls from left to right."""
    different = [len(set(column)) for column in zip(*(row.cells for row in rows), strict=True)]
    falls = different == sorted(different, reverse=True) and different[0] > different[-1]
    return falls and all(all(row.cells) for row in rows)


def _level_path(header: list[str], row: Row, path: Path) -> NodePath:
    depth = max(level for level, name in enumerate(row.cells, start=1) if name)
    names = tuple(row.cells[:depth])
    if "" in names:
        empty, finer = header[names.index("")], header[depth - 1]
        raise InputError(f"{path}, line {row.line}: the {empty} is empty but the {finer} is not; fill it")
    return names


def _read_parent_child(header: list[str], rows: list[Row], path: Path) -> ClassPaths:
    parents: dict[str, str] = {}
    lines: dict[str, int] = {}
    for row in rows:
        parent, child = row.cells[header.index("parent")], row.cells[header.index("child")]
        if not child:
            raise InputError(f"{path}, line {row.line}: the child is empty; every row names a child")
        if child == parent:
            raise InputError(f"{path}, line {row.line}: {child!r} is its own parent")
        if child in parents:
            raise InputError(
                f"{path}: {child!r} stands under {parents[child]!r} (line {lines[child]}) and again under {parent!r} "
                f"(line {row.line}); every node has one row and one parent"
            )
        parents[child], lines[child] = parent, row.line
    _check_tops(parents, lines, path)
    ways = {name: _way_down(name, parents, lines, path) for name in parents}
    inner = set(parents.values())
    tops = {names[0] for names in ways.values()}
    single = len(tops) == 1 and tops <= inner
    leaves = [name for name in parents if name not in inner]
    return ClassPaths(
        paths=[ways[name][1:] if single else ways[name] for name in leaves],
        places=[f"line {lines[name]}" for name in leaves],
        root=tops.pop() if single else ROOT,
    )


def _check_tops(parents: dict[str, str], lines: dict[str, int], path: Path) -> None:
    """Refuse parents without a row, unless there is just one of them and no row declares a top node."""
    missing: dict[str, str] = {}
    for child, parent in parents.items():
        if parent and parent not in parents:
            missing.setdefault(parent, child)
    if missing and (len(missing) > 1 or "" in parents.values()):
        places = ", ".join(f"{parent!r} (line {lines[child]})" for parent, child in missing.items())
        raise InputError(
            f"{path}: parents that no row has as a child: {places}. Correct the name, or, for a node at the top, add a "
            f"row with an empty parent"
        )


def _way_down(name: str, parents: dict[str, str], lines: dict[str, int], path: Path) -> NodePath:
    """The names from the top node down to ``name``."""
    way = [name]
    while parent := parents.get(way[-1], ""):
        if parent in way:
            cycle = [*way[way.index(parent) :], parent]
            raise InputError(
                f"{path}, line {lines[parent]}: a cycle: {' under '.join(map(repr, cycle))}; correct one of these rows"
            )
        way.append(parent)
    return tuple(way[::-1])


def level_rows(hierarchy: Hierarchy) -> Iterator[Sequence[str]]:
    """The rows of the table of levels, its header first.

    Raises:
        InputError: when two inner nodes of one level share a name, or the header would say parent and child.
    """
    if _is_parent_child(hierarchy.levels):
        raise InputError("levels called parent and child make a parent-child table: take that layout, or rename them")
    inner = np.flatnonzero(hierarchy.heights > 0)
    for depth, level in enumerate(hierarchy.levels, start=1):
        names = [hierarchy.names[node] for node in inner[hierarchy.depths[inner] == depth]]
        check_unique(names, f"two nodes of the level {level!r}", "a table of levels cannot hold that, rename one")
    yield hierarchy.levels
    for leaf in hierarchy.leaves:
        yield [hierarchy.names[node] for node in hierarchy.ancestors(leaf)[1:]]


def parent_child_rows(hierarchy: Hierarchy) -> Iterator[Sequence[str]]:
    """The rows of the parent-child table, its header first; the root has a row only where it has one child.

    Raises:
        InputError: when two nodes share a name.
    """
    with_root = len(hierarchy.children(0)) == 1
    root = hierarchy.names[0].strip() or ROOT
    names = (root if with_root else "", *hierarchy.names[1:])
    check_unique(names, "two nodes", "a parent-child table cannot hold that, rename one")
    yield "parent", "child"
    for node in range(0 if with_root else 1, len(names)):
        yield names[hierarchy.parents[node]] if node else "", names[node]


def table_text(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    """The rows as CSV."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
