"""Augmentation: a uint8 batch in, a float batch out, on the device that holds the pictures, a whole batch at a time."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from kinwise.data.rows import Pixels

FLIPS = ("alternating", "random", "none")


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Mean and standard deviation of each channel of the training pictures, in units of pixel value / 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def unit_statistics(channels: int) -> Statistics:
    """Statistics that leave pixel / 255 as it is, in [0, 1]."""
    return Statistics(mean=(0.0,) * channels, std=(1.0,) * channels)


def channel_statistics(pixels: Pixels, most: int = 10_000) -> Statistics:
    """The statistics of uint8 ``pixels``, (pictures, channels, height, width), from ``most`` evenly spaced ones."""
    sample = pixels[:: max(1, len(pixels) // most)].astype(np.float64) / 255
    mean, std = sample.mean(axis=(0, 2, 3)), sample.std(axis=(0, 2, 3))
    return Statistics(mean=tuple(map(float, mean)), std=tuple(float(max(value, 1e-3)) for value in std))


def normalise(
    pixels: UInt8[Tensor, "batch channels height width"], statistics: Statistics
) -> Float[Tensor, "batch channels height width"]:
    """(pixel / 255 - mean) / std for each channel, as float32 in channels-last order."""

    def per_channel(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=pixels.device).view(1, -1, 1, 1)

    scale = per_channel([1 / (255 * std) for std in statistics.std])
    offset = per_channel([-mean / std for mean, std in zip(statistics.mean, statistics.std, strict=True)])
    return torch.addcmul(offset, pixels.to(torch.float32), scale).contiguous(memory_format=torch.channels_last)


def draw_shifts(generator: np.random.Generator, count: int, translate: int) -> Int[np.ndarray, "count 2"]:
    """A vertical and a horizontal shift for each of ``count`` pictures, uniform in -translate..translate pixels."""
    return generator.integers(-translate, translate + 1, size=(count, 2), dtype=np.int64)


def draw_flips(flip: str, seed: int, epoch: int, count: int) -> Bool[np.ndarray, " count"]:
    """Whether to mirror each of ``count`` pictures in this epoch.

    "alternating": half of them, drawn once for all epochs, in even epochs and the other half in odd ones, so that two
    epochs in a row show both sides of every picture (Jordan, arXiv 2404.00498, section 3.5). "random": drawn anew in
    each epoch. "none": never.
    """
    if flip == "none":
        return np.zeros(count, dtype=bool)
    stream = epoch if flip == "random" else -1
    first = np.random.default_rng([seed, 7, stream + 1]).random(count) < 0.5
    return first ^ bool(epoch % 2) if flip == "alternating" else first


def shift_and_flip(
    pixels: UInt8[Tensor, "batch channels height width"], shifts: Int[Tensor, "batch 2"], flips: Bool[Tensor, " batch"]
) -> UInt8[Tensor, "batch channels height width"]:
    """Each picture moved by its own whole-pixel shift, the border reflected, and mirrored where its flip is set."""
    batch, channels, height, width = pixels.shape
    rows = _reflected(torch.arange(height, device=pixels.device) + shifts[:, :1], height)
    columns = _reflected(torch.arange(width, device=pixels.device) + shifts[:, 1:], width)
    columns = torch.where(flips[:, None], columns.flip(1), columns)
    flat = (rows[:, :, None] * width + columns[:, None, :]).view(batch, 1, height * width)
    moved = pixels.reshape(batch, channels, height * width).gather(2, flat.expand(-1, channels, -1))
    return moved.view(batch, channels, height, width)


def resize(batch: Float[Tensor, "batch channels height width"], size: int) -> Float[Tensor, "batch channels size size"]:
    """The pictures at ``size`` pixels, by antialiased bilinear interpolation; unchanged where they have that size."""
    if batch.shape[-1] == size and batch.shape[-2] == size:
        return batch
    small = F.interpolate(batch, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return small.contiguous(memory_format=torch.channels_last)


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions outside 0..size-1 mirrored at the first and last pixel, which stand once; up to 2 (size - 1) away."""
    return ((size - 1) - ((size - 1) - position.abs()).abs()).abs()
