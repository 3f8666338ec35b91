"""What turns winners into money: drives the machines of `parley.lottery.redemption` over store, broker and wallet.

    turn   new winners from the store · calls under way: dropped, waiting, included, confirmed
           one look at the chain for each winner, in the order of the deadlines · questions, several at once
           winners that are ready: written down as one call, then given to the wallet

A turn may end anywhere, by `kill -9` too, and the next one goes on: a call is written down before it is begun, the
wallet begins a call of one name once, and a winner leaves the store only after its record says how it ended. One store
has one redeemer at a time; a second one would spend gas on calls that the contract refuses, and nothing else.

A question that is not answered leaves its winner where it is, and holds up no other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from parley.adapters.lottery.redemption_book import RedemptionBook
from parley.errors import ErrorCode, LocalError, ParleyError, PeerError, Rejected, UnavailableError
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import (
    REDEMPTION_TABLE,
    BlockSeen,
    CallBegun,
    CallConfirmed,
    CallDropped,
    CallRejected,
    CallSeen,
    CallUndone,
    Question,
    RedemptionPhase,
    TrialPassed,
    TrialRefused,
    UseAnswered,
)
from parley.lottery.redemption_order import by_deadline, ready_batches
from parley.lottery.redemption_records import RedemptionRecord, act_name, winner_hash
from parley.lottery.redemption_status import RedemptionStatus, ended_status, open_status
from parley.lottery.views import SenderView
from parley.lottery.wire import Winner
from parley.ports.broker import Broker
from parley.ports.chain import Reverted
from parley.ports.clock import Clock
from parley.ports.store import Documents
from parley.ports.wallet import ActStatus, Included, Wallet
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, drain

__all__ = ["Redeemer"]

_Answer = TrialPassed | TrialRefused | UseAnswered
AnswerT = TypeVar("AnswerT")


class Redeemer:
    """Redeems the winners of one store at one broker.

    Attributes:
        failure: the last one of chain or store, kept for people; None where there was none.
    """

    def __init__(
        self, broker: Broker, wallet: Wallet, documents: Documents, clock: Clock, config: RedemptionConfig
    ) -> None:
        """Take what it works with; `load` before anything else is asked.

        Args:
            broker: where winners are redeemed.
            wallet: pays for the gas.
            documents: of the durable store.
            clock: gives `now`.
            config: the settings.
        """
        self.failure: ParleyError | None = None
        self._broker = broker
        self._wallet = wallet
        self._book = RedemptionBook(documents)
        self._clock = clock
        self._config = config
        self._open: dict[bytes, Redemption] = {}
        self._ended: dict[bytes, RedemptionRecord] = {}
        self._acts: dict[str, tuple[bytes, ...]] = {}
        self._doubted: dict[str, int] = {}
        self._pending_wei: Counter[Address] = Counter()
        self._revealed: dict[bytes, int] = {}
        self._is_loaded = False
        self._is_first_turn = True
        self._turning = asyncio.Lock()
        self._loading = asyncio.Lock()
        self._asking = asyncio.Semaphore(config.questions_max)

    # What the recipient's side asks.

    def add(self, winner: Winner) -> None:
        """Count on a winner from now on; it was written down by `keep_winner` before.

        Raises:
            LocalError: WRONG_STATE: `load` was not called.
        """
        if not self._is_loaded:
            raise LocalError(ErrorCode.WRONG_STATE, wanted="load")
        digest = winner_hash(winner)
        if digest not in self._open and digest not in self._ended:
            self._begin(RedemptionRecord(winner=winner))

    def pending_wei(self, sender: Address) -> int:
        """Return the face values of a sender's winners that have not ended, in wei."""
        return self._pending_wei.get(sender, 0)

    def is_revealed(self, recipient_rand_hash: bytes) -> bool:
        """Say whether the number behind a commitment may be known to others; forgotten after its parameters ended."""
        return recipient_rand_hash in self._revealed

    def redemptions(self) -> tuple[RedemptionStatus, ...]:
        """Return all winners as they stand: those that have not ended first, by deadline, then the latest."""
        ended = sorted(self._ended.items(), key=lambda item: (-item[1].ended_ms, item[0]))
        waiting = by_deadline(self._open.values())
        return (*map(open_status, waiting), *(ended_status(digest, record) for digest, record in ended))

    @property
    def unreadable(self) -> int:
        """How many documents were found that this release cannot read; they are left where they are."""
        return self._book.unreadable

    # What turns it.

    async def load(self) -> None:
        """Take up what is in the store; a second time nothing happens.

        Raises:
            UnavailableError: the store did not answer.
        """
        async with self._loading:
            await self._load()

    async def _load(self) -> None:
        if self._is_loaded:
            return
        records, acts, winners = await self._book.records(), await self._book.acts(), await self._book.winners()
        self._acts = acts
        act_of = {digest: name for name, hashes in acts.items() for digest in hashes}
        for digest, winner in winners.items():
            records.setdefault(digest, RedemptionRecord(winner=winner))
        for digest, record in records.items():
            if record.end is not None:
                self._ended[digest] = record
                # What was redeemed is public, and its parameters may hold still.
                self._reveal(record.winner)
            elif digest not in self._open:
                act = act_of.get(digest)
                self._begin(record, act, 1 if act is None else len(acts[act]))
        self._is_loaded = True
        for digest in winners.keys() & self._ended.keys():
            await self._book.drop_winner(digest)

    async def run(self) -> None:
        """Turn for ever; returns once the store or the chain is closed."""
        while True:
            pause_ms = self._config.poll_ms
            try:
                await self.turn()
            except UnavailableError as error:
                if error.code is ErrorCode.SHUTTING_DOWN:
                    return
                self.failure = error
                pause_ms = max(pause_ms, error.retry_after_ms)
            except PeerError as error:
                self.failure = error
            await self._clock.sleep_until(Instant(self._clock.now() + pause_ms))

    async def turn(self) -> None:
        """Look at everything once, and do what can be done.

        Raises:
            UnavailableError: chain or store did not answer; the next turn goes on where this one ended.
            PeerError: what stands at the broker's address answers in another form.
        """
        async with self._turning:
            await self.load()
            known = frozenset(digest.hex() for digest in self._open)
            for winner in (await self._book.winners(known)).values():
                self.add(winner)
            if not (self._open or self._acts):
                return
            await self._wallet.tend()
            await self._look_at_calls()
            await self._look_at_winners()
            await self._send()
            await self._keep_ended()

    def _begin(self, record: RedemptionRecord, act: str | None = None, act_winners: int = 1) -> None:
        redemption = Redemption(record, self._config, act=act, act_winners=act_winners)
        self._open[redemption.ticket_hash] = redemption
        self._pending_wei[record.winner.sender] += record.winner.params.face_value
        if act is not None or record.attempts or not self._config.waits_for_params:
            self._reveal(record.winner)

    def _reveal(self, winner: Winner) -> None:
        self._revealed[winner.params.recipient_rand_hash] = winner.params.expiration_block

    # Calls under way.

    async def _look_at_calls(self) -> None:
        stands: list[tuple[str, ActStatus]] = []
        for name in tuple(self._acts):
            try:
                status = await self._wallet.status(name)
            except PeerError as error:
                self.failure = error  # one answer that cannot be read holds up no other call
                continue
            if status is None:
                await self._drop_call(name, CallDropped())
            else:
                stands.append((name, status))
        if self._is_first_turn:
            self._adopt()
            self._is_first_turn = False
        for name, status in stands:
            if isinstance(status, Included) and status.confirmations >= self._config.confirmations:
                try:
                    await self._conclude(name, status)
                except PeerError as error:
                    self.failure = error
            else:
                self._show(name, status)

    def _adopt(self) -> None:
        """Put winners into the call that is under way, where a call that was never begun named them as well."""
        for name, hashes in self._acts.items():
            for digest in hashes:
                redemption = self._open.get(digest)
                if redemption is not None and redemption.act is None:
                    adopted = Redemption(redemption.record, self._config, act=name, act_winners=len(hashes))
                    self._open[digest] = adopted

    def _members(self, name: str) -> list[Redemption]:
        found = (self._open.get(digest) for digest in self._acts[name])
        return [redemption for redemption in found if redemption is not None and redemption.act == name]

    async def _drop_call(self, name: str, event: CallDropped | CallRejected) -> None:
        for redemption in self._members(name):
            redemption.receive(event, self._clock.now())
        del self._acts[name]
        self._doubted.pop(name, None)
        await self._book.drop_act(name)

    def _show(self, name: str, status: ActStatus) -> None:
        if isinstance(status, Included):
            seen = CallSeen(status.confirmations, status.receipt.transaction_hash)
        else:
            hashes = status.transaction_hashes
            seen = CallSeen(0, hashes[-1] if hashes else None)
        for redemption in self._members(name):
            redemption.receive(seen, self._clock.now())

    async def _conclude(self, name: str, status: Included) -> None:
        """Let every winner of a call know what it did; all of them or none, so that each is told once."""
        hashes, receipt = self._acts[name], status.receipt
        known = [self._record(digest) for digest in hashes]
        winners = [record.winner for record in known if record is not None]
        if len(winners) < len(hashes):  # a document was lost; the others are asked about one by one
            await self._drop_call(name, CallDropped())
            return
        outcomes = self._broker.redeemed(winners, receipt)
        used = await asyncio.gather(*(self._ask(partial(self._broker.is_used, digest)) for digest in hashes))
        if None in used:
            return
        if any(not done.refusal and not use for done, use in zip(outcomes, used, strict=True)):
            await self._doubt(name, status.confirmations)
            return
        cost_wei = receipt.gas_used * receipt.gas_price_wei // len(hashes)
        for redemption in self._members(name):
            place = hashes.index(redemption.ticket_hash)
            event = CallConfirmed(
                paid_wei=outcomes[place].paid_wei,
                cost_wei=cost_wei,
                refusal=outcomes[place].refusal,
                transaction_hash=receipt.transaction_hash,
                is_used=bool(used[place]),
            )
            redemption.receive(event, self._clock.now())
        await self._close_call(name)

    async def _doubt(self, name: str, confirmations: int) -> None:
        """Give a call up that has redeemed what is not used: a reorganisation has reached below the confirmations.

        The wallet took it for done and sends it no more. What lags behind looks the same, so it must stand for as many
        blocks more.
        """
        since = self._doubted.setdefault(name, confirmations)
        if confirmations - since >= self._config.confirmations:
            for redemption in self._members(name):
                redemption.receive(CallUndone(), self._clock.now())
            await self._close_call(name)

    async def _close_call(self, name: str) -> None:
        for digest in self._acts[name]:
            if digest in self._open:
                await self._book.keep_record(self._open[digest].record)
        await self._keep_ended()
        await self._book.drop_act(name)
        del self._acts[name]
        self._doubted.pop(name, None)

    def _record(self, digest: bytes) -> RedemptionRecord | None:
        redemption = self._open.get(digest)
        return self._ended.get(digest) if redemption is None else redemption.record

    # Winners.

    async def _look_at_winners(self) -> None:
        view = await self._broker.view()
        # Kept a little longer than the parameters hold: a reorganisation may take back the block that ended them.
        settled = view.block_number - self._config.confirmations
        self._revealed = {name: block for name, block in self._revealed.items() if block > settled}
        waiting = [item for item in by_deadline(self._open.values()) if item.phase is not RedemptionPhase.SENT]
        accounts = {(item.record.winner.sender, item.record.winner.params.recipient) for item in waiting}
        ordered = sorted(accounts)
        answers = await asyncio.gather(*(self._ask(partial(self._broker.sender_view, *account)) for account in ordered))
        senders: dict[tuple[Address, Address], SenderView | None] = dict(zip(ordered, answers, strict=True))
        reserved_wei: Counter[Address] = Counter()
        for item in self._open.values():
            if item.phase is RedemptionPhase.SENT:
                reserved_wei[item.record.winner.sender] += item.reserved_wei
        for item in waiting:
            winner = item.record.winner
            sender = senders[winner.sender, winner.params.recipient]
            if sender is not None:
                item.receive(BlockSeen(view, sender, reserved_wei[winner.sender]), self._clock.now())
                reserved_wei[winner.sender] += item.reserved_wei
        await self._answer(waiting)

    async def _answer(self, redemptions: Sequence[Redemption]) -> None:
        """Ask what the machines ask, until they ask no more."""
        asked = [(item, output) for item in redemptions for output in drain(item) if isinstance(output, Ask)]
        while asked:
            answers = await asyncio.gather(*(self._put(item, ask) for item, ask in asked))
            for (item, _), answer in zip(asked, answers, strict=True):
                if answer is not None:
                    item.receive(answer, self._clock.now())
            asked = [(item, output) for item, _ in asked for output in drain(item) if isinstance(output, Ask)]

    async def _put(self, item: Redemption, ask: Ask[Question]) -> _Answer | None:
        if ask.query is Question.USE:
            is_used = await self._ask(partial(self._broker.is_used, item.ticket_hash))
            return None if is_used is None else UseAnswered(ask.exchange, is_used)
        # Whoever answers learns the number behind the commitment.
        self._reveal(item.record.winner)
        outcome = await self._ask(partial(self._broker.preflight, item.record.winner, self._wallet.address))
        match outcome:
            case None:
                return None
            case Reverted(reason=reason):
                return TrialRefused(ask.exchange, reason)
            case gas:
                return TrialPassed(ask.exchange, gas)

    async def _ask(self, question: Callable[[], Awaitable[AnswerT]]) -> AnswerT | None:
        """Ask, and wait for the answer; None, and a failure that people can see, where there is none."""
        async with self._asking:
            try:
                return await question()
            except (UnavailableError, PeerError) as error:
                self.failure = error
                return None

    async def _send(self) -> None:
        for call in ready_batches(self._open.values(), self._broker.batch_max):
            name = act_name([(item.ticket_hash, item.record.attempts) for item in call])
            hashes = tuple(item.ticket_hash for item in call)
            await self._book.keep_act(name, hashes)
            self._acts[name] = hashes
            for item in call:
                item.receive(CallBegun(name, len(call)), self._clock.now())
            winners = [item.record.winner for item in call]
            outcome = await self._ask(partial(self._wallet.act, name, self._broker.redeem_call(winners)))
            if isinstance(outcome, Rejected):
                await self._drop_call(name, CallRejected(outcome.code))
            elif outcome is not None:
                self._show(name, outcome)

    async def _keep_ended(self) -> None:
        for digest, item in tuple(self._open.items()):
            if item.phase not in REDEMPTION_TABLE.final:
                continue
            await self._book.keep_record(item.record)
            await self._book.drop_winner(digest)
            self._ended[digest] = item.record
            del self._open[digest]
            self._pending_wei[item.record.winner.sender] -= item.record.winner.params.face_value
