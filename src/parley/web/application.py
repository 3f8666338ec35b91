"""The application that answers every path which the node's server does not answer itself."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from parley import __version__
from parley.errors import ErrorCode, ParleyError
from parley.node.serving import OWNER_USER
from parley.node.wiring import Node
from parley.web.guard import FormToken, Guarded, credentials_of
from parley.web.metrics import METRICS_PAGE
from parley.web.page import Asked, Page, Screen, notice, refusal_notice
from parley.web.payments import PAYMENTS_PAGE
from parley.web.peers import PEERS_PAGE
from parley.web.pool import POOL_PAGE
from parley.web.query import QUERY_PAGE
from parley.web.texts import ago, block, counted, lasting, moment, plain, shown, sized
from parley.web.tickets import TICKETS_PAGE

__all__ = ["PAGES", "pages"]

PAGES: Final = (POOL_PAGE, QUERY_PAGE, PEERS_PAGE, TICKETS_PAGE, PAYMENTS_PAGE, METRICS_PAGE)
"""The navigation, in its order. A capability's page is one more entry."""

_TOKEN_FIELD: Final = "token"  # noqa: S105  # the name of a field
_FIELDS_MAX: Final = 32
_STATIC_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
)
_METHOD_NOT_ALLOWED: Final = 405
_SIGN_IN: Final = notice(
    "This page is for the node's owner",
    "It shows whom the node talks to, and lets one ask the network at the node's cost.",
    f"Sign in as {OWNER_USER}. The password is the one line of the file owner_secret in the node's data directory.",
    status=401,
)
_FOREIGN: Final = notice(
    "Another site asked for this page",
    "It is only shown to whoever opens it directly.",
    "Open it in a tab of its own.",
    status=403,
)

Endpoint = Callable[[Request], Awaitable[Response]]


def _environment() -> jinja2.Environment:
    """Return the templates, each read when it is first used; whatever they name is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("parley.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ago=ago, block=block, counted=counted, lasting=lasting, moment=moment, plain=plain, shown=shown, sized=sized
    )
    return environment


_ENVIRONMENT: Final = _environment()


def pages(node: Node, every: Sequence[Page] = PAGES) -> ASGIApp:
    """Make the pages of a node.

    Args:
        node: whose state is shown; read only, but for the questions that its owner asks.
        every: the navigation.
    """
    look = _Look(node, every, FormToken.of(node))
    routes = [_page_route(node, page, look) for page in every]
    routes += [Route(f"/static/{name}", endpoint) for name, endpoint in _static_files()]
    inner = Starlette(routes=routes, exception_handlers={HTTPException: look.answer_missing})
    inner.router.redirect_slashes = False
    return Guarded(
        inner,
        refused=look.closed(_SIGN_IN, {"www-authenticate": 'Basic realm="parley", charset="UTF-8"'}),
        foreign=look.closed(_FOREIGN, {}),
        credentials=credentials_of(node),
    )


def _page_route(node: Node, page: Page, look: _Look) -> Route:
    async def answer(request: Request) -> Response:
        asked = await _read(request, look.token)
        return look.show(asked if isinstance(asked, Screen) else await page.render(node, asked), page)

    async def endpoint(request: Request) -> Response:
        outcome = await node.supervisor.call(answer(request), f"page {page.path}")
        if isinstance(outcome, ParleyError):
            status = 500 if outcome.code is ErrorCode.INTERNAL_ERROR else 503
            return look.show(refusal_notice(outcome, status=status), page)
        return outcome

    return Route(page.path, endpoint, methods=["GET", "POST"] if page.takes_form else ["GET"])


async def _read(request: Request, token: FormToken) -> Asked | Screen:
    """Return what is asked, or the screen that refuses it."""
    is_form = request.method == "POST"
    raw = await request.body() if is_form else request.scope["query_string"]
    try:
        fields = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        return notice("This address cannot be read", "It holds too much, or what is no text.", status=400)
    asked = Asked(tuple(fields), is_form=is_form)
    if is_form and not token.is_given(asked.first(_TOKEN_FIELD)):
        return notice(
            "Please send the form once more",
            "It did not come from a page that this node made since it was started, so nothing was done.",
            "Go back, reload the page, and send it again.",
            status=403,
        )
    return asked


def _static_files() -> list[tuple[str, Endpoint]]:
    """Return the few small files that pages refer to, read once."""
    folder = resources.files("parley.web").joinpath("static")
    return [
        (file.name, _file_endpoint(file.read_bytes(), _STATIC_TYPES[file.name.rpartition(".")[2]]))
        for file in folder.iterdir()
    ]


def _file_endpoint(content: bytes, media_type: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        del request
        return Response(content, media_type=media_type)

    return endpoint


class _Look:
    """What all pages have in common: the templates, and what stands around each screen."""

    def __init__(self, node: Node, every: Sequence[Page], token: FormToken) -> None:
        """Surround the screens of a node."""
        self._node = node
        self._pages = tuple(every)
        self.token = token

    def show(self, screen: Screen, page: Page | None) -> Response:
        """Render a screen within its page."""
        node = self._node
        html = _ENVIRONMENT.get_template(screen.template).render(
            {
                "node": node,
                "node_id": node.identity.node_id.hex(),
                "uptime_ms": node.clock.now() - node.started_ms,
                "version": __version__,
                "pages": self._pages,
                "page": page,
                "token": self.token.text,
                "command": self._command,
                **screen.values,
            }
        )
        return HTMLResponse(html, status_code=screen.status)

    async def answer_missing(self, request: Request, error: Exception) -> Response:
        """Answer a path that is none, or a method that it does not take."""
        del request
        if isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED:
            screen = notice("This page is only read", "Nothing can be sent to it.", status=_METHOD_NOT_ALLOWED)
        else:
            screen = notice("There is no such page", "The address may be mistyped.", status=404)
        return self.show(screen, None)

    def closed(self, screen: Screen, headers: Mapping[str, str]) -> ASGIApp:
        """Return an application that shows a screen and says nothing of the node."""
        values = {"node": None, "pages": (), "page": None, **screen.values}
        html = _ENVIRONMENT.get_template(screen.template).render(values)
        return HTMLResponse(html, status_code=screen.status, headers=dict(headers))

    def _command(self, words: str, *texts: str) -> str:
        """Return a command line for this node, as a shell takes it."""
        is_default = any(one.name == "data_dir" and one.origin == "default" for one in self._node.settings)
        place = "" if is_default else f" --data-dir {shlex.quote(str(self._node.config.data_dir))}"
        return " ".join(("parley", words, *map(shlex.quote, texts))) + place
