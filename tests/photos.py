"""Small folders of pictures: plain colours with a mark each, so that no two files hold the same."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image


def photograph(path: Path, number: int, size: tuple[int, int] = (8, 6)) -> Path:
    """Write a picture, width and height ``size``, that has its own colour for each ``number`` below 2**24."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, tuple(number.to_bytes(3, "little"))).save(path)
    return path


def photographs(root: Path, names: Iterable[str]) -> Path:
    """Write a picture under each name below ``root``."""
    for number, name in enumerate(names):
        photograph(root / name, 40 * number)
    return root


def touched(root: Path, names: Iterable[str]) -> Path:
    """Make an empty file under each name below ``root``: enough where nothing is opened."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root
