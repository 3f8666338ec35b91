"""`LotteryAuth`: lets an httpx client pay at a gate by lottery tickets, within a budget.

    auth = LotteryAuth(purse, LotteryBudget(request_wei=10**11, total_wei=10**15), chain_id=1, broker=broker)
    async with httpx.AsyncClient(auth=auth) as client:
        await client.get("https://example.org/search?q=swap")       402 with parameters, tickets, 200
        await client.get("https://example.org/search?q=more")       tickets at once, 200

The first request to a route asks what it costs, and names the sender so that parameters can be made for it; later ones
bring their tickets along. A 402 that this client cannot pay is left as it is. Where another server answers, because a
redirect led there, nothing is paid. Needs httpx: the extra `client`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from parley.errors import ConfigError, ConflictError, ErrorCode, LocalError, PeerError, Rejected
from parley.gate.lottery_budget import LotteryBudget
from parley.gate.lottery_forms import Offer, account_text, lottery_header, network_name
from parley.gate.lottery_paying import KnownOffers, RouteName, TicketOrder, choose_offer, order_tickets
from parley.gate.x402 import (
    REQUIRED_HEADER,
    RESPONSE_HEADER,
    SENDER_HEADER,
    SIGNATURE_HEADER,
    parse_required,
    parse_response,
)
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.refusals import Refused, Remedy
from parley.primitives.ids import Address

try:
    import httpx
except ModuleNotFoundError as error:
    raise ConfigError(ErrorCode.CONFIG_INVALID, missing="httpx", install="pip install 'parley[client]'") from error

__all__ = ["LotteryAuth", "PaysTickets"]

_PAYMENT_REQUIRED: Final = 402
_USUAL_PORTS: Final = (("http", 80), ("https", 443))
_ROUTES_MAX: Final = 1_024

ResultT = TypeVar("ResultT")


class PaysTickets(Protocol):
    """Signs tickets (`parley.adapters.lottery.purse.Purse`)."""

    @property
    def sender(self) -> Address:
        """Return whose deposit pays, 20 bytes."""

    async def wants_refresh(self, params: TicketParams) -> bool:
        """Say whether fresh parameters are to be asked for now, while these may still pay."""

    async def pay(
        self, params: TicketParams, price: Price | None = None, count: int = 1, *, recipient: Address | None = None
    ) -> Payment | Refused:
        """Sign tickets, or say why not."""


@dataclass(slots=True)
class _Visit:
    """One request with all its repeats."""

    origin: tuple[str, str, int | None]
    attempts: int = 0
    spent_wei: int = 0
    paid: Offer | None = None


class LotteryAuth(httpx.Auth):
    """Pay by lottery tickets what a server asks for, for `httpx.AsyncClient` on asyncio.

    The purse lives in one event loop. A `httpx.Client` in another thread can pay too, if it is given that loop.
    """

    requires_request_body = True

    def __init__(
        self,
        purse: PaysTickets,
        budget: LotteryBudget,
        *,
        chain_id: int,
        broker: Address,
        attempts_max: int = 2,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Pay within a budget.

        Args:
            purse: signs tickets.
            budget: the most that may be asked for.
            chain_id: of the chain on which the purse has its deposit.
            broker: the contract that holds it, 20 bytes.
            attempts_max: how often one request may be paid for, 1 or more: parameters end, and redirects lead on.
            loop: in which the purse lives, for synchronous clients in other threads.

        Raises:
            LocalError: a number is out of range.
        """
        if attempts_max < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, attempts_max=attempts_max)
        self._purse = purse
        self._budget = budget
        self._networks = {network_name(chain_id): broker}
        self._account = account_text(chain_id, purse.sender)
        self._attempts_max = attempts_max
        self._known = KnownOffers(_ROUTES_MAX)
        self._loop = loop

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with what it costs, as far as that is known, and again with what it costs in fact.

        Raises:
            LocalError: WRONG_STATE: no loop was given, or this is its thread.
            ConflictError: as `async_auth_flow`.
            PeerError: as `async_auth_flow`.
        """
        request.read()
        visit = _Visit(_origin_of(request.url))
        response = yield self._wait(self._begin(request, visit))
        while self._wait(self._is_to_be_repeated(response, visit)):
            response.request.read()
            response = yield response.request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send a request with what it costs, as far as that is known, and again with what it costs in fact.

        Raises:
            ConflictError: TOO_EXPENSIVE: it costs more than the budget allows. FUNDS_TOO_LOW and others: the purse does
                not sign, or the server takes no tickets of this sender. Nothing was signed then.
            PeerError: the server's offer has another form.
            UnavailableError: chain or store of the purse did not answer.
        """
        await request.aread()
        visit = _Visit(_origin_of(request.url))
        response = yield await self._begin(request, visit)
        while await self._is_to_be_repeated(response, visit):
            await response.request.aread()
            response = yield response.request

    async def _begin(self, request: httpx.Request, visit: _Visit) -> httpx.Request:
        """Name the sender, and pay at once where it is known what to pay."""
        request.headers[SENDER_HEADER] = self._account
        route = _route_of(request)
        known = self._known.find(route)
        if known is not None and known.params is not None:
            if await self._purse.wants_refresh(known.params):
                self._known.forget(route)
            else:
                await self._pay(request, visit, known, is_fresh=False)
        return request

    async def _is_to_be_repeated(self, response: httpx.Response, visit: _Visit) -> bool:
        """Take in an answer; put the payment into its request where that is to be sent again."""
        request = response.request
        if _origin_of(request.url) != visit.origin:
            return False
        if response.status_code != _PAYMENT_REQUIRED or REQUIRED_HEADER not in response.headers:
            self._learn(response, visit)
            return False
        self._known.forget(_route_of(request))
        if visit.attempts >= self._attempts_max:
            return False
        required = parse_required(response.headers[REQUIRED_HEADER].encode("latin-1", errors="replace"))
        offer = choose_offer(required, self._networks)
        if isinstance(offer, Rejected):
            if offer.code in {ErrorCode.METHOD_UNKNOWN, ErrorCode.NOT_FOUND}:
                return False
            raise ConflictError(offer.code, **offer.facts)
        return await self._pay(request, visit, offer, is_fresh=True)

    async def _pay(self, request: httpx.Request, visit: _Visit, offer: Offer, *, is_fresh: bool) -> bool:
        """Put tickets into a request; return whether there are any.

        Args:
            request: to pay for.
            visit: that it belongs to.
            offer: to pay.
            is_fresh: whether the server made it just now, so that there is no use in asking for another.
        """
        order = order_tickets(offer)
        if isinstance(order, Rejected):
            raise ConflictError(order.code, **order.facts)
        payment = await self._sign(order, visit)
        if isinstance(payment, Refused):
            if payment.remedy is Remedy.REFRESH and not is_fresh:
                self._known.forget(_route_of(request))
                return False
            refused = payment.rejected()
            raise ConflictError(refused.code, **refused.facts)
        visit.attempts += 1
        visit.paid = offer
        request.headers[SIGNATURE_HEADER] = lottery_header(offer.entry, payment).decode()
        return True

    async def _sign(self, order: TicketOrder, visit: _Visit) -> Payment | Refused:
        self._budget.take(order.worth_wei, face_value_wei=order.params.face_value, request_spent_wei=visit.spent_wei)
        visit.spent_wei += order.worth_wei
        is_signed = False
        try:
            payment = await self._purse.pay(order.params, None, order.count, recipient=order.offer.recipient)
            is_signed = isinstance(payment, Payment)
        finally:
            if not is_signed:
                visit.spent_wei -= order.worth_wei
                self._budget.give_back(order.worth_wei)
        return payment

    def _learn(self, response: httpx.Response, visit: _Visit) -> None:
        """Remember what the route costs, or that it costs nothing; the answer counts, whatever stands beside it."""
        route = _route_of(response.request)
        value = response.headers.get(RESPONSE_HEADER)
        if visit.paid is None or value is None:
            self._known.forget(route)
            return
        self._known.learn(route, visit.paid)
        try:
            self._known.refresh(route, visit.paid, parse_response(value.encode("latin-1", errors="replace")))
        except PeerError:
            self._known.forget(route)

    def _wait(self, work: Coroutine[None, None, ResultT]) -> ResultT:
        """Wait in this thread for what the loop does in another."""
        if self._loop is None or _is_running_here(self._loop):
            work.close()
            raise LocalError(ErrorCode.WRONG_STATE, wanted="an asynchronous client, or the loop of the purse")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _route_of(request: httpx.Request) -> RouteName:
    path = request.url.raw_path.partition(b"?")[0].decode("latin-1")
    return (*_origin_of(request.url), request.method, path)


def _origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    usual = dict(_USUAL_PORTS).get(url.scheme)
    return url.scheme, url.host, url.port or usual
