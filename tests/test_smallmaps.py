"""The convolution of small maps is the ordinary convolution: values and gradients, against torch's own kernels."""

import pytest
import torch
import torch.nn.functional as F

from kinwise.learn.smallmaps import LARGEST_MAP, SmallMapConvolution, small_map_convolution, touching_pairs


@pytest.mark.parametrize(
    ("size", "kernel", "padding"), [(1, 3, 1), (2, 3, 1), (3, 3, 1), (5, 3, 1), (4, 1, 0), (7, 2, 0), (2, 2, 0)]
)
def test_agrees_with_conv2d(size: int, kernel: int, padding: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 5, size, size, generator=generator, dtype=torch.float64, requires_grad=True)
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


def test_only_positions_that_meet_the_map_are_multiplied() -> None:
    # 3x3 on 3x3: the corner sees 4 positions, an edge 6, the centre 9: 4*4 + 4*6 + 9 = 49 of 81.
    assert len(touching_pairs(3, 3, 3, 1)) == 49
    assert len(touching_pairs(2, 2, 3, 1)) == 16
    assert touching_pairs(2, 2, 2, 0) == ((0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 3))


def test_the_module_takes_either_way_to_the_same_result() -> None:
    torch.manual_seed(0)
    layer = SmallMapConvolution(3, 4, 3, padding=1, bias=False)
    side = int(LARGEST_MAP**0.5)
    for size in (side, side + 1):  # the last small map, the first large one
        x = torch.randn(2, 3, size, size)
        with torch.no_grad():
            plain = layer(x)
        torch.testing.assert_close(layer(x), plain, rtol=1e-5, atol=1e-5)
