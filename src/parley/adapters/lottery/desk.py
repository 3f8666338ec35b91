"""The desk: quotes ticket parameters to senders, and takes their tickets, safe for many tasks of one event loop.

    quote(sender, expected value, price)   looks at chain and money, both at one block; parameters or a refusal
    receive(payment)
      1 looks at the chain and at the sender's money, both at one block
      2 `parley.lottery.recipient` opens the payment: one HMAC and one look at the account for all its tickets
      3 recovers who signed, a large payment in several threads; asks the chain about keys it does not know
      4 claims the windows of nonces that are not this process's yet
      5 settles, in one step; winners are durable before the receipt is returned

A task that is cancelled loses the answer and no winner: what was won is written by a task of its own, and until it is
written nothing else is taken. By `kill -9` only a payment is lost that was never answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Protocol
from weakref import WeakValueDictionary

from parley.adapters.lottery.redemption_book import keep_winner
from parley.adapters.solving import count_cores
from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.lottery.known_signers import KnownSigners
from parley.lottery.opened import Moment, Opened
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.received import ReceivedBatch
from parley.lottery.recipient import SALT_BYTES, Recipient
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.verdicts import Fault, Receipt
from parley.lottery.views import ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.broker import Broker
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Claims, Documents
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.protocol.claims import Foreign

__all__ = ["CLAIM_MS", "Desk", "Winnings"]

CLAIM_MS: Final = 172_800_000
"""How long a claimed window of nonces binds: 48 hours, twice as long as any parameters hold."""

_OWNER_BYTES: Final = 32
_THREADED_TICKETS: Final = 128
"""From how many on threads are worth it: fewer are judged in the time in which threads wake up."""

_THREADS_MAX: Final = 4
_LOOKS: Final = 3
_SIGNERS_KNOWN: Final = 16
_SENDERS_KNOWN: Final = 1_024


class Winnings(Protocol):
    """What the desk asks of whoever redeems; `parley.adapters.lottery.redeeming.Redeemer` is one."""

    def add(self, winner: Winner) -> None:
        """Count on a winner from now on; it is written down already."""

    def pending_wei(self, sender: Address) -> int:
        """Return the face values of a sender's winners that are not final."""

    def is_revealed(self, recipient_rand_hash: bytes) -> bool:
        """Say whether the number behind a commitment may be known to others."""


