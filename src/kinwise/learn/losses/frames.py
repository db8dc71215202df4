"""Losses that bring features to places which the tree has fixed; each belongs to the head of the same name."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from kinwise.learn.heads import similarities
from kinwise.learn.losses.classes import class_cross_entropy
from kinwise.learn.losses.context import UNKNOWN, Labels, LossContext, Scalar, Scores, mean_over_known, rows_for

TINY = 1e-6
"""Below it a squared length counts as this, so that its root has a slope."""


def haframe(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """(1 - a) CE + a * sum_k (cos(x, w_k) - S[y, k])^2: features fall onto a hierarchy-aware frame (ICCV 2023).

    Liang and Davis: the class vectors w_k are fixed, with w_j' w_k = S[j, k] (``similarities``), and x is the feature
    in their space; the ``FrameHead`` makes the scores x' w_k. Since the w_k span that space, |x|^2 = s' S^-1 s follows
    from the scores s. a in 0..1 is ``haframe_alpha``; the second term is 0..4 * classes.
    """
    config = context.config
    classes = scores[-1]
    similar = similarities(context.distances.to(classes.dtype), config.haframe_gamma, config.haframe_least)
    length = torch.linalg.solve(similar, classes.T).T.mul(classes).sum(dim=1).clamp_min(TINY).sqrt()
    wanted = rows_for(similar, scores, labels, context)
    apart = (classes / length[:, None] - wanted).square().sum(dim=1)
    share = config.haframe_alpha
    each = (1 - share) * class_cross_entropy(scores, labels, context) + share * apart
    return mean_over_known(each, labels, context)


def hier_cos(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """KL(t, softmax |z|) + alpha * sum_l sum_n |[n = y_l] - |z_n| / |z_l||: Hier-COS (Sani and Anand, CVPR 2026).

    arXiv 2503.07853. z is the feature's coordinate on the orthonormal vector of every node, z_l those of level l. t
    lies on the nodes of the true path, in proportion to exp(2 / steps) with 1 step at the class, 2 at its parent, and
    so on; where a label stops early, its deepest known node is taken for the class. Where a class ends above a level,
    sum_n |z_n| stands for that level's term. alpha >= 0 is ``hier_cos_alpha``. The ``SubspaceHead`` gives each node the
    squared length of z along its path, so the differences between the levels are z_n^2.
    """
    coordinates = _coordinates(scores, context)
    target = _path_weights(labels, context)
    together = torch.cat(coordinates, dim=1).masked_fill(~torch.cat(context.new_at), -torch.inf).log_softmax(dim=1)
    each = torch.special.xlogy(target, target).sum(dim=1)
    regular = scores[-1].new_zeros(len(labels))
    start = 0
    for level, lengths in enumerate(coordinates):
        new = context.new_at[level]
        true = labels[:, level].clamp_min(0)
        along = together[:, start : start + lengths.shape[1]].gather(1, true[:, None])[:, 0]
        counts = target[:, level] > 0
        each = each - torch.where(counts, target[:, level] * along, 0.0)
        shares = lengths / lengths.square().mul(new).sum(dim=1, keepdim=True).clamp_min(TINY).sqrt()
        missed = (F.one_hot(true, lengths.shape[1]) - shares).abs().mul(new).sum(dim=1)
        ended = (labels[:, level] != UNKNOWN) & ~counts
        regular = regular + missed * counts + lengths.mul(new).sum(dim=1) * ended
        start += lengths.shape[1]
    return mean_over_known(each + context.config.hier_cos_alpha * regular, labels, context)


def _coordinates(scores: Scores, context: LossContext) -> list[Tensor]:
    """|z_n| of every level's nodes; of a class that ended above, nothing but rounding."""
    above = torch.zeros_like(scores[0][:, :1])
    found = []
    for level, squared in enumerate(scores):
        found.append((squared - above[:, context.parents[level]]).clamp_min(TINY).sqrt())
        above = squared
    return found


def _path_weights(labels: Labels, context: LossContext) -> Float[Tensor, "batch levels"]:
    """t at the true node of every level, 0 where it is not known or stands above already; a row sums to 1, or is 0."""
    known = labels != UNKNOWN
    new = torch.stack([new[labels[:, level].clamp_min(0)] for level, new in enumerate(context.new_at)], dim=1)
    counts = known & new
    steps = counts.flip(1).cumsum(dim=1).flip(1).clamp_min(1)
    weights = torch.exp(2 / steps) * counts
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(1)
