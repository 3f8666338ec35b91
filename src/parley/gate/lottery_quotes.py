"""Ticket parameters for those who ask a gate: made when they are needed, and given again while they are fresh.

Requests that one sender makes at once get one set of parameters, so that it signs under one commitment. A set is given
again for two seconds at the most, never when its end is near, and never when most of its nonces were seen.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from parley.adapters.lottery.documents import params_object, parse_params_object
from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.gate.till_config import TillConfig
from parley.lottery.params import PRICE_OF_A_WEI, Price, TicketParams
from parley.lottery.views import ChainView
from parley.ports.broker import Broker
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["Quote", "QuoteBook", "Quoter"]

_FRESH_MS: Final = 2_000
_NONCES_FRESH: Final = 400
"""A sender has 600 nonces under one commitment; parameters of which so many were seen are replaced."""
_BUSY_MS: Final = 1_000

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Quoter(Protocol):
    """Makes ticket parameters (`parley.adapters.lottery.desk.Desk`)."""

    async def quote(self, sender: Address, expected_value_wei: int, price: Price) -> TicketParams | Rejected:
        """Return parameters for a sender, or why it gets none."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Parameters in both forms.

    Attributes:
        params: as a value.
        document: as a JSON object; not to be changed.
    """

    params: TicketParams
    document: dict[str, object]


class QuoteBook:
    """Parameters by sender and worth, and those that came back with payments, read once each."""

    def __init__(self, quoter: Quoter, broker: Broker, config: TillConfig) -> None:
        """Begin with none."""
        self._quoter = quoter
        self._broker = broker
        self._config = config
        self._made: OrderedDict[tuple[Address, int], tuple[Quote, Instant]] = OrderedDict()
        self._read: OrderedDict[str, Quote] = OrderedDict()
        self._under_way = 0

    async def quote(self, sender: Address, expected_value_wei: int, now: Instant) -> Quote | Rejected:
        """Return parameters whose tickets are worth so much, fresh or from a moment ago.

        Raises:
            UnavailableError: BUSY: parameters are being made for too many; or the chain did not answer.
        """
        name = (sender, expected_value_wei)
        found = self._made.get(name)
        if found is not None and now - found[1] < _FRESH_MS:
            quote = found[0]
            if not self.is_ending(quote.params, await self._broker.view()):
                return quote
        if self._under_way >= self._config.quotes_max:
            raise UnavailableError(ErrorCode.BUSY, retry_after_ms=_BUSY_MS, quotes=self._under_way)
        self._under_way += 1
        try:
            params = await self._quoter.quote(sender, expected_value_wei, PRICE_OF_A_WEI)
        finally:
            self._under_way -= 1
        if isinstance(params, Rejected):
            return params
        quote = Quote(params, params_object(params))
        _put(self._made, name, (quote, now), self._config.senders_max)
        return quote

    def read(self, document: object) -> TicketParams:
        """Read parameters that came back with a payment; the same ones once more cost a comparison.

        Raises:
            PeerError: MALFORMED.
        """
        commitment = document.get("recipient_rand_hash") if isinstance(document, dict) else None
        known = self._read.get(commitment) if isinstance(commitment, str) else None
        if known is not None and known.document == document:
            return known.params
        params = parse_params_object(document)
        if isinstance(document, dict) and isinstance(commitment, str):
            _put(self._read, commitment, Quote(params, document), self._config.senders_max)
        return params

    def is_used_up(self, sender: Address, expected_value_wei: int, params: TicketParams, nonce: int) -> bool:
        """Say whether most nonces of parameters were used; then they are given to nobody any more.

        Args:
            sender: who used them.
            expected_value_wei: of the quote that would give them again.
            params: that it used.
            nonce: the largest that was seen.
        """
        if nonce < _NONCES_FRESH:
            return False
        found = self._made.get((sender, expected_value_wei))
        if found is not None and found[0].params.recipient_rand_hash == params.recipient_rand_hash:
            self.forget(sender, expected_value_wei)
        return True

    def forget(self, sender: Address, expected_value_wei: int) -> None:
        """Make fresh parameters at the next quote."""
        self._made.pop((sender, expected_value_wei), None)

    def is_ending(self, params: TicketParams, view: ChainView) -> bool:
        """Say whether parameters are near their end, as the chain is."""
        is_over = params.creation_round is not None and params.creation_round != view.creation_round
        return is_over or params.expiration_block - view.block_number <= self._config.refresh_blocks


def _put(held: OrderedDict[KeyT, ValueT], key: KeyT, value: ValueT, maximum: int) -> None:
    held[key] = value
    held.move_to_end(key)
    if len(held) > maximum:
        held.popitem(last=False)
