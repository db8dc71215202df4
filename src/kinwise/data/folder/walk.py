"""Walk: every picture file below a folder, through links and past whatever cannot be read."""

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kinwise.data.folder.names import SUFFIXES, is_hidden, printable, suffix_of
from kinwise.data.folder.reading import Unreadable, look_at

Names = tuple[str, ...]

LOOP = "leads to a folder that was read already"
"""How the reason begins for a link that is not followed, since all behind it is in the list."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What lies below a folder.

    Attributes:
        files: the names that lead to each picture file, folders first, in ascending order.
        skipped: what should have been read and cannot be: names and reason.
        others: how many files were passed by, by their suffix, "hidden" or "without a suffix".
    """

    files: list[Names] = field(default_factory=list)
    skipped: list[tuple[Names, str]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def walk(root: Path) -> Walk:
    """Find the picture files below ``root``, by their suffix.

    Links to folders are followed after all else, and no folder is read twice, so that loops end and a picture counts
    where it lies, not where a link puts it.
    """
    found = Walk()
    read: dict[str, Names] = {}
    links: deque[Names] = deque([()])
    while links:
        folders = [links.popleft()]
        while folders:
            names = folders.pop()
            real = os.path.realpath(root.joinpath(*names))
            if real in read:
                found.skipped.append((names, f"{LOOP}: {_text(read[real])}"))
                continue
            read[real] = names
            for entry in _entries(root, names, found):
                _sort_in(entry, (*names, entry.name), found, folders, links)
    found.files.sort()
    found.skipped.sort()
    return found


def _text(names: Names) -> str:
    return "/".join(map(printable, names)) or "the top"


def _entries(root: Path, names: Names, found: Walk) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, sorted, without hidden things."""
    try:
        with os.scandir(root.joinpath(*names)) as inside:
            entries = sorted(inside, key=lambda entry: entry.name)
    except OSError as error:
        found.skipped.append((names, f"the folder cannot be read: {error.strerror}"))
        return
    for entry in entries:
        if is_hidden(entry.name):
            found.others["hidden"] += 1
        else:
            yield entry


def _sort_in(entry: os.DirEntry[str], names: Names, found: Walk, folders: list[Names], links: deque[Names]) -> None:
    suffix = suffix_of(entry.name)
    try:
        if entry.is_dir():
            (links if entry.is_symlink() else folders).append(names)
        elif entry.is_symlink() and not os.path.exists(entry.path):
            found.skipped.append((names, _why_not(entry.path)))
        elif suffix not in SUFFIXES:
            found.others[printable(suffix) or "without a suffix"] += 1
        elif entry.is_file():
            found.files.append(names)
        else:
            found.skipped.append((names, _why_not(entry.path)))
    except OSError:
        found.skipped.append((names, _why_not(entry.path)))


def _why_not(path: str) -> str:
    """What stands where a picture file should."""
    try:
        look_at(path)
    except Unreadable as reason:
        return str(reason)
    return "it was changed meanwhile"
