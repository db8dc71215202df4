"""A folder of picture files that go wrong in every way, and what is to be said of each."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

IS_ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0  # whom no permission keeps from reading


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One file, or what stands where a file should.

    Attributes:
        path: where it is.
        reason: a part of the reason why it gives no picture; "" where it does give one.
    """

    path: Path
    reason: str = ""

    @property
    def readable(self) -> bool:
        return not self.reason


def write_hostile_folder(folder: Path) -> list[Hostile]:
    """Write all of them side by side into ``folder``, and beside them folders without a picture.

    The files among them have suffixes of pictures, so that whoever walks the folder must say something of each. Folders
    are not listed: "empty", "folder.jpg", which is empty too, and "again", a link that leads back to ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, content in (READABLE | dict.fromkeys(STRANGE_NAMES, _colours)).items():
        found += _written(folder / name, content(), "")
    for name, (content, reason) in DAMAGED.items():
        found += _written(folder / name, content(), reason)
    found += _no_plain_files(folder)
    for name in ("empty", "folder.jpg"):
        (folder / name).mkdir()
    (folder / "again").symlink_to(folder, target_is_directory=True)
    return found


def _written(path: Path, content: bytes, reason: str) -> list[Hostile]:
    try:
        path.write_bytes(content)
    except OSError:  # a file system that does not allow the name
        return []
    return [Hostile(path=path, reason=reason)]


def _no_plain_files(folder: Path) -> list[Hostile]:
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "itself.jpg").symlink_to(folder / "itself.jpg")
    (folder / "there.jpg").symlink_to(folder / "back.jpg")
    (folder / "back.jpg").symlink_to(folder / "there.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "link.jpg").symlink_to(folder / "grey.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "forbidden.jpg").write_bytes(_colours())
    (folder / "forbidden.jpg").chmod(0)
    reasons = {
        "dangling.jpg": "link to nothing",
        "itself.jpg": "back to itself",
        "there.jpg": "back to itself",
        "back.jpg": "back to itself",
        "device.jpg": "a device",
        "link.jpg": "",
        "pipe.jpg": "a pipe",
        "forbidden.jpg": "" if IS_ROOT else "no permission",
    }
    return [Hostile(path=folder / name, reason=reason) for name, reason in reasons.items()]


# --- pictures that are strange but whole -----------------------------------------------------------------------------


def picture(width: int = 40, height: int = 30) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_exif(content: bytes, exif: bytes) -> bytes:
    """A JPEG with ``exif`` as what its EXIF segment holds."""
    return content[:2] + _segment(0xE1, b"Exif\0\0" + exif) + content[2:]


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def white_png(width: int, height: int) -> bytes:
    """A whole PNG of one bit a pixel: some kilobytes even where the picture is enormous."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" + b"\xff" * ((width + 7) // 8)
    squeezed = zlib.compressobj(9)
    content = b"".join(squeezed.compress(row) for _ in range(height)) + squeezed.flush()
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", content) + png_chunk(b"IEND", b"")


def _colours() -> bytes:
    return saved(picture(), "JPEG", quality=95)


def _segment(mark: int, content: bytes) -> bytes:
    return bytes([0xFF, mark]) + struct.pack(">H", len(content) + 2) + content


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture(), "JPEG", exif=exif)


def _palette() -> bytes:
    return saved(picture().quantize(8), "PNG", transparency=bytes([0, 128, 255]))


def _alpha() -> bytes:
    image = picture()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return saved(image, "PNG")


def _sixteen_bit() -> bytes:
    return saved(Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40) * 54), "PNG")


def _float() -> bytes:
    return saved(Image.fromarray(np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40)), "TIFF")


def _animated(kind: str) -> Callable[[], bytes]:
    return lambda: saved(picture(), kind, save_all=True, append_images=[picture().rotate(90), picture().rotate(180)])


