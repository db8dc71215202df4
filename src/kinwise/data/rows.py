"""Rows: pictures of a file that may be larger than memory, read when they are asked for."""

import mmap
import os
import weakref
from collections.abc import Iterator

import numpy as np

from kinwise.errors import InputError

RELEASED_AFTER = 2**23
"""After reading so many bytes through a map, the pages that the system has mapped for them are given back."""


class Rows:
    """Pictures in a memory map, chosen and ordered by an index; stands for the uint8 array that they would make.

    ``rows[index]`` reads pictures into an array of their own; ``take`` chooses among them and reads nothing.

    Args:
        store: uint8, shape (stored pictures, channels, height, width), a memory map.
        index: which stored picture each row is, int64, shape (pictures,); one may stand in many rows.
    """

    def __init__(self, store: np.ndarray, index: np.ndarray) -> None:
        self.index = index
        self._pages = _Pages(store)

    @property
    def dtype(self) -> np.dtype:
        """Of a pixel: uint8."""
        return self._pages.store.dtype

    @property
    def ndim(self) -> int:
        """The number of axes: 4."""
        return self._pages.store.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """(pictures, channels, height, width)."""
        return (len(self.index), *self._pages.store.shape[1:])

    @property
    def nbytes(self) -> int:
        """What all of them would take in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.index)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read one picture after the other."""
        return (self[row] for row in range(len(self)))

    def take(self, indices: np.ndarray) -> "Rows":
        """The rows at ``indices``, in that order; nothing is read."""
        taken = Rows.__new__(Rows)
        taken.index, taken._pages = self.index[indices], self._pages
        return taken

    def __getitem__(self, chosen: int | slice | np.ndarray) -> np.ndarray:
        """Read pictures: uint8, (pictures, channels, height, width), or one picture without the first axis."""
        return self._pages.read(self.index[chosen])


class _Pages:
    """What reads a memory map: through its file, where the map is all of one, since a map fills the memory.

    To read a picture through a map the system may map up to 2 MiB around it, all of which counts as memory in use.
    Without a file those pages are given back now and then.
    """

    def __init__(self, store: np.ndarray) -> None:
        self.store = store
        self.bytes_read = 0
        self.file = _file_of(store)
        if self.file is not None:
            weakref.finalize(self, os.close, self.file)

    def read(self, index: np.ndarray | int) -> np.ndarray:
        if self.file is not None:
            found = self._from_file(self.file, np.ravel(index))
            return found.reshape(np.shape(index) + found.shape[1:])
        found = np.array(self.store[index])
        self.bytes_read += found.nbytes
        mapped = getattr(self.store, "_mmap", None)
        if self.bytes_read >= RELEASED_AFTER and mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
            self.bytes_read = 0
        return found

    def _from_file(self, file: int, rows: np.ndarray) -> np.ndarray:
        """Read ``rows``, neighbours in one go."""
        found = np.empty((len(rows), *self.store.shape[1:]), self.store.dtype)
        rows = np.where(rows < 0, rows + len(self.store), rows)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self.store):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self.store)}")
        room, size = found.reshape(-1).view(np.uint8).data, self.store[:1].nbytes
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            _fill(room[start * size : stop * size], file, int(rows[start]) * size)
        return found


def _file_of(store: np.ndarray) -> int | None:
    """The descriptor of the file that holds ``store`` and nothing else; None where there is no such file."""
    if not isinstance(store, np.memmap) or not store.filename or not hasattr(os, "preadv") or store.mode != "r":
        return None
    file = os.open(store.filename, os.O_RDONLY)
    if store.flags.c_contiguous and store.nbytes == os.fstat(file).st_size:
        return file
    os.close(file)
    return None


def _fill(room: memoryview, file: int, offset: int) -> None:
    """Fill ``room`` with what a file holds from ``offset`` on."""
    while len(room):
        count = os.preadv(file, [room], offset)
        if not count:
            raise InputError("the file with the decoded pictures was cut off while it was in use; start again")
        room, offset = room[count:], offset + count


Pixels = np.ndarray | Rows
"""uint8 pictures, (pictures, channels, height, width), in memory or in a file."""
