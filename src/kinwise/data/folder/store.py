"""Stores: decoded pictures on the disk, each found by the SHA-256 of the file that it came from.

A store is a folder, complete when it has its name; it never changes afterwards.
"""

import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from kinwise.data.rows import Rows
from kinwise.files import write_file, writing

VERSION = "1"
"""Of the way pictures are decoded; what another version decoded is not used."""

PIXELS, CONTENTS = "pixels.uint8", "contents.safetensors"
_BATCH = 256
_CHECKED = 64  # pictures of a store that are compared with what was written when it is opened


@dataclass(frozen=True, kw_only=True, eq=False)
class Store:
    """Pictures that were decoded before.

    Attributes:
        path: its folder.
        pixels: uint8, shape (pictures, 3, side, side), a memory map that cannot be written to.
        digests: the SHA-256 of the file of each picture, uint8, shape (pictures, 32).
        sizes: the height and width that each picture had, int32, shape (pictures, 2).
        reasons: why other files gave no picture, by their SHA-256.
    """

    path: Path
    pixels: np.ndarray
    digests: np.ndarray
    sizes: np.ndarray
    reasons: Mapping[bytes, str]

    @cached_property
    def rows(self) -> dict[bytes, int]:
        """Which picture is of the file with some SHA-256."""
        return {digest.tobytes(): row for row, digest in enumerate(self.digests)}

    def knows(self, digest: bytes) -> bool:
        """Whether the file with this SHA-256 was decoded, or found to be no picture."""
        return digest in self.rows or digest in self.reasons


def stores(folder: Path, side: int, fit: str) -> Iterator[Store]:
    """All stores of pictures of this size in a folder, the latest first; damaged ones are left out."""
    with suppress(OSError):
        found = [path for path in folder.iterdir() if path.name.startswith(f"{side}-{fit}-")]
        for path in sorted(found, key=lambda path: (-_made(path), path.name)):
            if (store := open_store(path, side)) is not None:
                yield store


def _made(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def open_store(path: Path, side: int) -> Store | None:
    """The store in a folder; None where there is none, or it is damaged or of another version."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path / CONTENTS, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["about"])
            digests, sizes, checks = (file.get_tensor(name) for name in ("digests", "sizes", "checks"))
        count = len(digests)
        if about["version"] != VERSION or os.path.getsize(path / PIXELS) != count * 3 * side**2:
            return None
        pixels = _mapped(path / PIXELS, count, side)
        if digests.shape != (count, 32) or sizes.shape != (count, 2) or not np.array_equal(checks, _checks(pixels)):
            return None
        reasons = {bytes.fromhex(digest): str(reason) for digest, reason in about["reasons"].items()}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Store(path=path, pixels=pixels, digests=digests, sizes=sizes, reasons=reasons)


def _mapped(path: Path, count: int, side: int) -> np.ndarray:
    shape = (count, 3, side, side)
    return np.memmap(path, np.uint8, "r", shape=shape) if count else np.empty(shape, np.uint8)


def _checks(pixels: np.ndarray) -> np.ndarray:
    """Check sums of some pictures, evenly spaced; int64."""
    rows = np.unique(np.linspace(0, max(len(pixels) - 1, 0), _CHECKED).astype(int))[: len(pixels)]
    return np.array([zlib.crc32(picture.tobytes()) for picture in Rows(pixels, rows)], np.int64)


class NewStore:
    """A store that is being made, under a temporary name, in a folder of which nobody else knows.

    Args:
        path: the temporary folder; what lies there is removed.
        side: height and width of the pictures, in pixels.
        fit: how they became square.

    Raises:
        WriteError: when the system does not allow it.
    """

    def __init__(self, path: Path, side: int, fit: str) -> None:
        self.path, self.side, self.fit = path, side, fit
        self.rows: dict[bytes, int] = {}
        self.sizes: list[tuple[int, int]] = []
        self.reasons: dict[bytes, str] = {}
        with writing(path):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            self._file = (path / PIXELS).open("wb")

    @property
    def count(self) -> int:
        """Of how many files it knows something."""
        return len(self.rows) + len(self.reasons)

    def knows(self, digest: bytes) -> bool:
        """Whether it has the picture of the file with this SHA-256, or the reason why there is none."""
        return digest in self.rows or digest in self.reasons

    def add(self, digest: bytes, pixels: np.ndarray, size: tuple[int, int]) -> None:
        """Add a picture, uint8 (3, side, side)."""
        with writing(self.path):
            self._file.write(pixels.data)
        self.rows[digest] = len(self.rows)
        self.sizes.append(size)

    def copy(self, earlier: Store, wanted: Sequence[bytes]) -> None:
        """Add those of ``wanted`` that an earlier store knows and this one does not."""
        missing = [digest for digest in dict.fromkeys(wanted) if not self.knows(digest) and earlier.knows(digest)]
        self.reasons |= {digest: earlier.reasons[digest] for digest in missing if digest in earlier.reasons}
        pictures = [digest for digest in missing if digest in earlier.rows]
        for start in range(0, len(pictures), _BATCH):
            some = pictures[start : start + _BATCH]
            rows = np.array([earlier.rows[digest] for digest in some])
            sizes = [(height, width) for height, width in earlier.sizes[rows].tolist()]
            for digest, picture, size in zip(some, Rows(earlier.pixels, rows), sizes, strict=True):
                self.add(digest, picture, size)

    def finish(self) -> Store:
        """Give it its name, which follows from what it holds; where there is such a store already, take that.

        Raises:
            WriteError: when the system does not allow it.
        """
        name = sha256(b"".join(sorted([*self.rows, *self.reasons]))).hexdigest()[:20]
        path = self.path.with_name(f"{self.side}-{self.fit}-{name}")
        with writing(path):
            self._write_contents()
            return open_store(path, self.side) or self._rename(path)

    def _rename(self, path: Path) -> Store:
        shutil.rmtree(path, ignore_errors=True)
        try:
            os.replace(self.path, path)
        except OSError:
            if (quicker := open_store(path, self.side)) is not None:  # another process made the same meanwhile
                return quicker
            raise
        store = open_store(path, self.side)
        assert store is not None, "it was written a moment ago"
        return store

    def _write_contents(self) -> None:
        from safetensors.numpy import save_file

        self._to_disk()
        count = len(self.rows)
        tensors: dict[str, np.ndarray] = {
            "digests": np.frombuffer(b"".join(self.rows), np.uint8).reshape(count, 32),
            "sizes": np.array(self.sizes, np.int32).reshape(count, 2),
            "checks": _checks(_mapped(self.path / PIXELS, count, self.side)),
        }
        reasons = {digest.hex(): reason for digest, reason in self.reasons.items()}
        about = {"about": json.dumps({"version": VERSION, "reasons": reasons})}
        write_file(self.path / CONTENTS, lambda path: save_file(tensors, path, about))

    def _to_disk(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def remove(self) -> None:
        """Remove what was written, if it did not get its name."""
        with suppress(OSError):
            self._file.close()
        shutil.rmtree(self.path, ignore_errors=True)
