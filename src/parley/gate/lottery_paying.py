"""The client's side of the scheme `lottery`, without any I/O: which offer is taken, how many tickets it takes.

A client believes an offer in nothing that it can find out by itself: what a ticket is worth and what a winner takes
follow from the parameters, and whether those may be signed is judged by its purse against its own view of the chain.
What a request costs only the server can say; the budget bounds it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs

from parley.adapters.lottery.documents import parse_params_object
from parley.errors import ErrorCode, PeerError, Rejected
from parley.gate.lottery_forms import LOTTERY_SCHEME, Offer, nearest_wei, parse_offer, tickets_needed
from parley.gate.x402 import PaymentRequired, PaymentResponse, Requirement
from parley.lottery.params import TicketParams
from parley.lottery.worth import worth_shares
from parley.primitives.ids import Address

__all__ = ["KnownOffers", "RouteName", "TicketOrder", "choose_offer", "order_tickets"]

RouteName = tuple[str, str, int | None, str, str]
"""Scheme, host and port of a server, HTTP method, and path without its query: what may have a price of its own."""

_REQUEST_TICKETS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class TicketOrder:
    """Tickets that are to be signed.

    Attributes:
        offer: that they pay.
        params: of the tickets.
        count: how many.
        worth_wei: what they are worth together on average, to the nearest wei.
    """

    offer: Offer
    params: TicketParams
    count: int
    worth_wei: int


def choose_offer(required: PaymentRequired, networks: Mapping[str, Address]) -> Offer | Rejected:
    """Choose the entry to pay.

    Args:
        required: what the server would accept.
        networks: on which the client can pay, in the form of CAIP-2, each with the broker that holds its deposit.

    Returns:
        The first that it can pay; or METHOD_UNKNOWN: none is of this scheme, of a network of the client's and of its
        broker; NOT_FOUND: the server has not been told who pays; or why the server refuses this sender.

    Raises:
        PeerError: MALFORMED: an entry of the scheme has another form.
    """
    objection = Rejected(ErrorCode.METHOD_UNKNOWN)
    for entry in required.accepts:
        if entry.scheme != LOTTERY_SCHEME or entry.network not in networks:
            continue
        offer = parse_offer(entry)
        if offer.broker != networks[entry.network]:
            continue
        if offer.params is not None:
            return offer
        objection = Rejected(ErrorCode.NOT_FOUND if offer.refused is None else offer.refused, {"value": "parameters"})
    return objection


def order_tickets(offer: Offer) -> TicketOrder | Rejected:
    """Say how many tickets an offer takes.

    Returns:
        The order; or PRICE_TOO_LOW: the tickets are worth nothing; TOO_EXPENSIVE: it takes more than anybody takes in
        one request.
    """
    params = offer.params
    count = 0 if params is None else tickets_needed(offer.amount_wei, params)
    if params is None or count == 0:
        return Rejected(ErrorCode.PRICE_TOO_LOW, {"value": "tickets"})
    if count > _REQUEST_TICKETS_MAX:
        return Rejected(ErrorCode.TOO_EXPENSIVE, {"tickets_max": _REQUEST_TICKETS_MAX})
    return TicketOrder(offer, params, count, nearest_wei(count * worth_shares(params)))


class KnownOffers:
    """What routes cost and under which parameters, from earlier answers: so that a request can pay at once."""

    def __init__(self, routes_max: int) -> None:
        """Keep so many routes at the most."""
        self._routes_max = routes_max
        self._offers: OrderedDict[RouteName, Offer] = OrderedDict()

    def find(self, route: RouteName) -> Offer | None:
        """Return what a route costs, as far as it is known."""
        return self._offers.get(route)

    def learn(self, route: RouteName, offer: Offer) -> None:
        """Note what a route costs."""
        self._offers[route] = offer
        self._offers.move_to_end(route)
        if len(self._offers) > self._routes_max:
            self._offers.popitem(last=False)

    def forget(self, route: RouteName) -> None:
        """Forget what a route costs."""
        self._offers.pop(route, None)

    def refresh(self, route: RouteName, paid: Offer, response: PaymentResponse) -> None:
        """Take in the parameters that came with an answer, for every route that was paid under the old ones.

        Raises:
            PeerError: MALFORMED: they have another form, or are for another recipient.
        """
        fresh = response.extra.get("params")
        if fresh is None or paid.params is None:
            return
        params = parse_params_object(fresh)
        if params.recipient != paid.recipient:
            raise PeerError(ErrorCode.MALFORMED, field="recipient")
        old = paid.params.recipient_rand_hash
        for name, offer in self._offers.items():
            if name[:3] == route[:3] and offer.params is not None and offer.params.recipient_rand_hash == old:
                entry = offer.entry
                self._offers[name] = replace(offer, params=params, entry=_with_params(entry, fresh))


def _with_params(entry: Requirement, fresh: object) -> Requirement:
    return structs.replace(entry, extra={**entry.extra, "params": fresh})
