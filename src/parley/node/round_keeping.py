"""Beginning the rounds of our broker where nobody else does: one transaction a round, one at a time.

    turn    what became of the last one?          in a block: counted; reverted: another was first
            is a round due that nobody began?     asked at the head
            is an act for it, or for one of the rounds before, still on its way?     then wait: it begins whichever
                                                  round its block is in
            have the wallet do it, once by name   lottery/begin-round/<round>/<attempt>

Without it a chain has no new tickets, and no winner is redeemed. Anybody may begin a round, and who is second pays for
a transaction that does nothing; so one node of those that are paid at a broker is enough.

An act that did not begin its round although it is final (it was reverted, or a reorganisation took it away) makes room
for another attempt; before that, there is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from parley.adapters.evm.parley_broker import RoundToBegin
from parley.errors import Rejected
from parley.ports.wallet import ActStatus, Included, Waiting, Wallet

__all__ = ["RoundAct", "RoundKeeping", "RoundsBroker"]

_LOGGER: Final = logging.getLogger("parley.node")
_ROUNDS_LOOKED_BACK: Final = 8
_ATTEMPTS_MAX: Final = 16


class RoundsBroker(Protocol):
    """What is asked of `parley.adapters.evm.parley_broker.ParleyBroker`."""

    async def round_to_begin(self) -> RoundToBegin | None:
        """Return the present round with the call that begins it; None where it has begun."""


@dataclass(frozen=True, slots=True)
class RoundAct:
    """An act that begins a round.

    Attributes:
        number: of the round for which it was made.
        name: of the act.
        status: where it stands.
    """

    number: int
    name: str
    status: ActStatus


class RoundKeeping:
    """Begins rounds from one account."""

    def __init__(
        self, broker: RoundsBroker, wallet: Wallet, *, final_blocks: int, note_begun: Callable[[], None]
    ) -> None:
        """Ask nothing yet.

        Args:
            broker: whose rounds.
            wallet: pays for the gas.
            final_blocks: confirmations from which an act is done for good, >= 1.
            note_begun: is called for each round that an act of this account has begun.
        """
        self._broker = broker
        self._wallet = wallet
        self._final_blocks = final_blocks
        self._note_begun = note_begun
        self._last: RoundAct | None = None
        self._one_at_a_time = asyncio.Lock()
        self._refused: tuple[int, Rejected] | None = None

    async def turn(self) -> None:
        """Look once, and begin the round that is due.

        Raises:
            UnavailableError: chain or store did not answer; the next turn goes on where this one ended.
            PeerError: what stands at the broker's address answers in another form.
        """
        await self.look_at_last()
        await self.begin()

    async def begin(self) -> RoundAct | Rejected | None:
        """Have the round begun that is due.

        Returns:
            The act that does it, or one of an earlier round that is still on its way and will do it; why there is
            none; or None: the present round has begun.

        Raises:
            UnavailableError: chain or store did not answer; an act may be on its way.
            PeerError: what stands at the broker's address answers in another form.
        """
        async with self._one_at_a_time:
            return await self._begin_due()

    async def _begin_due(self) -> RoundAct | Rejected | None:
        due = await self._broker.round_to_begin()
        if due is None:
            return None
        if self._last is not None and isinstance(await self._wallet.status(self._last.name), Waiting):
            return self._last  # however many rounds ago it was made
        for number in range(max(1, due.number - _ROUNDS_LOOKED_BACK), due.number):
            name, status = await self._stand(number)
            if isinstance(status, Waiting):
                self._last = RoundAct(number, name, status)
                return self._last
        name, status = await self._stand(due.number)
        if isinstance(status, Waiting):
            self._last = RoundAct(due.number, name, status)
        if status is not None:
            return RoundAct(due.number, name, status)
        outcome = await self._wallet.act(name, due.call)
        if isinstance(outcome, Rejected):
            self._warn(due.number, outcome)
            return outcome
        _LOGGER.info("round %s has not begun: beginning it", due.number)
        self._last = RoundAct(due.number, name, outcome)
        return self._last

    async def _stand(self, number: int) -> tuple[str, ActStatus | None]:
        """Return the newest act for a round and where it stands; or the name for the next one, and None."""
        name, status = "", None
        for attempt in range(_ATTEMPTS_MAX):
            name = f"lottery/begin-round/{number}/{attempt}"
            status = await self._wallet.status(name)
            if not isinstance(status, Included) or status.confirmations < self._final_blocks:
                break
        return name, status

    async def look_at_last(self) -> None:
        """Look what has become of the newest act, and note it once.

        Raises:
            UnavailableError: chain or store did not answer.
            PeerError: what stands at the broker's address answers in another form.
        """
        async with self._one_at_a_time:
            await self._note_last()

    async def _note_last(self) -> None:
        last = self._last
        status = None if last is None else await self._wallet.status(last.name)
        if last is None or isinstance(status, Waiting):
            return
        self._last = None
        if isinstance(status, Included) and status.receipt.succeeded:
            _LOGGER.info("a round was begun in block %s", status.receipt.block_number)
            self._note_begun()
        elif status is not None:
            _LOGGER.info("round %s was begun by another", last.number)

    def _warn(self, number: int, refused: Rejected) -> None:
        if self._refused is None or (self._refused[0], self._refused[1].code) != (number, refused.code):
            _LOGGER.warning("round %s is not begun: %s", number, refused)
        self._refused = (number, refused)
