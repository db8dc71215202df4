"""Predictions of any framework, from a file: npz, CSV, parquet, or what kinwise saves itself.

Every format ends in the same checks, so each kind of wrong input gets one message that names file, row and column.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.checks import class_labels, column_order, normalised, softmax, texts_of
from kinwise.judge.predictions import Predictions, sum_upward
from kinwise.judge.tables import Table, numbers, read_csv, read_parquet

SUFFIXES = (".npz", ".csv", ".tsv", ".parquet", ".safetensors")

_KINDS = {"probabilities": normalised, "logits": softmax, "scores": softmax}
_ONLY_ANSWERS = "answers only: likelihood, Brier score, calibration and distances at k mean little"


def read_predictions(path: str | Path, hierarchy: Hierarchy | None = None) -> Predictions:
    """Predictions from a file that any framework may have written.

    - ``.npz``: ``probabilities``, or ``logits`` or ``scores`` (turned into probabilities by a softmax), shape
      (pictures, classes); ``labels``, class names or indices; optionally ``classes``, the names of the columns (without
      it they stand in the order of the hierarchy's classes), ``ids``, and for a level's own head
      ``probabilities_LEVEL`` (``logits_LEVEL``, ``scores_LEVEL``) with ``classes_LEVEL``.
    - ``.csv``, ``.tsv``, ``.parquet``: a column ``label`` with class names or indices, one column of probabilities per
      class, named after it, and optionally ``id``; or only ``label`` and ``prediction``, where the answered class gets
      probability 1 and the figures that judge probabilities mean little (``source`` says so).
    - ``.safetensors``: what kinwise saved. It holds its hierarchy, and is judged under another where one is given.

    A row of probabilities may miss the sum 1 by 0.01, for rounding, and is divided by its sum. Levels without a head of
    their own are sums of class probabilities. Indices count the file's own ``classes`` where it has them.

    Raises:
        InputError: when something in the file is wrong or missing; the message names file, row and column.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a file of predictions ({', '.join(SUFFIXES)}), got suffix {suffix!r}")
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a file of predictions ({', '.join(SUFFIXES)})")
    if suffix == ".safetensors":
        own = Predictions.load(path)
        return own if hierarchy is None or hierarchy == own.hierarchy else own.under(hierarchy)
    if hierarchy is None:
        raise InputError(f"{path} holds no hierarchy; name one: a built-in tree or a file")
    if suffix == ".npz":
        return _from_arrays(_read_npz(path), hierarchy, path)
    return _from_table(read_parquet(path) if suffix == ".parquet" else read_csv(path), hierarchy, path)


# --- npz -------------------------------------------------------------------------------------------------------------


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.ndarray):
                return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        if "pickle" in str(error).lower():
            raise InputError(
                f"{path} holds pickled objects, or is no npz file at all; pickles are not opened because they can run "
                "code: save plain arrays of numbers and texts with numpy.savez"
            ) from error
        raise InputError(f"{path} is damaged or no npz file ({error}); save it again with numpy.savez") from error
    raise InputError(f"{path} is one bare array; save it with numpy.savez(path, probabilities=..., labels=...)")


def _from_arrays(arrays: Mapping[str, np.ndarray], hierarchy: Hierarchy, path: Path) -> Predictions:
    arrays = _known(arrays, hierarchy, path)
    *heads, classes = (_head(arrays, level, hierarchy, path) for level in range(len(hierarchy.levels)))
    if classes is None or "labels" not in arrays:
        raise InputError(
            f"{path}: expected the arrays 'probabilities' (or 'logits'), shape (pictures, {len(hierarchy.classes)}), "
            f"and 'labels', got: {', '.join(arrays) or 'none'}"
        )
    if not len(classes):
        raise InputError(f"{path}: expected a row per picture, got none")
    columns = _names(arrays, "classes") or hierarchy.classes
    labels = class_labels(arrays["labels"], columns, hierarchy, lambda row: f"{path}: labels: row {row}")
    ids = texts_of(arrays["ids"]) if "ids" in arrays else np.arange(len(labels)).astype(str)
    pairs = zip(sum_upward(classes, hierarchy), [*heads, classes], strict=True)
    probabilities = tuple(summed if head is None else head for summed, head in pairs)
    lengths = {"labels": labels, "ids": ids, **dict(zip(hierarchy.levels, probabilities, strict=True))}
    for name, array in lengths.items():
        if len(array) != len(classes):
            raise InputError(
                f"{path}: {name}: expected {len(classes)} rows as in the class probabilities, got {len(array)}"
            )
    return Predictions(probabilities=probabilities, labels=labels, ids=ids, hierarchy=hierarchy, source=path.name)


