"""Backbones: the stem whitens, the convolutions start as the identity, and every size of picture passes."""

import numpy as np
import pytest
import torch
from torch import nn

from kinwise.config import Config
from kinwise.data.augment import channel_statistics, normalise
from kinwise.learn.backbones import BACKBONES
from kinwise.learn.backbones.fast import FastNet


def smooth_pictures(count: int, channels: int, size: int) -> np.ndarray:
    """Noise, blurred along both axes, with channels that resemble each other: far from white."""
    noise = np.random.default_rng(0).normal(size=(count, channels + 1, size + 2, size + 2))
    blurred = np.lib.stride_tricks.sliding_window_view(noise, (3, 3), axis=(2, 3)).sum((4, 5))
    mixed = blurred[:, 1:] + blurred[:, :1]
    return np.clip(128 + 14 * mixed, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("size", "stride", "filters"), [(32, 1, 24), (45, 1, 24), (64, 2, 48), (128, 4, 48)])
def test_larger_pictures_pass_a_wider_stem(size: int, stride: int, filters: int) -> None:
    network = FastNet((8, 8, 8), 3, size=size)
    assert (network.stem.stride[0], network.stem.kernel_size[0]) == (stride, 2 * stride)
    assert network.stem.out_channels == filters
    network.prepare(pixels := smooth_pictures(20, 3, size), statistics := channel_statistics(pixels))
    with torch.no_grad():
        maps = network.stem(normalise(torch.tensor(pixels), statistics))
    assert maps.var((0, 2, 3))[0] == pytest.approx(1, abs=0.1)  # the strongest pattern is whitened


@pytest.mark.parametrize("channels", [1, 3])
def test_the_stem_whitens_the_pictures_it_was_prepared_with(channels: int) -> None:
    pixels = smooth_pictures(150, channels, 16)
    statistics = channel_statistics(pixels)
    network = FastNet((8, 8, 8), channels)
    network.prepare(pixels, statistics)
    with torch.no_grad():
        maps = network.stem(normalise(torch.tensor(pixels), statistics)).double()
    rows = maps.permute(0, 2, 3, 1).flatten(0, 2).numpy()
    half = rows.shape[1] // 2

    raw = np.cov(normalise(torch.tensor(pixels), statistics)[:, :, 0, :2].flatten(1).numpy().T)
    assert raw[0, 1] > 0.5  # neighbours resembled each other before
    covariance = np.cov(rows[:, :half].T)
    assert covariance.shape == (4 * channels, 4 * channels)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=0.01)
    assert np.diag(covariance).max() < 1.01
    assert np.diag(covariance).min() > 0.95  # less than 1 by the regulariser's share of the variance

    weight = network.stem.weight
    assert torch.equal(weight[half:], -weight[:half])
    assert not weight.requires_grad


def test_a_plain_direction_is_not_blown_up() -> None:
    grey = smooth_pictures(50, 1, 16).repeat(3, axis=1)  # three equal channels: two thirds of all directions are empty
    statistics = channel_statistics(grey)
    network = FastNet((8, 8, 8), 3)
    network.prepare(grey, statistics)
    assert network.stem.weight.abs().max() < 100
    with torch.no_grad():
        assert network.stem(normalise(torch.tensor(grey), statistics)).std((0, 2, 3)).max() < 1.1


@pytest.mark.parametrize("size", [16, 20, 24, 32, 64, 96, 224])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_every_size_become_one_vector_each(size: int, channels: int) -> None:
    network = BACKBONES["fast"](Config(widths=(8, 16, 24)), channels, size)
    vectors = network(torch.randn(2, channels, size, size))
    assert vectors.shape == (2, network.features) == (2, 24)
    assert vectors.isfinite().all()


def test_every_convolution_starts_as_the_identity() -> None:
    network = FastNet((8, 24, 16), 3)
    layers = [layer for layer in network.groups.modules() if isinstance(layer, nn.Conv2d)]
    assert layers
    for layer in layers:
        same = min(layer.in_channels, layer.out_channels)
        before = torch.randn(2, layer.in_channels, 5, 5)
        with torch.no_grad():
            after = layer(before)
        cut = (5 - after.shape[-1] + 1) // 2  # a kernel of two pixels looks at one row and one column less
        assert torch.equal(after[:, :same], before[:, :same, cut:, cut:])


def test_gradients_reach_all_that_is_trained() -> None:
    network = FastNet((8, 8, 8), 3)
    network(torch.randn(4, 3, 16, 16)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None and parameter.grad.any()) == parameter.requires_grad, name
