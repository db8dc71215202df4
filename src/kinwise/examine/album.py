"""An album: many small pictures in one image file, so that a page can show any of them."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

LARGEST_SIDE = 64
QUALITY = 80


@dataclass(frozen=True, kw_only=True)
class Album:
    """Small copies of pictures side by side in one WebP image, row after row.

    Attributes:
        rows: which picture each tile shows: its place among the predictions.
        side: the width and height of a tile in pixels.
        columns: how many tiles stand side by side.
        webp: the image file.
    """

    rows: tuple[int, ...]
    side: int
    columns: int
    webp: bytes


EMPTY = Album(rows=(), side=1, columns=1, webp=b"")


def album_of(pixels: np.ndarray, rows: np.ndarray) -> Album:
    """Put pictures into an album.

    Args:
        pixels: uint8, shape (pictures, channels, height, width), one or three channels; those larger than
            ``LARGEST_SIDE`` are made smaller.
        rows: what to call each, int, shape (pictures,).
    """
    if not len(pixels):
        return EMPTY
    height, width = pixels.shape[2:]
    side = min(max(height, width), LARGEST_SIDE)
    columns = max(1, int(np.ceil(np.sqrt(len(pixels)))))
    sheet = Image.new("RGB", (columns * side, side * -(-len(pixels) // columns)))
    for place, picture in enumerate(pixels):
        tile = image_of(picture)
        if tile.size != (side, side):
            tile = tile.resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(tile, (side * (place % columns), side * (place // columns)))
    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=QUALITY, method=4)
    return Album(rows=tuple(int(row) for row in rows), side=side, columns=columns, webp=file.getvalue())


def image_of(picture: np.ndarray) -> Image.Image:
    """A picture, uint8 (channels, height, width) with one or three channels, as an RGB image."""
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    return Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).convert("RGB")
