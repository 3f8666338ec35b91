"""Turn one winner into money: wait for the right moment, try, send, and look until nothing can change any more.

    driver                          machine                        chain
      BlockSeen ──────────────────►   something is missing: WAITING
                 ◄── Ask(TRIAL) ───   nothing is missing
      TrialPassed ────────────────►   worth the gas: READY
      CallBegun ──────────────────►   SENT                  ──►    redeemWinningTicket, alone or with others
      CallConfirmed ──────────────►   used: REDEEMED; refused: REFUSED, and tried again after some blocks
                 ◄── Ask(USE) ─────   refused by the trial, or its last round is over
      UseAnswered ────────────────►   used: REDEEMED; not used and over: EXPIRED

Nothing that was won is lost, because a winner ends for two reasons only: the chain says that its ticket is used, or
that its last round is over and the ticket is not used; each behind as many blocks as the configuration wants. A
reverted call, a refusal, a transaction that was dropped or lost in a reorganisation end nothing. No ticket is paid
twice: the contract sees to that; the machine sees to it that no gas is spent on a second call while the first may still
be mined, as far as the confirmations reach.

What the sender has is less than the face value at times. A ticket that is paid short is used up, so the machine waits,
unless waiting cannot help: in the last round, before the sender can withdraw, and while its reserve is frozen.

Source: docs/why/redemption.md; the table: `parley.lottery.redemption_events`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

from parley.errors import ErrorCode
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
    RedemptionEvent,
    RedemptionOutput,
    RedemptionPhase,
    TrialPassed,
    TrialRefused,
    UseAnswered,
    WaitReason,
)
from parley.lottery.redemption_records import REFUSAL_MAX_BYTES, RedemptionEnd, RedemptionRecord, winner_hash
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Finish

__all__ = ["Redemption"]

_REFUSALS_DOUBLED_MAX: Final = 6
_SHOWN_FROM: Final = 2
"""Confirmations from which every look at the sender's money shows what a call took: an older head may lack it."""

_PERCENT: Final = 100


