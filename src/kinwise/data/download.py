"""Fetch one large file: resumed where an earlier attempt broke off, checked by md5, with progress."""

import hashlib
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from kinwise.errors import InputError

_CHUNK = 1 << 18
_TIMEOUT = 30.0  # seconds without a single byte


class DownloadError(Exception):
    """The file could not be fetched now; whatever arrived is kept, and the next attempt goes on from there."""


def md5_of(path: Path) -> str:
    """The md5 of a file, as 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def download(url: str, path: Path, *, size: int, md5: str, attempts: int = 3, pause: float = 1.0) -> None:
    """Fetch ``url`` into ``path``; what an earlier, broken-off download left in ``path`` is kept and completed.

    Args:
        url: what to fetch.
        path: where to put it; its folder is created.
        size: how many bytes the file has.
        md5: what it must hash to; a file that does not is deleted.
        attempts: how often to connect before giving up.
        pause: seconds to wait before connecting again.

    Raises:
        DownloadError: when the server cannot be reached or breaks off ``attempts`` times.
        InputError: when the file arrives damaged, or the disk is full or must not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _size(path) > size:
            path.unlink()
        with _progress(path.name.removesuffix(".part"), size) as show:
            _fetch(url, path, size, attempts, pause, show)
        if (got := md5_of(path)) != md5:
            path.unlink()
            raise InputError(
                f"{url} arrived damaged (md5 {got}, expected {md5}), so it was deleted; run the command again"
            )
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; "
            f"make room or name another data folder with --data-dir or KINWISE_DATA"
        ) from error


def _fetch(url: str, path: Path, size: int, attempts: int, pause: float, show: Callable[[int], None]) -> None:
    """Connect until the file is whole."""
    reason = "no attempt was made"
    for attempt in range(attempts):
        if _size(path) >= size:
            return
        if attempt:
            time.sleep(pause)
        try:
            _receive(url, path, size, show)
            reason = f"it broke off after {_size(path):,} of {size:,} bytes"
        except DownloadError as error:
            reason = str(error)
    if _size(path) < size:
        raise DownloadError(reason)


def _receive(url: str, path: Path, size: int, show: Callable[[int], None]) -> None:
    """Add to ``path`` what one connection delivers, never more than ``size`` bytes in all."""
    start = _size(path)
    with _connect(url, start) as response:
        if start and not _starts_at(response, start):
            start = 0  # this server sends everything again
        with path.open("ab" if start else "wb") as file:
            while start < size and (chunk := _read(response)[: size - start]):
                file.write(chunk)
                start += len(chunk)
                show(start)


def _connect(url: str, start: int) -> HTTPResponse:
    headers = {"User-Agent": "kinwise"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # the server has no such range: ask for the whole
            return _connect(url, 0)
        raise DownloadError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(str(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise DownloadError(str(error) or type(error).__name__) from error


def _starts_at(response: HTTPResponse, start: int) -> bool:
    """Whether the server obeyed the Range header."""
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return response.status == 206 and first is not None and int(first[1]) == start


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_CHUNK)
    except (OSError, HTTPException, ValueError) as error:
        raise DownloadError(f"the connection broke ({error or type(error).__name__})") from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _progress(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """A function that shows how many bytes have come: a bar on a terminal, a plain line every tenth elsewhere."""
    if not sys.stderr.isatty():
        yield _plain_lines(name, size)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = ("[progress.description]{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=size)
        yield lambda done: progress.update(task, completed=done)


def _plain_lines(name: str, size: int) -> Callable[[int], None]:
    tenths = 0

    def show(done: int) -> None:
        nonlocal tenths
        if done * 10 // size != tenths:
            tenths = done * 10 // size
            print(f"{name}: {done / 1e6:,.1f} of {size / 1e6:,.1f} MB", file=sys.stderr, flush=True)

    return show
