"""Losses: scores per level, labels per level and the tree in, one number out. Lower is better; all are in nats.

A loss takes ``scores``, one (batch, nodes) tensor per level, coarse to fine; ``labels``, (batch, levels), the index of
the true node within each level, -1 where it is not known; and a ``LossContext`` with what depends on the tree and the
config alone. A new loss is one function plus one line in ``LOSSES``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.learn.losses.classes import (
    expected_cost,
    flat,
    severity_weighted,
    soft_labels,
    soft_margin,
    tree_smoothing,
)
from kinwise.learn.losses.context import UNKNOWN, Labels, LossContext, Scalar, Scores, loss_context
from kinwise.learn.losses.frames import haframe, hier_cos
from kinwise.learn.losses.paths import (
    consistency,
    hxe,
    levels,
    path_kl,
    severity_weighted_levels,
    tree_smoothing_levels,
)

__all__ = [
    "LOSSES",
    "UNKNOWN",
    "Labels",
    "Loss",
    "LossContext",
    "Scalar",
    "Scores",
    "loss_context",
    "loss_named",
]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss and the head it is meant for.

    Attributes:
        function: the loss.
        head: the name of the head that goes with it, unless the config names another.
        heads: the names of all heads with which it says something; empty: all there are.
    """

    function: Callable[[Scores, Labels, LossContext], Scalar]
    head: str
    heads: tuple[str, ...] = ()


LOSSES: dict[str, Loss] = {
    "flat": Loss(function=flat, head="summed"),
    "levels": Loss(function=levels, head="independent"),
    "severity-weighted": Loss(function=severity_weighted, head="summed"),
    "severity-weighted-levels": Loss(function=severity_weighted_levels, head="independent"),
    "learned-severity": Loss(function=severity_weighted, head="summed"),
    "expected-cost": Loss(function=expected_cost, head="summed"),
    "soft-margin": Loss(function=soft_margin, head="summed"),
    "ancestor-sum": Loss(function=levels, head="summed"),
    "soft-labels": Loss(function=soft_labels, head="summed"),
    "tree-smoothing": Loss(function=tree_smoothing, head="summed"),
    "tree-smoothing-levels": Loss(function=tree_smoothing_levels, head="summed"),
    "hxe": Loss(function=hxe, head="summed", heads=("summed", "conditional", "haframe")),
    "consistency": Loss(function=consistency, head="independent"),
    "path-kl": Loss(function=path_kl, head="independent"),
    "haframe": Loss(function=haframe, head="haframe", heads=("haframe",)),
    "hier-cos": Loss(function=hier_cos, head="hier-cos", heads=("hier-cos",)),
    "conditional": Loss(function=flat, head="conditional"),
}


def loss_named(config: Config) -> Loss:
    """The loss that ``config`` names.

    Raises:
        InputError: when there is none of that name (the closest is given), or it does not go with the head asked for.
    """
    if config.loss not in LOSSES:
        close = get_close_matches(config.loss, LOSSES, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InputError(f"unknown loss {config.loss!r}.{hint} There are: {', '.join(LOSSES)}")
    loss = LOSSES[config.loss]
    if loss.heads and config.head not in ("", *loss.heads):
        raise InputError(
            f"the loss {config.loss} does not go with the head {config.head}, only with {', '.join(loss.heads)}; leave "
            f"head empty, or take another loss"
        )
    return loss
