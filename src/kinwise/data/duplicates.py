"""Near-duplicates: one photograph that is there twice, perhaps moved, mirrored, brighter, or compressed anew.

About a tenth of CIFAR-100's test pictures have such a twin, or a very similar one, among the training pictures (Barz
and Denzler, Do We Train on Test Data? Purging CIFAR of Near-Duplicates, Journal of Imaging 2020). A network that
learned the twin by heart looks better than it is. Nothing here looks at labels.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from kinwise.data.rows import Pixels, Rows
from kinwise.errors import InputError
from kinwise.files import writing

MOST_DISTANCE = 0.8
"""How far apart the details of near-duplicates may be: 0 is equal, 1.41 unrelated.

Chosen by looking at pairs of CIFAR-100: most up to here are one photograph, or one series of products; beyond it any
apple begins to match any other.
"""

SIDE = 32
"""The height and width at which pictures are compared, in pixels; larger ones are averaged over areas."""

VERSION = "1"
"""Of the search; another one finds other pairs, so what an earlier one found is searched for anew."""

_MOST_BITS = 38  # how many of 128 may differ for a pair to be looked at; of unrelated pairs 1 in 10,000 is
_BITS, _LOWEST = 128, 16  # bits of a hash, and how many frequencies in each direction they are taken from
_BORDER = 1  # pixels left off around a picture that is hashed, so that it can be moved by as many
_CORNERS = ((_BORDER, _BORDER), *product((0, 2 * _BORDER), repeat=2))  # where the middle of a moved picture begins
_REACH = 2  # by how many pixels two pictures may be moved against each other when their details are compared
_SHIFTS = 2 * _REACH + 1  # in each direction
_INNER = SIDE - 2 * _REACH  # the side of what is compared then
_COARSE = 2.0  # the standard deviation of the blur that takes the details away, in pixels
_FAINT = 4.0  # details much weaker than this, in grey levels, stay weak; all others are made equally strong
_PLAIN = 0.25  # a picture whose details are weaker than this, after that, has none
_ROWS, _COLUMNS = 64, 4096  # pairs of hashes that are compared at once: much at a time, but not more than a cache holds
_BATCH = 256  # pictures, or pairs of pictures, that are worked on at once
_MOST_IN_MEMORY = 2**29  # bytes of details; more of them go to a file


@dataclass(frozen=True, kw_only=True, eq=False)
class Duplicates:
    """Which of some pictures are near-duplicates of each other.

    Attributes:
        pairs: the pictures of every pair, int64, shape (pairs, 2), the smaller index first, in ascending order. Of
            pictures that agree in every byte only the first is paired, with its copies and with all others.
        distances: how far apart the details of the two are, float32, shape (pairs,): the length of the difference of
            two vectors of length 1, so 0 for copies and 1.41 for unrelated pictures; at most ``MOST_DISTANCE``.
        clusters: for every picture the number of its cluster, int64, shape (pictures,), from 0; pictures have the same
            number when a chain of pairs connects them.
    """

    pairs: np.ndarray
    distances: np.ndarray
    clusters: np.ndarray

    def beside(self, others: np.ndarray) -> np.ndarray:
        """For every picture whether its cluster has one of the pictures at the indices ``others``; bool, (pictures,).

        A picture among ``others`` is in its own cluster, so it is always True.
        """
        return np.isin(self.clusters, self.clusters[others])


def find_duplicates(pixels: Pixels) -> Duplicates:
    """Compare all pictures with each other: 60,000 of them take 27 s of one processor and 1.6 GB.

    Candidates are the pairs whose hashes nearly agree: the signs of the 128 lowest frequencies of the grey picture
    (after Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, section 3.2), also those of
    the picture moved by a pixel along the diagonals and of its mirror image. A candidate counts when the details of the
    two agree at the best of all shifts by up to two pixels. Details are the picture less its blur, over the strength
    of what is left around each place, as a vector of length 1: so neither light, contrast nor colour cast matter, and
    two products on white do not pass because their outlines agree.

    A picture without details (a plain colour) has no near-duplicates but its exact copies. Pictures that are turned,
    or enlarged by more than a pixel or two at the border, are not found. Memory grows with the pairs that are found.

    Args:
        pixels: uint8, shape (pictures, channels, height, width), of any size.

    Raises:
        InputError: when the pixels have another form.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise InputError(
            f"pixels must be uint8 of shape (pictures, channels, height, width), got {pixels.dtype} {pixels.shape}"
        )
    different, copies = _copies(pixels)
    pairs, distances = _alike(*_look_at(pixels, different))
    return clustered(
        np.concatenate([different[pairs], copies]),
        np.concatenate([distances, np.zeros(len(copies), np.float32)]),
        len(pixels),
    )


def find_copies(pixels: Pixels) -> Duplicates:
    """Only the pictures that agree in every byte: where there are too many to compare all with each other."""
    _, copies = _copies(pixels)
    return clustered(copies, np.zeros(len(copies), np.float32), len(pixels))


