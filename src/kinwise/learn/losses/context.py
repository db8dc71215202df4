"""What every loss is given: scores per level, labels per level, and what depends on the tree and the config alone."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy

UNKNOWN = -1
"""The label of a level that is not known."""

Scores = tuple[Tensor, ...]
Labels = Int[Tensor, "batch levels"]
Scalar = Float[Tensor, ""]
PerPicture = Float[Tensor, " batch"]


@dataclass(frozen=True, kw_only=True)
class LossContext:
    """What a loss needs beside scores and labels: fixed for a whole training, every tensor on the device.

    Attributes:
        config: the strengths of the losses, and the label smoothing.
        level_weights: the weight of each level's term, coarse to fine.
        severity_factors: the factor for each severity 0..height of an answer; learned-severity changes them in place.
        distances: severity of taking one class for another, d(a, b), (classes, classes).
        class_levels: the index of each class within each level, (classes, levels).
        level_heights: the height of each node, a tensor for each level, (nodes of that level,).
        parents: for each level the index, one level up, of every node's parent; zeros for the coarsest.
        new_at: for each level which of its nodes are not yet at the level above (a class that ends early is).
        partial: whether some labels may stop at an inner node.
    """

    config: Config
    level_weights: tuple[float, ...]
    severity_factors: Float[Tensor, " severities"]
    distances: Int[Tensor, "classes classes"]
    class_levels: Int[Tensor, "classes levels"]
    level_heights: tuple[Tensor, ...]
    parents: tuple[Tensor, ...]
    new_at: tuple[Tensor, ...]
    partial: bool = True

    @property
    def label_smoothing(self) -> float:
        """The share of the class target spread over all classes."""
        return self.config.label_smoothing

    @property
    def height(self) -> int:
        """The largest severity."""
        return len(self.severity_factors) - 1


def loss_context(config: Config, hierarchy: Hierarchy, device: torch.device, *, partial: bool = True) -> LossContext:
    """The context that ``config`` describes for this tree; ``partial`` where labels may stop at inner nodes.

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
        config=config,
        level_weights=tuple(weights),
        severity_factors=torch.tensor(factors, dtype=torch.float32, device=device),
        distances=torch.tensor(hierarchy.distances, device=device),
        class_levels=torch.tensor(hierarchy.level_labels, device=device),
        level_heights=tuple(torch.tensor(hierarchy.heights[nodes], device=device) for nodes in hierarchy.level_nodes),
        parents=tuple(torch.tensor(above, device=device) for above in _parents(hierarchy)),
        new_at=tuple(torch.tensor(new, device=device) for new in new_nodes(hierarchy)),
        partial=partial,
    )


def _parents(hierarchy: Hierarchy) -> list[np.ndarray]:
    """For each level the index, one level up, of every node's parent; zeros for the coarsest level."""
    coarsest = np.zeros(hierarchy.level_sizes[0], dtype=np.int64)
    return [coarsest, *(hierarchy.level_parents(level, level - 1) for level in range(1, len(hierarchy.levels)))]


def new_nodes(hierarchy: Hierarchy) -> list[list[bool]]:
    """For each level which of its nodes do not stand at the level above already."""
    seen: set[int] = set()
    found = []
    for nodes in hierarchy.level_nodes:
        found.append([int(node) not in seen for node in nodes])
        seen.update(int(node) for node in nodes)
    return found


# --- labels that stop at an inner node ----------------------------------------------------------------------------


def class_targets(scores: Scores, labels: Labels, context: LossContext) -> Float[Tensor, "batch classes"]:
    """How likely each class is the true one, given what is known of the labels; a row sums to 1, or is 0.

    A known class has 1. Where a label stops at an inner node, each class below it counts as likely as the network now
    takes it to be, no gradient flowing through that (expectation maximisation: Dempster, Laird and Rubin, JRSS B 1977).
    So the gradient of the cross-entropy is that of -log of the node's summed probability. A row of which nothing is
    known is 0.
    """
    classes = scores[-1].detach()
    below = possible_classes(labels, context)
    target = torch.softmax(classes.masked_fill(~below, -torch.inf), dim=1)
    return target * known_at_all(labels)[:, None]


def possible_classes(labels: Labels, context: LossContext) -> Bool[Tensor, "batch classes"]:
    """Which classes agree with all levels of the label that are known."""
    agrees = (labels[:, None, :] == context.class_levels) | (labels[:, None, :] == UNKNOWN)
    return agrees.all(dim=2)


def known_at_all(labels: Labels) -> Bool[Tensor, " batch"]:
    """Whether any level of a label is known."""
    return (labels != UNKNOWN).any(dim=1)


def rows_for(
    matrix: Float[Tensor, "classes columns"], scores: Scores, labels: Labels, context: LossContext
) -> Float[Tensor, "batch columns"]:
    """The row of ``matrix`` for each picture's class; where the label stops early, its mean by ``class_targets``."""
    if context.partial:
        return class_targets(scores, labels, context).to(matrix.dtype) @ matrix
    return matrix[labels[:, -1]]


def mean_over_known(each: PerPicture, labels: Labels, context: LossContext) -> Scalar:
    """The mean over the pictures of which anything is known; 0 where there are none."""
    if not context.partial:
        return each.mean()
    known = known_at_all(labels)
    return (each * known).sum() / known.sum().clamp_min(1)
