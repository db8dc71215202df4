"""Reading: what a picture file holds, without waiting for a pipe, or the reason why it cannot be had."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LARGEST_FILE = 2**29
"""The most bytes that a picture file may have."""

_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)
_ERRORS = {
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.ELOOP: "a symbolic link that leads back to itself",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOTDIR: "there is no such file",
}


class Unreadable(Exception):  # noqa: N818 - said of a file, not of the program
    """A file that gives no picture; the message is the reason, for people."""


def look_at(path: Path | str) -> os.stat_result:
    """What the system knows about a picture file, without opening it.

    Raises:
        Unreadable: when it is not there, not a plain file, empty or too large.
    """
    try:
        return checked(os.stat(path))
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error, path)) from error


def checked(found: os.stat_result) -> os.stat_result:
    """``found``, when it is of a plain file of an acceptable size.

    Raises:
        Unreadable: when it is not.
    """
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "something else")
        raise Unreadable(f"{kind}, not a file")
    if found.st_size == 0:
        raise Unreadable("empty: 0 bytes")
    if found.st_size > LARGEST_FILE:
        raise Unreadable(f"too large: {found.st_size / 2**20:,.0f} MiB, at most {LARGEST_FILE // 2**20} are read")
    return found


@contextmanager
def opened(path: Path | str) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    """A plain file, open for reading, and what the system knew about it then; a pipe or device is not waited for.

    Raises:
        Unreadable: when it is not there, may not be read, or is no plain file; also where the system fails to read it.
    """
    look_at(path)  # a device may do something when it is opened
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAITING), "rb") as file:
            yield file, checked(os.fstat(file.fileno()))
    except OSError as error:
        raise Unreadable(_reason(error, path)) from error


def read(path: Path | str) -> tuple[bytes, os.stat_result]:
    """All that a picture file holds, and what the system knew about it when it was opened.

    Raises:
        Unreadable: as ``opened``, and when there is no memory for it.
    """
    try:
        with opened(path) as (file, found):
            return file.read(found.st_size), found
    except MemoryError as error:
        raise Unreadable("it needs more memory than there is") from error


def _reason(error: OSError | ValueError, path: Path | str) -> str:
    if not isinstance(error, OSError):
        return "no file can have such a name"
    if error.errno == errno.ENOENT:
        return "a symbolic link to nothing" if os.path.islink(path) else "there is no such file"
    return _ERRORS.get(error.errno or 0) or f"cannot be read: {error.strerror or error}"