def _copies(pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """The first picture of every kind, ascending; every other one, paired with the first of its kind, (copies, 2)."""
    _, firsts, kinds = np.unique(exact_kinds(pixels), return_index=True, return_inverse=True)
    copies = np.setdiff1d(np.arange(len(pixels)), firsts)
    return np.sort(firsts), np.stack([firsts[kinds[copies]], copies], axis=1)


def exact_kinds(pixels: Pixels) -> np.ndarray:
    """A number for each picture, the same for pictures that agree in every byte only; int64, (pictures,)."""
    batches = (pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH))
    hashes = b"".join(hashlib.blake2b(one.tobytes(), digest_size=16).digest() for batch in batches for one in batch)
    return np.unique(np.frombuffer(hashes, dtype="V16"), return_inverse=True)[1]


def clustered(pairs: np.ndarray, distances: np.ndarray, pictures: int) -> Duplicates:
    """The pairs in ascending order, with the clusters that they make among so many ``pictures``."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    pairs, distances = pairs[order], distances[order]
    return Duplicates(pairs=pairs, distances=distances, clusters=_connected(pairs, pictures))


def _connected(pairs: np.ndarray, pictures: int) -> np.ndarray:
    """The number of the component that each picture is in, in the order of their first pictures, int64.

    Every picture takes the least number of those it is paired with, then the number of that one, until none changes.
    """
    first, second = pairs.T
    found = np.arange(pictures)
    while True:
        least = found.copy()
        np.minimum.at(least, first, found[second])
        np.minimum.at(least, second, found[first])
        least = least[least]
        if np.array_equal(least, found):
            return np.unique(found, return_inverse=True)[1].astype(np.int64)
        found = least


# --- what is compared ------------------------------------------------------------------------------------------------


def _look_at(pixels: Pixels, which: np.ndarray) -> tuple[np.ndarray, np.ndarray | Rows]:
    """The hashes of every picture, see ``_all_hashes``, and its details, float16, (pictures, channels, SIDE, SIDE)."""
    hashes = np.empty((len(_CORNERS) + 1, 2, len(which)), np.uint64)

    def details() -> Iterator[np.ndarray]:
        for start in range(0, len(which), _BATCH):
            small = _shrunk(pixels[which[start : start + _BATCH]].astype(np.float32))
            hashes[:, :, start : start + _BATCH] = _all_hashes(small.mean(axis=1))
            yield _details(small).astype(np.float16)

    gathered = _gathered(details(), (len(which), pixels.shape[1], SIDE, SIDE))
    return hashes, gathered


def _gathered(batches: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray | Rows:
    """Float16 batches one after the other: in memory, or in a temporary file where they would take much."""
    if np.prod(shape, dtype=np.int64) * 2 <= _MOST_IN_MEMORY:
        gathered = np.empty(shape, np.float16)
        for at, batch in enumerate(batches):
            gathered[at * _BATCH : (at + 1) * _BATCH] = batch
        return gathered
    with writing(Path(tempfile.gettempdir())), tempfile.NamedTemporaryFile() as file:
        for batch in batches:
            file.write(batch.data)
        file.flush()
        return Rows(np.memmap(file, np.float16, "r", shape=shape), np.arange(shape[0]))  # which outlive its name


def _shrunk(pictures: np.ndarray) -> np.ndarray:
    """The pictures at SIDE x SIDE: means over areas of larger ones, repeated pixels of smaller ones."""
    if pictures.shape[2:] == (SIDE, SIDE):
        return pictures
    import torch

    return torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(pictures), (SIDE, SIDE)).numpy()


def _details(pictures: np.ndarray) -> np.ndarray:
    """Edges and texture, equally strong in all places, without light and shade; of the same shape as ``pictures``."""
    from scipy.ndimage import gaussian_filter1d

    blur = gaussian_filter1d(np.eye(SIDE, dtype=np.float32), _COARSE, axis=0)
    fine = pictures - blur @ pictures @ blur.T
    strength = blur @ (fine**2).mean(axis=1, keepdims=True) @ blur.T
    return fine / np.sqrt(strength + _FAINT**2)


def _all_hashes(grey: np.ndarray) -> np.ndarray:
    """The hashes of pictures without their border, moved to each corner, and mirrored; uint64, (6, 2, pictures)."""
    last = 2 * _BORDER
    moved = [_hashes(grey[:, down : SIDE - last + down, right : SIDE - last + right]) for down, right in _CORNERS]
    mirrored = _hashes(grey[:, _BORDER:-_BORDER, ::-1][:, :, _BORDER:-_BORDER])
    return np.stack([*moved, mirrored])


def _hashes(grey: np.ndarray) -> np.ndarray:
    """The signs of the 128 lowest frequencies, without the mean, as bits; uint64, (2, pictures)."""
    from scipy.fft import dct

    waves = dct(np.eye(grey.shape[1], dtype=np.float32), axis=0)[:_LOWEST]
    strengths = (waves @ grey @ waves.T).reshape(len(grey), _LOWEST**2)
    frequency = np.add.outer(np.arange(_LOWEST), np.arange(_LOWEST)).ravel()
    lowest = np.argsort(frequency, kind="stable")[1 : _BITS + 1]
    bits = np.ascontiguousarray(np.packbits(strengths[:, lowest] > 0, axis=1))
    return np.ascontiguousarray(bits.view(np.uint64).T)


# --- who is alike ----------------------------------------------------------------------------------------------------


def _alike(hashes: np.ndarray, details: np.ndarray | Rows) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that are near-duplicates, int64, (pairs, 2), and the distances of their details, float32, (pairs,)."""
    lengths = _lengths(details)
    detailed = np.flatnonzero(lengths[:, _REACH, _REACH] >= _PLAIN * _INNER * details.shape[1] ** 0.5)
    *moved, mirrored = np.ascontiguousarray(hashes[:, :, detailed])
    straight, turned = detailed[_near(moved, moved[0])], detailed[_near([mirrored], moved[0])]
    pairs = np.concatenate([straight, turned])
    distances = np.concatenate(
        [_distances(details, lengths, straight), _distances(details, lengths, turned, mirror=True)]
    )
    close = distances <= MOST_DISTANCE
    pairs, distances = pairs[close], distances[close]
    nearest = np.argsort(distances, kind="stable")  # a pair may agree both as it is and mirrored
    pairs, at = np.unique(pairs[nearest], axis=0, return_index=True)
    return pairs, distances[nearest[at]]


