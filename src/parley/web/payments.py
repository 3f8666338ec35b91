"""The page of lottery payments: income against expectation, who pays and what their money guarantees, what was won."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from parley.ledgers.evm.addresses import checksum_text
from parley.ledgers.evm.amounts import WEI_PER_ETHER, WEI_PER_GWEI, show_wei
from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.rules import SenderState
from parley.lottery.verdicts import Fault
from parley.lottery.views import ChainView, SenderView
from parley.node.income import Income, IncomePoint
from parley.node.payments_view import NO_PAYMENTS, PayerLine, PaymentsView, RecipientLine
from parley.node.wiring import Node
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.web.page import Asked, Page, Screen
from parley.web.texts import ago

__all__ = ["PAYMENTS_PAGE", "IncomeChart", "chart", "payments_page", "rounded"]

_WIDTH: Final = 720
_HEIGHT: Final = 220
_DEVIATIONS_95: Final = 1.96
_HEADROOM: Final = 1.05
_SHORT_DIGITS: Final = 8
_STEADY: Final = 2.0
_LARGE: Final = 1_000
_UNITS: Final = ((WEI_PER_ETHER // 1_000, WEI_PER_ETHER, "ether"), (WEI_PER_GWEI // 10, WEI_PER_GWEI, "gwei"))
_STATES: Final[Mapping[SenderState, str]] = {
    SenderState.UNLOCKED: "unlocked",
    SenderState.LOCKED: "locked",
    SenderState.UNLOCKING: "unlocking",
    SenderState.FROZEN: "frozen",
}
_FAULTS: Final[Mapping[str, str]] = {fault.name.lower(): fault.text for fault in Fault}


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount for the page: what is read, and what it is exactly."""

    text: str
    exact: str


@dataclass(frozen=True, slots=True)
class _Account:
    """An account for the page: whole, and short."""

    whole: str
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payer:
    """One sender, ready for the template."""

    account: _Account
    state: str
    is_leaving: bool
    deposit: _Amount | None
    reserve: _Amount | None
    room: _Amount | None
    room_percent: int
    pending: _Amount
    tickets: int
    refused: int
    expected: _Amount
    winners: int
    won: _Amount
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Winner:
    """One winner, ready for the template; `said` is remote text."""

    digest: str
    sender: _Account
    face_value: _Amount
    phase: str
    says: str
    said: str
    transaction: str
    paid: _Amount | None
    is_short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipient:
    """One recipient, ready for the template."""

    account: _Account
    tickets: int
    expected: _Amount
    face_value: _Amount
    last: str


@dataclass(frozen=True, slots=True)
class IncomeChart:
    """Income against expectation as shapes of an SVG, ticket by ticket from left to right.

    Attributes:
        width: of the picture, in its own units.
        height: of the picture, in its own units.
        band: outline of where 95 of 100 recipients are.
        expected: line of what the tickets were worth.
        won: steps of what the winners are worth.
        top_wei: the amount at the upper edge.
        first: ticket at the left edge.
        last: ticket at the right edge.
    """

    width: int
    height: int
    band: str
    expected: str
    won: str
    top_wei: int
    first: int
    last: int


