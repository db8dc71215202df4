"""Failures worth looking at: which of the mistakes to show first, so that they differ from each other."""

from dataclasses import dataclass

REASONS = {
    "confident": "the network was very sure",
    "severe": "the answer is far from the truth",
    "frequent": "this confusion is one of the most frequent",
    "branch": "this branch of the tree has no other example",
    "doubtful": "the label may be wrong",
}
"""Why a failure was chosen, by the key that says so."""


@dataclass(frozen=True, kw_only=True)
class LevelAnswer:
    """What was true and what was answered at one level.

    Attributes:
        level: the name of the level.
        true: the true node.
        answered: the node that was answered.
        confidence: the probability of the answered node, 0..1.
        true_confidence: the probability of the true node, 0..1.
    """

    level: str
    true: str
    answered: str
    confidence: float
    true_confidence: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One picture that did not get its class.

    Attributes:
        row: its place among the predictions, counted from 0.
        id: its name: a file, mostly.
        reasons: why it was chosen, keys of ``REASONS``, one or more.
        path: what was true and answered at every level, coarse to fine; the last is the class.
        severity: the height of the lowest common ancestor of the true and the answered class, 1..height.
        label_doubt: how likely its label is wrong, 0..1 (see ``doubt``).
        near_duplicate: whether a training picture is nearly the same; None where that is not known.
    """

    row: int
    id: str
    reasons: tuple[str, ...]
    path: tuple[LevelAnswer, ...]
    severity: int
    label_doubt: float
    near_duplicate: bool | None
