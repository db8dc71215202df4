"""FastNet: the small residual network of kinwise's own recipes, made for short trainings."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kinwise.data.augment import Statistics, normalise
from kinwise.data.rows import Pixels
from kinwise.errors import InputError
from kinwise.learn.backbones.base import Backbone
from kinwise.learn.backbones.smallmaps import SmallMapConvolution

SAMPLE = 5000
"""From so many pictures at most the stem learns what they are made of."""

PATTERNS = 24
"""So many of the patterns that pictures are made of pass the stem at most, each in both signs."""

_AT_ONCE = 64  # pictures


class FastNet(Backbone):
    """A small residual network for short trainings: narrow early stages, wide late ones.

    A frozen whitening stem; three groups that halve the resolution and widen; global maximum plus global mean. The
    shape follows the public CIFAR speed records (Jordan, arXiv 2404.00498, and their 2026 successors).

    Args:
        widths: channels of the three groups.
        channels: of the pictures.
        dropout: the share of features left out in training, in [0, 1).
        size: the height and width of the pictures, in pixels. From 46 on the stem looks at larger patches and takes
            wider strides, so that the groups see maps of 23 to 45 positions in each direction (56 for 224 pixels).

    Raises:
        InputError: when ``widths`` are not three.
    """

    head_bias = False
    score_scale = 1.25 / 9  # keeps early steps calm in spite of the large learning rate of the head

    def __init__(self, widths: tuple[int, ...], channels: int, dropout: float = 0.0, size: int = 32) -> None:
        super().__init__()
        if len(widths) != 3:
            raise InputError(f"widths: the network fast takes three, got {len(widths)}")
        first, second, third = widths
        stride = stem_stride(size)
        filters = 2 * min(PATTERNS, channels * (2 * stride) ** 2)
        self.stem = nn.Conv2d(channels, filters, 2 * stride, stride=stride)
        self.stem.weight.requires_grad_(False)
        self.groups = nn.Sequential(
            ResidualGroup(filters, first, inner=first, kernels=(3, 1, 1)),
            ResidualGroup(first, second, inner=_share(second, 3, 4), kernels=(3, 3, 1)),
            ResidualGroup(second, third, inner=_share(third, 2, 3), kernels=(2, 3, 3)),
        )
        self.dropout = nn.Dropout(dropout)
        self.features = third

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """The parts that pictures pass through, in order, as ``freeze`` counts them: the stem and the groups."""
        return (self.stem, *self.groups)

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """One feature vector per picture; pictures of 16 pixels or more."""
        maps = self.groups(F.silu(self.stem(pictures)))
        return self.dropout(maps.amax((2, 3)) + maps.mean((2, 3)))

    @torch.no_grad()
    def prepare(self, pixels: Pixels, statistics: Statistics) -> None:
        """Set the stem to the whitening filters of (some of) the training ``pixels``, uint8 NCHW.

        The eigenvectors of the covariance of all patches that the stem looks at, those with the largest eigenvalues,
        each divided by sqrt(eigenvalue + 5e-4), and their negatives: decorrelated inputs of equal variance, and both
        signs of each for the activation.
        """
        kernel, stride = self.stem.kernel_size[0], self.stem.stride[0]
        most = SAMPLE // stride**2  # a patch of a wider stem has so many more values
        sample = torch.from_numpy(np.ascontiguousarray(pixels[:: max(1, len(pixels) // most)][:most]))
        products, count = torch.zeros(2 * [sample.shape[1] * kernel**2], dtype=torch.float64), 0
        for some in sample.split(_AT_ONCE):
            patches = F.unfold(normalise(some, statistics).contiguous(), kernel, stride=stride).double()
            products += torch.bmm(patches, patches.mT).sum(0)
            count += len(patches) * patches.shape[2]
        values, vectors = torch.linalg.eigh(products / count)
        whitening = (vectors / torch.sqrt(values.clamp_min(0) + 5e-4)).T.flip(0)[: self.stem.out_channels // 2]
        filters = whitening.reshape(-1, sample.shape[1], kernel, kernel).float()
        self.stem.weight.copy_(torch.cat([filters, -filters]))


def stem_stride(size: int) -> int:
    """By how many pixels the stem moves over pictures of ``size`` pixels: 1, 2 or 4."""
    return 1 if size < 46 else 2 if size < 92 else 4


class ResidualGroup(nn.Module):
    """Halve the resolution and change the width, then one residual pair: out = x + f(b(f(a(x)))), f(.) = SiLU(BN(.)).

    Args:
        inputs: channels coming in.
        outputs: channels going out.
        inner: channels between the convolutions of the pair.
        kernels: kernel sizes of the first convolution and of the pair.
    """

    def __init__(self, inputs: int, outputs: int, *, inner: int, kernels: tuple[int, int, int]) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, kernels[0])
        self.first_norm = nn.BatchNorm2d(outputs)
        self.a = _convolution(outputs, inner, kernels[1])
        self.a_norm = nn.BatchNorm2d(inner)
        self.b = _convolution(inner, outputs, kernels[2])
        self.b_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs half_h half_w"]:
        """Maps of half the height and width."""
        x = F.silu(self.first_norm(F.max_pool2d(self.first(x), 2)))
        y = F.silu(self.a_norm(self.a(x)))
        return x + F.silu(self.b_norm(self.b(y)))


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution that starts as the identity on its first min(inputs, outputs) filters."""
    layer = SmallMapConvolution(inputs, outputs, kernel, padding=(kernel - 1) // 2, bias=False)
    with torch.no_grad():
        nn.init.dirac_(layer.weight[: min(inputs, outputs)])
    return layer


def _share(width: int, part: int, of: int) -> int:
    """``part`` / ``of`` of a width, as a multiple of 8."""
    return max(8, round(width * part / of / 8) * 8)