def _near(queries: Sequence[np.ndarray], hashes: np.ndarray) -> np.ndarray:
    """The pairs of a picture and a later one whose hash is near any hash of the first; int64, (pairs, 2), ascending.

    Args:
        queries: one or more hashes of every picture, each uint64, (2, pictures).
        hashes: the hash of every picture that these are compared with, uint64, (2, pictures).
    """
    import torch

    count = hashes.shape[1]

    def of_rows(top: int) -> np.ndarray:
        found = [np.empty(0, np.int64)]
        for left in range(top, count, _COLUMNS):
            columns = hashes[:, None, left : left + _COLUMNS]
            for query in queries:
                rows = query[:, top : top + _ROWS, None]
                differ = np.bitwise_count(rows[0] ^ columns[0]) + np.bitwise_count(rows[1] ^ columns[1])
                row, column = np.divmod(np.flatnonzero(differ <= _MOST_BITS), differ.shape[1])
                later = top + row < left + column
                found.append((top + row[later]) * count + left + column[later])
        return np.unique(np.concatenate(found))

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        found = np.concatenate([np.empty(0, np.int64), *threads.map(of_rows, range(0, count, _ROWS))])
    return np.stack(np.divmod(found, max(count, 1)), axis=1)


def _lengths(details: np.ndarray | Rows) -> np.ndarray:
    """The length of the details in each window that ``_distances`` compares; float32, (pictures, shifts, shifts)."""
    within = np.array([[0 <= place - shift < _INNER for place in range(SIDE)] for shift in range(_SHIFTS)], np.float32)
    lengths = np.empty((len(details), _SHIFTS, _SHIFTS), np.float32)
    for start in range(0, len(details), _BATCH):
        squares = (details[start : start + _BATCH].astype(np.float32) ** 2).sum(axis=1)
        lengths[start : start + _BATCH] = np.sqrt(within @ squares @ within.T)
    return lengths


def _distances(
    details: np.ndarray | Rows, lengths: np.ndarray, pairs: np.ndarray, *, mirror: bool = False
) -> np.ndarray:
    """How far apart the details of each pair are at the best of all shifts; float32, (pairs,), 0..2.

    The middle of the first picture is compared with every window of the second, which may be mirrored.
    """
    turn, middle = slice(None, None, -1 if mirror else 1), slice(_REACH, SIDE - _REACH)
    distances = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _BATCH):
        first, second = pairs[start : start + _BATCH].T
        one = np.zeros((len(first), *details.shape[1:]), np.float32)
        one[:, :, middle, middle] = details[first][:, :, middle, middle]
        agree = _agreement(one, details[second][..., turn].astype(np.float32))
        agree /= lengths[first, _REACH, _REACH, None, None] * lengths[second][..., turn] + 1e-6
        distances[start : start + _BATCH] = np.sqrt(np.maximum(2 - 2 * agree.max(axis=(1, 2)), 0))
    return distances


def _agreement(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The product of ``one``, which is 0 at its border, with every window of ``other``; (pairs, shifts, shifts)."""
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    most = _REACH * SIDE + _REACH  # in a row of all pixels; the border keeps a shift from reaching the next line
    still = one[:, most:-most]
    steps = [SIDE * down + right for down, right in product(range(_SHIFTS), repeat=2)]
    agree = [np.vecdot(still, other[:, step : step + still.shape[1]]) for step in steps]
    return np.stack(agree, axis=1).reshape(len(one), _SHIFTS, _SHIFTS)
