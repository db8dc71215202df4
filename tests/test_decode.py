"""Decoding: the pixels of every kind of picture file, upright and square, and the reason where there are none."""

import os
import struct
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hostile import IS_ROOT, Hostile, picture, png_chunk, saved, white_png, with_exif, write_hostile_folder
from PIL import Image

from kinwise.data.folder import decode as decoding
from kinwise.data.folder import reading
from kinwise.data.folder.decode import FITS, Unreadable, decode, decode_sized, size_of

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def plain(colour: tuple[int, ...] | int, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new(mode, size, colour)


def grey_16(value: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8), value, np.uint16))


def grey_32(values: list[int]) -> Image.Image:
    return Image.fromarray(np.repeat(np.repeat(np.array([values], np.int32), 8, 0), 4, 1))


def fractions(values: list[float]) -> Image.Image:
    return Image.fromarray(np.repeat(np.repeat(np.array([values], np.float32), 8, 0), 4, 1))


def with_palette(transparent: int | None = None) -> bytes:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([*GREEN, *BLUE])
    return saved(image, "PNG", **({} if transparent is None else {"transparency": transparent}))


PLAIN: dict[str, tuple[bytes, tuple[int, int, int]]] = {
    "JPEG": (saved(plain((200, 100, 50)), "JPEG", quality=100), (200, 100, 50)),
    "grey JPEG": (saved(plain(77, "L"), "JPEG"), (77, 77, 77)),
    "CMYK JPEG": (saved(plain((0, 255, 255, 0), "CMYK"), "JPEG", quality=100), RED),
    "PNG": (saved(plain(BLUE), "PNG"), BLUE),
    "grey PNG": (saved(plain(9, "L"), "PNG"), (9, 9, 9)),
    "grey and half transparent": (saved(plain((100, 51), "LA"), "PNG"), (224, 224, 224)),  # .2 of 100, .8 of 255
    "half transparent": (saved(plain((255, 0, 0, 51), "RGBA"), "PNG"), (255, 204, 204)),
    "quite transparent": (saved(plain((7, 7, 7, 0), "RGBA"), "PNG"), WHITE),
    "one colour transparent": (saved(plain(RED), "PNG", transparency=RED), WHITE),
    "another colour transparent": (saved(plain(RED), "PNG", transparency=GREEN), RED),
    "palette": (with_palette(), BLUE),
    "palette, transparent": (with_palette(1), WHITE),
    "palette, other transparent": (with_palette(0), BLUE),
    "1 bit black": (saved(plain(0, "1"), "PNG"), (0, 0, 0)),
    "1 bit white": (saved(plain(1, "1"), "PNG"), WHITE),
    "16 bit PNG": (saved(grey_16(257 * 200), "PNG"), (200, 200, 200)),
    "16 bit PNG, dark": (saved(grey_16(255), "PNG"), (1, 1, 1)),
    "16 bit TIFF": (saved(grey_16(257 * 200), "TIFF"), (200, 200, 200)),
    "32 bit TIFF": (saved(grey_32([257 * 30] * 2), "TIFF"), (30, 30, 30)),
    "fractions": (saved(fractions([0.2, 0.2]), "TIFF"), (51, 51, 51)),
    "not a number": (saved(fractions([float("nan")] * 2), "TIFF"), (0, 0, 0)),
    "BMP": (saved(plain(GREEN), "BMP"), GREEN),
    "TIFF": (saved(plain((1, 2, 3)), "TIFF"), (1, 2, 3)),
    "compressed TIFF": (saved(plain((1, 2, 3)), "TIFF", compression="tiff_lzw"), (1, 2, 3)),
    "CMYK TIFF": (saved(plain((255, 0, 255, 0), "CMYK"), "TIFF"), GREEN),
    "WebP": (saved(plain((10, 200, 30)), "WEBP", lossless=True), (10, 200, 30)),
    "WebP, transparent": (saved(plain((10, 200, 30, 0), "RGBA"), "WEBP", lossless=True), WHITE),
    "GIF": (saved(plain(RED), "GIF"), RED),
    "animated GIF": (saved(plain(RED), "GIF", save_all=True, append_images=[plain(BLUE)]), RED),
    "animated WebP": (saved(plain(RED), "WEBP", save_all=True, append_images=[plain(BLUE)], lossless=True), RED),
    "animated PNG": (saved(plain(RED), "PNG", save_all=True, append_images=[plain(BLUE)]), RED),
    "TIFF of two pages": (saved(plain(RED), "TIFF", save_all=True, append_images=[plain(BLUE)]), RED),
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_picture_of_every_kind_keeps_its_colour(kind: str, fit: str) -> None:
    content, colour = PLAIN[kind]
    pixels = decode(content, 16, fit)
    assert (pixels.dtype, pixels.shape, pixels.flags.c_contiguous) == (np.uint8, (3, 16, 16), True)
    off = np.abs(pixels.astype(int) - np.array(colour)[:, None, None]).max()
    assert off <= (2 if "JPEG" in kind else 0), f"{pixels[:, 0, 0]} instead of {colour}"


def test_colours_of_lab_are_those_that_people_see() -> None:
    red = plain((138, 209, 196), "LAB")  # L 54, a 81, b 68
    assert np.abs(decode(saved(red, "TIFF"), 4)[:, 0, 0].astype(int) - np.array(RED)).max() < 12


def test_numbers_beyond_the_usual_are_stretched_from_the_least_to_the_most() -> None:
    halves = decode(saved(grey_32([-1000, 200_000]), "TIFF"), 8)[0, 0]
    assert (halves[0], halves[-1]) == (0, 255)
    halves = decode(saved(fractions([-3.0, 5.0]), "TIFF"), 8)[0, 0]
    assert (halves[0], halves[-1]) == (0, 255)


# --- upright and square ----------------------------------------------------------------------------------------------


def quarters() -> Image.Image:
    """16 wide, 8 high: red, green above blue, white."""
    image = Image.new("RGB", (16, 8))
    for place, colour in zip([(0, 0), (8, 0), (0, 4), (8, 4)], [RED, GREEN, BLUE, WHITE], strict=True):
        image.paste(colour, (*place, place[0] + 8, place[1] + 4))
    return image


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours at top left, top right, bottom left and bottom right, each channel off or on."""
    return [tuple(int(value > 127) * 255 for value in pixels[:, y, x]) for y in (0, -1) for x in (0, -1)]


UPRIGHT = {  # what stands at the corners of a picture whose EXIF says so, by the specification
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_are_upright_as_their_exif_says(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    content = saved(quarters(), kind, exif=exif, **options)
    size = (8, 16) if orientation < 5 else (16, 8)
    for fit in ("squash", "pad"):
        pixels, found = decode_sized(content, 16, fit)
        assert (corners(pixels), found) == (UPRIGHT[orientation], size), fit
    assert size_of(content) == size


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_is_none(orientation: int) -> None:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    content = with_exif(saved(quarters(), "JPEG", quality=100, subsampling=0), exif)
    assert corners(decode(content, 16)) == UPRIGHT[1]
    assert size_of(content) == (8, 16)


def test_squash_scales_each_side_by_itself() -> None:
    pixels = decode(saved(quarters(), "PNG"), 8, "squash")
    assert corners(pixels) == UPRIGHT[1]
    assert pixels[:, 3, 3].tolist() == pytest.approx(RED, abs=30), "the middle of the picture is in the middle"


def test_crop_cuts_out_the_middle_square() -> None:
    image = Image.new("RGB", (24, 8), BLUE)
    image.paste(RED, (8, 0, 16, 8))
    for turned in (image, image.transpose(Image.Transpose.ROTATE_90)):
        pixels = decode(saved(turned, "PNG"), 8, "crop")
        assert (pixels == np.array(RED)[:, None, None]).all()


def test_pad_continues_the_border() -> None:
    image = Image.new("RGB", (16, 4), GREEN)
    image.paste(RED, (0, 0, 16, 2))
    pixels = decode(saved(image, "PNG"), 16, "pad")
    assert (pixels[:, :8] == np.array(RED)[:, None, None]).all()
    assert (pixels[:, 8:] == np.array(GREEN)[:, None, None]).all()
    upright = decode(saved(image.transpose(Image.Transpose.ROTATE_270), "PNG"), 16, "pad")
    assert (upright == pixels.transpose(0, 2, 1)[:, :, ::-1]).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (63, 65), (7, 5)])
def test_every_size_becomes_square(size: tuple[int, int], fit: str) -> None:
    pixels, found = decode_sized(saved(plain(RED, size=size), "PNG"), 33, fit)
    assert (pixels == np.array(RED)[:, None, None]).all()
    assert pixels.shape == (3, 33, 33)
    assert found == size[::-1]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("fit", FITS)
def test_a_fine_pattern_becomes_grey_and_no_other_pattern(kind: str, fit: str) -> None:
    stripes = np.zeros((640, 800), np.uint8)
    stripes[:, ::2] = 255
    pixels = decode(saved(Image.fromarray(stripes), kind, quality=95), 32, fit)[:, :, 2:-2]
    assert np.abs(pixels.astype(int) - 128).max() < 14


def test_a_large_jpeg_decoded_at_a_fraction_is_nearly_the_whole_one_scaled_down() -> None:
    image = picture(1600, 1200)
    whole = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    assert np.abs(decode(saved(image, "JPEG", quality=95), 64).astype(int) - whole).max() <= 6


def test_a_path_and_its_bytes_are_the_same_picture(tmp_path: Path) -> None:
    content = saved(picture(), "JPEG")
    (tmp_path / "a.png").write_bytes(content)
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 16), decode(content, 16))
    assert size_of(tmp_path / "a.png") == size_of(content) == (30, 40)


@pytest.mark.parametrize(("side", "fit"), [(16, "stretch"), (0, "crop")])
def test_a_way_that_does_not_exist_is_a_fault_of_the_program(side: int, fit: str) -> None:
    with pytest.raises(ValueError, match=fit):
        decode(saved(picture(), "PNG"), side, fit)


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> list[Hostile]:
    return write_hostile_folder(tmp_path_factory.mktemp("hostile"))


def test_of_hostile_files_those_are_read_that_can_be_and_the_others_say_why(hostile: list[Hostile]) -> None:
    assert len(hostile) >= 40
    assert sum(not one.readable for one in hostile) >= 20
    wrong = []
    for one in hostile:
        try:
            decode(one.path, 16)
            said = ""
        except Unreadable as reason:
            said = str(reason)
        if bool(said) == one.readable or one.reason not in said or "\n" in said or len(said) > 160:
            wrong.append(f"{one.path.name!r}: expected {one.reason!r}, got {said!r}")
    assert wrong == []


def test_the_size_of_a_hostile_file_is_told_or_the_reason_why_not(hostile: list[Hostile]) -> None:
    for one in hostile:
        try:
            height, width = size_of(one.path)
        except Unreadable:
            assert not one.readable, one.path.name
        else:
            assert 0 < height <= 30_000, one.path.name
            assert 0 < width <= 30_000, one.path.name


def test_nothing_is_printed_about_hostile_files(hostile: list[Hostile]) -> None:
    """Not by libraries beneath Python either."""
    program = (
        "import sys, pathlib\n"
        "from kinwise.data.folder.decode import Unreadable, decode, size_of\n"
        "for path in map(pathlib.Path, sys.argv[1:]):\n"
        "    for look in (size_of, lambda path: decode(path, 16)):\n"
        "        try:\n"
        "            look(path)\n"
        "        except Unreadable:\n"
        "            pass\n"
    )
    paths = [os.fsencode(one.path) for one in hostile]
    done = subprocess.run([sys.executable, "-W", "always", "-c", program, *paths], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (".", "a folder, not a file"),
        ("nowhere.jpg", "there is no such file"),
        ("nowhere/a.jpg", "there is no such file"),
        ("file/a.jpg", "there is no such file"),
        ("n" * 300, "its name is too long"),
        ("a\0b.jpg", "no file can have such a name"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for look in (size_of, lambda path: decode(path, 16)):
        with pytest.raises(Unreadable) as told:
            look(tmp_path / path)
        assert str(told.value) == reason


@pytest.mark.skipif(IS_ROOT, reason="root reads what nobody may")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(picture(), "JPEG"))
    (tmp_path / "a.jpg").chmod(0)
    with pytest.raises(Unreadable, match="no permission to read it"):
        decode(tmp_path / "a.jpg", 16)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    started = time.monotonic()
    with pytest.raises(Unreadable, match="a pipe, not a file"):
        decode(tmp_path / "pipe.jpg", 16)
    assert time.monotonic() - started < 1


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE", 2**20)
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(Unreadable, match="too large: 1 MiB, at most 1 are read"):
        decode(tmp_path / "a.jpg", 16)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("odd\n" * 99), KeyError("x"), RecursionError()])
def test_whatever_pillow_raises_becomes_a_reason(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "resize", fail)
    with pytest.raises(Unreadable) as told:
        decode(saved(picture(), "PNG"), 16)
    expected = "more memory" if isinstance(error, MemoryError) else "damaged ("
    assert expected in str(told.value)
    assert len(str(told.value)) < 120


def test_absurd_sizes_are_refused_by_the_header_alone() -> None:
    for width, height, reason in [
        (30_001, 1, "too large: 30,001 x 1 pixels, at most 30,000 a side are read"),
        (10_001, 10_000, "too large: 10,001 x 10,000 pixels, at most 100 million are read"),
        (29_999, 29_999, "too large: far more pixels, at most 100 million are read"),
    ]:
        header, after = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0), white_png(8, 8)[33:]
        content = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + after
        for look in (size_of, lambda content: decode(content, 16)):
            with pytest.raises(Unreadable) as told:
                look(content)
            assert str(told.value) == reason


def test_a_picture_of_nearly_the_most_pixels_is_read_without_a_warning() -> None:
    content = white_png(9_500, 9_500)  # more than Pillow warns of
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert size_of(content) == (9_500, 9_500)
    assert (Image.MAX_IMAGE_PIXELS or 0) < 9_500**2


def test_warnings_of_others_are_kept_and_ours_are_gone_afterwards() -> None:
    before = list(warnings.filters)
    bomb, seen = white_png(9_500, 9_500), []

    def decode_some() -> None:
        for _ in range(20):
            size_of(bomb)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=decode_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        warnings.warn("mine", stacklevel=1)
        for thread in threads:
            thread.join()
        seen += [str(one.message) for one in caught]
        assert not any(getattr(one[3], "pattern", "") == decoding._PILLOW for one in warnings.filters)
    assert seen == ["mine"]
    assert list(warnings.filters) == before


def test_a_file_that_is_emptied_before_it_is_opened_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(saved(picture(), "JPEG"))
    look = reading.look_at

    def look_and_empty(path: Path) -> os.stat_result:
        found = look(path)
        path.write_bytes(b"")
        return found

    monkeypatch.setattr(reading, "look_at", look_and_empty)
    with pytest.raises(Unreadable, match="0 bytes"):
        decode(path, 16)


@pytest.mark.filterwarnings("error")
def test_files_are_closed_again(tmp_path: Path) -> None:
    for kind in ("TIFF", "GIF", "PNG"):
        (tmp_path / "a").write_bytes(saved(picture(), kind))
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        size_of(tmp_path / "a")
        decode(tmp_path / "a", 8)
        assert before == (len(os.listdir("/proc/self/fd")) if before else 0)
