"""Cache: every picture file is decoded once, into a memory map that serves all later trainings.

Pictures are known by the SHA-256 of their files: files that are moved or renamed, other labels and other splits change
nothing, and of a folder to which some were added only those are decoded.
"""

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np

from kinwise.data.folder.decode import FITS, Unreadable, decode_sized, size_of
from kinwise.data.folder.known_files import Known, Looked, index_path, look, read_index, settled, write_index
from kinwise.data.folder.reading import read
from kinwise.data.folder.store import VERSION, NewStore, Store, stores
from kinwise.data.folder.turns import alone, making, remove_leftovers
from kinwise.files import WriteError

LARGEST_CHOSEN = 64
"""The largest side that is chosen where nobody names one, in pixels."""
SIDES = (32, 48, 64, 96, 128)
"""The sides that may be chosen, in pixels."""

_LOOKED_AT = 500  # files whose sizes tell those of all
_AHEAD = 8  # files per thread that are read before they are asked for
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """Picture files, decoded.

    Attributes:
        store: uint8, shape (different contents, 3, side, side), a memory map that cannot be written to; it may hold
            pictures of other files as well.
        rows: the row of ``store`` that holds each file's picture, int64, shape (files,); -1 where there is none.
        reasons: why a file gives no picture, for people, by its place among the files.
        sizes: the height and width that each picture had, upright, int32, shape (files, 2); 0 where there is none.
        content: a name for the pictures of the files in their order, those without a picture left out:
            ``store[rows[rows >= 0]]``.
    """

    store: np.ndarray
    rows: np.ndarray
    reasons: dict[int, str]
    sizes: np.ndarray
    content: str


def _silent(*_: object) -> None:
    """Tell nobody."""


