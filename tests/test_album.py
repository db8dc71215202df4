"""Albums: many small pictures in one image file."""

import io

import numpy as np
import pytest
from PIL import Image

from kinwise.examine.album import EMPTY, LARGEST_SIDE, album_of

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [220, 220, 40], [40, 220, 220]], np.uint8)


def flat_pictures(side: int, channels: int = 3) -> np.ndarray:
    """One picture per colour, evenly filled."""
    return np.broadcast_to(COLOURS[:, :channels, None, None], (len(COLOURS), channels, side, side)).copy()


def tiles(webp: bytes, side: int, columns: int, count: int) -> np.ndarray:
    """The mean colour of the middle of each tile, (count, 3); near its edges a lossy file mixes colours."""
    sheet = np.asarray(Image.open(io.BytesIO(webp)).convert("RGB")).astype(float)
    places = [(side * (place // columns), side * (place % columns)) for place in range(count)]
    edge = side // 4
    return np.array([sheet[y : y + side, x : x + side][edge:-edge, edge:-edge].mean(axis=(0, 1)) for y, x in places])


@pytest.mark.parametrize("side", [16, 32, 100])
def test_every_tile_is_its_picture(side: int) -> None:
    album = album_of(flat_pictures(side), np.array([7, 3, 9, 1, 4]))
    assert album.rows == (7, 3, 9, 1, 4)
    assert album.side == min(side, LARGEST_SIDE)
    assert album.columns == 3  # five tiles: three and two
    found = tiles(album.webp, album.side, album.columns, 5)
    np.testing.assert_allclose(found, COLOURS, atol=12)  # the file is lossy


def test_one_channel_becomes_grey() -> None:
    album = album_of(flat_pictures(16, channels=1), np.arange(5))
    found = tiles(album.webp, album.side, album.columns, 5)
    np.testing.assert_allclose(found, np.repeat(COLOURS[:, :1], 3, axis=1), atol=12)


def test_no_pictures_make_an_empty_album() -> None:
    assert album_of(np.zeros((0, 3, 8, 8), np.uint8), np.zeros(0, int)) is EMPTY
