"""Losses: scores per level, labels per level and the tree in, one number out. Lower is better; all are in nats.

A loss takes ``scores``, one (batch, nodes) tensor per level, coarse to fine; ``labels``, (batch, levels), the index of
the true node within each level, -1 where it is not known; and a ``LossContext`` with what depends on the tree and the
config alone. A new loss is one function plus one line in ``LOSSES``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.learn.heads import Head, IndependentHeads, SummedHead

UNKNOWN = -1
"""The label of a level that is not known: the picture takes no part in that level's term."""

Scores = tuple[Tensor, ...]
Labels = Int[Tensor, "batch levels"]
Scalar = Float[Tensor, ""]


@dataclass(frozen=True, kw_only=True)
class LossContext:
    """What a loss needs beside scores and labels: fixed for a whole training.

    Attributes:
        level_weights: the weight of each level's term, coarse to fine.
        severity_factors: the factor for each severity 0..height of an answer, on the device.
        distances: severity of taking one class for another, (classes, classes), on the device.
        label_smoothing: the share of the class target spread over all classes.
    """

    level_weights: tuple[float, ...]
    severity_factors: Float[Tensor, " severities"]
    distances: Int[Tensor, "classes classes"]
    label_smoothing: float


def loss_context(config: Config, hierarchy: Hierarchy, device: torch.device) -> LossContext:
    """The context that ``config`` describes for this tree.

    Raises:
        InputError: when there are more or fewer weights than levels, or factors than severities.
    """
    levels, height = len(hierarchy.levels), int(hierarchy.distances.max())
    weights = config.level_weights or (0.1,) * (levels - 1) + (1.0,)
    if len(weights) != levels:
        raise InputError(
            f"level_weights: expected {levels}, one for each of {', '.join(hierarchy.levels)}, got {len(weights)}"
        )
    factors = config.severity_factors or (1.0, *(2.0**step for step in range(height)))
    if len(factors) != height + 1:
        raise InputError(
            f"severity_factors: expected {height + 1}, for severities 0 (right) to {height}, got {len(factors)}"
        )
    return LossContext(
        level_weights=tuple(weights),
        severity_factors=torch.tensor(factors, dtype=torch.float32, device=device),
        distances=torch.tensor(hierarchy.distances, device=device),
        label_smoothing=config.label_smoothing,
    )


def flat(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """-log p_y of the classes alone: the baseline that must be beaten. Label smoothing as configured."""
    return _cross_entropy(scores[-1], labels[:, -1], context.label_smoothing)


def levels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """sum_l w_l * CE(head_l, y_l): one head and one cross-entropy per level (reference systems A, B and C).

    With ``IndependentHeads`` every level has scores of its own. With the ``SummedHead`` the same sum is
    -sum_l w_l * log(sum of p_k over the classes k under the true node of level l), called ``ancestor-sum`` (Urbani
    et al. 2024): one proper score over one head, consistent by construction. Only the class term is smoothed: a uniform
    target over the nodes of a coarser level would pull its sums away from the truth.
    """
    total = scores[-1].new_zeros(())
    last = len(scores) - 1
    for level, (weight, level_scores) in enumerate(zip(context.level_weights, scores, strict=True)):
        smoothing = context.label_smoothing if level == last else 0.0
        total = total + weight * _cross_entropy(level_scores, labels[:, level], smoothing)
    return total


def severity_weighted(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """CE * f[d(argmax p, y)], averaged over the batch: graver mistakes count more (reference system C).

    For the gradient the factor is a constant: a graver mistake only pulls harder, whichever wrong class it was. The
    loss is not proper, its minimum lies where the most likely classes tie, so expect under-confident probabilities.
    Kept as a named baseline.
    """
    each = _each_cross_entropy(scores[-1], labels[:, -1], context.label_smoothing)
    return _weighted_by_severity(each, scores, labels, context)


def severity_weighted_levels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """f[d(argmax p, y)] * sum_l w_l * CE(head_l, y_l), averaged over the batch (reference systems A and B).

    ``levels``, weighted by how graver mistakes of the class head count more; ``severity_weighted`` says what that does.
    """
    each = scores[-1].new_zeros(len(labels))
    for level, (weight, level_scores) in enumerate(zip(context.level_weights, scores, strict=True)):
        smoothing = context.label_smoothing if level == len(scores) - 1 else 0.0
        each = each + weight * _each_cross_entropy(level_scores, labels[:, level], smoothing)
    return _weighted_by_severity(each, scores, labels, context)


def _weighted_by_severity(each: Tensor, scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """The mean of ``each`` picture's loss times the factor of its most likely class, where the class is known."""
    truth = labels[:, -1]
    known = truth != UNKNOWN
    severity = context.distances[scores[-1].argmax(dim=1), truth.clamp_min(0)]
    return (context.severity_factors[severity] * known * each).sum() / known.sum().clamp_min(1)


def _each_cross_entropy(scores: Tensor, labels: Tensor, smoothing: float) -> Float[Tensor, " batch"]:
    """The cross-entropy of every picture; 0 where its label is not known."""
    return F.cross_entropy(scores, labels, ignore_index=UNKNOWN, label_smoothing=smoothing, reduction="none")


def _cross_entropy(scores: Tensor, labels: Tensor, smoothing: float) -> Scalar:
    """Mean cross-entropy over the pictures whose label is known; 0 when there is none."""
    total = F.cross_entropy(scores, labels, ignore_index=UNKNOWN, label_smoothing=smoothing, reduction="sum")
    return total / (labels != UNKNOWN).sum().clamp_min(1)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss and the head it is meant for."""

    function: Callable[[Scores, Labels, LossContext], Scalar]
    head: Callable[..., Head]


LOSSES: dict[str, Loss] = {
    "flat": Loss(function=flat, head=SummedHead),
    "levels": Loss(function=levels, head=IndependentHeads),
    "severity-weighted": Loss(function=severity_weighted, head=SummedHead),
    "severity-weighted-levels": Loss(function=severity_weighted_levels, head=IndependentHeads),
    "ancestor-sum": Loss(function=levels, head=SummedHead),
}
