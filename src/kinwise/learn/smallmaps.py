"""Convolutions of small maps on a processor: sums of matrix products instead of a convolution kernel.

On maps of 2x2 to 8x8 pixels the usual kernels reach a fraction of a processor's speed, most of all for the gradient of
the weights, and multiply mostly with padding: of the 81 products of a 3x3 convolution on a 3x3 map 32 are with zeros.
Here each pair of an output and an input position that touch is one matrix product (pictures, in) x (in, out), at the
full speed of the processor's matrix library; pairs that would meet padding do not exist. The result is the same
convolution, to rounding.
"""

from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

LARGEST_MAP = 64


class SmallMapConvolution(nn.Conv2d):
    """``nn.Conv2d`` with stride 1 and zero padding that computes small maps in float32 on a processor as said above."""

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        """The convolution of ``x``; channels-last in, channels-last out."""
        small = x.shape[2] * x.shape[3] <= LARGEST_MAP
        plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        if small and plain and torch.is_grad_enabled():
            assert isinstance(self.padding, tuple)
            return small_map_convolution(x, self.weight, self.padding[0])
        return super().forward(x)


def small_map_convolution(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """``F.conv2d(x, weight, padding=padding)`` for small maps; see the module's text."""
    batch, inputs, height, width = x.shape
    outputs, _, kernel, _ = weight.shape
    positions = x.permute(2, 3, 0, 1).reshape(height * width, batch, inputs)
    taps = weight.permute(2, 3, 1, 0).reshape(kernel * kernel, inputs, outputs)
    result = _PositionProducts.apply(positions, taps, (height, width, kernel, padding))
    grown = 2 * padding - kernel + 1
    maps = result.view(height + grown, width + grown, batch, outputs)
    return maps.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=64)
def touching_pairs(height: int, width: int, kernel: int, padding: int) -> tuple[tuple[int, int, int], ...]:
    """(output position, input position, tap of the kernel) for all that touch, by output position."""
    pairs = []
    for row in range(height + 2 * padding - kernel + 1):
        for column in range(width + 2 * padding - kernel + 1):
            output = row * (width + 2 * padding - kernel + 1) + column
            for tap in range(kernel * kernel):
                y, x = row + tap // kernel - padding, column + tap % kernel - padding
                if 0 <= y < height and 0 <= x < width:
                    pairs.append((output, y * width + x, tap))
    return tuple(pairs)


class _PositionProducts(torch.autograd.Function):
    """result[output] = sum of x[input] @ taps[tap] over the pairs; x is (positions, pictures, channels)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
        pairs = touching_pairs(*shape)
        ctx.save_for_backward(x, taps)
        ctx.pairs = pairs
        result = x.new_empty(pairs[-1][0] + 1, x.shape[1], taps.shape[2])
        seen: set[int] = set()
        for output, input_, tap in pairs:
            _accumulate(result, output, x[input_], taps[tap], seen)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, taps = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        of_x, of_taps = torch.empty_like(x), torch.empty_like(taps)
        seen_x: set[int] = set()
        seen_taps: set[int] = set()
        for output, input_, tap in ctx.pairs:
            if ctx.needs_input_grad[0]:
                _accumulate(of_x, input_, gradient[output], taps[tap].T, seen_x)
            _accumulate(of_taps, tap, x[input_].T, gradient[output], seen_taps)
        for unseen in set(range(len(x))) - seen_x:
            of_x[unseen].zero_()
        for unseen in set(range(len(taps))) - seen_taps:
            of_taps[unseen].zero_()
        return of_x if ctx.needs_input_grad[0] else None, of_taps, None


def _accumulate(sums: Tensor, index: int, left: Tensor, right: Tensor, seen: set[int]) -> None:
    """Add left @ right to sums[index], or write it there when it is the first."""
    sums[index].addmm_(left, right, beta=1.0 if index in seen else 0.0)
    seen.add(index)
