"""Heads: features in, one set of scores per level out. A softmax over a level's scores gives its probabilities."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy


class Head(nn.Module):
    """What all heads have in common: something that is added to the scores of the classes, 0 until ``adjust``."""

    adjustment: Tensor

    def __init__(self, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.register_buffer("adjustment", torch.zeros(hierarchy.level_sizes[-1]), persistent=False)

    def adjust(self, adjustment: Float[Tensor, " classes"]) -> None:
        """From now on add ``adjustment`` to the scores of the classes."""
        self.adjustment.copy_(adjustment)


class SummedHead(Head):
    """One linear layer over the classes; a coarser node's probability is the sum of its classes' probabilities.

    The score of node v is log(sum of exp(score of class k) over the classes k under v), so the softmax over a level is
    exactly the class softmax summed upward, and the levels can never contradict each other.

    Args:
        features: the length of a feature vector.
        hierarchy: the tree; level sizes and membership come from it.
        bias: whether a bias is added to the scores.
        scale: scores are the layer's products times this.
    """

    def __init__(self, features: int, hierarchy: Hierarchy, *, bias: bool = True, scale: float = 1.0) -> None:
        super().__init__(hierarchy)
        self.scale = scale
        self.classes = nn.Linear(features, hierarchy.level_sizes[-1], bias=bias)
        self.coarse = len(hierarchy.levels) - 1
        self.sizes = hierarchy.level_sizes
        for level in range(self.coarse):
            self.register_buffer(f"node{level}", torch.tensor(hierarchy.level_labels[:, level]), persistent=False)

    def forward(self, features: Float[Tensor, "batch features"]) -> tuple[Tensor, ...]:
        """Scores for every level, coarse to fine, each (batch, nodes of that level)."""
        scores = self.class_scores(features) + self.adjustment
        coarser = (_sum_upward(scores, self.get_buffer(f"node{at}"), self.sizes[at]) for at in range(self.coarse))
        return (*coarser, scores)

    def class_scores(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:
        """Scores of the classes, before any adjustment."""
        return self.classes(features).float() * self.scale


class ConditionalHead(SummedHead):
    """A score for every node below the root, and a softmax among siblings: p(class) is the product along its path.

    The WordTree of YOLO9000 (Redmon and Farhadi, CVPR 2017). A class's score is log p, so the softmax over a level is
    the product down to it, and the levels can never contradict each other.

    Args:
        features: the length of a feature vector.
        hierarchy: the tree.
        bias: whether a bias is added to the scores.
        scale: scores are the layer's products times this.
    """

    def __init__(self, features: int, hierarchy: Hierarchy, *, bias: bool = True, scale: float = 1.0) -> None:
        super().__init__(features, hierarchy, bias=bias, scale=scale)
        self.classes = nn.Linear(features, len(hierarchy.parents) - 1, bias=bias)
        parents, siblings = np.unique(hierarchy.parents[1:], return_inverse=True)
        self.families = len(parents)
        self.register_buffer("siblings", torch.tensor(siblings), persistent=False)
        above = torch.tensor(hierarchy.ancestor_matrix[1:], dtype=torch.float32)
        self.register_buffer("above", above, persistent=False)

    def class_scores(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:
        """log p of the classes, <= 0; the exponentials of a row sum to 1."""
        nodes = super().class_scores(features)
        siblings = self.get_buffer("siblings")
        conditional = nodes - _sum_upward(nodes, siblings, self.families)[:, siblings]
        with torch.autocast(nodes.device.type, enabled=False):
            return conditional @ self.get_buffer("above")


class IndependentHeads(Head):
    """One linear layer per level on the same features; the levels may contradict each other.

    An adjustment of the classes does not change the other levels.

    Args:
        features: the length of a feature vector.
        hierarchy: the tree; level sizes come from it.
        bias: whether a bias is added to the scores.
        scale: scores are the layer's products times this.
        detach: whether the coarser levels only read the features, so that the classes alone shape them (Chang et al.,
            Your "Flamingo" is My "Bird", CVPR 2021).
    """

    def __init__(
        self, features: int, hierarchy: Hierarchy, *, bias: bool = True, scale: float = 1.0, detach: bool = False
    ) -> None:
        super().__init__(hierarchy)
        self.scale, self.detach = scale, detach
        self.levels = nn.ModuleList(nn.Linear(features, size, bias=bias) for size in hierarchy.level_sizes)

    def forward(self, features: Float[Tensor, "batch features"]) -> tuple[Tensor, ...]:
        """Scores for every level, coarse to fine, each (batch, nodes of that level)."""
        *above, below = self.levels
        seen = features.detach() if self.detach else features
        coarser = (level(seen).float() * self.scale for level in above)
        return (*coarser, below(features).float() * self.scale + self.adjustment)


class FrameHead(SummedHead):
    """Fixed class vectors whose cosines follow from the tree: HAFrame (Liang and Davis, ICCV 2023).

    A linear layer brings features into the space of the vectors, of as many dimensions as there are classes; a class's
    score is the product with its vector, and a coarser node has its classes' summed probability.

    Args:
        features: the length of a feature vector.
        similarities: the wanted cosines, positive definite, (classes, classes).
        hierarchy: the tree.
        bias: whether the layer adds a bias.
        scale: of the layer's products.
    """

    def __init__(
        self, features: int, similarities: Tensor, hierarchy: Hierarchy, *, bias: bool = True, scale: float = 1.0
    ) -> None:
        super().__init__(features, hierarchy, bias=bias, scale=scale)
        self.register_buffer("vectors", torch.linalg.cholesky(similarities.double()).float(), persistent=False)

    def class_scores(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:
        """The product of the feature with each class's vector."""
        inside = super().class_scores(features)
        with torch.autocast(inside.device.type, enabled=False):
            return inside @ self.get_buffer("vectors").T