def chart(history: Sequence[IncomePoint]) -> IncomeChart | None:
    """Draw a history.

    Args:
        history: the oldest first; tickets ascend.

    Returns:
        The shapes, or None where there is nothing to draw: fewer than two points, or nothing to expect.
    """
    if len(history) < 2 or history[-1].expected_wei == 0:  # noqa: PLR2004  # two points make a line
        return None
    first, last = history[0].tickets, history[-1].tickets
    highs = [point.expected_wei + round(_DEVIATIONS_95 * point.deviation_wei) for point in history]
    lows = [max(0, point.expected_wei - round(_DEVIATIONS_95 * point.deviation_wei)) for point in history]
    top_wei = round(_HEADROOM * max(*highs, *(point.won_wei for point in history)))

    def place(tickets: int, wei: int) -> str:
        across = _WIDTH * (tickets - first) / max(1, last - first)
        return f"{across:.1f} {_HEIGHT * (1 - wei / top_wei):.1f}"

    ups = [place(point.tickets, high) for point, high in zip(history, highs, strict=True)]
    downs = [place(point.tickets, low) for point, low in zip(history, lows, strict=True)]
    steps = [place(history[0].tickets, history[0].won_wei)]
    for before, point in pairwise(history):
        steps += [place(point.tickets, before.won_wei), place(point.tickets, point.won_wei)]
    return IncomeChart(
        width=_WIDTH,
        height=_HEIGHT,
        band=f"M{' L'.join((*ups, *reversed(downs)))} Z",
        expected=f"M{' L'.join(place(point.tickets, point.expected_wei) for point in history)}",
        won=f"M{' L'.join(steps)}",
        top_wei=top_wei,
        first=first,
        last=last,
    )


def rounded(wei: int) -> str:
    """Return an amount for people, to four digits, in the unit that suits its size; `show_wei` says it exactly.

    Args:
        wei: of any size, also negative.
    """
    sign, size = ("-", -wei) if wei < 0 else ("", wei)
    for least_wei, unit_wei, name in _UNITS:
        if size >= least_wei:
            value = size / unit_wei
            return f"{sign}{value:,.0f} {name}" if value >= _LARGE else f"{sign}{value:.4g} {name}"
    return f"{wei:,} wei"


def payments_page(read: Callable[[Node], Awaitable[PaymentsView]]) -> Page:
    """Make the page.

    Args:
        read: makes the view of a node; what it raises is shown as any page's failure.
    """

    async def render(node: Node, asked: Asked) -> Screen:
        del asked
        view = await read(node)
        return Screen("payments.html", _values(view, node.clock.now()))

    return Page(path="/payments", title="Payments", render=render, is_live=True)


async def _of_node(node: Node) -> PaymentsView:
    payments = node.payments.opened
    if payments is not None:
        return await payments.book.view(payments.parts)
    if not node.payments.is_wanted:
        return NO_PAYMENTS
    failure = node.payments.failure
    return PaymentsView(closed="they are being opened" if failure is None else f"{failure}; {failure.code.next_step}")


PAYMENTS_PAGE: Final = payments_page(_of_node)
"""What was paid to this node, and by it."""


def _values(view: PaymentsView, now: Instant) -> dict[str, object]:
    drawn = chart(view.history)
    counts = view.settlement.counts
    return {
        "view": view,
        "account": None if view.account is None else checksum_text(view.account),
        "balance": None if view.balance_wei is None else _amount(view.balance_wei),
        "chain": view.chain,
        "broker": None if view.chain is None else checksum_text(view.chain.broker),
        "gas_price": None if view.chain is None else _amount(view.chain.gas_price_wei),
        "own": None if view.own_money is None else _own(view.own_money, view.chain),
        "outstanding": _amount(view.outstanding_wei),
        "income": view.income,
        "expected": _amount(view.income.expected_wei),
        "won": _amount(view.income.won_wei),
        "luck": _luck(view.income),
        "chart": drawn,
        "chart_top": "" if drawn is None else rounded(drawn.top_wei),
        "paid": _amount(view.settlement.paid_wei),
        "waiting": _amount(view.settlement.waiting_wei),
        "lost": _amount(view.settlement.lost_wei),
        "unknown": _amount(view.settlement.unknown_wei),
        "gas": _amount(view.settlement.gas_wei),
        "payers": [_payer(line, now) for line in view.payers],
        "winners": [_winner(winner) for winner in view.winners],
        "winners_total": sum(counts.values()),
        "phases": [(phase.value, counts[phase]) for phase in RedemptionPhase if counts.get(phase)],
        "recipients": [_recipient(line, now) for line in view.recipients],
        "reasons": sorted(
            ((_FAULTS.get(name, name), count) for name, count in view.refusals.items()),
            key=lambda pair: (-pair[1], pair[0]),
        ),
    }


