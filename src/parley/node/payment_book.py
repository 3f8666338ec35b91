"""The book of a node's payments: who paid it, whom it paid, what that was worth. For people; no money depends on it.

Written every few seconds and at the end, so `kill -9` loses the last few seconds of the figures. Winners, nonces and
acts on the chain have stores of their own, which lose nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import msgspec

from parley.errors import ParleyError
from parley.lottery.params import Payment, TicketParams
from parley.lottery.verdicts import Receipt
from parley.lottery.views import ChainView, SenderView
from parley.lottery.worth import SHARES_PER_WEI, worth_shares
from parley.node.income import Income, IncomeLog
from parley.node.payments_opening import PaymentParts
from parley.node.payments_view import PayerLine, PaymentsView, RecipientLine, settle
from parley.ports.store import Documents
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["PaymentBook"]

_NAMESPACE: Final = "lottery/book"
_KEY: Final = "figures"
_LINES_MAX: Final = 1_000
_SHOWN_MAX: Final = 50


class _Kept(msgspec.Struct):
    """One line of the book, as it is stored; shares are parts of 2**256 - 1 of a wei, in decimal."""

    account: str
    tickets: int = 0
    refused: int = 0
    shares: str = "0"
    winners: int = 0
    won_wei: str = "0"
    face_value_wei: str = "0"
    last_ms: int = 0


class _Figures(msgspec.Struct):
    tickets: int = 0
    winners: int = 0
    expected_shares: str = "0"
    variance_shares: str = "0"
    won_wei: str = "0"
    payers: list[_Kept] = []
    recipients: list[_Kept] = []
    refusals: dict[str, int] = {}


@dataclass(slots=True)
class _Line:
    """What is known of one other account."""

    tickets: int = 0
    refused: int = 0
    shares: int = 0
    winners: int = 0
    won_wei: int = 0
    face_value_wei: int = 0
    last_ms: Instant = field(default_factory=lambda: Instant(0))


class PaymentBook:
    """Counts payments made and taken."""

    def __init__(self, documents: Documents) -> None:
        """Begin empty; `load` takes up what is stored."""
        self._documents = documents
        self._log = IncomeLog()
        self._payers: dict[Address, _Line] = {}
        self._recipients: dict[Address, _Line] = {}
        self._refusals: Counter[str] = Counter()
        self._is_changed = False

    @property
    def income(self) -> Income:
        """What tickets were taken, without what became of winners."""
        return self._log.income

    async def load(self) -> None:
        """Take up what is stored; figures that cannot be read begin anew.

        Raises:
            UnavailableError: the store did not answer.
        """
        raw = await self._documents.get(_NAMESPACE, _KEY)
        if raw is None:
            return
        try:
            kept = msgspec.json.decode(raw, type=_Figures)
            income = Income(
                tickets=kept.tickets,
                winners=kept.winners,
                expected_shares=int(kept.expected_shares),
                variance_shares=int(kept.variance_shares),
                won_wei=int(kept.won_wei),
            )
            payers = {_account(line): _line(line) for line in kept.payers}
            recipients = {_account(line): _line(line) for line in kept.recipients}
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            return
        self._log, self._payers, self._recipients = IncomeLog(income), payers, recipients
        self._refusals.update(kept.refusals)

    async def keep(self) -> None:
        """Write the figures, if there are new ones.

        Raises:
            UnavailableError: the store did not answer.
        """
        if not self._is_changed:
            return
        self._is_changed = False
        income = self._log.income
        figures = _Figures(
            tickets=income.tickets,
            winners=income.winners,
            expected_shares=str(income.expected_shares),
            variance_shares=str(income.variance_shares),
            won_wei=str(income.won_wei),
            payers=[_kept(account, line) for account, line in _latest(self._payers)],
            recipients=[_kept(account, line) for account, line in _latest(self._recipients)],
            refusals=dict(self._refusals),
        )
        await self._documents.put(_NAMESPACE, _KEY, msgspec.json.encode(figures))

    def note_receipt(self, payment: Payment, receipt: Receipt, now: Instant) -> None:
        """Count a payment that was judged; a sender of whom nothing was taken gets no line of its own."""
        self._is_changed = True
        taken, winners, params = receipt.taken, len(receipt.winners), payment.params
        for verdict in receipt.verdicts:
            if verdict.fault is not None:
                self._refusals[verdict.fault.name.lower()] += 1
        line = self._payers.get(payment.sender)
        if line is not None:
            line.refused += len(receipt.verdicts) - taken
        if not taken or params is None:
            return
        if line is None:
            line = _Line(refused=len(receipt.verdicts) - taken)
            _put(self._payers, payment.sender, line)
        self._log.note_tickets(taken, face_value_wei=params.face_value, win_prob=params.win_prob, winners=winners)
        line.tickets += taken
        line.shares += receipt.credited_shares
        line.winners += winners
        line.won_wei += winners * params.face_value
        line.face_value_wei, line.last_ms = params.face_value, now

    def note_paid(self, params: TicketParams, tickets: int, now: Instant) -> None:
        """Count tickets that this node signed."""
        self._is_changed = True
        line = self._recipients.get(params.recipient)
        if line is None:
            line = _Line()
            _put(self._recipients, params.recipient, line)
        line.tickets += tickets
        line.shares += tickets * worth_shares(params)
        line.face_value_wei, line.last_ms = params.face_value, now

    async def view(self, parts: PaymentParts) -> PaymentsView:
        """Return everything for people; what the chain does not say at the moment is left out.

        Raises:
            UnavailableError: the store did not answer.
        """
        chain, own = await _chain_of(parts), await _money_of(parts, parts.wallet.address, None)
        statuses = parts.redeemer.redemptions()
        payers = [await _payer(parts, account, line) for account, line in _latest(self._payers)[:_SHOWN_MAX]]
        return PaymentsView(
            account=parts.wallet.address,
            balance_wei=await _balance_of(parts),
            chain=chain,
            own_money=own if own is not None and (own.deposit_wei or own.reserve_wei) else None,
            outstanding_wei=parts.purse.outstanding_wei,
            income=self._log.income,
            history=self._log.history(),
            payers=tuple(payers),
            payers_total=len(self._payers),
            recipients=tuple(
                RecipientLine(
                    recipient=account,
                    tickets=line.tickets,
                    expected_wei=line.shares // SHARES_PER_WEI,
                    face_value_wei=line.face_value_wei,
                    last_ms=line.last_ms,
                )
                for account, line in _latest(self._recipients)[:_SHOWN_MAX]
            ),
            recipients_total=len(self._recipients),
            winners=statuses[:_SHOWN_MAX],
            settlement=settle(statuses),
            refusals=MappingProxyType(dict(self._refusals)),
        )


async def _payer(parts: PaymentParts, account: Address, line: _Line) -> PayerLine:
    money = await _money_of(parts, account, parts.wallet.address)
    pending_wei = parts.redeemer.pending_wei(account)
    return PayerLine(
        sender=account,
        money=money,
        pending_wei=pending_wei,
        float_wei=0 if money is None else money.claimable_wei - pending_wei,
        tickets=line.tickets,
        refused=line.refused,
        expected_wei=line.shares // SHARES_PER_WEI,
        winners=line.winners,
        won_wei=line.won_wei,
        last_ms=line.last_ms,
    )


async def _chain_of(parts: PaymentParts) -> ChainView | None:
    try:
        return await parts.broker.view()
    except ParleyError:
        return None


async def _money_of(parts: PaymentParts, sender: Address, recipient: Address | None) -> SenderView | None:
    try:
        return await parts.broker.sender_view(sender, recipient)
    except ParleyError:
        return None


async def _balance_of(parts: PaymentParts) -> int | None:
    try:
        return await parts.chain.balance_wei(parts.wallet.address)
    except ParleyError:
        return None


def _latest(lines: Mapping[Address, _Line]) -> list[tuple[Address, _Line]]:
    return sorted(lines.items(), key=lambda item: (-item[1].last_ms, item[0]))


def _put(lines: dict[Address, _Line], account: Address, line: _Line) -> None:
    """Keep a line; beyond the limit, the one that was quiet for longest goes, and its sums stay in the income."""
    if len(lines) >= _LINES_MAX:
        del lines[min(lines, key=lambda known: lines[known].last_ms)]
    lines[account] = line


def _account(kept: _Kept) -> Address:
    return Address(bytes.fromhex(kept.account))


def _line(kept: _Kept) -> _Line:
    return _Line(
        tickets=kept.tickets,
        refused=kept.refused,
        shares=int(kept.shares),
        winners=kept.winners,
        won_wei=int(kept.won_wei),
        face_value_wei=int(kept.face_value_wei),
        last_ms=Instant(kept.last_ms),
    )


def _kept(account: Address, line: _Line) -> _Kept:
    return _Kept(
        account=account.hex(),
        tickets=line.tickets,
        refused=line.refused,
        shares=str(line.shares),
        winners=line.winners,
        won_wei=str(line.won_wei),
        face_value_wei=str(line.face_value_wei),
        last_ms=line.last_ms,
    )
