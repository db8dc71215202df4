"""The networks of the reference systems: convolutions in blocks, as their reports describe them."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kinwise.learn.backbones.base import Backbone


class PlainNet(Backbone):
    """Blocks of convolutions, each ended by a max-pool, then dense layers (reference systems A, B, C and E).

    Every convolution is 3x3 with bias, then batch norm and ReLU. The last maps are averaged to ``side`` x ``side`` and
    flattened; each dense layer is followed by batch norm (if ``dense_norm``), ReLU and dropout.

    Args:
        blocks: channels of the convolutions of each block.
        side: height and width of the maps that are flattened, in pixels.
        dense: sizes of the dense layers.
        channels: of the pictures.
        dropout: the share left out in training, in [0, 1).
        dense_norm: whether the dense layers have batch norm.
        block_dropout: whether there is dropout after each block as well.
    """

    def __init__(
        self,
        *,
        blocks: tuple[tuple[int, ...], ...],
        side: int,
        dense: tuple[int, ...],
        channels: int,
        dropout: float,
        dense_norm: bool = False,
        block_dropout: bool = False,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for widths in blocks:
            steps = _convolutions((channels, *widths))
            self.blocks.append(nn.Sequential(*steps, nn.MaxPool2d(2), nn.Dropout(dropout if block_dropout else 0.0)))
            channels = widths[-1]
        self.flatten = nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Flatten())
        sizes = (channels * side * side, *dense)
        self.dense = nn.Sequential()
        for inputs, outputs in pairwise(sizes):
            norm = [nn.BatchNorm1d(outputs)] if dense_norm else []
            self.dense.extend([nn.Linear(inputs, outputs), *norm, nn.ReLU(), nn.Dropout(dropout)])
        self.features = sizes[-1]

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """The blocks in order, then all dense layers."""
        return (*self.blocks, self.dense)

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """One feature vector per picture."""
        maps = pictures
        for block in self.blocks:
            maps = block(maps)
        return self.dense(self.flatten(maps))


class ResNet9(Backbone):
    """Nine layers with two residual pairs, 64 > 128 > 256 > 512 > 1028 channels (reference system D).

    Every convolution is 3x3 with bias, then batch norm and ReLU; a pair adds its input to its output. The features are
    the maximum of each of the last maps.

    Args:
        channels: of the pictures.
        dropout: the share of features left out in training, in [0, 1).
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(*_convolutions((channels, 64)), *_halving(64, 128))
        self.first_pair = nn.Sequential(*_convolutions((128, 128, 128)))
        self.second = nn.Sequential(*_halving(128, 256), *_halving(256, 512))
        self.second_pair = nn.Sequential(*_convolutions((512, 512, 512)))
        self.third = nn.Sequential(*_halving(512, 1028))
        self.third_pair = nn.Sequential(*_convolutions((1028, 1028, 1028)))
        self.dropout = nn.Dropout(dropout)
        self.features = 1028

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """Convolutions and pairs in turn."""
        return (self.first, self.first_pair, self.second, self.second_pair, self.third, self.third_pair)

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """One feature vector per picture; pictures of 16 pixels or more."""
        maps = self.first(pictures)
        maps = self.second(maps + self.first_pair(maps))
        maps = self.third(maps + self.second_pair(maps))
        maps = maps + self.third_pair(maps)
        return self.dropout(torch.flatten(F.adaptive_max_pool2d(maps, 1), 1))


def _convolutions(widths: tuple[int, ...]) -> list[nn.Module]:
    """A convolution, batch norm and ReLU from each width to the next."""
    steps: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        steps += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return steps


def _halving(inputs: int, outputs: int) -> list[nn.Module]:
    return [*_convolutions((inputs, outputs)), nn.MaxPool2d(2)]
