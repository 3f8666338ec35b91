"""ASGI applications on real sockets of the loopback interface, inside the event loop of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

__all__ = ["serving"]


@asynccontextmanager
async def serving(app: Callable[[Any, Any, Any], Awaitable[None]], **options: object) -> AsyncIterator[str]:
    """Serve an application; yield its URL."""
    fixed: dict[str, Any] = {"log_config": None, "log_level": "critical", "ws": "none", "proxy_headers": False}
    config = uvicorn.Config(app, port=0, **{**fixed, **options})
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        async with asyncio.timeout(30):
            await server.shutdown()