class Desk:
    """Where one recipient is paid."""

    def __init__(
        self,
        secret: SecretKey,
        recipient: Address,
        broker: Broker,
        claims: Claims,
        documents: Documents,
        *,
        entropy: Entropy,
        clock: Clock,
        winnings: Winnings,
        config: RecipientConfig | None = None,
    ) -> None:
        """Open the desk.

        Args:
            secret: behind all commitments, and the same after every start.
            recipient: who is paid, 20 bytes.
            broker: on whose chain the senders' money is.
            claims: durable, and shared by all processes that are paid for this recipient.
            documents: of the durable store: where winners are written.
            entropy: draws seeds, and what tells this process's claims from all others'.
            clock: for the end of claims.
            winnings: who redeems, loaded before the first payment.
            config: the settings; the defaults where None.
        """
        self._recipient = Recipient(secret, recipient, RecipientConfig() if config is None else config)
        self._broker, self._claims, self._documents = broker, claims, documents
        self._entropy, self._clock, self._winnings = entropy, clock, winnings
        self._process = entropy.take(_OWNER_BYTES)
        self._unsaved: dict[int, Winner] = {}
        self._unsaved_wei: Counter[Address] = Counter()
        self._saving = asyncio.Lock()
        self._saved_tasks: set[asyncio.Task[None]] = set()
        self._winners_made = 0
        self._keys = KnownSigners()
        self._signers: OrderedDict[Address, frozenset[Address]] = OrderedDict()
        self._asked: Counter[Address] = Counter()
        self._asked_at = b""
        self._lines: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._threads = min(_THREADS_MAX, count_cores())

    @property
    def recipient(self) -> Address:
        """Return who is paid, 20 bytes."""
        return self._recipient.address

    async def quote(self, sender: Address, expected_value_wei: int, price: Price) -> TicketParams | Rejected:
        """Make ticket parameters for a sender; nothing is remembered of them, so asking costs no memory.

        Args:
            sender: who may use them, 20 bytes.
            expected_value_wei: what one ticket is to be worth, >= 0.
            price: what the work costs; payments repeat it as their expected price.

        Returns:
            The parameters, or FUNDS_TOO_LOW: the sender's money does not bear such tickets.

        Raises:
            LocalError: an argument out of range.
            UnavailableError: the chain did not answer.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        if expected_value_wei < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, expected_value_wei=expected_value_wei)
        view, money = await self._look(sender, self._known_signers(sender))
        return self._recipient.quote(
            Moment(self._clock.now(), view, money, self._pending_wei(sender)),
            sender=sender,
            expected_value_wei=expected_value_wei,
            price=price,
            salt=self._entropy.take(SALT_BYTES),
        )

    async def receive(self, payment: Payment) -> Receipt:
        """Judge the tickets of a payment, and take those that are good.

        A payment without tickets has an empty receipt.

        Returns:
            A verdict for each ticket; who won is in it too, durable already, and no business of the sender's.

        Raises:
            UnavailableError: chain or store did not answer; tickets may have been taken, so others are to be paid with.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        if self._unsaved:
            await self._save()
        sender = payment.sender
        known = self._known_signers(sender)
        view, money = await self._look(sender, known)
        moment = self._moment(payment, view, money)
        opened = self._recipient.open(payment, moment)
        if isinstance(opened, Receipt):
            return opened
        signer = self._keys.find(sender)
        batch = ReceivedBatch(payment, opened.commitment.ticket_bytes, signer)
        if self._uses_threads(batch.size):
            await self._recover(batch)
        else:
            batch.recover(0, batch.size)
        signers = batch.signers()
        others = frozenset(signers) - {None, sender}
        approved = await self._ask_about(known, view, money, others) if others else {}
        faults = self._recipient.judge(opened, signers, approved=approved)
        has_waited = await self._claim(opened, faults) or bool(others) or self._uses_threads(batch.size)
        if has_waited:
            # Money may have gone meanwhile, and winners with it that counted against it.
            moment = self._moment(payment, *await self._look(sender, known))
        receipt = self._recipient.settle(opened, faults, moment)
        if receipt.winners:
            await self._keep(receipt.winners)
        if batch.has_recovered or batch.signer is not signer:
            self._note_signer(batch, signers, receipt)
        return receipt

    async def close(self) -> None:
        """Write what is not written yet.

        Raises:
            UnavailableError: the store did not answer; what was won is lost with the process.
        """
        if self._unsaved:
            await self._save()

    # The chain.

    async def _look(self, sender: Address, signers: frozenset[Address]) -> tuple[ChainView, SenderView]:
        for _ in range(_LOOKS):
            view, money = await self._broker.look(sender, self._recipient.address, signers)
            if view.block_hash == money.block_hash:
                self._forget_signers(sender, signers - money.signers)
                return view, money
        raise UnavailableError(ErrorCode.UNREACHABLE, fault="the chain moved on at each look")

    def _moment(self, payment: Payment, view: ChainView, money: SenderView) -> Moment:
        params = payment.params
        is_revealed = params is not None and self._winnings.is_revealed(params.recipient_rand_hash)
        return Moment(self._clock.now(), view, money, self._pending_wei(payment.sender), is_revealed)

    def _pending_wei(self, sender: Address) -> int:
        return self._winnings.pending_wei(sender) + self._unsaved_wei.get(sender, 0)

    # Who signed.

    async def _recover(self, batch: ReceivedBatch) -> None:
        ends = [batch.size * part // self._threads for part in range(self._threads + 1)]
        await asyncio.gather(*(asyncio.to_thread(batch.recover, start, stop) for start, stop in pairwise(ends)))

    def _note_signer(self, batch: ReceivedBatch, signers: Sequence[Address | None], receipt: Receipt) -> None:
        """Remember the key behind the first ticket that was taken, if it was worth something."""
        if not receipt.ticket_shares:
            return
        first = next((place for place, verdict in enumerate(receipt.verdicts) if verdict.fault is None), None)
        signer = None if first is None else signers[first]
        if signer is None:
            return
        public = batch.public(signer)
        if public is not None:
            self._keys.note(receipt.sender, signer, public)
        elif batch.signer is not None:
            self._keys.keep(receipt.sender, batch.signer)

    def _uses_threads(self, tickets: int) -> bool:
        return tickets >= _THREADED_TICKETS and self._threads > 1

    def _known_signers(self, sender: Address) -> frozenset[Address]:
        return self._signers.get(sender, frozenset())

    async def _ask_about(
        self, known: frozenset[Address], view: ChainView, money: SenderView, others: frozenset[Address | None]
    ) -> Mapping[Address, bool]:
        """Return of the keys that signed, and are not the sender's, whether each may; as many as may be asked about.

        Args:
            known: about which keys the chain was asked when it was looked at.
            view: the chain then.
            money: the sender's then.
            others: the keys.
        """
        sender = money.sender
        wanted = sorted(signer for signer in others if signer is not None)
        approved = {signer: signer in money.signers for signer in wanted if signer in known}
        fresh = [signer for signer in wanted if signer not in known]
        if not fresh:
            return approved
        if self._asked_at != view.block_hash:
            self._asked_at, self._asked = view.block_hash, Counter()
        fresh = fresh[: self._recipient.config.signer_questions - self._asked[sender]]
        if not fresh:
            return approved
        self._asked[sender] += len(fresh)
        answer = await self._broker.sender_view(sender, self._recipient.address, frozenset(fresh))
        approved |= {signer: signer in answer.signers for signer in fresh}
        self._remember_signers(sender, answer.signers)
        return approved

    def _remember_signers(self, sender: Address, signers: frozenset[Address]) -> None:
        known = self._known_signers(sender) | signers
        if signers and len(known) <= _SIGNERS_KNOWN:
            self._signers[sender] = known
            self._signers.move_to_end(sender)
            while len(self._signers) > _SENDERS_KNOWN:
                self._signers.popitem(last=False)

    def _forget_signers(self, sender: Address, revoked: frozenset[Address]) -> None:
        if revoked:
            left = self._signers.pop(sender, frozenset()) - revoked
            if left:
                self._signers[sender] = left

    # The store.

    async def _claim(self, opened: Opened, faults: Sequence[Fault | None]) -> bool:
        """Claim the windows that are nobody's yet; return whether there were any."""
        windows = self._recipient.windows(opened, faults)
        if windows:
            await asyncio.gather(*(self._claim_window(opened, number, key) for number, key in windows.items()))
        return bool(windows)

    async def _claim_window(self, opened: Opened, number: int, key: bytes) -> None:
        line = self._lines.setdefault(key, asyncio.Lock())
        async with line:
            if self._recipient.is_claimed(opened, number):
                return  # another payment claimed it while this one waited
            now = self._clock.now()
            outcome = await self._claims.claim(key, self._process, Instant(now + CLAIM_MS), now)
            self._recipient.note_claim(opened, number, is_ours=not isinstance(outcome, Foreign))

    async def _keep(self, winners: tuple[Winner, ...]) -> None:
        for winner in winners:
            self._unsaved[self._winners_made] = winner
            self._unsaved_wei[winner.sender] += winner.params.face_value
            self._winners_made += 1
        # In a task of its own: who hangs up while a winner is written does not stop the writing.
        task = asyncio.create_task(self._save())
        self._saved_tasks.add(task)
        task.add_done_callback(self._forget_task)
        await asyncio.shield(task)

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._saved_tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits is told; what is unsaved is tried again before anything else

    async def _save(self) -> None:
        async with self._saving:
            for number, winner in list(self._unsaved.items()):
                await keep_winner(self._documents, winner)
                del self._unsaved[number]
                self._unsaved_wei[winner.sender] -= winner.params.face_value
                self._winnings.add(winner)
