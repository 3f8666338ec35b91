"""Turns the router: gives each question a token, and whoever asked a future for the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley.errors import Rejected
from parley.node.driver import Driver
from parley.pool.messages import Answer, Query
from parley.pool.router import Router
from parley.pool.routing import (
    AnswerReceived,
    AskFailed,
    AskLink,
    Closed,
    LinksChanged,
    OwnerQueried,
    QueryReceived,
    Reply,
    RouterEvent,
    RouterOutput,
)
from parley.ports.clock import Clock
from parley.primitives.ids import NodeId
from parley.protocol.machine import Ask, Blame

__all__ = ["Queries"]


class Queries:
    """The node's side of every query: the owner's, the peers', the strangers'."""

    def __init__(
        self,
        router: Router,
        clock: Clock,
        *,
        ask: Callable[[int, AskLink], None],
        blame: Callable[[Blame], None],
    ) -> None:
        """Turn a router.

        Args:
            router: the machine.
            clock: gives `now`.
            ask: puts a query to a link; later gives `settle` the answer or the failure.
            blame: is told who misbehaved.
        """
        self._driver: Driver[RouterEvent, RouterOutput] = Driver(router, clock, self._perform)
        self._ask = ask
        self._blame = blame
        self._waiting: dict[int, asyncio.Future[Answer | Rejected]] = {}
        self._token = 0

    async def of_owner(self, query: Query) -> Answer | Rejected:
        """Ask on behalf of one of the node's own wallets; `query.remaining` is the deepness."""
        return await self._wait(lambda token: OwnerQueried(token, query))

    async def of_link(self, link: NodeId, query: Query, *, is_paid: bool) -> Answer | Rejected:
        """Ask on behalf of a peer, or of a stranger who has earned it."""
        return await self._wait(lambda token: QueryReceived(token, link, query, is_paid=is_paid))

    def settle(self, event: AnswerReceived | AskFailed) -> None:
        """Take in what became of an `ask`."""
        self._driver.deliver(event)

    def change_links(self, links: tuple[NodeId, ...]) -> None:
        """Say who the links are now."""
        self._driver.deliver(LinksChanged(links))

    def close(self) -> None:
        """Answer whoever waits that the node stops."""
        self._driver.deliver(Closed())
        self._driver.stop()

    async def _wait(self, event: Callable[[int], RouterEvent]) -> Answer | Rejected:
        self._token += 1
        token = self._token
        future: asyncio.Future[Answer | Rejected] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        try:
            self._driver.deliver(event(token))
            return await future
        finally:
            self._waiting.pop(token, None)

    def _perform(self, output: RouterOutput) -> None:
        match output:
            case Ask(exchange, query):
                self._ask(exchange, query)
            case Reply(token, answer):
                future = self._waiting.get(token)
                if future is not None and not future.done():
                    future.set_result(answer)
            case Blame():
                self._blame(output)
