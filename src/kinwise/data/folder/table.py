"""A table of picture files: which columns it has, and what its rows say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinwise.data.folder.names import SUFFIXES, label_name, part_of, printable, suffix_of
from kinwise.errors import InputError
from kinwise.taxonomy.tables import Row, table_rows

PATH_COLUMNS = ("path", "file", "filename", "image")
"""The usual names of the column that holds the files; upper case, spaces and underscores do not count."""

PART_COLUMNS = ("part", "split")
"""The usual names of the column that says train, validation or test."""

_ALSO_PATH = ("filepath", "imagepath", "imagefile", "imagename", "img", "imgpath", "picture", "photo")
_ALSO_PART = ("subset", "partition")
_NUMBERS = "row number"  # what the column without a name is called that some programs put first


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row: the line it stands in, the file as it is written, the label from coarse to fine, and the part or ""."""

    number: int
    file: str
    label: tuple[str, ...]
    part: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of a table of files, the names of its levels, coarse to fine, and what is worth saying about it."""

    lines: tuple[Line, ...]
    levels: tuple[str, ...]
    notes: tuple[str, ...]


def read_table_of_files(path: Path) -> Table:
    """The table in a file: commas, semicolons or tabs between its cells, UTF-8.

    One column holds the files, one may hold the part, and every other one is a level, coarse to fine. Levels that run
    fine to coarse are turned round.

    Raises:
        InputError: when it cannot be read, has not these columns, or a row leaves out a level above one it fills.
    """
    header, rows = table_rows(_text(path), path)
    file_at, part_at = _column(header, PATH_COLUMNS, _ALSO_PATH), _column(header, PART_COLUMNS, _ALSO_PART)
    left_out = [at for at, name in enumerate(header) if name == _NUMBERS]
    if file_at is None:
        file_at = _column_of_pictures(rows, path, header)
    levels = [at for at in range(len(header)) if at not in (file_at, part_at, *left_out)]
    if not levels:
        raise InputError(
            f"{path} has the columns {', '.join(header)}; expected one more for the class, or one per level of the "
            f"tree, coarse to fine"
        )
    notes = []
    if _runs_fine_to_coarse(rows, levels):
        levels = levels[::-1]
        notes.append(f"the columns run fine to coarse and were turned round: {' > '.join(header[at] for at in levels)}")
    lines = tuple(
        Line(
            number=row.line,
            file=row.cells[file_at],
            label=_label(row, levels, header, path),
            part="" if part_at is None else _part(row.cells[part_at], row.line, path),
        )
        for row in rows
    )
    return Table(lines=lines, levels=tuple(printable(header[at]) for at in levels), notes=tuple(notes))


def _text(path: Path) -> str:
    """What is in the file; bytes of file names that are no UTF-8 are kept as Python keeps those of the system."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:4096]:
        raise InputError(f"{path} is not UTF-8 text; save it as CSV in UTF-8")
    text = content.decode("utf-8-sig", "surrogateescape")
    if not text.strip():
        raise InputError(f"{path} is empty; expected a table with the columns path and class")
    return _NUMBERS + text if text[0] in ",;\t" else text


def _column(header: Sequence[str], usual: Sequence[str], also: Sequence[str]) -> int | None:
    """Where the column with one of these names is; the usual names before the others."""
    plain = [name.lower().replace("_", "").replace(" ", "").replace("-", "") for name in header]
    return next((plain.index(name) for name in (*usual, *also) if name in plain), None)


def _column_of_pictures(rows: Sequence[Row], path: Path, header: Sequence[str]) -> int:
    """Where the one column is in which every cell is the name of a picture file."""
    found = [at for at in range(len(header)) if all(suffix_of(row.cells[at]) in SUFFIXES for row in rows)]
    if len(found) == 1 and suffix_of(header[found[0]]) not in SUFFIXES:
        return found[0]
    names = any(suffix_of(name) in SUFFIXES for name in header)
    advice = "; its first line must name the columns: path,class for example" if names else ""
    raise InputError(
        f"{path} has the columns {', '.join(map(printable, header))}; expected one with the picture files, called "
        f"{', '.join(PATH_COLUMNS[:-1])} or {PATH_COLUMNS[-1]}, and one per level of the tree, coarse to fine{advice}"
    )


def _runs_fine_to_coarse(rows: Sequence[Row], levels: Sequence[int]) -> bool:
    """Whether no cell is empty and the number of different names falls from left to right."""
    different = [len({row.cells[at] for row in rows}) for at in levels]
    falls = different == sorted(different, reverse=True) and different[0] > different[-1]
    return falls and all(row.cells[at] for row in rows for at in levels)


def _label(row: Row, levels: Sequence[int], header: Sequence[str], path: Path) -> tuple[str, ...]:
    names = [row.cells[at] for at in levels]
    depth = max((level for level, name in enumerate(names, start=1) if name), default=0)
    if "" in names[:depth]:
        empty, finer = header[levels[names.index("")]], header[levels[depth - 1]]
        raise InputError(f"{path}, line {row.line}: the {empty} is empty but the {finer} is not; fill it")
    if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
        raise InputError(f"{path}, line {row.line}: not UTF-8 text; save the file as UTF-8")
    return tuple(map(label_name, names[:depth]))


def _part(cell: str, line: int, path: Path) -> str:
    if cell and not part_of(cell):
        raise InputError(
            f"{path}, line {line}: the part is {printable(cell)!r}; expected train, validation or test, or an empty "
            f"cell for train"
        )
    return part_of(cell) or "train"
