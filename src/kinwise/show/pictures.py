"""Pictures and heat maps as small image files inside the page, written as data URIs."""

import base64
import io
from functools import cache

import numpy as np
from PIL import Image
from plotly.colors import hex_to_rgb, sequential

from kinwise.examine.album import image_of

LARGEST_LOSSLESS = 64
LARGEST_SIDE = 160
LARGEST_MAP = 32
TINTS = 32
HEAT = sequential.Inferno[2:]
"""The colours of a heat map from cold to hot: inferno without its black end; the colour-blind can tell them apart."""


def picture_uri(pixels: np.ndarray) -> str:
    """A picture, uint8 (channels, height, width), as WebP: without loss up to ``LARGEST_LOSSLESS`` pixels a side.

    One that is larger than ``LARGEST_SIDE`` is made smaller.
    """
    image = image_of(pixels)
    if max(image.size) <= LARGEST_LOSSLESS:
        return _uri(image, "WEBP", lossless=True, method=4, exact=True)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return _uri(image, "WEBP", quality=82, method=4)


def map_uri(heat: np.ndarray) -> str:
    """A heat map, uint8 (height, width), 0 cold to 255 hot, as PNG: cold is transparent, hot is bright yellow."""
    image = Image.fromarray(heat)
    image.thumbnail((LARGEST_MAP, LARGEST_MAP), Image.Resampling.BILINEAR)
    tints = Image.fromarray(np.rint(np.asarray(image) * ((TINTS - 1) / 255)).astype(np.uint8), "P")
    palette, opacity = _tints()
    tints.putpalette(palette)
    return _uri(tints, "PNG", transparency=opacity, optimize=True)


def webp_uri(webp: bytes) -> str:
    """A WebP file that is there already."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


@cache
def _tints() -> tuple[bytes, bytes]:
    """The colours of a map, red, green and blue of each, and their opacities."""
    stops = np.array([hex_to_rgb(colour) for colour in HEAT], dtype=np.float64)
    places = np.linspace(0, len(stops) - 1, TINTS)
    channels = [np.interp(places, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    colours, opacity = np.stack(channels, axis=1), np.linspace(0, 255, TINTS)
    return np.rint(colours).astype(np.uint8).tobytes(), np.rint(opacity).astype(np.uint8).tobytes()


def _uri(image: Image.Image, kind: str, **options: object) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
