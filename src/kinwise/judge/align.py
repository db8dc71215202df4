"""The same pictures in the same order: what several predictions need before they can be compared picture by picture."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.splits import OFFICIAL

_MOST_NAMED = 3


def align(
    predictions: Sequence[Predictions], names: Sequence[str], hierarchy: Hierarchy | None = None
) -> list[Predictions]:
    """All predictions under one tree, their pictures in the order of the first; pictures are told apart by their ids.

    Args:
        predictions: of the same pictures, in any order.
        names: what to call each in messages.
        hierarchy: the tree for all, the coarser levels being sums of class probabilities; without one, their own.

    Raises:
        InputError: when the pictures differ (how many, which, and the likely reason), when they have another order
            and an id stands twice, when the true classes of a picture differ, and when the trees differ and no
            ``hierarchy`` is given.
    """
    first, *others = predictions
    for other, name in zip(others, names[1:], strict=True):
        _check_pictures(first, other, (names[0], name))
    placed = [first, *(_in_order_of(first.ids, other) for other in others)]
    for other, name in zip(placed[1:], names[1:], strict=True):
        _check_labels(first, other, (names[0], name))
    if hierarchy is not None:
        return [under(hierarchy, one, name) for one, name in zip(placed, names, strict=True)]
    for other, name in zip(others, names[1:], strict=True):
        if other.hierarchy != first.hierarchy:
            raise InputError(
                f"{names[0]} and {name} were judged under different trees ({_tree(first)}, and {_tree(other)}); say by "
                "which to judge all: --hierarchy NAME|FILE, or hierarchy=..."
            )
    return placed


def _tree(predictions: Predictions) -> str:
    tree = predictions.hierarchy
    return ", ".join(f"{size} {level}" for level, size in zip(tree.levels, tree.level_sizes, strict=True))


# --- which pictures ----------------------------------------------------------------------------------------------


def _check_pictures(first: Predictions, other: Predictions, names: tuple[str, str]) -> None:
    if np.array_equal(first.ids, other.ids):
        return  # an id that stands twice does no harm: the official test part of CIFAR-100 has one
    parts = [
        f"{len(only):,} of {len(one):,} only in {name} ({_listing(only)})"
        for one, another, name in ((first, other, names[0]), (other, first, names[1]))
        if len(only := one.ids[~np.isin(one.ids, another.ids)])
    ]
    if parts:
        raise InputError(
            f"{names[0]} and {names[1]} have different test pictures: {', '.join(parts)}. "
            f"{_likely_reason(first, other, names)}"
        )
    for one, name in zip((first, other), names, strict=True):
        ids, counts = np.unique(one.ids, return_counts=True)
        if counts.max() > 1:
            raise InputError(
                f"{names[0]} and {names[1]} have their pictures in different orders, and in {name} "
                f"{_listing(ids[counts > 1])} stands more than once, so it is not clear which picture is which; give "
                "every picture an id of its own, or both the same order"
            )


def _likely_reason(first: Predictions, other: Predictions, names: tuple[str, str]) -> str:
    if first.split != other.split:
        return (
            f"{names[0]} has the split {first.split}, {names[1]} the split {other.split}: train both on the same split"
        )
    for one, name in zip((first, other), names, strict=True):
        if np.array_equal(one.ids, np.arange(len(one)).astype(str)):
            return f"{name} seems to have no ids but the numbers of its rows: give it the ids of the other"
    if first.source != other.source:
        return f"{names[0]} comes from {first.source!r}, {names[1]} from {other.source!r}: judge both on the same data"
    if first.split != OFFICIAL:
        return f"Both have the split {first.split}, which each seed draws anew: train both with the same seed"
    return "Judge both on the same pictures"


def _in_order_of(ids: np.ndarray, predictions: Predictions) -> Predictions:
    """The same predictions with their pictures in the order of ``ids``, which hold the same names."""
    if np.array_equal(ids, predictions.ids):
        return predictions
    sorter = np.argsort(predictions.ids)
    rows = sorter[np.searchsorted(predictions.ids, ids, sorter=sorter)]
    marks = predictions.near_duplicate
    return replace(
        predictions,
        probabilities=tuple(level[rows] for level in predictions.probabilities),
        labels=predictions.labels[rows],
        ids=predictions.ids[rows],
        near_duplicate=None if marks is None else marks[rows],
    )


def _check_labels(first: Predictions, other: Predictions, names: tuple[str, str]) -> None:
    truths = [np.array(one.hierarchy.classes)[one.labels] for one in (first, other)]
    differ = np.flatnonzero(truths[0] != truths[1])
    if len(differ):
        row = differ[0]
        raise InputError(
            f"{names[0]} and {names[1]} give {len(differ):,} of {len(first):,} pictures different true classes, for "
            f"example {str(first.ids[row])!r}: {str(truths[0][row])!r} and {str(truths[1][row])!r}. Have the labels "
            "been changed, or the ids been given in another order?"
        )


# --- one tree ------------------------------------------------------------------------------------------------------


def under(tree: Hierarchy, predictions: Predictions, name: str) -> Predictions:
    """The class probabilities under ``tree``, whose order of the classes they take."""
    own = predictions.hierarchy
    try:
        tree.with_class_order(own.classes)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    columns = [own.class_index[class_] for class_ in tree.classes]
    numbers = np.array([tree.class_index[class_] for class_ in own.classes])
    judged = Predictions.from_classes(
        predictions.probabilities[-1][:, columns],
        numbers[predictions.labels],
        tree,
        ids=predictions.ids,
        split=predictions.split,
        source=predictions.source,
    )
    return replace(judged, near_duplicate=predictions.near_duplicate)


def _listing(ids: np.ndarray) -> str:
    shown = ", ".join(repr(str(one)) for one in ids[:_MOST_NAMED])
    return shown if len(ids) <= _MOST_NAMED else f"{shown} and so on"
