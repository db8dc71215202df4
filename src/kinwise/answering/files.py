"""Answers about picture files: found, decoded in threads while the network computes, answered batch after batch."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinwise.answering.answers import Answerer, Answers
from kinwise.data.folder.decode import Unreadable
from kinwise.data.folder.walk import LOOP, walk

STANDARD_INPUT = "-"
BATCH = 128
AHEAD = 2
"""So many batches at most are decoded before the network has come to them."""


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A file to look at, and why there is no picture in it, where that is known already."""

    path: Path
    fault: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some files in the order in which they were given, and what came of them.

    Attributes:
        files: all of them.
        answers: about those that could be read, in the same order.
        unreadable: the reason, for each place in ``files`` that could not.
    """

    files: tuple[Path, ...]
    answers: Answers
    unreadable: dict[int, str]

    def rows(self) -> Iterator[tuple[Path, int | str]]:
        """Each file with its row in ``answers``, or with the reason why there is none."""
        row = 0
        for place, file in enumerate(self.files):
            if place in self.unreadable:
                yield file, self.unreadable[place]
            else:
                yield file, row
                row += 1


def picture_files(named: Sequence[str], lines: Iterable[bytes] = ()) -> list[PictureFile]:
    """The files that are meant: each one named, the pictures below each folder, and for - those that ``lines`` name.

    Args:
        named: files, folders, or - for standard input.
        lines: what standard input holds, one name a line.

    Returns:
        What is to be looked at, in order. A file is tried whatever its name ends in; of a folder those that end like
        pictures, and with a fault what cannot be read there, or the folder itself where there is nothing.
    """
    files: list[PictureFile] = []
    for name in named:
        if name == STANDARD_INPUT:
            told = (os.fsdecode(line.rstrip(b"\r\n")) for line in lines)
            files += picture_files([one for one in told if one and one != STANDARD_INPUT])
        elif os.path.isdir(name):
            files += _pictures_below(Path(name))
        else:
            files.append(PictureFile(path=Path(name)))
    return files


def _pictures_below(folder: Path) -> list[PictureFile]:
    found = walk(folder)
    reasons = {names: reason for names, reason in found.skipped if not reason.startswith(LOOP)}
    listed = ((folder.joinpath(*names), reasons.get(names, "")) for names in sorted([*found.files, *reasons]))
    files = [PictureFile(path=path, fault=reason if path.is_dir() else "") for path, reason in listed]
    return files or [PictureFile(path=folder, fault="a folder without picture files")]


def answer_files(answerer: Answerer, files: Sequence[PictureFile], batch: int = BATCH) -> Iterator[Batch]:
    """Answers about all ``files`` in order, batch after batch; a file without a picture stops nothing."""
    starts = deque(range(0, len(files), batch))
    with ThreadPoolExecutor() as threads:
        waiting: deque[tuple[tuple[PictureFile, ...], list[Future[np.ndarray | str]]]] = deque()
        try:
            while starts or waiting:
                while starts and len(waiting) <= AHEAD:
                    start = starts.popleft()
                    some = tuple(files[start : start + batch])
                    waiting.append((some, [threads.submit(_pixels, answerer, file) for file in some]))
                some, decoding = waiting.popleft()
                yield _answered(answerer, some, [one.result() for one in decoding])
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _pixels(answerer: Answerer, file: PictureFile) -> np.ndarray | str:
    """The picture in a file, or why there is none."""
    try:
        return file.fault or answerer.decode(file.path)
    except Unreadable as reason:
        return str(reason)


def _answered(answerer: Answerer, files: tuple[PictureFile, ...], decoded: list[np.ndarray | str]) -> Batch:
    pixels = [one for one in decoded if not isinstance(one, str)]
    empty = np.zeros((0, len(answerer.network.statistics.mean), answerer.size, answerer.size), np.uint8)
    return Batch(
        files=tuple(file.path for file in files),
        answers=answerer.answer(np.stack(pixels) if pixels else empty),
        unreadable={place: one for place, one in enumerate(decoded) if isinstance(one, str)},
    )