def _known(arrays: Mapping[str, np.ndarray], hierarchy: Hierarchy, path: Path) -> dict[str, np.ndarray]:
    """The arrays with ``probabilities_CLASSLEVEL`` named ``probabilities``; a head for no level is an error."""
    known: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        kind, underscore, level = name.partition("_")
        is_head = kind in (*_KINDS, "classes") and underscore
        if is_head and level not in hierarchy.levels:
            raise InputError(
                f"{path}: the array {name!r} belongs to no level; those of the hierarchy are: "
                f"{', '.join(hierarchy.levels)}"
            )
        short = kind if is_head and level == hierarchy.levels[-1] else name
        if short in known:
            raise InputError(f"{path}: {short!r} and '{short}_{hierarchy.levels[-1]}' are the same; keep one of them")
        known[short] = array
    return known


def _head(arrays: Mapping[str, np.ndarray], level: int, hierarchy: Hierarchy, path: Path) -> np.ndarray | None:
    """The probabilities of a level, columns in the hierarchy's order; None where the file has none for it."""
    what, nodes = hierarchy.levels[level], hierarchy.level_names(level)
    ending = "" if level == len(hierarchy.levels) - 1 else f"_{what}"
    found = [f"{kind}{ending}" for kind in _KINDS if f"{kind}{ending}" in arrays]
    if not found:
        return None
    if len(found) > 1:
        raise InputError(f"{path}: {' and '.join(map(repr, found))} say the same thing twice; keep one of them")
    name, array = found[0], arrays[found[0]]
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != len(nodes):
        raise InputError(
            f"{path}: {name}: expected numbers of shape (pictures, {len(nodes)}), one column per {what}, got "
            f"{array.dtype} of shape {array.shape}"
        )
    columns = _names(arrays, f"classes{ending}")
    if columns:
        array = array[:, column_order(columns, nodes, what, f"{path}: classes{ending}")]
    return _KINDS[name.removesuffix(ending)](array, nodes, lambda row: f"{path}: {name}: row {row}")


def _names(arrays: Mapping[str, np.ndarray], key: str) -> list[str]:
    """The names that the file gives to the columns of a head; none where it gives none."""
    return texts_of(arrays[key]).ravel().tolist() if key in arrays else []


# --- tables ----------------------------------------------------------------------------------------------------------


def _from_table(table: Table, hierarchy: Hierarchy, path: Path) -> Predictions:
    columns = table.columns
    if "label" not in columns:
        raise InputError(f"{path}: expected a column 'label', got the columns: {_listing(list(columns))}")
    labels = class_labels(columns["label"], hierarchy.classes, hierarchy, table.place)
    names = [name for name in columns if name not in ("id", "label", "prediction")]
    if "prediction" in columns and names:
        raise InputError(
            f"{path}: has a column 'prediction' and probabilities ({_listing(names)}); keep one of the two"
        )
    ids = columns["id"].astype(str) if "id" in columns else np.arange(len(labels)).astype(str)
    source = path.name
    if "prediction" in columns:
        answers = class_labels(columns["prediction"], hierarchy.classes, hierarchy, table.place)
        probabilities = np.eye(len(hierarchy.classes), dtype=np.float32)[answers]
        source = f"{path.name} ({_ONLY_ANSWERS})"
    else:
        order = column_order(names, hierarchy.classes, hierarchy.levels[-1], str(path))
        ordered = [names[index] for index in order]
        probabilities = normalised(numbers(table, ordered), ordered, table.place)
    return Predictions.from_classes(probabilities, labels, hierarchy, ids=ids, source=source)


def _listing(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