READABLE: dict[str, Callable[[], bytes]] = {
    "grey.jpg": lambda: saved(picture().convert("L"), "JPEG"),
    "cmyk.jpg": lambda: saved(picture().convert("CMYK"), "JPEG"),
    "progressive.JPEG": lambda: saved(picture(), "JPEG", progressive=True),
    "turned.jpg": _turned,
    "exif garbage.jpg": lambda: with_exif(_colours(), b"II*\0\xff\xff\xff\xff" + bytes(range(200))),
    "icc garbage.jpg": lambda: saved(picture(), "JPEG", icc_profile=b"no profile at all" * 9),
    "a png.jpg": lambda: saved(picture(), "PNG"),
    "a jpeg.png": _colours,
    "a gif.bmp": lambda: saved(picture(), "GIF"),
    "alpha.png": _alpha,
    "palette.png": _palette,
    "one bit.png": lambda: saved(picture().convert("1"), "PNG"),
    "sixteen bit.png": _sixteen_bit,
    "grey alpha.png": lambda: saved(picture().convert("LA"), "PNG"),
    "float.tif": _float,
    "cmyk.tiff": lambda: saved(picture().convert("CMYK"), "TIFF"),
    "plain.bmp": lambda: saved(picture(), "BMP"),
    "plain.webp": lambda: saved(picture(), "WEBP"),
    "animated.gif": _animated("GIF"),
    "animated.webp": _animated("WEBP"),
    "one pixel.png": lambda: saved(picture(1, 1), "PNG"),
    "thin.png": lambda: saved(picture(1, 3000), "PNG"),
    "after the end.jpg": lambda: _colours() + b"and more" * 100,
}
STRANGE_NAMES = (
    "two\nlines.jpg",
    'it\'s "quoted" `here`.jpg',
    "<script>alert(1)<\u2215script>.jpg",
    "<img src=x onerror=alert(1)>&amp;.jpg",
    "[bold]markup[.jpg",
    "=1+1,; %s {0}.jpg",
    "-rf.jpg",
    " spaces .jpg",
    "תמונה \u202egpj.jpg",
    "n" * 251 + ".jpg",
    os.fsdecode(b"caf\xe9.jpg"),
)
"""What files may be called; each holds a plain picture."""


# --- what gives no picture -------------------------------------------------------------------------------------------


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _wrong_sum() -> bytes:
    content = bytearray(saved(picture(), "PNG"))
    content[content.index(b"IDAT") + 9] ^= 0xFF
    return bytes(content)


def _wrong_offsets() -> bytes:
    return struct.pack("<2sHIH", b"II", 42, 8, 4) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in ((256, 40), (257, 30), (273, 2**31), (279, 2**31))
    )


DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes.jpg": (bytes, "0 bytes"),
    "truncated.jpg": (lambda: _half(_colours()), "truncated"),
    "cut short.jpg": (lambda: saved(picture(400, 300), "JPEG")[:-400], "truncated"),
    "truncated.png": (lambda: _half(saved(picture(), "PNG")), "truncated"),
    "truncated.gif": (lambda: _half(saved(picture(), "GIF")), "truncated"),
    "truncated.webp": (lambda: _half(saved(picture(), "WEBP")), "damaged"),
    "truncated.bmp": (lambda: _half(saved(picture(), "BMP")), "truncated"),
    "truncated.tif": (lambda: _half(saved(picture(), "TIFF")), "truncated"),
    "header only.jpg": (lambda: _colours()[:20], "damaged"),
    "two bytes.png": (lambda: b"\x89P", "not a picture"),
    "wrong sum.png": (_wrong_sum, "damaged"),
    "wrong offsets.tif": (_wrong_offsets, "truncated"),
    "text.jpg": (lambda: b"This is no picture.\n", "not a picture"),
    "zeros.jpg": (lambda: bytes(5000), "not a picture"),
    "page.jpg": (lambda: b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
    "document.png": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
    "phone.jpg": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
    "wide.png": (lambda: white_png(50_000, 10), "50,000 x 10 pixels"),
    "bomb.png": (lambda: white_png(12_000, 9_000), "12,000 x 9,000 pixels"),
    "large bomb.png": (lambda: white_png(20_000, 20_000), "too large"),
}
"""Files that give no picture, each with a part of the reason."""
