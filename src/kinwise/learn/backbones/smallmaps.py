"""Convolutions of small maps on a processor, with a third to a half of the multiplications (Toom-Cook, Winograd).

Along one line, m outputs of a convolution with r taps need m + r - 1 multiplications instead of m r when inputs and
taps are first combined linearly:

    outputs = back @ ((forth @ inputs) * (spread @ taps))

Over both directions that makes one (pictures, in) x (in, out) matrix product for each pair of combinations, all of one
shape, at the full speed of the processor's matrix library; the combinations themselves are small products too, so
autograd finds the gradients. The result is the same convolution, to rounding (about 1e-5 of the largest value).
The scheme is Winograd's (Arithmetic Complexity of Computations, 1980; Lavin and Gray, arXiv 1509.09308) with the points
0, 1, -1, 2, -2, 1/2 and infinity, laid over a whole map at once: what padding would multiply does not exist.
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)
MOST_PRODUCTS = len(POINTS) + 1
LARGEST_MAP, LARGEST_WIDE_MAP, WIDE = 100, 225, 32


class SmallMapConvolution(nn.Conv2d):
    """``nn.Conv2d`` with stride 1 and zero padding that trains small maps in float32 on a processor as said above.

    Small are maps of up to 100 positions, or 225 where 32 channels or more come in (found by timing).
    """

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        """The convolution of ``x``; channels-last in, channels-last out."""
        largest = LARGEST_WIDE_MAP if self.in_channels >= WIDE else LARGEST_MAP
        small = self.kernel_size[0] > 1 and x.shape[2] * x.shape[3] <= largest
        plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        if small and plain and torch.is_grad_enabled():
            assert isinstance(self.padding, tuple)
            return small_map_convolution(x, self.weight, self.padding[0])
        return super().forward(x)


def small_map_convolution(
    x: Float[Tensor, "batch inputs height width"], weight: Float[Tensor, "outputs inputs kernel kernel"], padding: int
) -> Float[Tensor, "batch outputs h w"]:
    """``F.conv2d(x, weight, padding=padding)`` for small maps; see the module's text."""
    batch, inputs, height, width = x.shape
    outputs, _, kernel, _ = weight.shape
    if x.requires_grad:  # the gradient would come out in another memory order, for which batch norm is slow
        x.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))
    rows, columns = (_line_tensors(size, kernel, padding, x.dtype) for size in (height, width))
    forth, spread, back = zip(rows, columns, strict=True)
    pictures = _transform(*forth, x.permute(2, 3, 0, 1).reshape(height, width, -1))
    taps = _transform(*spread, weight.permute(2, 3, 1, 0).reshape(kernel, kernel, -1))
    products = pictures.view(-1, batch, inputs) @ taps.view(-1, inputs, outputs)
    maps = _transform(*back, products.view(*pictures.shape[:2], -1))
    maps = maps.view(*maps.shape[:2], batch, outputs).permute(2, 3, 0, 1)
    return maps.clone(memory_format=torch.channels_last)  # of one picture, contiguous() would leave the strides odd


def _transform(rows: Tensor, columns: Tensor, maps: Tensor) -> Tensor:
    """``rows`` @ maps @ ``columns``', the maps being (height, width, anything)."""
    height, width, rest = maps.shape
    lines = (rows @ maps.reshape(height, width * rest)).view(-1, width, rest)
    return torch.bmm(columns.expand(len(lines), -1, -1), lines)


@lru_cache(maxsize=64)
def _line_tensors(size: int, kernel: int, padding: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(matrix.copy()).to(dtype) for matrix in line(size, kernel, padding))


Matrices = tuple[np.ndarray, np.ndarray, np.ndarray]
"""forth (products, inputs), spread (products, taps) and back (outputs, products), float64."""


def line(size: int, kernel: int, padding: int) -> Matrices:
    """The matrices for a line of ``size`` inputs with ``padding`` zeros at each end, which are never multiplied.

    A line with more outputs than 7 products can give is cut into pieces that are as equal as possible. Where there
    are fewer inputs than taps, both change places: two padded inputs and three taps need 3 products, not 4.
    """
    outputs = size + 2 * padding - kernel + 1
    if size + outputs - 1 <= kernel:
        spread, forth, back = correlation(outputs, size)
        first = padding - (outputs - 1)
        taps = np.zeros((len(spread), kernel))
        taps[:, first : first + spread.shape[1]] = spread
        return forth, taps, np.flipud(back)
    pieces = -(-outputs // (MOST_PRODUCTS - kernel + 1))
    lengths = [outputs // pieces + (piece < outputs % pieces) for piece in range(pieces)]
    products = outputs + pieces * (kernel - 1)
    forth, back = np.zeros((products, size + 2 * padding)), np.zeros((outputs, products))
    spreads = []
    start = 0
    for piece, length in enumerate(lengths):
        first, needed = start + piece * (kernel - 1), length + kernel - 1
        inputs_to, spread, to_outputs = correlation(length, kernel)
        forth[first : first + needed, start : start + needed] = inputs_to
        back[start : start + length, first : first + needed] = to_outputs
        spreads.append(spread)
        start += length
    return forth[:, padding : padding + size], np.vstack(spreads), back


def correlation(outputs: int, taps: int) -> Matrices:
    """The matrices of y[i] = sum over j of x[i + j] w[j] for outputs + taps - 1 inputs, and as many products.

    The transpose of multiplying two polynomials by their values at points (Toom-Cook). Each product's two factors are
    scaled to be equally large, which keeps rounding small.

    Raises:
        ValueError: for more products than there are points.
    """
    products = outputs + taps - 1
    if products > MOST_PRODUCTS:
        raise ValueError(f"{products} products need as many points; there are {MOST_PRODUCTS}")
    forth = np.linalg.inv(_powers(products, products)).T
    spread, back = _powers(products, taps), _powers(products, outputs).T
    scale = np.sqrt(np.abs(spread).max(1, keepdims=True) / np.abs(forth).max(1, keepdims=True))
    return forth * scale, spread / scale, back


def _powers(points: int, degree: int) -> np.ndarray:
    """The powers 0..degree - 1 of the first ``points`` - 1 points, and the highest alone for the point infinity."""
    finite = np.vander(np.array(POINTS[: points - 1]), degree, increasing=True)
    return np.vstack([finite, np.eye(degree)[-1]])