def _luck(income: Income) -> str:
    """Say in a sentence what income against expectation means."""
    luck = income.luck
    if luck is None:
        return ""
    size = abs(luck)
    if size <= 1:
        return "That is as near to each other as for two of three recipients."
    side = "more" if luck > 0 else "less"
    if size <= _STEADY:
        return f"That is {size:.1f} standard deviations {side} than expected, as for one of three recipients."
    return (
        f"That is {size:.1f} standard deviations {side} than expected, which chance does to fewer than 1 of 20 "
        "recipients: it wears off with more tickets, or something is wrong."
    )


def _amount(wei: int) -> _Amount:
    return _Amount(rounded(wei), show_wei(wei))


def _account(account: Address) -> _Account:
    whole = checksum_text(account)
    return _Account(whole, f"{whole[: 2 + _SHORT_DIGITS]}…{whole[-4:]}")


def _own(money: SenderView, chain: ChainView | None) -> dict[str, object]:
    return {
        "state": _STATES[money.state],
        "unlocks": _unlocks(money, chain),
        "deposit": _amount(money.deposit_wei),
        "reserve": _amount(money.reserve_wei),
    }


def _unlocks(money: SenderView, chain: ChainView | None) -> str:
    if money.withdraw_round == 0:
        return ""
    rounds = 0 if chain is None else money.withdraw_round - chain.creation_round.number
    return f"free in round {money.withdraw_round:,}" + (f", {rounds:,} rounds from now" if rounds > 0 else "")


def _payer(line: PayerLine, now: Instant) -> _Payer:
    money = line.money
    guaranteed_wei = line.float_wei + line.pending_wei
    return _Payer(
        account=_account(line.sender),
        state="not looked at" if money is None else _STATES[money.state],
        is_leaving=money is not None and money.state is not SenderState.LOCKED,
        deposit=None if money is None else _amount(money.deposit_wei),
        reserve=None if money is None else _amount(money.reserve_wei),
        room=None if money is None else _amount(max(0, line.float_wei)),
        room_percent=0 if guaranteed_wei <= 0 else max(0, min(100, 100 * line.float_wei // guaranteed_wei)),
        pending=_amount(line.pending_wei),
        tickets=line.tickets,
        refused=line.refused,
        expected=_amount(line.expected_wei),
        winners=line.winners,
        won=_amount(line.won_wei),
        last=_passed(line.last_ms, now),
    )


def _winner(winner: RedemptionStatus) -> _Winner:
    return _Winner(
        digest=winner.ticket_hash.hex(),
        sender=_account(winner.sender),
        face_value=_amount(winner.face_value_wei),
        phase=winner.phase.value,
        says=_says(winner),
        said=winner.untrusted_reason,
        transaction="" if winner.transaction_hash is None else winner.transaction_hash.hex(),
        paid=None if winner.paid_wei is None else _amount(winner.paid_wei),
        is_short=winner.paid_wei is not None and winner.paid_wei < winner.face_value_wei,
    )


def _says(winner: RedemptionStatus) -> str:
    """Say why a winner stands where it stands, and until when it can be redeemed."""
    parts = [] if winner.reason is None else [winner.reason.value]
    if winner.confirmations:
        parts.append("1 confirmation" if winner.confirmations == 1 else f"{winner.confirmations:,} confirmations")
    if winner.deadline_round is not None:
        parts.append(f"until round {winner.deadline_round:,}")
    return "; ".join(parts)


def _recipient(line: RecipientLine, now: Instant) -> _Recipient:
    return _Recipient(
        account=_account(line.recipient),
        tickets=line.tickets,
        expected=_amount(line.expected_wei),
        face_value=_amount(line.face_value_wei),
        last=_passed(line.last_ms, now),
    )


def _passed(moment: Instant | None, now: Instant) -> str:
    return "not yet" if moment is None else ago(now - moment)