def kept_pixels(
    files: Sequence[Path],
    *,
    folder: Path,
    side: int,
    fit: str = "squash",
    say: Callable[[str], None] = _silent,
    progress: Callable[[int, int], None] = _silent,
) -> Kept:
    """The pictures of ``files`` as uint8 RGB, (3, side, side): taken from the cache, and decoded where it lacks them.

    Of several trainings that need the same pictures at once the first decodes them and the others wait. What one that
    was killed left behind is removed by the next. Nothing else is ever deleted. A few pictures are in memory at a time.

    Args:
        files: picture files; each that gives no picture is left out with a reason.
        folder: the data folder; the cache is in ``pictures`` there.
        side: height and width to make, in pixels.
        fit: one of ``FITS``.
        say: told what was decoded, and where it is.
        progress: called with the number of files that are done and of those to do, in the calling thread.

    Raises:
        InputError: when the cache cannot be written.
    """
    if fit not in FITS:
        raise ValueError(fit)
    paths = [os.path.abspath(file) for file in files]
    place = _Place(folder=Path(folder).expanduser() / "pictures", side=side, fit=fit)
    index = index_path(paths, place.folder)
    looked = look(paths, read_index(index))
    if not looked.unknown and (store := _that_knows(place.stores(), looked.digests.values())):
        return _kept(store, looked, len(paths), place)
    with alone(index, say):
        return _fill(paths, index, place, say, progress)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where stores of one size are."""

    folder: Path
    side: int
    fit: str

    def stores(self) -> Iterator[Store]:
        return stores(self.folder, self.side, self.fit)


def _that_knows(found: Iterable[Store], digests: Iterable[bytes]) -> Store | None:
    """The first store that knows all these files."""
    wanted = set(digests)
    return next((store for store in found if all(map(store.knows, wanted))), None)


def _kept(store: Store, looked: Looked, count: int, place: _Place) -> Kept:
    rows, reasons = np.full(count, -1, np.int64), dict(looked.reasons)
    content = sha256(f"{VERSION} {place.side} {place.fit}".encode())
    for at, digest in sorted(looked.digests.items()):
        if digest in store.reasons:
            reasons[at] = store.reasons[digest]
        else:
            rows[at] = store.rows[digest]
            content.update(digest)
    sizes = np.zeros((count, 2), np.int32)
    sizes[rows >= 0] = store.sizes[rows[rows >= 0]]
    ordered = dict(sorted(reasons.items()))
    return Kept(store=store.pixels, rows=rows, reasons=ordered, sizes=sizes, content=content.hexdigest())


# --- decoding -------------------------------------------------------------------------------------------------------


def _fill(
    paths: list[str], index: Path, place: _Place, say: Callable[[str], None], progress: Callable[[int, int], None]
) -> Kept:
    """Decode what no store knows, into a new one that has all that is wanted; the caller is ``alone``."""
    started = perf_counter()
    remove_leftovers(place.folder)
    known = read_index(index)  # another process may have written it while this one waited
    looked, earlier = look(paths, known), list(place.stores())
    todo = {*looked.unknown, *(at for at, one in looked.digests.items() if not any(s.knows(one) for s in earlier))}
    if not earlier:
        _check_room(place, len(todo))
    new = NewStore(making(index), place.side, place.fit)
    try:
        read_anew = _decode_all(paths, sorted(todo), new, earlier, looked, progress)
        store = _that_knows(earlier, looked.digests.values()) if not new.count else None
        if store is None:
            decoded = len(new.rows)
            for one in earlier:
                new.copy(one, list(looked.digests.values()))
            store = new.finish()
            say(_told(store, decoded, place, perf_counter() - started))
    finally:
        new.remove()
    if read_anew:
        write_index(index, {file: one for file, one in (known | read_anew).items() if one is not None})
    return _kept(store, looked, len(paths), place)


def _decode_all(
    paths: list[str],
    todo: list[int],
    new: NewStore,
    earlier: list[Store],
    looked: Looked,
    progress: Callable[[int, int], None],
) -> dict[str, Known | None]:
    """Read the files at ``todo``, add to ``new`` what no earlier store knows, and to ``looked`` what each one is.

    Returns:
        What is known of each file now; None where it may be changed unnoticed, so that it must be read again next time.
    """

    def work(at: int) -> _Read | Unreadable:
        return _read(paths[at], new, earlier)

    anew: dict[str, Known | None] = {}
    for done, (at, found) in enumerate(_side_by_side(work, todo), start=1):
        if isinstance(found, Unreadable):
            looked.digests.pop(at, None)
            looked.reasons[at] = str(found)
        else:
            looked.digests[at] = found.known.digest
            anew[paths[at]] = found.known if found.settled else None
            if found.reason:
                new.reasons[found.known.digest] = found.reason
            elif found.pixels is not None and not new.knows(found.known.digest):
                new.add(found.known.digest, found.pixels, found.shape)
        progress(done, len(todo))
    return anew


@dataclass(frozen=True, kw_only=True, eq=False)
class _Read:
    """A file that was read: its picture, or why it has none; neither, where a store knows it already."""

    known: Known
    settled: bool
    pixels: np.ndarray | None = None
    shape: tuple[int, int] = (0, 0)
    reason: str = ""


def _read(path: str, new: NewStore, earlier: list[Store]) -> _Read | Unreadable:
    """Read and decode one file; what is decoded are the very bytes that were hashed."""
    try:
        data, found = read(path)
    except Unreadable as reason:
        return reason
    known = Known(size=found.st_size, changed=found.st_mtime_ns, digest=sha256(data).digest())
    done = _Read(known=known, settled=settled(found))
    if new.knows(known.digest) or any(store.knows(known.digest) for store in earlier):
        return done
    try:
        pixels, shape = decode_sized(data, new.side, new.fit)
    except Unreadable as reason:
        return replace(done, reason=str(reason))
    return replace(done, pixels=pixels, shape=shape)


def _side_by_side(work: Callable[[int], _T], todo: Sequence[int]) -> Iterator[tuple[int, _T]]:
    """``work`` of each of ``todo``, in order, by as many threads as there are processors; little is ready ahead."""
    count = processors()
    threads = ThreadPoolExecutor(count)
    waiting: deque[tuple[int, Future[_T]]] = deque()
    try:
        for at in todo:
            waiting.append((at, threads.submit(work, at)))
            if len(waiting) >= _AHEAD * count:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        threads.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_room(place: _Place, pictures: int) -> None:
    """Refuse to begin what would not fit on the disk."""
    needed = pictures * 3 * place.side**2
    with suppress(OSError):
        free = shutil.disk_usage(place.folder).free
        if free < needed:
            raise WriteError(
                f"cannot write {place.folder}: {pictures:,} pictures of {place.side} px need {needed / 1e6:,.0f} MB, "
                f"and {free / 1e6:,.0f} MB are free there; make room, or name another data folder with --data-dir or "
                f"KINWISE_DATA"
            )


def _told(store: Store, decoded: int, place: _Place, seconds: float) -> str:
    copied = len(store.digests) - decoded
    earlier = f", took {copied:,} from an earlier cache" if copied else ""
    return (
        f"Decoded {decoded:,} pictures to {place.side} px in {seconds:.1f} s{earlier} "
        f"({store.pixels.nbytes / 1e6:,.0f} MB in {store.path})"
    )


# --- which size -----------------------------------------------------------------------------------------------------


def side_for(files: Sequence[Path]) -> int:
    """The side to decode pictures to where nobody names one: the largest of ``SIDES`` that most pictures reach.

    It is not above the median of the pictures' shorter sides, nor above ``LARGEST_CHOSEN``, but at least the smallest.
    Up to 500 evenly spaced files are looked at, their headers only.
    """
    shorter = []
    for at in np.unique(np.linspace(0, len(files) - 1, _LOOKED_AT).astype(int)) if len(files) else []:
        with suppress(Unreadable):
            shorter.append(min(size_of(files[at])))
    most = min(float(np.median(shorter)), LARGEST_CHOSEN) if shorter else 0
    return max((side for side in SIDES if side <= most), default=SIDES[0])
