"""Checks of what a file says: numbers, names and columns that somebody else wrote. Each error names its place."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy

Place = Callable[[int], str]
"""From the index of a row to where it stands, for messages: "answers.csv: line 12"."""

SUM_TOLERANCE = 1e-2


def normalised(array: np.ndarray, columns: Sequence[str], place: Place) -> np.ndarray:
    """Probabilities as float32 rows that sum to 1, from rows whose sum may be off by 0.01 through rounding.

    Raises:
        InputError: for a value that is not finite or below 0, and for a row whose sum is further off.
    """
    finite = _finite(array, columns, place)
    sums = finite.sum(axis=1)
    wrong = (finite < 0).any(axis=1) | (abs(sums - 1) > SUM_TOLERANCE)
    if wrong.any():
        row = int(wrong.argmax())
        column = int(finite[row].argmin())
        fault = f"the values sum to {sums[row]:.4g}, expected 1"
        if finite[row, column] < 0:
            fault = f"column {columns[column]!r} has {finite[row, column]:.4g}, expected a probability >= 0"
        raise InputError(
            f"{place(row)}: {fault}; if these are raw scores (logits), apply a softmax, or save them as 'logits' in an "
            "npz file"
        )
    return (finite / sums[:, None]).astype(np.float32)


def softmax(array: np.ndarray, columns: Sequence[str], place: Place) -> np.ndarray:
    """Probabilities exp(s_k) / sum_j exp(s_j) as float32, from raw scores s, shape (pictures, nodes).

    Raises:
        InputError: for a score that is not finite.
    """
    finite = _finite(array, columns, place)
    powers = np.exp(finite - finite.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def column_order(columns: Sequence[str], nodes: Sequence[str], level: str, where: str) -> np.ndarray:
    """For each of the nodes of a level its position among the columns of a file.

    Raises:
        InputError: when a column is unknown, missing or there twice.
    """
    known = set(nodes)
    for column in columns:
        if column not in known:
            raise InputError(f"{where}: {column!r} is no {level} of the hierarchy{_closest(column, nodes)}")
    position = {column: index for index, column in enumerate(columns)}
    missing = [node for node in nodes if node not in position]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        listing = ", ".join(repr(node) for node in missing[:3])
        raise InputError(f"{where}: nothing for {listing}{more}; every {level} of the hierarchy needs a column")
    if len(columns) != len(position):
        twice = next(column for index, column in enumerate(columns) if position[column] != index)
        raise InputError(f"{where}: the column {twice!r} stands twice; keep one of them")
    return np.array([position[node] for node in nodes])


def class_labels(values: np.ndarray, columns: Sequence[str], hierarchy: Hierarchy, place: Place) -> np.ndarray:
    """Class indices within the hierarchy, int64, from class names or from indices that count ``columns``.

    Texts are names when each of them is a class, and numbers otherwise.

    Raises:
        InputError: for a class that is unknown and an index that is out of range.
    """
    if values.dtype.kind in "US" and values.ndim == 1:
        texts = [text.strip() for text in texts_of(values).tolist()]
        unknown = [row for row, text in enumerate(texts) if text not in hierarchy.class_index]
        if not unknown:
            return np.array([hierarchy.class_index[text] for text in texts], dtype=np.int64)
        if not all(text.removeprefix("-").isdecimal() for text in texts):
            name = texts[unknown[0]]
            raise InputError(
                f"{place(unknown[0])}: {name!r} is no class of the hierarchy{_closest(name, hierarchy.classes)}"
            )
        values = np.array([int(text) for text in texts])
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise InputError(
            f"{place(0)}: expected one class name or index per picture, got {values.dtype} of shape {values.shape}"
        )
    right = (values >= 0) & (values < len(columns)) & (values == np.floor(values))
    if not right.all():
        row = int(right.argmin())
        raise InputError(f"{place(row)}: {values[row]} is no class index; expected 0..{len(columns) - 1}")
    return np.array([hierarchy.class_index[name] for name in columns])[values.astype(np.int64)]


def texts_of(array: np.ndarray) -> np.ndarray:
    """An array of names as Unicode texts, whatever it was stored as."""
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(str)


def _finite(array: np.ndarray, columns: Sequence[str], place: Place) -> np.ndarray:
    array = array.astype(np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InputError(f"{place(int(row))}: column {columns[column]!r} has {array[row, column]}, expected a number")
    return array


def _closest(name: str, names: Sequence[str]) -> str:
    closest = get_close_matches(name, names, n=1)
    return f"; did you mean {closest[0]!r}?" if closest else f", which has {names[0]!r}, {names[1]!r} and so on"
