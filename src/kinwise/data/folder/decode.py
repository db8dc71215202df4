"""Decode: one picture file in, one square uint8 array out, or the reason why not."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import BmpImagePlugin as _Bmp  # noqa: F401 - each makes its format known to Pillow
from PIL import GifImagePlugin as _Gif  # noqa: F401
from PIL import Image, UnidentifiedImageError
from PIL import JpegImagePlugin as _Jpeg  # noqa: F401
from PIL import PngImagePlugin as _Png  # noqa: F401
from PIL import TiffImagePlugin as _Tiff  # noqa: F401
from PIL import WebPImagePlugin as _WebP  # noqa: F401

from kinwise.data.folder.reading import Unreadable, opened, read

__all__ = ["FITS", "FORMATS", "MOST_PIXELS", "MOST_SIDE", "Unreadable", "decode", "decode_sized", "size_of"]

FITS = ("squash", "crop", "pad")
"""How a picture becomes square: its sides scaled each by itself, its middle cut out, or its border continued."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""The kinds of picture files that are read, whatever their names end in."""
MOST_PIXELS = 100_000_000
"""How many pixels a picture may have."""
MOST_SIDE = 30_000
"""The largest height or width that a picture may have, in pixels."""

_AT_MOST = f"at most {MOST_PIXELS // 10**6} million are read"
_READ = "read are JPEG, PNG, WebP, BMP, TIFF and GIF"
_GAP = 2.0  # how many times larger than wanted a picture must at least stay while it is shrunk in a coarse, quick way
_LARGE = 2**25  # pixels; of larger ones one is decoded at a time, whatever the number of threads
_ONE_LARGE = threading.Lock()
_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)
_BEGINNINGS = (
    (0, b"\xff\xd8", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
)
_OTHER_KINDS = (
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphe", "a HEIC picture"),
    (4, b"ftypmif", "a HEIC picture"),
    (4, b"ftyp", "a film"),
    (0, b"%PDF", "a PDF document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"PK\3\4", "a zip archive"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<!doctype", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"<svg", "an SVG drawing"),
)


def decode(source: Path | bytes, side: int, fit: str = "squash") -> np.ndarray:
    """The picture as uint8 RGB, shape (3, side, side), upright as its EXIF orientation says.

    Of an animated picture the first frame; what is transparent shows white. More than 8 bits of grey are scaled to 8:
    16 bits by 1/257; whole numbers of 32 bits by the same where they fit into 16; fractions by 255 where they lie in
    0..1. Other numbers are stretched from the smallest to the largest.

    Args:
        source: a file, or what a file holds.
        side: height and width to make, in pixels.
        fit: one of ``FITS``.

    Raises:
        Unreadable: when there is no picture to be had.
    """
    return decode_sized(source, side, fit)[0]


def decode_sized(source: Path | bytes, side: int, fit: str = "squash") -> tuple[np.ndarray, tuple[int, int]]:
    """As ``decode``, and the height and width that the picture had, upright."""
    if fit not in FITS or side < 1:
        raise ValueError(f"{fit} {side}")
    data = source if isinstance(source, bytes) else read(source)[0]
    with _reasons(data[:32]), _quiet():
        image = _opened(io.BytesIO(data))
        height, width = image.height, image.width
        _draft(image, side, fit)
        with _ONE_LARGE if image.width * image.height > _LARGE else nullcontext():
            image.load()
            turn = _orientation(image)  # after loading: a TIFF has been turned by then
            if image.format == "TIFF":
                height, width = image.height, image.width
            small = _turned(_scaled(_plain(image), side, fit), turn)
    pixels = np.ascontiguousarray(np.asarray(small.convert("RGB")).transpose(2, 0, 1))
    return _padded(pixels, side), (width, height) if turn in _ON_ITS_SIDE else (height, width)


def size_of(source: Path | bytes) -> tuple[int, int]:
    """The height and width that the header of a picture file tells, upright; no pixel is decoded.

    Raises:
        Unreadable: when there is no such header; a picture that has one may still turn out to be damaged.
    """
    if isinstance(source, bytes):
        return _size_of(io.BytesIO(source))
    with opened(source) as (file, _):
        return _size_of(file)


def _size_of(file: BinaryIO) -> tuple[int, int]:
    beginning = file.read(32)
    with _reasons(beginning), _quiet():
        image = _opened(file)
        upright = image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info)
        on_its_side = not upright and _orientation(image) in _ON_ITS_SIDE
        return (image.width, image.height) if on_its_side else (image.height, image.width)


def _opened(file: BinaryIO) -> Image.Image:
    """The picture, its header read and found acceptable."""
    image = Image.open(file, formats=FORMATS)
    if max(image.size) > MOST_SIDE:
        raise Unreadable(f"too large: {image.width:,} x {image.height:,} pixels, at most {MOST_SIDE:,} a side are read")
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(f"too large: {image.width:,} x {image.height:,} pixels, {_AT_MOST}")
    return image