class Redemption:
    """One winner on its way to the money.

    Attributes:
        phase: where it stands.
        reason: what it waits for, while it is WAITING.
        record: what must be kept; it changes at the end and when a call of ours was refused by the chain.
        ticket_hash: 32 bytes.
        act: name of the call that it is in, while it is SENT.
        confirmations: of that call; 0 while no block holds it.
        transaction_hash: of the newest transaction that was sent for it, 32 bytes; None before the first.
        is_alone: whether it must be sent in a call of its own, because a call with others failed as a whole.
        deadline_round: the last round in which it is safe: that of the ticket, or earlier where the sender withdraws;
            before the first `BlockSeen` the round of its creation.
    """

    def __init__(
        self, record: RedemptionRecord, config: RedemptionConfig, *, act: str | None = None, act_winners: int = 1
    ) -> None:
        """Begin with a winner, or go on with one.

        Args:
            record: a new one of only a winner, or the one that was kept; without an end.
            config: the settings.
            act: name of the call that it was in when the process ended; None where it was in none.
            act_winners: how many winners that call has, >= 1.
        """
        self.phase = REDEMPTION_TABLE.initial if act is None else RedemptionPhase.SENT
        self.reason = WaitReason.NEW
        self.record = record
        self.ticket_hash = winner_hash(record.winner)
        self.act = act
        self.confirmations = 0
        self.transaction_hash = record.transaction_hash
        self.is_alone = False
        self.deadline_round = record.winner.creation_round.number
        self._config = config
        self._act_winners = act_winners
        self._block_number = 0
        self._gas_price_wei = 0
        self._payable_wei = 0
        self._gas: int | None = None
        self._refusals = 0
        self._retry_block = 0
        self._settling_since: int | None = None
        self._exchange = 0
        self._asked: Question | None = None
        self._outputs: deque[RedemptionOutput] = deque()

    @property
    def reserved_wei(self) -> int:
        """What it will take of the sender's money and what the chain does not show yet as taken, >= 0."""
        if self.phase is RedemptionPhase.SENT:
            return 0 if self.confirmations >= _SHOWN_FROM else self.record.winner.params.face_value
        is_near = self.phase is RedemptionPhase.READY or self._asked is Question.TRIAL
        return self._payable_wei if is_near else 0

    def receive(self, event: RedemptionEvent, now: Instant) -> None:
        """Take one input in.

        Raises:
            PeerError: WRONG_STATE: a call was begun for a winner that is not ready; nothing has changed.
            LocalError: the event is of a class that the table does not know.
        """
        before = self.phase
        if not REDEMPTION_TABLE.is_handled(before, event):
            return
        match event:
            case BlockSeen():
                self._look(event)
            case TrialPassed() | TrialRefused() | UseAnswered():
                self._take_answer(event, now)
            case CallBegun(act=act, winners=winners):
                self.phase, self.act, self._act_winners = RedemptionPhase.SENT, act, winners
                self.confirmations = 0
            case CallRejected(code=code):
                self._take_rejection(code)
            case CallDropped():
                self._wait(WaitReason.NEW)
            case CallSeen(confirmations=confirmations, transaction_hash=digest):
                self.confirmations, self.transaction_hash = confirmations, digest
            case CallUndone():
                self._take_undone()
            case _:
                self._conclude(event, now)
        REDEMPTION_TABLE.check_step(before, event, self.phase)

    def handle_timeout(self, now: Instant) -> None:
        """Do nothing: the blocks are its clock."""

    def next_timeout(self) -> Instant | None:
        """Return None: the blocks are its clock."""
        return None

    def next_output(self) -> RedemptionOutput | None:
        """Take the next effect to perform, or None."""
        return self._outputs.popleft() if self._outputs else None

    def _look(self, seen: BlockSeen) -> None:
        chain, creation_round = seen.chain, self.record.winner.creation_round.number
        last_round = creation_round + chain.ticket_validity_rounds - 1
        leaves_after = _safe_until(seen.sender, chain.round_number)
        self.deadline_round = last_round if leaves_after is None else min(last_round, leaves_after)
        self._block_number, self._gas_price_wei = chain.block_number, chain.gas_price_wei
        self._payable_wei = self._payable(seen)
        self._asked = None
        if chain.round_number > last_round:
            self._look_after_the_end()
            return
        if self.reason is WaitReason.LAST_LOOK:
            self._wait(WaitReason.NEW)
        if self.reason is WaitReason.USED_ELSEWHERE:
            self._ask(Question.USE)
        elif self.phase is not RedemptionPhase.REFUSED or chain.block_number >= self._retry_block:
            obstacle = self._obstacle(chain, seen.sender)
            self._wait(WaitReason.ON_TRIAL if obstacle is None else obstacle)
            if obstacle is None:
                self._ask(Question.TRIAL)

    def _look_after_the_end(self) -> None:
        if self.reason is not WaitReason.LAST_LOOK:
            self._wait(WaitReason.LAST_LOOK)
            self._settling_since = self._block_number
        if self._is_settled():
            self._ask(Question.USE)

    def _is_settled(self) -> bool:
        since = self._settling_since
        return since is not None and self._block_number - since + 1 >= self._config.confirmations

    def _payable(self, seen: BlockSeen) -> int:
        free_wei = seen.sender.deposit_wei + seen.sender.claimable_wei - seen.reserved_wei
        return max(0, min(self.record.winner.params.face_value, free_wei))

    def _obstacle(self, chain: ChainView, sender: SenderView) -> WaitReason | None:
        """Return what is missing before the contract is worth asking, or None."""
        params, round_number = self.record.winner.params, chain.round_number
        is_last = round_number >= self.deadline_round
        if not chain.is_round_initialized:
            return WaitReason.ROUND_NOT_BEGUN
        # Tickets of a sender that may withdraw from the next round on are taken no more, so nothing is given away.
        leaves_after = _safe_until(sender, round_number)
        is_leaving = leaves_after is not None and leaves_after <= round_number
        # Tickets of a round that is over are taken no more, and in its last round a winner cannot wait for anything.
        is_present = self.record.winner.creation_round == chain.creation_round and not is_last
        holds = params.expiration_block > chain.block_number and is_present
        if holds and self._config.waits_for_params and not is_leaving:
            return WaitReason.PARAMS_IN_USE
        waiting_helps = not is_last and sender.state is not SenderState.FROZEN
        if not self._payable_wei or (self._payable_wei < params.face_value and waiting_helps):
            return WaitReason.FUNDS_SHORT
        dearest_wei = self._config.gas_price_max_wei
        is_dear = bool(dearest_wei) and chain.gas_price_wei > dearest_wei and waiting_helps
        return WaitReason.GAS_DEAR if is_dear or not self._is_worth_it() else None

    def _is_worth_it(self) -> bool:
        if self._gas is None or not self._config.worth_percent:
            return True
        return self._gas * self._gas_price_wei * self._config.worth_percent < self._payable_wei * _PERCENT

    def _take_answer(self, event: TrialPassed | TrialRefused | UseAnswered, now: Instant) -> None:
        wanted = Question.USE if isinstance(event, UseAnswered) else Question.TRIAL
        if event.exchange != self._exchange or self._asked is not wanted:
            return
        self._asked = None
        match event:
            case TrialPassed(gas=gas):
                self._gas = gas
                if self._is_worth_it():
                    self.phase = RedemptionPhase.READY
                else:
                    self._wait(WaitReason.GAS_DEAR)
            case TrialRefused(reason=reason):
                self.record = replace(self.record, refusal=_cut(reason))
                self._ask(Question.USE)
            case _:
                self._take_use(event.is_used, now)

    def _take_use(self, is_used: bool, now: Instant) -> None:  # noqa: FBT001 # the chain's answer
        is_over = self.reason is WaitReason.LAST_LOOK
        if is_used:
            if not is_over and self.reason is not WaitReason.USED_ELSEWHERE:
                self._wait(WaitReason.USED_ELSEWHERE)
            if self._settling_since is None:
                self._settling_since = self._block_number
            if self._is_settled():
                self._end(RedemptionEnd.REDEEMED, None, now)
        elif is_over:
            self._end(RedemptionEnd.EXPIRED, None, now)
        elif self.reason is WaitReason.ON_TRIAL:
            self._refuse()
        else:
            self._wait(WaitReason.NEW)

    def _take_rejection(self, code: ErrorCode) -> None:
        if code is ErrorCode.REVERTED and self._act_winners == 1:
            self._refuse()
            return
        self.is_alone = self.is_alone or code is ErrorCode.REVERTED
        reasons = {
            ErrorCode.FUNDS_TOO_LOW: WaitReason.WALLET_SHORT,
            ErrorCode.TOO_EXPENSIVE: WaitReason.GAS_DEAR,
        }
        self._wait(reasons.get(code, WaitReason.NEW))

    def _take_undone(self) -> None:
        # Counted as an attempt, so that the next call has another name; after a crash perhaps twice: no harm.
        # Its hash is not kept: the next call may be the same to the byte, and must count when it has an end.
        self.record = replace(self.record, attempts=self.record.attempts + 1, transaction_hash=None)
        self._wait(WaitReason.NEW)

    def _conclude(self, event: CallConfirmed, now: Instant) -> None:
        if not event.refusal and not event.is_used:
            return  # The chain contradicts itself, so it has not settled.
        if event.transaction_hash != self.record.transaction_hash:  # else a process that ended has counted it
            self.record = replace(
                self.record,
                attempts=self.record.attempts + (1 if event.refusal else 0),
                cost_wei=self.record.cost_wei + event.cost_wei,
                refusal=_cut(event.refusal),
                transaction_hash=event.transaction_hash,
            )
        self.transaction_hash = event.transaction_hash
        if not event.refusal:
            self._end(RedemptionEnd.REDEEMED, event.paid_wei, now)
        elif event.is_used:
            self._wait(WaitReason.USED_ELSEWHERE)
        else:
            self.is_alone = self.is_alone or self._act_winners > 1
            self._refuse()

    def _refuse(self) -> None:
        self._leave(RedemptionPhase.REFUSED)
        pause_blocks = self._config.retry_blocks << min(self._refusals, _REFUSALS_DOUBLED_MAX)
        self._retry_block = self._block_number + pause_blocks
        self._refusals += 1

    def _wait(self, reason: WaitReason) -> None:
        self._leave(RedemptionPhase.WAITING)
        self.reason = reason

    def _leave(self, phase: RedemptionPhase) -> None:
        self.phase, self.act, self.confirmations = phase, None, 0
        self.reason, self._settling_since = WaitReason.NEW, None

    def _ask(self, question: Question) -> None:
        self._exchange += 1
        self._asked = question
        self._outputs.append(Ask(self._exchange, question))

    def _end(self, end: RedemptionEnd, paid_wei: int | None, now: Instant) -> None:
        self.phase = RedemptionPhase.REDEEMED if end is RedemptionEnd.REDEEMED else RedemptionPhase.EXPIRED
        self.act, self._asked = None, None
        self.record = replace(self.record, end=end, paid_wei=paid_wei, ended_ms=now)
        self._outputs.clear()
        self._outputs.append(Finish(self.record))


def _safe_until(sender: SenderView, round_number: int) -> int | None:
    """Return the last round in which a sender cannot withdraw, at least the present one; None where it does not ask."""
    match sender.state:
        case SenderState.UNLOCKED:
            return round_number
        case SenderState.UNLOCKING:
            return max(round_number, sender.withdraw_round - 1)
        case _:
            return None


def _cut(reason: str) -> str:
    return reason.encode(errors="replace")[:REFUSAL_MAX_BYTES].decode(errors="ignore")
