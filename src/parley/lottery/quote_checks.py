"""What a sender checks before it signs: a recipient's parameters, and its own money behind them.

The order is go-livepeer's, with what it leaves out in between: whom the parameters pay, that their round and its hash
are those of the sender's own chain, and what is under way already. All limits are inclusive.
"""

from __future__ import annotations

from typing import Final

from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.limits import SenderLimits
from parley.lottery.params import CreationRound, TicketParams
from parley.lottery.refusals import Reason, Refused
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.lottery.worth import SHARES_PER_WEI, ceil_wei, worth_shares
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["check_money", "check_quote"]

_NULL_ADDRESS: Final = Address(bytes(ADDRESS_BYTES))


def check_quote(
    params: TicketParams,
    view: ChainView,
    limits: SenderLimits,
    *,
    recipient: Address | None,
    known: TicketParams | None,
) -> Refused | None:
    """Judge the parameters by themselves and against the chain.

    Args:
        params: of the recipient.
        view: the chain.
        limits: of the sender.
        recipient: who is to be paid; None for anybody.
        known: under which parameters this commitment came before; None where it did not.
    """
    return (
        _check_expiration(params, view, limits)
        or _check_identity(params, recipient, known)
        or _check_round(params.creation_round, view)
        or _check_worth(params, limits)
    )


def _check_expiration(params: TicketParams, view: ChainView, limits: SenderLimits) -> Refused | None:
    if params.expiration_block == 0:
        return Refused(Reason.NO_EXPIRATION)
    blocks_left = params.expiration_block - view.block_number
    if blocks_left <= limits.expiry_margin_blocks:
        return Refused(Reason.PARAMS_EXPIRED, {"blocks_left": blocks_left})
    if blocks_left > limits.params_max_blocks:
        return Refused(Reason.EXPIRATION_TOO_FAR, {"blocks_left": blocks_left, "maximum": limits.params_max_blocks})
    return None


def _check_identity(params: TicketParams, recipient: Address | None, known: TicketParams | None) -> Refused | None:
    if params.recipient == _NULL_ADDRESS:
        return Refused(Reason.NO_RECIPIENT)
    if recipient is not None and params.recipient != recipient:
        return Refused(Reason.WRONG_RECIPIENT, {"recipient": params.recipient.hex(), "wanted": recipient.hex()})
    if known is not None and params != known:
        return Refused(Reason.REQUOTED, {"commitment": params.recipient_rand_hash.hex()})
    return None


def _check_round(quoted: CreationRound | None, view: ChainView) -> Refused | None:
    made_in = view.creation_round
    if not any(made_in.block_hash):
        return Refused(Reason.NO_ROUND)
    if quoted is None or quoted == made_in:
        return None
    facts = {"round": quoted.number, "present_round": made_in.number}
    if quoted.number < made_in.number:
        return Refused(Reason.ROUND_OVER, facts)
    return Refused(Reason.ROUND_AHEAD if quoted.number > made_in.number else Reason.WRONG_ROUND_HASH, facts)


def _check_worth(params: TicketParams, limits: SenderLimits) -> Refused | None:
    shares = worth_shares(params)
    if shares and params.win_prob == UINT256_MAX:
        return Refused(Reason.ALWAYS_WINS, {"face_value_wei": params.face_value})
    if shares > limits.ticket_max_wei * SHARES_PER_WEI:
        facts = {"expected_value_wei": ceil_wei(shares), "maximum_wei": limits.ticket_max_wei}
        return Refused(Reason.TICKET_TOO_DEAR, facts)
    return None


def check_money(
    params: TicketParams,
    count: int,
    view: ChainView,
    money: SenderView,
    limits: SenderLimits,
    *,
    signer: Address | None,
    outstanding_wei: int,
) -> Refused | None:
    """Judge whether the sender's own money bears tickets that are worth something.

    Args:
        params: of the recipient, judged by `check_quote`.
        count: how many tickets, >= 0.
        view: the chain.
        money: the sender's, at the same block.
        limits: of the sender.
        signer: whose key signs; None where it is the sender's own.
        outstanding_wei: what tickets under way are worth.
    """
    if signer is not None and signer not in money.signers:
        return Refused(Reason.SIGNER_NOT_APPROVED, {"signer": signer.hex()})
    return _check_account(view, money) or _check_amounts(params, count, money, limits, outstanding_wei)


def _check_account(view: ChainView, money: SenderView) -> Refused | None:
    if money.withdraw_round and money.withdraw_round <= view.creation_round.number + 1:
        return Refused(Reason.UNLOCKED_SOON, {"withdraw_round": money.withdraw_round})
    if money.state is SenderState.FROZEN:
        return Refused(Reason.FROZEN)
    if money.reserve_wei == 0:
        return Refused(Reason.NO_RESERVE)
    if money.deposit_wei == 0:
        return Refused(Reason.NO_DEPOSIT)
    return None


def _check_amounts(
    params: TicketParams, count: int, money: SenderView, limits: SenderLimits, outstanding_wei: int
) -> Refused | None:
    payment_shares, face_value_wei = count * worth_shares(params), params.face_value
    if payment_shares > limits.payment_max_wei * SHARES_PER_WEI:
        facts = {"expected_value_wei": ceil_wei(payment_shares), "maximum_wei": limits.payment_max_wei}
        return Refused(Reason.PAYMENT_TOO_DEAR, facts)
    face_value_max_wei = money.deposit_wei // limits.deposit_multiplier
    if face_value_wei > face_value_max_wei:
        facts = {"face_value_wei": face_value_wei, "maximum_wei": face_value_max_wei}
        return Refused(Reason.FACE_VALUE_TOO_HIGH, facts)
    needed_wei = outstanding_wei + max(face_value_wei, ceil_wei(payment_shares))
    if needed_wei > money.deposit_wei:
        facts = {"outstanding_wei": outstanding_wei, "needed_wei": needed_wei, "deposit_wei": money.deposit_wei}
        return Refused(Reason.OVERCOMMITTED, facts)
    return None
