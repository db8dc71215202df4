"""Turns: of several processes that need the same pictures one decodes them, and the others wait."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from kinwise.files import writing

_MAKING = "making-"


@contextmanager
def alone(index: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other process decodes what belongs to an index of files; the system frees the place of one killed.

    Raises:
        WriteError: when the system does not allow a lock there.
    """
    lock = FileLock(_lock_of(making(index)))
    with writing(index.parent):
        index.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("Another process decodes these pictures; waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def making(index: Path) -> Path:
    """The temporary name of the store that is made of an index's files; only who is ``alone`` may use it."""
    return index.with_name(f"{_MAKING}{index.stem}")


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left behind; what others are making stays."""
    for path in folder.glob(f"{_MAKING}*"):
        if path.is_dir():
            with suppress(Timeout, OSError), FileLock(_lock_of(path), timeout=0):
                shutil.rmtree(path, ignore_errors=True)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
