"""Decision rules: from probabilities at every level to one answer per level. No rule needs the network again."""

from collections.abc import Callable
from difflib import get_close_matches

import numpy as np

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions, sum_upward

Rule = Callable[[Predictions], np.ndarray]


def argmax(predictions: Predictions) -> np.ndarray:
    """The most likely class, and its ancestors above it; always a path of the tree."""
    return predictions.hierarchy.level_labels[predictions.probabilities[-1].argmax(axis=1)]


def independent(predictions: Predictions) -> np.ndarray:
    """Each level's own most likely node, whatever the other levels say; may be no path of the tree."""
    return _best_of_each(predictions.probabilities)


def bottom_up(predictions: Predictions) -> np.ndarray:
    """The class probabilities summed upward, then each level's most likely node; may be no path of the tree.

    The coarser levels' own probabilities are not looked at.
    """
    return _best_of_each(sum_upward(predictions.probabilities[-1], predictions.hierarchy))


def top_down(predictions: Predictions) -> np.ndarray:
    """The most likely node of the coarsest level, then the most likely of its children, down to a class.

    Each step compares the next level's own probabilities; always a path of the tree.
    """
    chosen = predictions.probabilities[0].argmax(axis=1)
    answers = [chosen]
    for level, probabilities in enumerate(predictions.probabilities[1:], start=1):
        is_child = _parents_in_level_above(predictions.hierarchy, level) == chosen[:, None]
        chosen = np.where(is_child, probabilities, -1).argmax(axis=1)
        answers.append(chosen)
    return np.stack(answers, axis=1)


RULES: dict[str, Rule] = {
    "argmax": argmax,
    "independent": independent,
    "bottom-up": bottom_up,
    "top-down": top_down,
}


def decide(predictions: Predictions, rule: str = "argmax") -> np.ndarray:
    """The answers of a decision rule: for each level the index within that level, int64, shape (pictures, levels).

    Ties go to the lower index.

    Raises:
        InputError: when there is no such rule.
    """
    if rule not in RULES:
        closest = get_close_matches(rule, RULES, n=1)
        hint = f"did you mean {closest[0]!r}? " if closest else ""
        raise InputError(f"there is no decision rule {rule!r}; {hint}The rules are: {', '.join(RULES)}")
    return RULES[rule](predictions)


def _best_of_each(probabilities: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.stack([level.argmax(axis=1) for level in probabilities], axis=1)


def _parents_in_level_above(hierarchy: Hierarchy, level: int) -> np.ndarray:
    """For each node of a level its parent's index one level up; a class that ends earlier is its own parent."""
    parents = np.empty(hierarchy.level_sizes[level], dtype=np.int64)
    parents[hierarchy.level_labels[:, level]] = hierarchy.level_labels[:, level - 1]
    return parents
