"""Who may see the pages, and what a browser may do with them.

    on the loopback interface         whoever is on this machine; the server checks the Host against rebinding
    --public, advertised, elsewhere   the owner: user `parley`, the secret of the data directory

The pages show what the owner's peers are and let one ask the network, so nobody else sees them. They are read, but for
one form; it carries a token that only pages of this process hold. A browser is told to take nothing from elsewhere, to
run no script but ours, to show the pages in no frame, and to keep no copy.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.adapters.http.routes import Credentials
from parley.node.serving import OWNER_USER
from parley.node.wiring import Node

__all__ = ["FormToken", "Guarded", "credentials_of"]

_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Nothing is told to other sites. With no-referrer a browser would not tell this node either that it is a page of
    # its own that sends the form (the Origin would be null), and the server would refuse it.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_FOREIGN_SITES: Final = frozenset({b"cross-site", b"same-site"})
_TOKEN_BYTES: Final = 32
_OPEN_PATHS: Final = "/static/"
"""What every release has alike, and the page that asks for the secret needs."""


class FormToken:
    """What a form must bring along to be believed to come from a page of this process."""

    __slots__ = ("text",)

    def __init__(self, secret: bytes) -> None:
        """Take the secret of this process."""
        self.text = secret.hex()

    def is_given(self, text: str) -> bool:
        """Say whether this is the token, in a time that does not depend on where it differs."""
        return hmac.compare_digest(text.encode(errors="replace"), self.text.encode())

    @classmethod
    def of(cls, node: Node) -> FormToken:
        """Draw a fresh one."""
        return cls(node.entropy.take(_TOKEN_BYTES))


def credentials_of(node: Node) -> Credentials | None:
    """Return what one must show to see the pages; None where anybody on the machine may."""
    return None if node.config.is_private() else Credentials(OWNER_USER, node.owner_secret)


class Guarded:
    """An ASGI application behind the checks."""

    def __init__(self, inner: ASGIApp, *, refused: ASGIApp, foreign: ASGIApp, credentials: Credentials | None) -> None:
        """Guard an application.

        Args:
            inner: what is guarded.
            refused: answers who does not show the credentials.
            foreign: answers what another site's page asks for in the background.
            credentials: to show; None for nobody's.
        """
        self._inner = inner
        self._refused = refused
        self._foreign = foreign
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        application = self._inner
        if _is_foreign(headers):
            application = self._foreign
        elif not (scope["path"].startswith(_OPEN_PATHS) or self._is_owner(headers)):
            application = self._refused
        await application(scope, receive, _with_headers(send))

    def _is_owner(self, headers: Mapping[bytes, bytes]) -> bool:
        return self._credentials is None or self._credentials.is_given(headers.get(b"authorization"))


def _is_foreign(headers: Mapping[bytes, bytes]) -> bool:
    """Say whether another site's page made the browser ask; following a link from there is no such thing."""
    if headers.get(b"sec-fetch-site") not in _FOREIGN_SITES:
        return False
    return headers.get(b"sec-fetch-mode") != b"navigate" or headers.get(b"sec-fetch-dest") != b"document"


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in _HEADERS}
            others = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in own]
            message = {**message, "headers": [*others, *_HEADERS]}
        await send(message)

    return send_with_headers
