"""Tables of predictions: CSV and parquet files as named columns that still know their line."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinwise.errors import InputError
from kinwise.judge.checks import Place

_DELIMITERS = (",", ";", "\t")


class Table(NamedTuple):
    """Columns by name, texts or numbers, each of shape (rows,), and where each row stands in the file."""

    columns: dict[str, np.ndarray]
    place: Place


def read_csv(path: Path) -> Table:
    """A CSV file with a header; the delimiter is a comma, a semicolon or a tab; blank lines do not count.

    Raises:
        InputError: when it is empty, not UTF-8, no table, or a line is too short or too long.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=_delimiter(first))
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise InputError(f"{path}: cannot be read as a CSV file in UTF-8 ({error}); save it again as one") from error
    if len(lines) < 2:
        raise InputError(f"{path}: expected a header and a row per picture, got {len(lines)} lines that are not blank")
    header = lines[0][1]
    _check_header(header, path)
    for line, row in lines[1:]:
        if len(row) != len(header):
            raise InputError(f"{path}: line {line}: expected {len(header)} cells as in the header, got {len(row)}")
    columns = zip(*(row for _, row in lines[1:]), strict=True)
    return Table(
        columns={name: np.array(column) for name, column in zip(header, columns, strict=True)},
        place=lambda row: f"{path}: line {lines[row + 1][0]}",
    )


def read_parquet(path: Path) -> Table:
    """A parquet file; needs pyarrow.

    Raises:
        InputError: when pyarrow is not installed, and when the file is damaged or has no rows.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(f"{path}: parquet files need pyarrow; install it with: pip install pyarrow") from error
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path} is damaged or no parquet file ({error})") from error
    names = [str(name) for name in table.column_names]
    _check_header(names, path)
    if not table.num_rows:
        raise InputError(f"{path}: expected a row per picture, got none")
    columns = {name: _plain(table.column(index)) for index, name in enumerate(names)}
    return Table(
        columns={name: column for name, column in columns.items() if not name.startswith("__index_level_")},
        place=lambda row: f"{path}: row {row}",
    )


def numbers(table: Table, names: list[str]) -> np.ndarray:
    """The named columns as float64, shape (rows, columns).

    Raises:
        InputError: for a cell that is no number; the message names its line and column.
    """
    try:
        return np.stack([table.columns[name].astype(np.float64) for name in names], axis=1)
    except (ValueError, TypeError):
        for name in names:
            for row, cell in enumerate(table.columns[name]):
                if not _is_number(cell):
                    raise InputError(
                        f"{table.place(row)}: column {name!r} has {str(cell)!r}, expected a probability such as 0.25"
                    ) from None
        raise


def _delimiter(first_line: str) -> str:
    """The delimiter that makes ``label`` a cell of the header; a comma where none does."""
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([first_line], delimiter=delimiter), [])
        if "label" in [cell.strip() for cell in cells]:
            return delimiter
    return ","


def _check_header(header: list[str], path: Path) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{path}: the column {twice[0]!r} stands twice in the header; keep one of them")


def _is_number(cell: object) -> bool:
    try:
        float(cell)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False
    return True


def _plain(column: object) -> np.ndarray:
    """An arrow column as numbers where it is numeric, else as texts; what is missing becomes NaN or an empty text."""
    array = np.asarray(column)
    if array.dtype.kind in "iufb":
        return array
    return np.array(["" if cell is None else str(cell) for cell in array.tolist()])
