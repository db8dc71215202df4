"""The near-duplicates of a data set, kept in the data folder: they are searched for once."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import numpy as np

from kinwise.data.duplicates import VERSION, Duplicates, clustered, find_copies, find_duplicates
from kinwise.data.rows import Pixels
from kinwise.files import WriteError, write_file

KEPT_FROM = 20_000
"""What was found among so many pictures is kept; fewer are compared anew in a second or two."""
KEPT_FROM_WITH_NAME = 2_000
"""The same for pictures whose content has a name, so that what was kept is found without reading them."""
MOST_COMPARED = 200_000
"""Among more pictures only exact copies are looked for: comparing all pairs grows with the square of their number."""
_READ_AT_ONCE = 1024  # pictures


def duplicates_of(
    pixels: Pixels, folder: Path, say: Callable[[str], None] = lambda _: None, content: str = ""
) -> Duplicates:
    """``find_duplicates``, kept in a file in ``folder`` where there are many pictures, and taken from there next time.

    Of more than ``MOST_COMPARED`` pictures only exact copies are found. A file that is damaged, of other pictures or of
    another version is replaced; one that cannot be written is not.

    Args:
        pixels: uint8, shape (pictures, channels, height, width).
        folder: the data folder; it is not made.
        say: told when the search begins and ends, where it takes longer than a second.
        content: a name for the content of ``pixels``, where one is known; without it they are all read.
    """
    if len(pixels) < (KEPT_FROM_WITH_NAME if content else KEPT_FROM):
        return find_duplicates(pixels)
    key = hashlib.sha256(f"{pixels.shape} {content}".encode()).hexdigest() if content else _key(pixels)
    path = Path(folder) / f"near-duplicates-{key[:16]}.safetensors"
    kept = _read(path, key, len(pixels))
    if kept is not None:
        return kept
    all_pairs = len(pixels) <= MOST_COMPARED
    what = "near-duplicates" if all_pairs else "exact copies (there are too many for near-duplicates)"
    say(f"Looking for {what} among {len(pixels):,} pictures; this is done once")
    started = perf_counter()
    found = find_duplicates(pixels) if all_pairs else find_copies(pixels)
    say(f"Found {len(found.pairs):,} pairs in {perf_counter() - started:.1f} s")
    with suppress(WriteError):
        write_file(path, lambda temporary: _save(temporary, key, found))
    return found


def _key(pixels: Pixels) -> str:
    """The SHA-256 of the pixels and their shape."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    for start in range(0, len(pixels), _READ_AT_ONCE):
        digest.update(np.ascontiguousarray(pixels[start : start + _READ_AT_ONCE]).data.cast("B"))
    return digest.hexdigest()


def _save(path: Path, key: str, found: Duplicates) -> None:
    from safetensors.numpy import save_file

    save_file({"pairs": found.pairs, "distances": found.distances}, path, metadata={"of": _of(key)})


def _of(key: str) -> str:
    """What a file is of: these pictures, by this version of the search."""
    return f"version {VERSION} {key}"


def _read(path: Path, key: str, pictures: int) -> Duplicates | None:
    """What ``_save`` wrote; None where there is no such file, or it is of no use."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            if file.metadata() != {"of": _of(key)}:
                return None
            return clustered(file.get_tensor("pairs"), file.get_tensor("distances"), pictures)
    except (SafetensorError, OSError, ValueError, IndexError):
        return None