def _orientation(image: Image.Image) -> int:
    """How a picture lies, 1 to 8; 1, upright, where its EXIF says nothing that makes sense."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
        return found if found in _TURNS else 1
    except Exception:
        return 1


# --- scaling --------------------------------------------------------------------------------------------------------


def _draft(image: Image.Image, side: int, fit: str) -> None:
    """Let a JPEG be decoded at 1/2, 1/4 or 1/8 of its size, where that leaves more than is wanted."""
    wanted = [max(1, int(_GAP * length)) for length in _scaled_size(image.size, side, fit)]
    image.draft(None, (wanted[0], wanted[1]))


def _scaled_size(size: tuple[int, int], side: int, fit: str) -> tuple[int, int]:
    """Width and height that a picture is scaled to; with "pad" only its longer side is ``side``."""
    if fit != "pad":
        return side, side
    width, height = (max(1, round(length * side / max(size))) for length in size)
    return width, height


def _scaled(image: Image.Image, side: int, fit: str) -> Image.Image:
    wanted, box = _scaled_size(image.size, side, fit), (0.0, 0.0, float(image.width), float(image.height))
    if fit == "crop":
        shorter = min(image.size)
        left, top = (image.width - shorter) / 2, (image.height - shorter) / 2
        box = (left, top, left + shorter, top + shorter)
    return image.resize(wanted, Image.Resampling.BICUBIC, box=box, reducing_gap=_GAP)


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _padded(pixels: np.ndarray, side: int) -> np.ndarray:
    """(3, side, side), the border continued to both sides of what is in the middle."""
    missing = [side - length for length in pixels.shape[1:]]
    if not any(missing):
        return pixels
    return np.pad(pixels, ((0, 0), *((length // 2, length - length // 2) for length in missing)), mode="edge")


# --- colours --------------------------------------------------------------------------------------------------------


def _plain(image: Image.Image) -> Image.Image:
    """The picture in 8 bits, grey or RGB, on white where it is transparent."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_grey(image))
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(coloured, mask=coloured.getchannel("A"))
        return white
    if image.mode == "LAB":
        return _of_lab(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _grey(image: Image.Image) -> np.ndarray:
    """Grey values of many bits as uint8; see ``decode``."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return _rounded(values / np.float32(257))
    values = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    least, most = float(values.min()), float(values.max())
    if image.mode == "F" and least >= 0 and most <= 1:
        return _rounded(values * 255)
    if image.mode == "I" and least >= 0 and most <= 65535:
        return _rounded(values / 257)
    return _rounded((values - least) * (255 / max(most - least, 1e-12)))


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _of_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.applyTransform(image, ImageCms.buildTransform(lab, rgb, "LAB", "RGB")) or image


# --- what goes wrong ------------------------------------------------------------------------------------------------


@contextmanager
def _reasons(beginning: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises into Unreadable with a reason for people."""
    try:
        yield
    except Unreadable:
        raise
    except UnidentifiedImageError as error:
        raise Unreadable(_unknown(beginning)) from error
    except Image.DecompressionBombError as error:
        raise Unreadable(f"too large: far more pixels, {_AT_MOST}") from error
    except MemoryError as error:
        raise Unreadable("it needs more memory than there is") from error
    except Exception as error:
        text = " ".join(str(error).split())[:100] or type(error).__name__
        cut = isinstance(error, EOFError) or "truncated" in text.lower()
        raise Unreadable("truncated: the file ends before the picture does" if cut else f"damaged ({text})") from error


def _unknown(beginning: bytes) -> str:
    """Why nothing could be made of a file that begins so."""
    for at, mark, kind in _BEGINNINGS:
        if beginning[at:].startswith(mark):
            return f"damaged: it begins like a {kind}, but its header is cut off or makes no sense"
    for at, mark, kind in _OTHER_KINDS:
        if beginning[at:].startswith(mark):
            return f"{kind}; {_READ}"
    return f"not a picture; {_READ}"


_decoding = 0
_counting = threading.Lock()
_PILLOW = r"PIL\.\w+"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings from people while anything is decoded, in any thread.

    ``warnings.catch_warnings`` would not do: what it restores at its end is a list that other threads use as well.
    Here the first thread that enters adds one filter, and the last that leaves takes it away.
    """
    global _decoding
    with _counting:
        _decoding += 1
        if _decoding == 1:
            warnings.filterwarnings("ignore", module=_PILLOW)
    try:
        yield
    finally:
        with _counting:
            _decoding -= 1
            if not _decoding:
                warnings.filters[:] = [one for one in warnings.filters if getattr(one[3], "pattern", "") != _PILLOW]  # type: ignore[index]
