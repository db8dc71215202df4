"""Losses on the scores of the classes alone; the tree says how severe each mistake is."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from kinwise.learn.losses.context import (
    UNKNOWN,
    Labels,
    LossContext,
    PerPicture,
    Scalar,
    Scores,
    class_targets,
    mean_over_known,
    rows_for,
)


def flat(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """-log p_y of the classes alone: the baseline that must be beaten. Label smoothing as configured."""
    return mean_over_known(class_cross_entropy(scores, labels, context), labels, context)


def severity_weighted(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """CE * f[d(argmax p, y)], averaged over the batch: graver mistakes count more (reference system C).

    For the gradient the factor is a constant: a graver mistake only pulls harder, whichever wrong class it was. The
    loss is not proper, its minimum lies where the most likely classes tie, so expect under-confident probabilities.
    Kept as a named baseline; ``learned-severity`` is the same with factors learned on validation pictures.
    """
    each = class_cross_entropy(scores, labels, context)
    return mean_over_known(each * severity_factor(scores, labels, context), labels, context)


def expected_cost(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """-log p_y + lambda * sum_k d(y, k) p_k: what a mistake would cost on average (Galdran et al., MICCAI 2020).

    lambda >= 0, ``expected_cost_lambda``; 0 is ``flat``. d in steps, so the second term is 0..height.
    """
    cost = (rows_for(context.distances.float(), scores, labels, context) * scores[-1].softmax(dim=1)).sum(dim=1)
    each = class_cross_entropy(scores, labels, context) + context.config.expected_cost_lambda * cost
    return mean_over_known(each, labels, context)


def soft_margin(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """-s_y + log sum_k exp(s_k + tau * d(y, k)): the farther a class, the lower its score must be (Valmadre, 2022).

    Hierarchical classification at multiple operating points, NeurIPS 2022. tau >= 0, ``soft_margin_tau``; 0 is
    ``flat``. With label smoothing the first term is the mean of the scores under the smoothed target.
    """
    margins = context.config.soft_margin_tau * rows_for(context.distances.float(), scores, labels, context)
    reached = torch.logsumexp(scores[-1] + margins, dim=1)
    wanted = (smoothed(scores, labels, context) * scores[-1]).sum(dim=1)
    return mean_over_known(reached - wanted, labels, context)


def soft_labels(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """KL(t, p) with t_k in proportion to exp(-beta * d(y, k) / height) (Bertinetto et al., CVPR 2020, section 3.2).

    beta > 0, ``soft_labels_beta``: the larger, the nearer to ``flat``; the smaller, the more of the target is spread
    over far classes too, at the price of accuracy. There is no further label smoothing.
    """
    closeness = -context.config.soft_labels_beta * context.distances.float() / context.height
    target = rows_for(closeness.softmax(dim=1), scores, labels, context)
    divergence = torch.special.xlogy(target, target) - target * scores[-1].log_softmax(dim=1)
    return mean_over_known(divergence.sum(dim=1), labels, context)


def tree_smoothing(scores: Scores, labels: Labels, context: LossContext) -> Scalar:
    """Cross-entropy with the target (1 - eps) * onehot(y) + eps * softmax_k(-beta * d(y, k)); ours.

    Label smoothing whose mass stays near the true class. eps is ``label_smoothing``; beta >= 0 is
    ``tree_smoothing_beta``, and 0 is ``flat`` with its uniform smoothing.
    """
    return mean_over_known(tree_smoothed_cross_entropy(scores, labels, context), labels, context)


# --- parts of several losses ----------------------------------------------------------------------------------------


def class_cross_entropy(scores: Scores, labels: Labels, context: LossContext) -> PerPicture:
    """The cross-entropy of every picture's class, label smoothing as configured; 0 where nothing is known."""
    if not context.partial:
        return each_cross_entropy(scores[-1], labels[:, -1], context.label_smoothing)
    return -(smoothed(scores, labels, context) * scores[-1].log_softmax(dim=1)).sum(dim=1)


def tree_smoothed_cross_entropy(scores: Scores, labels: Labels, context: LossContext) -> PerPicture:
    """The cross-entropy of every picture's class with the target of ``tree_smoothing``."""
    share = context.label_smoothing
    near = (-context.config.tree_smoothing_beta * context.distances.float()).softmax(dim=1)
    targets = (1 - share) * torch.eye(len(near), device=near.device) + share * near
    return -(rows_for(targets, scores, labels, context) * scores[-1].log_softmax(dim=1)).sum(dim=1)


def smoothed(scores: Scores, labels: Labels, context: LossContext) -> Float[Tensor, "batch classes"]:
    """(1 - eps) * target + eps / classes; a row of 0 where nothing is known."""
    target = class_targets(scores, labels, context)
    share = context.label_smoothing
    return (1 - share) * target + share / target.shape[1] * target.sum(dim=1, keepdim=True)


def severity_factor(scores: Scores, labels: Labels, context: LossContext) -> PerPicture:
    """f[d(argmax p, y)] of every picture, without a gradient; where the label stops early, its expectation."""
    answers = scores[-1].argmax(dim=1)
    if not context.partial:
        return context.severity_factors[context.distances[answers, labels[:, -1]]]
    factors = context.severity_factors[context.distances[answers]]
    return (factors * class_targets(scores, labels, context)).sum(dim=1)


def each_cross_entropy(scores: Tensor, labels: Tensor, smoothing: float) -> PerPicture:
    """The cross-entropy of every picture at one level; 0 where its label is not known."""
    return F.cross_entropy(scores, labels, ignore_index=UNKNOWN, label_smoothing=smoothing, reduction="none")
