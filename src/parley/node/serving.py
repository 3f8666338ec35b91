"""What a node answers over HTTP: the two JSON-RPC addresses, metrics, health, OpenRPC, and the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.types import ASGIApp

from parley.adapters.http.application import Application
from parley.adapters.http.requests import ANY_RECIPIENT, check_request
from parley.adapters.http.routes import Credentials, HttpAnswer, HttpRequest, Route
from parley.adapters.http.server import allowed_hosts
from parley.adapters.jsonrpc.calls import encode_error
from parley.adapters.upload.openapi import openapi_document
from parley.errors import ErrorCode, Rejected
from parley.node.accounts import OWNER_USER
from parley.node.foreign import Caller
from parley.node.openrpc import openrpc_document
from parley.node.registry import Audience, Command, Registry
from parley.node.rpc import RpcAddress
from parley.node.upload_serving import UPLOAD_WORDS, upload_application
from parley.node.wiring import Node
from parley.pool.addresses import address_host
from parley.primitives.ids import NodeId

__all__ = ["OWNER_USER", "build_application"]

_RECIPIENT_HEADER = b"parley-recipient"
_GREETING = "peer_hello"


def build_application(
    node: Node, registry: Registry, host: str, pages: Callable[[Node], ASGIApp] | None
) -> Application:
    """Put the routes of a node together.

    Args:
        node: to serve.
        registry: its commands.
        host: that the server listens on; on the loopback interface, only its names are answered to.
        pages: makes the web page.
    """
    credentials = Credentials(OWNER_USER, node.owner_secret)
    limit_bytes = node.config.body_bytes_max
    metrics_credentials = None if node.config.is_private() else credentials
    own_names = () if node.links.own_address is None else (address_host(node.links.own_address),)
    openrpc = HttpAnswer(msgspec.json.encode(openrpc_document(registry)))
    openapi = HttpAnswer(msgspec.json.encode(openapi_document()))
    return Application(
        (
            Route(
                method="POST",
                path="/v2/owner",
                handler=_owner(node, registry),
                body_limit_bytes=limit_bytes,
                credentials=credentials,
            ),
            Route(method="POST", path="/v2/foreign", handler=_foreign(node, registry), body_limit_bytes=limit_bytes),
            Route(method="GET", path="/metrics", handler=_metrics(node), credentials=metrics_credentials),
            Route(method="GET", path="/healthz", handler=_health(node)),
            Route(method="GET", path="/openrpc.json", handler=_fixed(openrpc)),
            Route(method="GET", path="/openapi.json", handler=_fixed(openapi)),
        ),
        pages=None if pages is None else pages(node),
        mounts=dict.fromkeys(UPLOAD_WORDS, upload_application(node)),
        host_names=allowed_hosts(host, *own_names),
    )


def _owner(node: Node, registry: Registry) -> Callable[[HttpRequest], Any]:
    address = RpcAddress(registry, Audience.OWNER, metrics=node.metrics, supervisor=node.supervisor)

    def run(command: Command, parameters: msgspec.Struct) -> Any:  # noqa: ANN401  # an awaitable of any result
        return command.run(node, parameters)

    async def handle(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(await address.answer(request.body, run))

    return handle


def _foreign(node: Node, registry: Registry) -> Callable[[HttpRequest], Any]:
    address = RpcAddress(registry, Audience.FOREIGN, metrics=node.metrics, supervisor=node.supervisor)

    async def handle(request: HttpRequest) -> HttpAnswer:
        sender = check_request(
            request.headers,
            request.body,
            own_id=node.identity.node_id,
            now=node.clock.now(),
            skew_ms=node.config.pool.skew_ms,
            is_greeting=True,
        )
        if isinstance(sender, Rejected):
            node.metrics.calls.labels(Audience.FOREIGN.value, "unknown", sender.code.name.lower()).inc()
            return HttpAnswer(encode_error(None, sender))
        caller = Caller(sender or NodeId(b""), request.source)
        is_to_anybody = request.header(_RECIPIENT_HEADER) == ANY_RECIPIENT.hex().encode()

        async def run(command: Command, parameters: msgspec.Struct) -> Any:  # noqa: ANN401  # any result
            if is_to_anybody and command.method != _GREETING:
                return Rejected(ErrorCode.WRONG_RECIPIENT)
            return await command.run(node, parameters, caller)

        return HttpAnswer(await address.answer(request.body, run))

    return handle


def _metrics(node: Node) -> Callable[[HttpRequest], Any]:
    async def handle(request: HttpRequest) -> HttpAnswer:
        del request
        return HttpAnswer(node.metrics.text(), content_type=node.metrics.content_type.encode())

    return handle


def _health(node: Node) -> Callable[[HttpRequest], Any]:
    async def handle(request: HttpRequest) -> HttpAnswer:
        del request
        return HttpAnswer(
            msgspec.json.encode({"status": "ok", "id": node.identity.node_id.hex(), "links": len(node.links.links)})
        )

    return handle


def _fixed(answer: HttpAnswer) -> Callable[[HttpRequest], Any]:
    async def handle(request: HttpRequest) -> HttpAnswer:
        del request
        return answer

    return handle
