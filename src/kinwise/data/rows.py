"""Rows: pictures of a file that may be larger than memory, read when they are asked for."""

import mmap
from collections.abc import Iterator

import numpy as np

RELEASED_AFTER = 2**28
"""After reading so many bytes, the pages that the system has mapped for them are given back."""


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
    """A memory map that gives its pages back now and then: what was read stays in the system's cache of files only."""

    def __init__(self, store: np.ndarray) -> None:
        self.store = store
        self.bytes_read = 0

    def read(self, index: np.ndarray | int) -> np.ndarray:
        found = np.array(self.store[index])
        self.bytes_read += found.nbytes
        mapped = getattr(self.store, "_mmap", None)
        if self.bytes_read >= RELEASED_AFTER and mapped is not None and hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_DONTNEED)
            self.bytes_read = 0
        return found


Pixels = np.ndarray | Rows
"""uint8 pictures, (pictures, channels, height, width), in memory or in a file."""
