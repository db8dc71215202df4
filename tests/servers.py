"""A page that is served for real: uvicorn in a thread, on a free port of 127.0.0.1."""

import io
import shutil
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kinwise.run import Run
from kinwise.run_folder import PREDICTIONS, VALIDATION

pytest.importorskip("fastapi", reason="kinwise[serve] is not installed")
pytest.importorskip("uvicorn", reason="kinwise[serve] is not installed")
httpx = pytest.importorskip("httpx")

PATIENCE = 60.0

_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing here speaks TLS; httpx would load all certificates each time
get_from = partial(httpx.get, verify=_PLAIN)
post_to = partial(httpx.post, verify=_PLAIN)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server that runs: its address, and what it told the terminal."""

    address: str
    told: list[str] = field(default_factory=list)


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[Served]:
    """The run in ``folder``, served until the block ends; ``options`` are those of ``application``."""
    from kinwise.serving.app import application
    from kinwise.serving.server import address, listening, server_of

    with listening("127.0.0.1", 0) as listener:
        found = Served(address=address("127.0.0.1", listener.getsockname()[1]))
        server = server_of(application(Run(folder), say=found.told.append, **options))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            assert server.started
            yield found
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
        assert not thread.is_alive(), "the server does not end"


def wait_until(true: Any) -> None:
    """Ask again and again until ``true()`` is."""
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)


def with_validation(run: Path, folder: Path) -> Path:
    """A copy of a run that learnt on its test pictures how sure it may be."""
    shutil.copytree(run, folder)
    shutil.copy(folder / PREDICTIONS, folder / VALIDATION)
    return folder


def png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (channels, height, width), as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(file, "PNG")
    return file.getvalue()
