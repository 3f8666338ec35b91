"""The purse: pays a recipient under its parameters, from a deposit, with nonces that no crash uses twice.

    pay(params, price, count)
      1 looks at the chain and at the sender's money, both at one block
      2 `parley.lottery.sender` judges, and names a window of nonces to claim where one is needed
      3 the claim is durable before the first of its nonces is signed; claims of one commitment wait for each other
      4 signs, a large batch in two threads: a nonce that was taken is never given back

A task that is cancelled, and a process that is killed, lose the nonces that they had taken, and nothing else. Several
tasks, and several processes on one store, pay at once: between them no nonce under a commitment is signed twice.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from weakref import WeakValueDictionary

from parley.errors import ErrorCode, UnavailableError
from parley.lottery.batches import TicketBatch
from parley.lottery.limits import SenderLimits
from parley.lottery.params import Payment, Price, SignedNonce, TicketParams
from parley.lottery.refusals import Refused
from parley.lottery.sender import Reserved, Sender
from parley.lottery.sessions import WindowClaim
from parley.lottery.views import ChainView, SenderView
from parley.ports.broker import Broker
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Claims
from parley.primitives import ecdsa
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.protocol.claims import Applied

__all__ = ["Purse"]

_OWNER_BYTES: Final = 32
_COUNTER_BYTES: Final = 8
_THREADS: Final = 2
_THREADED_TICKETS: Final = 8
_LOOKS: Final = 3


class Purse:
    """One sender's way to pay: safe for many tasks of one event loop."""

    def __init__(
        self,
        key: SecretKey,
        broker: Broker,
        claims: Claims,
        entropy: Entropy,
        clock: Clock,
        *,
        limits: SenderLimits | None = None,
        sender: Address | None = None,
    ) -> None:
        """Open the purse.

        Args:
            key: that signs tickets.
            broker: on whose chain the deposit is.
            claims: durable, and shared by all processes that pay for this sender.
            entropy: draws what tells this process's claims from all others'.
            clock: for the end of claims.
            limits: what is signed at the most; the defaults where None.
            sender: whose deposit pays; None where it is the key's own. Otherwise the sender must have approved the key
                on the chain.

        Raises:
            LocalError: not a secret key.
        """
        self._key, self._broker, self._claims, self._clock = key, broker, claims, clock
        signer = ecdsa.address_of(ecdsa.public_key(key.reveal()))
        self._address = signer if sender is None else sender
        self._signers = frozenset() if self._address == signer else frozenset({signer})
        self._sender = Sender(self._address, SenderLimits() if limits is None else limits, signer=signer)
        self._process = entropy.take(_OWNER_BYTES)
        self._claimed = 0
        self._lines: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="parley-purse")
        self._is_open = True

    @property
    def sender(self) -> Address:
        """Return whose deposit pays, 20 bytes."""
        return self._address

    @property
    def outstanding_wei(self) -> int:
        """Return what tickets of this purse that are under way are worth, as of its last look at the chain."""
        return self._sender.outstanding_wei

    def introduce(self, price: Price | None = None) -> Payment:
        """Return a payment without tickets: it names the sender, so that parameters can be made for it."""
        return Payment(self._address, expected_price=price)

    async def check(self, params: TicketParams, count: int = 1, *, recipient: Address | None = None) -> Refused | None:
        """Say why tickets would not be signed now, or None; nothing is taken.

        Raises:
            UnavailableError: the chain did not answer.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        view, money = await self._look()
        return self._sender.check(params, count, view, money, recipient=recipient)

    async def wants_refresh(self, params: TicketParams) -> bool:
        """Say whether fresh parameters are to be asked for now, while these may still pay.

        Raises:
            UnavailableError: the chain did not answer.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        return self._sender.wants_refresh(params, await self._broker.view())

    async def pay(
        self,
        params: TicketParams,
        price: Price | None = None,
        count: int = 1,
        *,
        recipient: Address | None = None,
    ) -> Payment | Refused:
        """Sign tickets.

        Args:
            params: of the recipient.
            price: what the work costs, as the sender understands it; bound by the recipient's commitment.
            count: how many tickets; 0 gives a payment without.
            recipient: who is to be paid; None for whomever the parameters name.

        Returns:
            The payment, ready to be sent, or why nothing was signed.

        Raises:
            LocalError: a negative count.
            UnavailableError: chain or store did not answer, or SHUTTING_DOWN; nothing was signed.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        if not self._is_open:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        reserved = await self._reserve(params, count, recipient)
        if isinstance(reserved, Refused):
            return reserved
        tickets = await self._sign(params, reserved)
        if not tickets:
            return self.introduce(price)
        return Payment(
            self._address,
            params=params,
            creation_round=reserved.creation_round,
            tickets=tickets,
            expected_price=price,
        )

    async def close(self) -> None:
        """End the threads; what is being signed is finished first. Closing twice is harmless."""
        self._is_open = False
        await asyncio.to_thread(self._threads.shutdown)

    async def _look(self) -> tuple[ChainView, SenderView]:
        """Look at chain and money, again where a block came in between."""
        for _ in range(_LOOKS - 1):
            view, money = await self._broker.look(self._address, None, self._signers)
            if view.block_hash == money.block_hash:
                return view, money
        return await self._broker.look(self._address, None, self._signers)

    async def _reserve(self, params: TicketParams, count: int, recipient: Address | None) -> Reserved | Refused:
        while True:
            view, money = await self._look()
            answer = self._sender.reserve(params, count, view, money, self._clock.now(), recipient=recipient)
            if not isinstance(answer, WindowClaim):
                return answer
            line = self._lines.setdefault(answer.commitment, asyncio.Lock())
            async with line:
                await self._claim(answer)

    async def _claim(self, window: WindowClaim) -> None:
        """Claim a window for this attempt alone, so that Applied means: nobody else, and never before."""
        if not self._sender.is_wanted(window):
            return
        self._claimed += 1
        owner = tagged_hash("parley/lottery/purse/v1", self._process, encode_uint(self._claimed, _COUNTER_BYTES))
        outcome = await self._claims.claim(window.key, owner, window.expires_ms, self._clock.now())
        self._sender.settle(window, is_applied=isinstance(outcome, Applied))

    async def _sign(self, params: TicketParams, reserved: Reserved) -> tuple[SignedNonce, ...]:
        batch = TicketBatch(params, reserved.creation_round, self._address, reserved.nonces, self._key)
        if batch.size < _THREADED_TICKETS:
            batch.sign(0, batch.size)
            return batch.signed()
        loop, middle = asyncio.get_running_loop(), batch.size // 2
        await asyncio.gather(
            loop.run_in_executor(self._threads, batch.sign, 0, middle),
            loop.run_in_executor(self._threads, batch.sign, middle, batch.size),
        )
        return batch.signed()
