"""The convolution of small maps is the ordinary convolution: values and gradients, against torch's own kernels."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kinwise.learn.backbones.smallmaps import LARGEST_MAP, SmallMapConvolution, correlation, line, small_map_convolution


@pytest.mark.parametrize(
    ("height", "width", "kernel", "padding"),
    [
        *((1, 1, 3, 1), (2, 2, 3, 1), (3, 3, 3, 1), (5, 5, 3, 1), (7, 7, 3, 1), (15, 15, 3, 1)),
        *((4, 4, 1, 0), (7, 7, 2, 0), (2, 2, 2, 0), (5, 7, 3, 1), (2, 3, 3, 1), (6, 9, 3, 0), (4, 4, 5, 2)),
    ],
)
def test_agrees_with_conv2d(height: int, width: int, kernel: int, padding: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 5, height, width, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 5, kernel, kernel, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(x, weight, padding=padding)
    got = small_map_convolution(x, weight, padding)
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got, expected)
    gradient = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    for ours, theirs in zip(
        torch.autograd.grad(got, (x, weight), gradient),
        torch.autograd.grad(expected, (x, weight), gradient),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_the_gradient_of_one_picture_alone_is_that_among_others() -> None:
    """In batch norm too, whose gradient in evaluation mode is wrong for inputs of one picture with odd strides."""
    torch.manual_seed(0)
    x, weight, norm = torch.randn(3, 5, 4, 4), torch.randn(6, 5, 3, 3), torch.nn.BatchNorm2d(6).eval()
    factors = torch.randn(3, 6, 4, 4)
    torch.nn.init.uniform_(norm.weight)

    def gradient(of: slice) -> torch.Tensor:
        pictures = x[of].requires_grad_()
        maps = small_map_convolution(pictures, weight, 1)
        return torch.autograd.grad((norm(maps) * factors[of]).sum(), maps)[0]

    torch.testing.assert_close(gradient(slice(2, 3)), gradient(slice(None))[2:])


def test_single_precision_rounds_little() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(32, 48, 7, 7), torch.randn(40, 48, 3, 3)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    error = (small_map_convolution(x, weight, 1) - exact).abs().max() / exact.abs().max()
    assert error < 3e-5


def test_two_outputs_of_three_taps_by_hand() -> None:
    # y0 = 1*10 + 2*20 + 3*30 = 140, y1 = 2*10 + 3*20 + 4*30 = 200, in 4 products instead of 6.
    forth, spread, back = correlation(2, 3)
    assert forth.shape == (4, 4)
    outputs = back @ ((forth @ [1, 2, 3, 4]) * (spread @ [10, 20, 30]))
    np.testing.assert_allclose(outputs, [140, 200])


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "products"),
    [(7, 3, 1, 11), (5, 3, 1, 7), (3, 3, 1, 5), (2, 3, 1, 3), (1, 3, 1, 1), (7, 2, 0, 7), (15, 3, 1, 21)],
)
def test_how_many_products_a_line_takes(size: int, kernel: int, padding: int, products: int) -> None:
    forth, spread, back = line(size, kernel, padding)
    assert len(forth) == len(spread) == back.shape[1] == products


def test_more_products_than_points_are_refused() -> None:
    with pytest.raises(ValueError, match="8 products"):
        correlation(6, 3)


def test_the_module_takes_either_way_to_the_same_result() -> None:
    torch.manual_seed(0)
    layer = SmallMapConvolution(3, 4, 3, padding=1, bias=False)
    side = int(LARGEST_MAP**0.5)
    for size in (side, side + 1):  # the last small map, the first large one
        x = torch.randn(2, 3, size, size)
        with torch.no_grad():
            plain = layer(x)
        torch.testing.assert_close(layer(x), plain, rtol=1e-4, atol=1e-5)
