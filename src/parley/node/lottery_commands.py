"""What the node's owner does with lottery tickets: money at the broker, paying, being paid, winners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, Rejected
from parley.ledgers.evm.addresses import checksum_text
from parley.ledgers.evm.amounts import parse_wei
from parley.node.registry import Audience, Command, NoParameters

if TYPE_CHECKING:  # slow to load, and the command line only reads the commands
    from parley.lottery.redemption_status import RedemptionStatus
    from parley.lottery.views import SenderView
    from parley.node.wiring import Node

__all__ = [
    "LOTTERY_COMMANDS",
    "LOTTERY_TICKETS_MAX",
    "LotteryFund",
    "LotteryPay",
    "LotteryQuote",
    "LotteryRegister",
    "LotteryReserve",
    "LotteryWinners",
    "NodeUrl",
    "TicketWorth",
]

_REQUESTS_MAX: Final = 1_000
_PARALLEL_MAX: Final = 64
_WINNERS_SHOWN: Final = 1_000
_MILLION: Final = 1_000_000

LOTTERY_TICKETS_MAX: Final = 500
"""The most tickets of one payment: a commitment has nonces for little more."""

Amount = Annotated[str, Meta(min_length=1, max_length=128, title="AMOUNT")]
NodeUrl = Annotated[
    str, Meta(min_length=1, max_length=512, description="of the node to pay, such as http://127.0.0.1:7421")
]
TicketWorth = Annotated[
    str, Meta(min_length=1, max_length=128, title="AMOUNT", description="what one ticket is worth on average")
]


class LotteryFund(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of lottery_fund."""

    deposit: Annotated[Amount, Meta(description='for the deposit, such as "0.5 ether": pays any recipient')]
    reserve: Annotated[Amount, Meta(description="for the reserve: stands in when the deposit is empty")] = "0 wei"


