"""Augmentation: every picture against what numpy does to it alone; what is drawn and how often."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinwise.data.augment import (
    Statistics,
    channel_statistics,
    crop_and_flip,
    draw_crops,
    draw_flips,
    draw_jitter,
    draw_shifts,
    jitter,
    normalise,
    resize,
    shift_and_flip,
    standardise,
)


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


def is_channels_last(batch: torch.Tensor) -> bool:
    return batch.is_contiguous(memory_format=torch.channels_last)


# --- shifts and flips ------------------------------------------------------------------------------------------------


def shifted_alone(picture: np.ndarray, down: int, right: int, flip: bool) -> np.ndarray:
    """One picture (channels, height, width), cut from its reflected surroundings, then mirrored."""
    _, height, width = picture.shape
    margin = max(abs(down), abs(right))
    wide = np.pad(picture, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    cut = wide[:, margin + down :, margin + right :][:, :height, :width]
    return cut[:, :, ::-1] if flip else cut


@given(st.data())
def test_shift_and_flip_equals_pad_crop_and_mirror(data: st.DataObject) -> None:
    count, channels = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    height, width = data.draw(st.integers(2, 7)), data.draw(st.integers(2, 7))
    # One picture may be moved by more than its own size: 16 pixels is the most a config allows and the least there is.
    down = data.draw(st.lists(st.integers(-height, height), min_size=count, max_size=count))
    right = data.draw(st.lists(st.integers(-width, width), min_size=count, max_size=count))
    flips = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    pixels = random_pixels(count, channels, height, width)

    moved = shift_and_flip(torch.tensor(pixels), torch.tensor([*zip(down, right, strict=True)]), torch.tensor(flips))

    expected = [shifted_alone(*each) for each in zip(pixels, down, right, flips, strict=True)]
    assert moved.dtype == torch.uint8
    np.testing.assert_array_equal(moved.numpy(), np.stack(expected))


def test_a_shift_by_hand() -> None:
    picture = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=torch.uint8).view(1, 1, 3, 3)
    moved = shift_and_flip(picture, torch.tensor([[1, -1]]), torch.tensor([False]))
    assert moved[0, 0].tolist() == [[5, 4, 5], [8, 7, 8], [5, 4, 5]]
    mirrored = shift_and_flip(picture, torch.tensor([[0, 0]]), torch.tensor([True]))
    assert mirrored[0, 0].tolist() == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]


@given(seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 50))
def test_two_epochs_in_a_row_show_both_sides(seed: int, epoch: int) -> None:
    now, next_ = (draw_flips("alternating", seed, which, 40) for which in (epoch, epoch + 1))
    assert np.array_equal(now, ~next_)


def test_flips_are_half_of_the_pictures_and_drawn_from_the_seed() -> None:
    for flip in ("alternating", "random"):
        drawn = draw_flips(flip, 3, 5, 4000)
        assert drawn.mean() == pytest.approx(0.5, abs=0.04)  # five standard deviations
        assert np.array_equal(drawn, draw_flips(flip, 3, 5, 4000))
        assert (drawn != draw_flips(flip, 4, 5, 4000)).mean() == pytest.approx(0.5, abs=0.04)


def test_random_flips_are_drawn_anew_in_every_epoch_and_none_means_never() -> None:
    first, second = draw_flips("random", 0, 0, 4000), draw_flips("random", 0, 1, 4000)
    assert (first != second).mean() == pytest.approx(0.5, abs=0.04)
    assert not any(draw_flips("none", 0, epoch, 100).any() for epoch in range(3))


def test_shifts_are_uniform_and_drawn_from_the_generator() -> None:
    shifts = draw_shifts(np.random.default_rng(1), 5000, 2)
    assert shifts.shape == (5000, 2)
    for axis in (0, 1):
        values, counts = np.unique(shifts[:, axis], return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert np.abs(counts - 1000).max() < 145  # five standard deviations
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.07
    assert np.array_equal(shifts, draw_shifts(np.random.default_rng(1), 5000, 2))
    assert not np.array_equal(shifts, draw_shifts(np.random.default_rng(2), 5000, 2))
    assert not draw_shifts(np.random.default_rng(1), 10, 0).any()


# --- normalisation ---------------------------------------------------------------------------------------------------


def test_channel_statistics_by_hand() -> None:
    pixels = np.zeros((2, 2, 2, 2), dtype=np.uint8)
    pixels[1, 0] = 255  # channel 0: half 0, half 255; channel 1: the same everywhere
    statistics = channel_statistics(pixels)
    assert statistics.mean == (0.5, 0.0)
    assert statistics.std == (0.5, 1e-3)


def test_channel_statistics_look_at_evenly_spaced_pictures() -> None:
    pixels = random_pixels(12, 3, 4, 4)
    pixels[1::3] = pixels[2::3] = 0  # not looked at when 4 of 12 are asked for
    assert channel_statistics(pixels, most=4) == channel_statistics(pixels[::3])


def test_normalise_follows_its_formula() -> None:
    pixels = random_pixels(3, 2, 5, 4)
    mean, std = np.array([0.25, 0.5]), np.array([0.2, 0.05])
    batch = normalise(torch.tensor(pixels), Statistics(mean=tuple(mean), std=tuple(std)))
    expected = (pixels / 255 - mean[:, None, None]) / std[:, None, None]
    assert batch.dtype == torch.float32
    assert is_channels_last(batch)
    np.testing.assert_allclose(batch.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_normalised_by_their_own_statistics_pictures_have_mean_0_and_deviation_1() -> None:
    pixels = random_pixels(50, 3, 8, 8)
    batch = normalise(torch.tensor(pixels), channel_statistics(pixels)).double()
    assert batch.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert batch.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-6)


# --- resizing --------------------------------------------------------------------------------------------------------


def test_resize_changes_nothing_at_the_same_size() -> None:
    batch = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resize(batch, 8), batch)


def test_resize_to_half_weighs_four_neighbours_by_a_triangle() -> None:
    batch = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    small = resize(batch, 6)
    assert small.shape == (2, 3, 6, 6)
    assert is_channels_last(small)
    weights = np.array([1, 3, 3, 1]) / 8  # a triangle of width 4, taken at the distances -3/2, -1/2, 1/2, 3/2
    around = np.lib.stride_tricks.sliding_window_view(batch.numpy(), (4, 4), axis=(2, 3))[:, :, 1::2, 1::2]
    expected = np.einsum("...ij,i,j->...", around, weights, weights)
    np.testing.assert_allclose(small[:, :, 1:-1, 1:-1].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("size", [16, 20, 24])
def test_resize_keeps_a_plain_surface(size: int) -> None:
    plain = torch.tensor([0.5, -2.0, 3.0]).view(1, 3, 1, 1).expand(2, 3, 32, 32)
    small = resize(plain, size)
    assert is_channels_last(small)
    np.testing.assert_allclose(small.numpy(), plain[:, :, :size, :size].numpy(), rtol=1e-6)


# --- random resized crops --------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.floats(0.05, 1))
def test_windows_lie_inside_and_have_the_area_that_was_asked_for(seed: int, least: float) -> None:
    windows = draw_crops(np.random.default_rng(seed), 200, least)
    centre, half = windows[:, :2], windows[:, 2:]
    assert (np.abs(centre) + half).max() <= 1 + 1e-6
    area = half.prod(axis=1)
    whole = (half < 1).all(axis=1)  # those that were not cut to the picture
    assert area.max() <= 1 + 1e-6
    assert area[whole].min(initial=1) >= least - 1e-6
    assert (half[whole, 1] / half[whole, 0]).min(initial=1) >= 3 / 4 - 1e-6
    assert (half[whole, 1] / half[whole, 0]).max(initial=1) <= 4 / 3 + 1e-6


def test_the_whole_window_is_the_picture_and_a_flip_mirrors_it() -> None:
    batch = torch.rand(2, 3, 8, 8)
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(2, 1)
    seen = crop_and_flip(batch, whole, torch.tensor([False, True]), 8)
    torch.testing.assert_close(seen, torch.stack([batch[0], batch[1].flip(2)]), atol=1e-5, rtol=0)
    assert is_channels_last(seen)


def test_a_quarter_is_cut_out_where_its_window_says() -> None:
    """The lower right quarter of an 8x8 picture, at 4 pixels, is its pixels."""
    batch = torch.rand(1, 2, 8, 8)
    lower_right = torch.tensor([[0.5, 0.5, 0.5, 0.5]])
    seen = crop_and_flip(batch, lower_right, torch.tensor([False]), 4)
    torch.testing.assert_close(seen, batch[:, :, 4:, 4:], atol=1e-5, rtol=0)


def test_a_window_is_enlarged_bilinearly() -> None:
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)  # grows to the right
    seen = crop_and_flip(ramp, torch.tensor([[0.0, 0.0, 1.0, 0.5]]), torch.tensor([False]), 4)
    torch.testing.assert_close(seen[0, 0, 0], torch.tensor([0.75, 1.25, 1.75, 2.25]))


# --- jitter ----------------------------------------------------------------------------------------------------------


def test_factors_of_one_change_nothing() -> None:
    batch = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(jitter(batch, torch.ones(2, 3)), batch)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([0.5, 1, 1], [[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]]),  # half as bright
        ([2, 1, 1], [[0.4, 0.8, 1], [1, 1, 1]]),  # twice as bright, cut off at 1
        ([1, 2, 1], [[0, 0.2, 0.6], [0.6, 1, 1]]),  # twice as far from the mean of .6
        ([1, 1, 0], [[0.4, 0.4, 0.4], [0.8, 0.8, 0.8]]),  # grey
        ([1, 1, 2], [[0, 0.4, 0.8], [0.4, 0.8, 1]]),  # twice as far from grey
    ],
)
def test_each_factor_does_what_it_is_called(factors: list[float], expected: list[list[float]]) -> None:
    two_pixels = torch.tensor([[0.2, 0.4, 0.6], [0.6, 0.8, 1.0]]).T.reshape(1, 3, 1, 2)
    changed = jitter(two_pixels, torch.tensor([factors], dtype=torch.float32))
    torch.testing.assert_close(changed.reshape(3, 2).T, torch.tensor(expected))


def test_jitter_factors_stay_in_their_range() -> None:
    factors = draw_jitter(np.random.default_rng(0), 1000, 0.3)
    assert factors.shape == (1000, 3)
    assert 0.7 <= factors.min() < 0.72
    assert 1.28 < factors.max() <= 1.3


def test_pictures_from_0_to_1_are_standardised_as_bytes_are() -> None:
    pixels = torch.from_numpy(random_pixels(4, 3, 5, 5))
    statistics = Statistics(mean=(0.2, 0.5, 0.7), std=(0.1, 0.3, 0.2))
    torch.testing.assert_close(standardise(pixels.float() / 255, statistics), normalise(pixels, statistics))
