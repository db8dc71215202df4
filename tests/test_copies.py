"""Changed copies: their pixels by hand numbers, and what a network that is understood answers to them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from easy import CPU, easy_images
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from kinwise.data.augment import unit_statistics
from kinwise.data.images import Images
from kinwise.examine.cases import Stability
from kinwise.examine.copies import COPIES, blurred, changed_answers, grey, shuffled

SUN, TIGER, SKY, SEA = range(4)


def filled(picture: np.ndarray, channels: int = 3) -> np.ndarray:
    return np.broadcast_to(picture, (2, channels, *picture.shape)).astype(np.uint8)


# --- pixels ----------------------------------------------------------------------------------------------------------


def test_grey_is_the_luminance_in_all_channels() -> None:
    pixels = np.array([[100, 200, 50], [255, 0, 0], [0, 255, 0], [0, 0, 255]], dtype=np.uint8)[:, :, None, None]
    # .299 x 100 + .587 x 200 + .114 x 50 = 29.9 + 117.4 + 5.7
    assert grey(pixels)[..., 0, 0].tolist() == [[153] * 3, [76] * 3, [150] * 3, [29] * 3]


def test_grey_pictures_stay_as_they_are() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert (grey(pixels) == pixels).all()
    three = np.repeat(pixels, 3, axis=1)
    assert (grey(three) == three).all(), "white stays white, and rounding changes nothing"


def gaussian(deviation: float) -> np.ndarray:
    weights = np.exp(-(np.arange(-30, 31) ** 2) / (2 * deviation**2))
    return weights / weights.sum()


def test_a_blurred_dot_is_the_product_of_two_gaussians() -> None:
    dot = np.zeros((32, 32))
    dot[16, 16] = 255
    expected = np.zeros((32, 32))
    expected[:] = 255 * np.outer(gaussian(1.5), gaussian(1.5))[14:46, 14:46]
    assert expected[16, 16] == pytest.approx(18.04, abs=0.01)
    found = blurred(filled(dot)).astype(int)
    assert found[0, 0, 16, 14:19].tolist() == [7, 14, 18, 14, 7]
    assert abs(found - expected).max() <= 0.51, "rounded to whole grey levels"


@pytest.mark.parametrize(("side", "deviation"), [(32, 1.5), (64, 3.0), (16, 0.75)])
def test_the_blur_grows_with_the_picture_and_repeats_the_edge(side: int, deviation: float) -> None:
    line = np.zeros((side, side))
    line[:, 0] = 255
    # Column 0 stands for all columns to its left too: half of the weights, and half of the middle one again.
    expected = 255 * (1 + gaussian(deviation)[30]) / 2
    assert blurred(filled(line))[1, 2, :, 0] == pytest.approx(expected, abs=0.51)


def test_blurring_a_plain_picture_changes_nothing_whatever_its_form() -> None:
    pixels = np.full((2, 1, 20, 33), 77, dtype=np.uint8)
    assert (blurred(pixels) == pixels).all()


def tile_numbers(height: int, width: int) -> np.ndarray:
    """The number of the tile of a 4 x 4 grid that each pixel is in, 0..15, row after row."""
    rows, columns = (
        np.repeat(np.arange(4), np.diff([side * edge // 4 for edge in range(5)])) for side in (height, width)
    )
    return rows[:, None] * 4 + columns


@given(height=st.integers(4, 70), width=st.integers(4, 70))
def test_shuffling_moves_every_tile_as_a_whole_to_another_place(height: int, width: int) -> None:
    before = tile_numbers(height, width)
    after = shuffled(filled(before, channels=1))[1, 0]
    source = [np.unique(after[before == tile]).tolist() for tile in range(16)]
    assert all(len(numbers) == 1 for numbers in source), "a place shows one tile alone"
    assert sorted(source) == [[tile] for tile in range(16)], "every tile is still there, once"
    assert all(source[tile] != [tile] for tile in range(16)), "none stays in its place"


def test_tiles_are_not_changed_inside() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    tiles = {tuple(pixels[0, 0][tile_numbers(8, 8) == tile]) for tile in range(16)}
    after = shuffled(pixels)[0, 0]
    assert {tuple(after[tile_numbers(8, 8) == tile]) for tile in range(16)} == tiles


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("channels", [1, 3])
def test_copies_keep_the_form_and_leave_the_pictures_alone(name: str, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(3, channels, 18, 21), dtype=np.uint8)
    before = pixels.copy()
    copies = COPIES[name][1](pixels)
    assert (copies.dtype, copies.shape) == (np.uint8, pixels.shape)
    assert (pixels == before).all()


# --- answers ---------------------------------------------------------------------------------------------------------


class Corner(nn.Module):
    """Looks at the upper left pixel alone: the score of the sun is its first channel, that of the sky its last."""

    statistics = unit_statistics(3)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        corner = pictures[:, :, 0, 0]
        low = torch.full_like(corner[:, 0], -30.0)
        classes = torch.stack([corner[:, 0], low, corner[:, -1], low], dim=1)
        return classes[:, ::2], classes


def likeliest(levels: Sequence[np.ndarray]) -> np.ndarray:
    return levels[-1].argmax(axis=1)


def with_pixels(pixels: np.ndarray, labels: list[int]) -> Images:
    count = len(labels)
    return replace(
        easy_images(train=count, others=0), pixels=pixels, labels=np.array(labels), ids=np.arange(count).astype(str)
    )


def test_the_answers_to_copies_by_hand() -> None:
    pixels = np.zeros((2, 3, 32, 32), np.uint8)
    pixels[0, 0] = 255  # red
    pixels[1, 2] = 255  # blue
    images = with_pixels(pixels, [SUN, SUN])
    found, stable = changed_answers(Corner(), images, np.array([SUN, SKY]), CPU, likeliest)  # type: ignore[arg-type]
    assert [[copy.name for copy in copies] for copies in found] == [["grey", "blurred", "shuffled"]] * 2
    e = np.e
    assert [copy.confidence for copy in found[0]] == pytest.approx([1 / 2, e / (e + 1), e / (e + 1)])
    assert [copy.confidence for copy in found[1]] == pytest.approx([1 / 2, e / (e + 1), e / (e + 1)])
    assert [copy.true_confidence for copy in found[0]] == pytest.approx([1 / 2, e / (e + 1), e / (e + 1)])
    assert [copy.true_confidence for copy in found[1]] == pytest.approx([1 / 2, 1 / (e + 1), 1 / (e + 1)])
    assert [copy.answered for copy in found[1]] == ["sun", "sky", "sky"], "grey leaves a tie: the first class wins"
    assert stable == [Stability(copies=9, same=9, right=9), Stability(copies=9, same=9, right=0)]


def test_copies_are_answered_as_the_pictures_are() -> None:
    images = with_pixels(np.full((1, 3, 32, 32), 255, np.uint8), [SUN])
    answered = changed_answers(Corner(), images, np.array([SKY]), CPU, lambda _: np.array([SKY]))  # type: ignore[arg-type]
    assert [copy.answered for copy in answered[0][0]] == ["sky"] * 3
    assert answered[1] == [Stability(copies=9, same=9, right=0)]


@pytest.mark.parametrize(("side", "step"), [(32, 2), (16, 1), (64, 4), (9, 1)])
def test_shifts_are_a_sixteenth_of_the_side(side: int, step: int) -> None:
    pixels = np.zeros((2, 3, side, side), np.uint8)
    pixels[:, 2] = 255
    for picture, columns in enumerate((step, step + 1)):  # red from the left edge on, else blue
        pixels[picture, :, :, :columns] = np.array([255, 0, 0])[:, None, None]
    images = with_pixels(pixels, [SKY, SKY])
    _, stable = changed_answers(Corner(), images, np.array([SUN, SUN]), CPU, likeliest)  # type: ignore[arg-type]
    # To the left the first loses its red, straight and along both diagonals; mirrored, both lose it.
    assert stable == [Stability(copies=9, same=5, right=4), Stability(copies=9, same=8, right=1)]


def test_no_pictures_have_no_copies() -> None:
    images = easy_images(train=0, others=0)
    assert changed_answers(Corner(), images, np.zeros(0, int), CPU, likeliest) == ([], [])  # type: ignore[arg-type]
