"""The server: a free port, an address to open, and a quiet end."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kinwise.errors import InputError
from kinwise.run import Run

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn import Server

USUAL_PROMISE = 0.95
"""What is promised unless told otherwise, where pictures were held out of the training."""

INSTALL = "kinwise serve needs FastAPI and uvicorn: pip install 'kinwise[serve]'"
CONNECTIONS = 128
PATIENCE = 3  # seconds that answers under way have when it ends


def serve(
    run: Run | Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    promise: float | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a page to try the network of ``run`` until Ctrl-C.

    Args:
        run: a complete run.
        host: the address to listen on.
        port: 0..65535; 0 takes any free one.
        promise: the share of right answers to promise, in (0, 1); None promises ``USUAL_PROMISE`` where the run has
            validation pictures, and else nothing.
        data_dir: where data sets are kept.
        say: told the address, and what else the person at the terminal should know.

    Raises:
        InputError: when the run is damaged, the port is taken, or FastAPI is missing.
    """
    _check_installed()
    from kinwise.serving.app import application

    with listening(host, port) as listener:
        run = run if isinstance(run, Run) else Run(Path(run))
        if promise is None and run.validation() is not None:
            promise = USUAL_PROMISE
        app = application(run, host=host, promise=promise, data_dir=data_dir, say=say)
        say(f"Try it: {address(host, listener.getsockname()[1])}  (Ctrl-C ends it)")
        try:
            server_of(app).run(sockets=[listener])
        except KeyboardInterrupt:
            return


def _check_installed() -> None:
    try:
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError(INSTALL) from error


def server_of(app: "FastAPI") -> "Server":
    """A server for the application, silent but for faults of its own."""
    from uvicorn import Config, Server

    return Server(
        Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=PATIENCE,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on ``port`` of ``host``.

    Raises:
        InputError: when it is taken, or there is no such address.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port: expected 0..65535, got {port}")
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f"{host!r} is no address of this machine; leave --host out for 127.0.0.1") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen()
    except OSError as error:
        listener.close()
        raise InputError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another --port, 0 takes any free one"
        ) from error
    return listener


def address(host: str, port: int) -> str:
    """What to open in a browser."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"