class LotteryReserve(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of lottery_reserve."""

    amount: Annotated[Amount, Meta(description='for the reserve, such as "1 ether"')]


class LotteryRegister(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of lottery_register."""

    commission: Annotated[
        int, Meta(ge=0, le=_MILLION, description="parts per million of the fees that the recipient keeps for itself")
    ] = _MILLION


class LotteryQuote(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of lottery_quote."""

    url: NodeUrl
    worth: TicketWorth = "1000 gwei"


class LotteryPay(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of lottery_pay."""

    url: NodeUrl
    worth: TicketWorth = "1000 gwei"
    requests: Annotated[int, Meta(ge=1, le=_REQUESTS_MAX, description="payments")] = 1
    tickets: Annotated[int, Meta(ge=1, le=LOTTERY_TICKETS_MAX, description="in each payment")] = 1
    parallel: Annotated[int, Meta(ge=1, le=_PARALLEL_MAX, description="payments under way at once")] = 8


class LotteryWinners(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of lottery_winners."""

    limit: Annotated[int, Meta(ge=1, le=_WINNERS_SHOWN, description="most winners to list")] = 100


async def _status(node: Node, parameters: NoParameters) -> dict[str, Any]:
    del parameters
    payments = await node.payments.get()
    view = await payments.book.view(payments.parts)
    chain, settled = view.chain, view.settlement
    own = await payments.parts.broker.sender_view(payments.account, None)
    return {
        "account": checksum_text(payments.account),
        "balance_wei": None if view.balance_wei is None else str(view.balance_wei),
        "chain_id": payments.parts.chain_id,
        "broker": checksum_text(payments.parts.broker.address),
        "block_number": None if chain is None else chain.block_number,
        "round": None if chain is None else chain.creation_round.number,
        "recipients": None if chain is None else chain.recipients,
        "sender": _money(own),
        "outstanding_wei": str(view.outstanding_wei),
        "taken": {
            "tickets": view.income.tickets,
            "expected_wei": str(view.income.expected_wei),
            "winners": view.income.winners,
            "won_wei": str(view.income.won_wei),
            "paid_wei": str(settled.paid_wei),
            "waiting_wei": str(settled.waiting_wei),
            "lost_wei": str(settled.lost_wei),
            "gas_wei": str(settled.gas_wei),
        },
        "given": {
            "tickets": sum(line.tickets for line in view.recipients),
            "worth_wei": str(sum(line.expected_wei for line in view.recipients)),
        },
        "redemptions": {phase.value: count for phase, count in settled.counts.items()},
        "refused": dict(view.refusals),
    }


def _money(own: SenderView) -> dict[str, object]:
    return {
        "deposit_wei": str(own.deposit_wei),
        "reserve_wei": str(own.reserve_wei),
        "state": own.state.value,
        "withdraw_round": own.withdraw_round or None,
    }


async def _fund(node: Node, parameters: LotteryFund) -> dict[str, object] | Rejected:
    deposit_wei, reserve_wei = parse_wei(parameters.deposit), parse_wei(parameters.reserve)
    return await (await node.payments.get()).fund(deposit_wei=deposit_wei, reserve_wei=reserve_wei)


async def _reserve(node: Node, parameters: LotteryReserve) -> dict[str, object] | Rejected:
    reserve_wei = parse_wei(parameters.amount)
    return await (await node.payments.get()).fund(deposit_wei=0, reserve_wei=reserve_wei)


async def _unlock(node: Node, parameters: NoParameters) -> dict[str, object] | Rejected:
    del parameters
    payments = await node.payments.get()
    return await payments.act("unlock", payments.parts.broker.unlock_call())


async def _cancel_unlock(node: Node, parameters: NoParameters) -> dict[str, object] | Rejected:
    del parameters
    payments = await node.payments.get()
    return await payments.act("cancel-unlock", payments.parts.broker.cancel_unlock_call())


async def _withdraw(node: Node, parameters: NoParameters) -> dict[str, object] | Rejected:
    del parameters
    payments = await node.payments.get()
    return await payments.act("withdraw", payments.parts.broker.withdraw_call())


async def _register(node: Node, parameters: LotteryRegister) -> dict[str, object] | Rejected:
    return await (await node.payments.get()).register(parameters.commission)


async def _begin_round(node: Node, parameters: NoParameters) -> dict[str, object] | Rejected:
    del parameters
    return await (await node.payments.get()).begin_round()


async def _quote(node: Node, parameters: LotteryQuote) -> dict[str, object] | Rejected:
    payments = await node.payments.get()
    return await payments.payer().quote(parameters.url, worth_wei=parse_wei(parameters.worth))


async def _pay(node: Node, parameters: LotteryPay) -> dict[str, object] | Rejected:
    payments = await node.payments.get()
    paid = await payments.payer().pay(
        parameters.url,
        requests=parameters.requests,
        tickets=parameters.tickets,
        worth_wei=parse_wei(parameters.worth),
        parallel=parameters.parallel,
    )
    if paid.refusal is not None and not paid.tickets:
        return paid.refusal
    return {
        "requests": paid.requests,
        "tickets": paid.tickets,
        "refused": paid.refused,
        "worth_wei": str(paid.worth_wei),
        "face_value_wei": str(paid.face_value_wei),
        "ended": "" if paid.refusal is None else str(paid.refusal),
    }


async def _winners(node: Node, parameters: LotteryWinners) -> list[dict[str, object]]:
    payments = await node.payments.get()
    return [_winner(status) for status in payments.parts.redeemer.redemptions()[: parameters.limit]]


def _winner(status: RedemptionStatus) -> dict[str, object]:
    return {
        "ticket": "0x" + status.ticket_hash.hex(),
        "sender": checksum_text(status.sender),
        "face_value_wei": str(status.face_value_wei),
        "state": status.phase.value,
        "waits_for": "" if status.reason is None else status.reason.value,
        "last_round": status.deadline_round,
        "paid_wei": None if status.paid_wei is None else str(status.paid_wei),
        "cost_wei": str(status.cost_wei),
        "transaction": None if status.transaction_hash is None else "0x" + status.transaction_hash.hex(),
        "confirmations": status.confirmations,
        "contract_says": status.untrusted_reason,
    }


async def _redeem(node: Node, parameters: NoParameters) -> dict[str, int]:
    del parameters
    payments = await node.payments.get()
    await payments.parts.redeemer.turn()
    return {phase.value: count for phase, count in payments.settlement().counts.items()}


_CHAIN_CODES: Final = (ErrorCode.REVERTED, ErrorCode.FUNDS_TOO_LOW, ErrorCode.TOO_EXPENSIVE, ErrorCode.UNREACHABLE)
_ACT: Final = "{act, state, transaction, block_number, gas_used, fee_wei}; state is included or waiting"


def _command(name: str, parameters: type[msgspec.Struct], run: Any, summary: str, **more: Any) -> Command:  # noqa: ANN401
    return Command(
        method="lottery_" + name.replace("-", "_"),
        audience=Audience.OWNER,
        parameters=parameters,
        run=run,
        summary=summary,
        words=("lottery", name),
        **more,
    )


LOTTERY_COMMANDS: Final = (
    _command(
        "status",
        NoParameters,
        _status,
        "Show the account, its money at the broker, and what tickets brought in.",
        result="{account, balance_wei, chain_id, broker, block_number, round, sender, taken, redemptions, ...}",
    ),
    _command(
        "fund",
        LotteryFund,
        _fund,
        "Add to the deposit, from which winners are paid, and to the reserve.",
        arguments=("deposit",),
        result=_ACT,
        codes=_CHAIN_CODES,
    ),
    _command(
        "reserve",
        LotteryReserve,
        _reserve,
        "Add to the reserve, which stands in for the deposit in equal parts for all recipients.",
        arguments=("amount",),
        result=_ACT,
        codes=_CHAIN_CODES,
    ),
    _command(
        "unlock",
        NoParameters,
        _unlock,
        "Begin to take deposit and reserve back; in the round before that, nobody takes tickets any more.",
        result=_ACT,
        codes=_CHAIN_CODES,
    ),
    _command(
        "cancel-unlock", NoParameters, _cancel_unlock, "Pay on: end the unlocking.", result=_ACT, codes=_CHAIN_CODES
    ),
    _command(
        "withdraw",
        NoParameters,
        _withdraw,
        "Take deposit and reserve back, once they are unlocked.",
        result=_ACT,
        codes=_CHAIN_CODES,
    ),
    _command(
        "register",
        LotteryRegister,
        _register,
        "Become a recipient for whom reserves stand in, from the next round on; a stake is paid.",
        result=_ACT,
        codes=_CHAIN_CODES,
    ),
    _command(
        "begin-round",
        NoParameters,
        _begin_round,
        "Begin the present round of the broker, if nobody has: without it there are no new tickets.",
        result="{act, state, transaction, block_number, gas_used, fee_wei}; state may be begun already",
        codes=_CHAIN_CODES,
    ),
    _command(
        "quote",
        LotteryQuote,
        _quote,
        "Ask a node what tickets must look like; nothing is paid.",
        arguments=("url",),
        result="{recipient, face_value_wei, worth_wei, tickets_per_winner, expiration_block, would_pay, reason}",
        codes=(ErrorCode.PEER_REFUSED, ErrorCode.UNREACHABLE),
    ),
    Command(
        method="lottery_pay",
        audience=Audience.OWNER,
        parameters=LotteryPay,
        run=_pay,
        summary="Pay a node with tickets.",
        result="{requests, tickets, refused, worth_wei, face_value_wei, ended}",
        codes=(ErrorCode.FUNDS_TOO_LOW, ErrorCode.TOO_EXPENSIVE, ErrorCode.TICKET_REFUSED, ErrorCode.PEER_REFUSED),
    ),
    _command(
        "winners",
        LotteryWinners,
        _winners,
        "List winning tickets and what becomes of them.",
        result="list of {ticket, sender, face_value_wei, state, waits_for, last_round, paid_wei, ...}",
    ),
    _command(
        "redeem",
        NoParameters,
        _redeem,
        "Look at all winners now, and redeem those that are ready.",
        result="how many winners are in which state",
        codes=(ErrorCode.UNREACHABLE,),
    ),
)
"""What the node's owner does with lottery tickets."""
