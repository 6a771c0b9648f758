"""The server: the routes with their guard, and uvicorn, which runs them until the person stops it."""

from __future__ import annotations

import asyncio
import mimetypes
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.errors import ImpastoError, OutputError, SettingError
from impasto.studio.guard import HEADERS, Guard
from impasto.studio.refusals import RefusalError, refusal_record, status_of
from impasto.studio.routes import ROUTES
from impasto.studio.studio import Studio
from impasto.studio.video_routes import VIDEO_ROUTES

mimetypes.add_type("text/javascript", ".js")  # whatever the system says
USUAL_PORT = 8517
MOST_CONNECTIONS = 256
SECONDS_TO_CLOSE = 2


class GuardedDoor:
    """Lets in who comes from the right place, and gives every answer its security headers."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        try:
            self._guard.check_place(HTTPConnection(scope))
        except RefusalError as error:
            await _refused(error)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)


def make_app(guard: Guard | None = None, first_style: str | None = None) -> Starlette:
    """Return the studio as an ASGI application; its engine begins to load when it starts.

    Args:
        guard: checks who comes; of this machine alone if None.
        first_style: see `Studio`.
    """
    guard = guard or Guard()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio = app.state.studio = Studio(guard, first_style)
        studio.start()
        sweeping = asyncio.ensure_future(studio.sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
            await asyncio.get_running_loop().run_in_executor(None, studio.close)

    handlers: dict[Any, Any] = {ImpastoError: _refuse, HTTPException: _refuse_http, Exception: _refuse}
    door = Middleware(GuardedDoor, guard=guard)
    return Starlette(
        routes=[*ROUTES, *VIDEO_ROUTES], middleware=[door], exception_handlers=handlers, lifespan=lifespan
    )


async def _refuse(request: Request, error: Exception) -> Response:
    return _refused(error)


def _refused(error: Exception) -> Response:
    headers = {"cache-control": "no-store"}
    if isinstance(error, RefusalError) and error.kind == "no-password":
        headers["www-authenticate"] = 'Basic realm="Impasto", charset="UTF-8"'
    return JSONResponse(refusal_record(error), status_of(error), headers)


async def _refuse_http(request: Request, error: HTTPException) -> Response:
    """Say what Starlette refuses in the interface's own form."""
    kind = {404: "not-found", 405: "wrong-method"}.get(error.status_code, "refused")
    reason = RefusalError(
        "the studio has nothing at {method} {path}",
        error.status_code,
        kind,
        method=request.method,
        path=repr(request.url.path)[:200],
    )
    answer = _refused(reason)
    answer.headers.update(error.headers or {})
    return answer


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How the studio is opened.

    Attributes:
        host: where it listens.
        port: the same; None takes the usual one, or any if that is taken.
        password: that is asked for; None for this machine alone.
        certificate, key: files for HTTPS, or None.
        camera: whether the page begins with the camera.
        style: with which it does, a built-in one or a picture's file.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    password: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    camera: bool = False
    style: str | None = None


def serve(opening: Opening, opened: Callable[[str, str], None]) -> None:
    """Run the studio until a signal ends it.

    Args:
        opening: where and how.
        opened: told the address and the token for programs once it answers.

    Raises:
        SettingError: other machines could come, and there is no password.
        SettingError: certificate and key are not a certificate and its key.
        OutputError: the address or the port cannot be used.
    """
    _check_certificate(opening)
    listener = _listen(opening)
    app = make_app(Guard(host=opening.host, password=opening.password), opening.style)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=SECONDS_TO_CLOSE,
        ssl_certfile=opening.certificate,
        ssl_keyfile=opening.key,
        ws="none",
    )
    server = _Server(
        config, lambda: opened(_address(opening, listener), app.state.studio.sessions.terminal.token)
    )
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that tells when it answers."""

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None]) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._opened()


def _check_certificate(opening: Opening) -> None:
    """Refuse, before anything listens, files that are not a certificate and its key."""
    if opening.certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(opening.certificate, opening.key)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            "{cert} and {key} cannot be used for HTTPS: {reason}; give a certificate and its key, in PEM",
            cert=opening.certificate,
            key=opening.key,
            reason=error.strerror or error,
        ) from error


def _listen(opening: Opening) -> socket.socket:
    family = socket.AF_INET6 if ":" in opening.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ports = [opening.port] if opening.port is not None else [USUAL_PORT, 0]
    for index, port in enumerate(ports):
        try:
            listener.bind((opening.host, port))
            return listener
        except OSError as error:
            if index == len(ports) - 1:
                listener.close()
                raise OutputError(
                    "the studio cannot listen at {host}, port {port}: {reason}; choose another {option}",
                    host=opening.host,
                    port=port,
                    reason=error.strerror or str(error),
                    option="--port",
                ) from error
    return listener


def _address(opening: Opening, listener: socket.socket) -> str:
    scheme = "https" if opening.certificate else "http"
    host = "localhost" if opening.host in ("0.0.0.0", "::") else opening.host
    host = f"[{host}]" if ":" in host else host
    page = "?camera" if opening.camera else ""
    return f"{scheme}://{host}:{listener.getsockname()[1]}/{page}"
