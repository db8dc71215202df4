"""Losses on every level of the path from the root to the class; of each label, the levels that are known count."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from kinwise.learn.losses.classes import each_cross_entropy, severity_factor, tree_smoothed_cross_entropy
from kinwise.learn.losses.context import (
    UNKNOWN,
    Labels,
    LossContext,
    Scalar,
    Scores,
    known_at_all,
    mean_over_known,
)

TINY = 1e-12
"""Below it a probability has no logarithm."""


def levels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """sum_l w_l * CE(head_l, y_l): one head and one cross-entropy per level (reference systems A, B and C).

    With ``IndependentHeads`` every level has scores of its own. With the ``SummedHead`` the same sum is
    -sum_l w_l * log(sum of p_k over the classes k under the true node of level l), called ``ancestor-sum`` (Urbani
    et al. 2024): one proper score over one head, consistent by construction. Only the class term is smoothed: a uniform
    target over the nodes of a coarser level would pull its sums away from the truth.
    """
    of_classes = _cross_entropy(scores[-1], labels[:, -1], context.label_smoothing)
    return _coarser_levels(scores, labels, context) + context.level_weights[-1] * of_classes


def tree_smoothing_levels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """``levels``, the class term smoothed over the tree as in ``tree_smoothing``; ours.

    Both pull the mass of a mistake to the true class's relatives: the coarser terms by asking for the sums of their
    probabilities, the target by saying how each relative shares in it.
    """
    of_classes = mean_over_known(tree_smoothed_cross_entropy(scores, labels, context), labels, context)
    return _coarser_levels(scores, labels, context) + context.level_weights[-1] * of_classes


def severity_weighted_levels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """f[d(argmax p, y)] * sum_l w_l * CE(head_l, y_l), averaged over the batch (reference systems A and B).

    ``levels``, weighted by how graver mistakes of the class head count more; ``severity_weighted`` says what that does.
    """
    each = scores[-1].new_zeros(len(labels))
    for level, (weight, level_scores) in enumerate(zip(context.level_weights, scores, strict=True)):
        smoothing = context.label_smoothing if level == len(scores) - 1 else 0.0
        each = each + weight * each_cross_entropy(level_scores, labels[:, level], smoothing)
    return mean_over_known(each * severity_factor(scores, labels, context), labels, context)


def hxe(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """-sum_l exp(-alpha * h_l) log p(node_l given node_(l-1)): hierarchical cross-entropy.

    Bertinetto et al., CVPR 2020, section 3.1. h_l is the height of the true node of level l, so alpha > 0
    (``hxe_alpha``) makes coarse decisions count less than fine ones, and alpha 0 is ``flat``. Conditional probabilities
    are quotients of summed class probabilities, so it goes with heads whose levels are such sums. Label smoothing
    spreads its share over the paths of all classes.

    On a ragged tree alpha > 0 is not proper: a class that stands beside a superclass counts more than the classes in
    it, since its height is 0, and becomes likelier than it is.
    """
    each = scores[-1].new_zeros(len(labels))
    above = torch.logsumexp(scores[0], dim=1, keepdim=True)
    for level, level_scores in enumerate(scores):
        conditional = level_scores - above[:, context.parents[level]]
        weighted = conditional * torch.exp(-context.config.hxe_alpha * context.level_heights[level])
        known = labels[:, level] != UNKNOWN
        true = weighted.gather(1, labels[:, level].clamp_min(0)[:, None])[:, 0]
        share = context.label_smoothing
        each = each - known * ((1 - share) * true + share * weighted[:, context.class_levels[:, level]].mean(dim=1))
        above = level_scores
    return mean_over_known(each, labels, context)


def consistency(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """``levels`` + mu * sum_l JSD(sum of the children's probabilities, the parent's own) (HAF: Garg et al., ECCV 2022).

    JSD(p, q) = KL(p, m) / 2 + KL(q, m) / 2 with m = (p + q) / 2, 0..log 2: 0 where the heads of two levels agree. It
    needs no label, so every picture counts. mu >= 0 is ``consistency_mu``.
    """
    total = levels(scores, labels, context)
    probabilities = [level.softmax(dim=1) for level in scores]
    for level in range(1, len(scores)):
        above = F.one_hot(context.parents[level], scores[level - 1].shape[1]).to(scores[level].dtype)
        disagreement = jensen_shannon(probabilities[level] @ above, probabilities[level - 1])
        total = total + context.config.consistency_mu * (disagreement * known_at_all(labels)).mean()
    return total


def path_kl(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """``levels`` + mu * KL(t, softmax of all levels' scores side by side), t = 1 / L at each of the L true nodes.

    The tree-path divergence of H-CAST (Park et al., ICLR 2025), added to the cross-entropies as there: nodes of all
    levels compete for one unit of probability. mu >= 0 is ``path_kl_mu``. Of a label that stops early, t is spread
    over the levels that are known.
    """
    together = torch.cat(scores, dim=1).logsumexp(dim=1, keepdim=True)
    true = [level.gather(1, labels[:, [place]].clamp_min(0)) for place, level in enumerate(scores)]
    known = labels != UNKNOWN
    count = known.sum(dim=1).clamp_min(1)
    along = torch.cat(true, dim=1) - together
    divergence = -(along * known).sum(dim=1) / count - torch.log(count.to(along.dtype))
    return levels(scores, labels, context) + context.config.path_kl_mu * mean_over_known(divergence, labels, context)


def jensen_shannon(
    first: Float[Tensor, "batch nodes"], second: Float[Tensor, "batch nodes"]
) -> Float[Tensor, " batch"]:
    """The Jensen-Shannon divergence of the rows, in nats, 0..log 2."""
    first, second = first.clamp_min(TINY), second.clamp_min(TINY)
    middle = ((first + second) / 2).log()
    return ((first * (first.log() - middle) + second * (second.log() - middle)) / 2).sum(dim=1)


def _coarser_levels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """sum_l w_l * CE(head_l, y_l) over all levels but the classes; never smoothed."""
    total = scores[-1].new_zeros(())
    for level, weight in enumerate(context.level_weights[:-1]):
        total = total + weight * _cross_entropy(scores[level], labels[:, level], 0.0)
    return total


def _cross_entropy(scores: Tensor, labels: Tensor, smoothing: float) -> Scalar:
    """Mean cross-entropy over the pictures whose label is known; 0 when there is none."""
    total = F.cross_entropy(scores, labels, ignore_index=UNKNOWN, label_smoothing=smoothing, reduction="sum")
    return total / (labels != UNKNOWN).sum().clamp_min(1)
