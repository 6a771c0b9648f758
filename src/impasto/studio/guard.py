"""Who may talk to the studio: hosts and origins, cookies, tokens, and the password for other machines."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from impasto.studio.loopback import is_loopback
from impasto.studio.refusals import RefusalError
from impasto.studio.sessions import Session, Sessions

COOKIE = "impasto_session_{port}"
"""Of a session; browsers give a machine's cookies to all of its ports."""
SECONDS_BETWEEN_PASSWORDS = 1.0
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)


@dataclass
class Guard:
    """Checks requests.

    Args:
        host: where the studio listens.
        password: that other machines need; None where only this one can come.
    """

    host: str = "127.0.0.1"
    password: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _next_try: dict[str, float] = field(default_factory=dict, repr=False)

    def check_place(self, request: HTTPConnection) -> None:
        """Check Host, against names that somebody else's server gives to this address, and Origin.

        The scheme counts, too: under HTTPS a page that came over HTTP may have been changed on its way.

        Raises:
            RefusalError: they are not the studio's.
        """
        host = request.headers.get("host", "")
        if not self._is_ours(_name(host)):
            raise RefusalError(
                "the studio does not answer to the name {host}; use the address that the terminal shows",
                403,
                "wrong-host",
                host=repr(host)[:80],
            )
        own = f"{request.scope['scheme']}://{host}"
        if request.headers.get("origin", own) != own:
            raise RefusalError("the studio answers its own page only", 403, "wrong-origin")
        if request.headers.get("sec-fetch-site") == "cross-site" and not _is_link(request):
            raise RefusalError("the studio answers its own page only", 403, "wrong-origin")

    def _is_ours(self, name: str) -> bool:
        if is_loopback(name):
            return True
        if is_loopback(self.host):
            return False
        own = socket.gethostname().lower()
        return name in (self.host.lower(), own, own + ".local") or _is_address(name)

    def check_password(self, request: HTTPConnection) -> None:
        """Check the password, where there is one, as browsers ask for it (HTTP Basic).

        Raises:
            RefusalError: it is missing or wrong, or was tried too often.
        """
        if self.password is None:
            return
        given = _basic(request.headers.get("authorization", ""))
        if given is not None:
            machine = request.client.host if request.client else ""
            with self._lock:
                now = time.monotonic()
                self._next_try = {other: until for other, until in self._next_try.items() if until > now}
                if machine in self._next_try:
                    raise RefusalError("too many passwords were tried; wait a second", 429, "too-many")
                if hmac.compare_digest(given.encode(), self.password.encode()):
                    return
                self._next_try[machine] = now + SECONDS_BETWEEN_PASSWORDS
        raise RefusalError("the studio's password is needed", 401, "no-password")


def session_of(request: HTTPConnection, sessions: Sessions, *, changes: bool) -> Session:
    """Return the session of a request, by the terminal's token, or by its cookie.

    Args:
        request: with headers.
        sessions: all of them.
        changes: whether it changes or computes something, for which the page's token is needed, too.

    Raises:
        RefusalError: there is none.
    """
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        if not hmac.compare_digest(token.strip().encode(), sessions.terminal.token.encode()):
            raise RefusalError("the token is wrong; the terminal shows the right one", 401, "no-token")
        return sessions.terminal
    session = sessions.find(request.cookies.get(cookie_of(request)))
    if session is None:
        raise RefusalError("there is no session; load the page again", 401, "no-session")
    given = request.headers.get("x-impasto-token", "")
    if changes and not hmac.compare_digest(given.encode(), session.token.encode()):
        raise RefusalError("the token is missing or wrong; load the page again", 401, "no-token")
    return session


def cookie_of(request: HTTPConnection) -> str:
    """Return the name of a session's cookie at the port that a request came to."""
    return COOKIE.format(port=request.url.port or {"https": 443}.get(request.url.scheme, 80))


def _is_link(request: HTTPConnection) -> bool:
    """Return whether a request from another site is one that leads a person to the page."""
    mode, place = (request.headers.get(f"sec-fetch-{what}") for what in ("mode", "dest"))
    return request.url.path == "/" and mode in (None, "navigate") and place in (None, "document")


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _basic(header: str) -> str | None:
    kind, _, code = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(code, validate=True).decode().partition(":")[2]
    except ValueError:
        return None
