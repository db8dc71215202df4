"""Heads: features in, one set of scores per level out. A softmax over a level's scores gives its probabilities."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

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
        for level in range(self.coarse):
            self.register_buffer(f"node{level}", torch.tensor(hierarchy.level_labels[:, level]), persistent=False)

    def forward(self, features: Float[Tensor, "batch features"]) -> tuple[Tensor, ...]:
        """Scores for every level, coarse to fine, each (batch, nodes of that level)."""
        scores = self.classes(features).float() * self.scale + self.adjustment
        return (*(_sum_upward(scores, self.get_buffer(f"node{level}")) for level in range(self.coarse)), scores)


class IndependentHeads(Head):
    """One linear layer per level on the same features; the levels may contradict each other.

    An adjustment of the classes does not change the other levels.

    Args:
        features: the length of a feature vector.
        hierarchy: the tree; level sizes come from it.
        bias: whether a bias is added to the scores.
        scale: scores are the layer's products times this.
    """

    def __init__(self, features: int, hierarchy: Hierarchy, *, bias: bool = True, scale: float = 1.0) -> None:
        super().__init__(hierarchy)
        self.scale = scale
        self.levels = nn.ModuleList(nn.Linear(features, size, bias=bias) for size in hierarchy.level_sizes)

    def forward(self, features: Float[Tensor, "batch features"]) -> tuple[Tensor, ...]:
        """Scores for every level, coarse to fine, each (batch, nodes of that level)."""
        *coarser, classes = (level(features).float() * self.scale for level in self.levels)
        return (*coarser, classes + self.adjustment)


def level_probabilities(scores: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The softmax of each level's scores: float32, rows sum to 1."""
    return tuple(F.softmax(level.float(), dim=1) for level in scores)


def _sum_upward(scores: Float[Tensor, "batch classes"], node: Tensor) -> Float[Tensor, "batch nodes"]:
    """log of the sum of exp(score) over the classes of each node; each node's own maximum is taken out first."""
    nodes = int(node.max()) + 1
    index = node.expand(len(scores), -1)
    highest = scores.new_full((len(scores), nodes), -torch.inf)
    highest = highest.scatter_reduce(1, index, scores.detach(), reduce="amax")
    members = F.one_hot(node, nodes).to(scores.dtype)
    with torch.autocast(scores.device.type, enabled=False):  # a product in bfloat16 would let the levels disagree
        return highest + torch.log(torch.exp(scores - highest.gather(1, index)) @ members)
