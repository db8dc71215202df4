"""Backbone: what a network is made of below its heads. A float picture batch in, one feature vector per picture out."""

from collections.abc import Sequence

from torch import nn

from kinwise.data.augment import Statistics
from kinwise.data.rows import Pixels


class Backbone(nn.Module):
    """What all backbones have in common.

    Attributes:
        features: the length of a feature vector.
        head_bias: whether a head on these features adds a bias to its scores.
        score_scale: a head's scores are its products times this.
        statistics: what pictures must be normalised with, where the weights came from elsewhere; else None.
    """

    features: int
    head_bias = True
    score_scale = 1.0
    statistics: Statistics | None = None

    @property
    def stages(self) -> Sequence[nn.Module]:
        """The parts that pictures pass through, in order, as ``freeze`` counts them; together they hold all weights."""
        raise NotImplementedError

    def prepare(self, pixels: Pixels, statistics: Statistics) -> None:
        """Look once at the training ``pixels``, uint8 NCHW, before anything is learnt; most need not."""
