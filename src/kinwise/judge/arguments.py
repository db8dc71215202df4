"""What can be judged: Predictions or plain arrays, and the pictures held out, under the tree to judge by."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions, class_indices


def judged_under(
    predictions: Predictions | np.ndarray | Sequence[np.ndarray],
    labels: np.ndarray | Sequence[int] | None,
    hierarchy: Hierarchy | str | Path | None,
    validation: Predictions | None,
) -> tuple[Predictions, Predictions | None]:
    """What ``score`` takes, as Predictions, and those of the validation pictures, both under the tree to judge by.

    Raises:
        InputError: when shapes, labels, probabilities or names are wrong.
    """
    hierarchy = tree_of(hierarchy)
    judged = _as_predictions(predictions, labels, hierarchy)
    return judged, validation if validation is None or hierarchy is None else validation.under(hierarchy)


def tree_of(hierarchy: Hierarchy | str | Path | None) -> Hierarchy | None:
    """The tree that is meant: itself, a built-in one by its name, or a path; None is none.

    Raises:
        InputError: when there is none of that name, or the file holds none.
    """
    if not isinstance(hierarchy, str | Path):
        return hierarchy
    from kinwise.taxonomy import find

    return find(hierarchy)


def _as_predictions(
    predictions: Predictions | np.ndarray | Sequence[np.ndarray],
    labels: np.ndarray | Sequence[int] | None,
    hierarchy: Hierarchy | None,
) -> Predictions:
    if isinstance(predictions, Predictions):
        if labels is not None:
            raise InputError("Predictions hold their labels; give labels only beside arrays of probabilities")
        return predictions if hierarchy is None else predictions.under(hierarchy)
    if labels is None or hierarchy is None:
        raise InputError("arrays of probabilities need labels and a hierarchy: score(probabilities, labels, hierarchy)")
    if isinstance(predictions, list | tuple) and all(np.ndim(level) == 2 for level in predictions):
        indices = class_indices(labels)
        return Predictions(
            probabilities=tuple(np.asarray(level, dtype=np.float32) for level in predictions),
            labels=indices,
            ids=np.arange(len(indices)).astype(str),
            hierarchy=hierarchy,
        )
    return Predictions.from_classes(np.asarray(predictions), labels, hierarchy)
