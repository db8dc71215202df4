"""The guard before the application: whom it speaks to, how much it takes in, and what every answer carries."""

from collections.abc import Mapping
from ipaddress import ip_address
from socket import gethostname
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kinwise.serving.limits import BODY_BYTES, megabytes

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer carries, unless it brings its own."""

TOO_LARGE = f"a request may have {megabytes(BODY_BYTES)} at most"
_EVERY_ADDRESS = ("0.0.0.0", "::")


def fault(status: int, error: str) -> JSONResponse:
    """An answer that says what is wrong, in one sentence; where too much is coming in, it is also the last."""
    hang_up = {"Connection": "close"} if status == 413 else {}
    return JSONResponse({"error": error}, status, headers={**HEADERS, **hang_up})


class Guard:
    """Lets through what is addressed to this server, comes from its own page or a program, and is not too large.

    A page elsewhere whose name was made to mean this machine (DNS rebinding) names itself in the Host header, and a
    page elsewhere that posts here names itself in the Origin header; both are refused. A body is counted while it
    comes in, whatever its Content-Length says.

    Args:
        app: what is guarded.
        host: the address that the server listens on.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        if refusal:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _counted(receive), _with_headers(send))

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if not is_own(host, self.host):
            return fault(400, "this server does not go by that name; open the address that kinwise serve printed")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return fault(403, "pages of other servers may not ask here")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            return fault(413, TOO_LARGE)
        return None


def is_own(header: str, host: str) -> bool:
    """Whether a Host header names a server that listens on ``host``.

    One that listens on every address goes by any address in numbers, which no rebinding can make, and by the name of
    the machine.
    """
    try:
        parts = urlsplit(f"//{header}")
    except ValueError:
        return False
    name = parts.hostname or ""
    if parts.netloc != header or "@" in header:
        return False
    if name in ("127.0.0.1", "::1", "localhost", host.lower()):
        return True
    return host in _EVERY_ADDRESS and (_is_address(name) or name == gethostname().lower())


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _counted(receive: Receive) -> Receive:
    """``receive``, which breaks off when more came in than a request may have."""
    taken = 0

    async def count() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return count


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return add
