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


_AT_ONCE = 64  # pictures: little memory that is used again and again is quicker than much


def unit_statistics(channels: int) -> Statistics:
    """Statistics that leave pixel / 255 as it is, in [0, 1]."""
    return Statistics(mean=(0.0,) * channels, std=(1.0,) * channels)


def channel_statistics(pixels: Pixels, most: int = 10_000) -> Statistics:
    """The statistics of uint8 ``pixels``, (pictures, channels, height, width), from ``most`` evenly spaced ones.

    Of pictures larger than 32x32 it takes so many fewer.
    """
    most = max(1, most * 32 * 32 // max(32 * 32, pixels.shape[2] * pixels.shape[3]))
    rows = np.arange(0, len(pixels), max(1, len(pixels) // most))
    sums, squares = np.zeros((2, pixels.shape[1]))
    for start in range(0, len(rows), _AT_ONCE):  # whole numbers: float64 adds them exactly
        batch = pixels[rows[start : start + _AT_ONCE]].astype(np.float64)
        sums += batch.sum(axis=(0, 2, 3))
        squares += np.einsum("nchw,nchw->c", batch, batch)
    count = len(rows) * pixels.shape[2] * pixels.shape[3]
    mean, std = sums / count / 255, np.sqrt(squares * count - sums**2) / count / 255
    return Statistics(mean=tuple(map(float, mean)), std=tuple(float(max(value, 1e-3)) for value in std))


def normalise(
    pixels: UInt8[Tensor, "batch channels height width"], statistics: Statistics
) -> Float[Tensor, "batch channels height width"]:
    """(pixel / 255 - mean) / std for each channel, as float32 in channels-last order."""

    return _standardised(pixels.to(torch.float32), statistics, 255)


def standardise(
    batch: Float[Tensor, "batch channels height width"], statistics: Statistics
) -> Float[Tensor, "batch channels height width"]:
    """``normalise`` for pictures in 0..1."""
    return _standardised(batch, statistics, 1)


def _standardised(batch: Tensor, statistics: Statistics, most: float) -> Tensor:
    def per_channel(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=batch.device).view(1, -1, 1, 1)

    scale = per_channel([1 / (most * std) for std in statistics.std])
    offset = per_channel([-mean / std for mean, std in zip(statistics.mean, statistics.std, strict=True)])
    return torch.addcmul(offset, batch, scale).contiguous(memory_format=torch.channels_last)


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


def draw_crops(generator: np.random.Generator, count: int, least: float) -> Float[np.ndarray, "count 4"]:
    """A window for each of ``count`` pictures: centre (down, right) and half extent (down, right), in -1..1.

    Its share of the picture's area is uniform in ``least``..1, the logarithm of its width over its height uniform
    between those of 3/4 and 4/3, its place uniform among those inside (Szegedy et al., Going Deeper with Convolutions,
    CVPR 2015, section 6). A window longer than the picture is cut to it.
    """
    area = generator.uniform(least, 1, count)
    stretch = np.exp(generator.uniform(-1, 1, count) * np.log(4 / 3))
    half = np.minimum(np.sqrt(np.stack([area / stretch, area * stretch], axis=1)), 1)
    centre = generator.uniform(-1, 1, (count, 2)) * (1 - half)
    return np.concatenate([centre, half], axis=1).astype(np.float32)


def crop_and_flip(
    batch: Float[Tensor, "batch channels height width"],
    crops: Float[Tensor, "batch 4"],
    flips: Bool[Tensor, " batch"],
    size: int,
) -> Float[Tensor, "batch channels size size"]:
    """Each picture's window (see ``draw_crops``) at ``size`` pixels, bilinear; mirrored where its flip is set."""
    down, right, half_down, half_right = crops.unbind(1)
    nothing = torch.zeros_like(down)
    across = torch.where(flips, -half_right, half_right)
    windows = torch.stack([across, nothing, right, nothing, half_down, down], dim=1).view(-1, 2, 3)
    places = F.affine_grid(windows, [len(batch), 1, size, size], align_corners=False)
    seen = F.grid_sample(batch, places, mode="bilinear", padding_mode="reflection", align_corners=False)
    return seen.contiguous(memory_format=torch.channels_last)


def draw_jitter(generator: np.random.Generator, count: int, strength: float) -> Float[np.ndarray, "count 3"]:
    """Factors of brightness, contrast and saturation for each of ``count`` pictures, in 1 - strength..1 + strength."""
    return generator.uniform(1 - strength, 1 + strength, (count, 3)).astype(np.float32)


def jitter(
    batch: Float[Tensor, "batch channels height width"], factors: Float[Tensor, "batch 3"]
) -> Float[Tensor, "batch channels height width"]:
    """Pictures in 0..1, each changed by its factors of brightness, contrast and saturation in that order, in 0..1.

    Brightness scales all values, contrast their distance from the picture's mean, saturation the distance of the
    channels from their mean, pixel by pixel.
    """
    brightness, contrast, saturation = factors.view(len(batch), 3, 1, 1, 1).unbind(1)
    bright = (batch * brightness).clamp(0, 1)
    middle = bright.mean(dim=(1, 2, 3), keepdim=True)
    strong = (middle + (bright - middle) * contrast).clamp(0, 1)
    grey = strong.mean(dim=1, keepdim=True)
    return (grey + (strong - grey) * saturation).clamp(0, 1)


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions outside 0..size-1 mirrored at the first and last pixel, which stand once; up to 2 (size - 1) away."""
    return ((size - 1) - ((size - 1) - position.abs()).abs()).abs()
