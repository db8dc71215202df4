"""Predictions: what a classifier said about pictures whose classes are known. All judging starts here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.splits import OFFICIAL, comparable

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
"""2^-23: nothing counts as less likely where a logarithm is taken."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Probabilities at every level of a hierarchy for pictures with known classes.

    Attributes:
        probabilities: one float32 array per level, coarse to fine, shape (pictures, nodes of that level); each row is
            >= 0 and sums to 1. The last one is over the classes.
        labels: the class index of each picture, int64, shape (pictures,).
        ids: a name for each picture, shape (pictures,).
        hierarchy: the tree.
        split: the split the pictures are the test part of; "drawn 80:20" where they came without one, and anything
            but that and "official" is not comparable with the official one.
        source: the data set, or the file they came from.
        near_duplicate: whether each picture has a near-duplicate among those that were learned from, bool, shape
            (pictures,); None where that is not known.

    Raises:
        InputError: when shapes, labels or probabilities do not fit.
    """

    probabilities: tuple[np.ndarray, ...]
    labels: np.ndarray
    ids: np.ndarray
    hierarchy: Hierarchy
    split: str = OFFICIAL
    source: str = ""
    near_duplicate: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check that everything fits everything."""
        count, sizes = len(self.labels), self.hierarchy.level_sizes
        if len(self.probabilities) != len(sizes):
            raise InputError(f"expected probabilities at {len(sizes)} levels, got {len(self.probabilities)}")
        for name, size, array in zip(self.hierarchy.levels, sizes, self.probabilities, strict=True):
            if array.shape != (count, size):
                raise InputError(f"probabilities at level {name!r}: expected shape {(count, size)}, got {array.shape}")
            _check_probabilities(name, array)
        if self.ids.shape != (count,):
            raise InputError(f"ids: expected one per picture ({count}), got shape {self.ids.shape}")
        if self.near_duplicate is not None and (
            self.near_duplicate.shape != (count,) or self.near_duplicate.dtype != np.bool_
        ):
            raise InputError(
                f"near_duplicate: expected one bool per picture ({count}), got {self.near_duplicate.dtype} of shape "
                f"{self.near_duplicate.shape}"
            )
        if not count:
            raise InputError("there are no predictions to judge: 0 pictures")
        if self.labels.min() < 0 or self.labels.max() >= sizes[-1]:
            raise InputError(
                f"labels must be class indices in 0..{sizes[-1] - 1}, got {self.labels.min()}..{self.labels.max()}"
            )

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.labels)

    @property
    def comparable(self) -> bool:
        """Whether scores may stand beside others on the same data; see ``splits.comparable``."""
        return comparable(self.split)

    @staticmethod
    def from_classes(
        probabilities: np.ndarray,
        labels: np.ndarray | Sequence[int],
        hierarchy: Hierarchy,
        *,
        ids: np.ndarray | None = None,
        split: str = OFFICIAL,
        source: str = "",
    ) -> "Predictions":
        """Predictions from class probabilities alone, shape (pictures, classes): coarser levels are their sums."""
        with np.errstate(over="ignore"):
            probabilities = np.asarray(probabilities, dtype=np.float32)
        if probabilities.ndim != 2 or probabilities.shape[1] != len(hierarchy.classes):
            raise InputError(
                f"expected class probabilities of shape (pictures, {len(hierarchy.classes)}), got {probabilities.shape}"
            )
        _check_probabilities(hierarchy.levels[-1], probabilities)
        labels = class_indices(labels)
        return Predictions(
            probabilities=sum_upward(probabilities, hierarchy),
            labels=labels,
            ids=np.array([str(index) for index in range(len(labels))]) if ids is None else np.asarray(ids),
            hierarchy=hierarchy,
            split=split,
            source=source,
        )

    def under(self, hierarchy: Hierarchy) -> "Predictions":
        """The same class probabilities judged under another tree over the same classes.

        Raises:
            InputError: when the other tree has other classes.
        """
        judged = Predictions.from_classes(
            self.probabilities[-1],
            self.labels,
            hierarchy.with_class_order(self.hierarchy.classes),
            ids=self.ids,
            split=self.split,
            source=self.source,
        )
        return replace(judged, near_duplicate=self.near_duplicate)

    def save(self, path: Path) -> None:
        """Write everything into one safetensors file; the hierarchy stands in its header."""
        arrays = {f"level{level}": np.ascontiguousarray(p, np.float32) for level, p in enumerate(self.probabilities)}
        arrays["labels"] = self.labels.astype(np.int64)
        if self.near_duplicate is not None:
            arrays["near_duplicate"] = np.ascontiguousarray(self.near_duplicate)
        header = {"split": self.split, "source": self.source, "hierarchy": json.dumps(self.hierarchy.to_dict())}
        save_file(arrays, path, metadata={**header, "ids": json.dumps([str(name) for name in self.ids])})

    @staticmethod
    def load(path: Path) -> "Predictions":
        """Read what ``save`` wrote.

        Raises:
            InputError: when the file is missing, damaged or something else.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header, names = file.metadata() or {}, file.keys()
                hierarchy = Hierarchy.from_dict(json.loads(header["hierarchy"]))
                return Predictions(
                    probabilities=tuple(file.get_tensor(f"level{i}") for i in range(len(hierarchy.levels))),
                    labels=file.get_tensor("labels"),
                    ids=np.array(json.loads(header["ids"])),
                    hierarchy=hierarchy,
                    split=header["split"],
                    source=header["source"],
                    near_duplicate=file.get_tensor("near_duplicate") if "near_duplicate" in names else None,
                )
        except FileNotFoundError as error:
            raise InputError(f"no predictions at {path}") from error
        except (SafetensorError, KeyError, OSError, json.JSONDecodeError) as error:
            raise InputError(f"{path} is damaged or holds no predictions ({error})") from error


def class_indices(labels: np.ndarray | Sequence[int]) -> np.ndarray:
    """Labels as int64, shape (pictures,).

    Raises:
        InputError: when they are no single row of whole numbers.
    """
    array = np.asarray(labels)
    whole = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and bool((np.isfinite(array) & (array == np.floor(array))).all())
    )
    if array.ndim != 1 or (len(array) and not whole):
        raise InputError(
            f"labels must be one whole number (a class index) per picture, got {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)


def _check_probabilities(level: str, array: np.ndarray) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        sums = array.sum(axis=1)
        good = (array >= 0).all(axis=1) & (abs(sums - 1) <= 1e-3)
    if not good.all():
        row = int(np.argmin(good))
        raise InputError(
            f"probabilities at level {level!r} must be >= 0 and sum to 1 for every picture, but picture {row} has a "
            f"minimum of {array[row].min():.4g} and a sum of {sums[row]:.4g}; raw scores need a softmax first"
        )


def sum_upward(probabilities: np.ndarray, hierarchy: Hierarchy) -> tuple[np.ndarray, ...]:
    """Probabilities at every level from those of the classes, (pictures, classes): a node has its classes' sum."""
    above = hierarchy.ancestor_matrix.astype(np.float32)
    coarser = [probabilities @ above[nodes].T for nodes in hierarchy.level_nodes[:-1]]
    return (*coarser, probabilities)