class SubspaceHead(Head):
    """A coordinate for every node below the root; a node's score is the squared length along its path.

    Hier-COS (Sani and Anand, CVPR 2026): every node has a vector of its own, all of them orthonormal; a node's
    subspace is spanned by its own vector and those of its ancestors, and the feature belongs where its projection is
    longest. Squares keep that order, and their differences between the levels are the squared coordinates. The levels
    may contradict each other; an adjustment of the classes does not change the other levels.

    Args:
        features: the length of a feature vector.
        hierarchy: the tree.
        bias: whether a bias is added to the coordinates.
        scale: coordinates are the layer's products times this.
    """

    def __init__(self, features: int, hierarchy: Hierarchy, *, bias: bool = True, scale: float = 1.0) -> None:
        super().__init__(hierarchy)
        self.scale = scale
        self.nodes = nn.Linear(features, len(hierarchy.parents) - 1, bias=bias)
        self.count = len(hierarchy.levels)
        for level, nodes in enumerate(hierarchy.level_nodes):
            paths = np.zeros((len(nodes), len(hierarchy.parents)), dtype=np.float32)
            for row, node in enumerate(nodes):
                paths[row, hierarchy.ancestors(int(node))] = 1
            self.register_buffer(f"paths{level}", torch.tensor(paths[:, 1:]), persistent=False)

    def forward(self, features: Float[Tensor, "batch features"]) -> tuple[Tensor, ...]:
        """Scores for every level, coarse to fine, each (batch, nodes of that level), >= 0 before any adjustment."""
        squares = (self.nodes(features).float() * self.scale).square()
        with torch.autocast(squares.device.type, enabled=False):
            *coarser, classes = (squares @ self.get_buffer(f"paths{level}").T for level in range(self.count))
        return (*coarser, classes + self.adjustment)


def similarities(distances: Tensor, gamma: float, least: float) -> Float[Tensor, "classes classes"]:
    """S = (1 - s_min) exp(-gamma * d / d_max) + s_min: how alike the vectors of two classes are, s_min..1."""
    return (1 - least) * torch.exp(-gamma * distances / distances.max()) + least


def level_probabilities(scores: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The softmax of each level's scores: float32, rows sum to 1."""
    return tuple(F.softmax(level.float(), dim=1) for level in scores)


def _sum_upward(scores: Float[Tensor, "batch classes"], node: Tensor, nodes: int) -> Float[Tensor, "batch nodes"]:
    """log of the sum of exp(score) over the classes of each of the ``nodes``; its own maximum is taken out first."""
    index = node.expand(scores.shape[0], -1)
    highest = scores.new_full((scores.shape[0], nodes), -torch.inf)
    highest = highest.scatter_reduce(1, index, scores.detach(), reduce="amax")
    members = F.one_hot(node, nodes).to(scores.dtype)
    with torch.autocast(scores.device.type, enabled=False):  # a product in bfloat16 would let the levels disagree
        return highest + torch.log(torch.exp(scores - highest.gather(1, index)) @ members)


def _frame(features: int, hierarchy: Hierarchy, config: Config, **options: Any) -> FrameHead:
    distances = torch.tensor(hierarchy.distances, dtype=torch.float32)
    similar = similarities(distances, config.haframe_gamma, config.haframe_least)
    try:
        return FrameHead(features, similar, hierarchy, **options)
    except torch.linalg.LinAlgError as error:
        raise InputError(
            "haframe: the wanted cosines are so near to 1 that classes cannot be told apart; expected a larger "
            f"haframe_gamma than {config.haframe_gamma} or a lower haframe_least than {config.haframe_least}"
        ) from error


HEADS: dict[str, Callable[..., Head]] = {
    "summed": lambda features, hierarchy, _, **options: SummedHead(features, hierarchy, **options),
    "independent": lambda features, hierarchy, config, **options: IndependentHeads(
        features, hierarchy, detach=config.coarse_heads == "reading", **options
    ),
    "conditional": lambda features, hierarchy, _, **options: ConditionalHead(features, hierarchy, **options),
    "haframe": _frame,
    "hier-cos": lambda features, hierarchy, _, **options: SubspaceHead(features, hierarchy, **options),
}
"""By the name that ``head`` has in the config."""
