"""What the broker does with a sender's money, as functions of plain values: the contract's executable specification.

`contracts/TicketBroker.vy` computes the same; tests run both side by side over random histories. Nothing here asks a
chain: which round it is and who is registered in it are arguments. An operation returns the account as it is after it,
or the reason why the contract reverts.

The money is safe because: what the broker holds is the sum of all deposits and remaining reserves; a reserve is claimed
from only while it is frozen, by nobody for more than `funds at the freeze // recipients at the freeze`; and no sender
takes anything out before its unlock period or freeze period is over, neither of which is shorter than the time in which
a ticket can be redeemed.

Source: "Probabilistic Micropayments", section "Contracts" (docs/spec/ticket_broker.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final, assert_never

from parley.errors import ErrorCode, LocalError

__all__ = [
    "Account",
    "Payment",
    "Periods",
    "Refusal",
    "RoundView",
    "SenderState",
    "cancel_unlock",
    "claimable_wei",
    "fund",
    "pay",
    "sender_state",
    "unlock",
    "withdraw",
]

_NOBODY: Final[Mapping[bytes, int]] = MappingProxyType({})


class SenderState(Enum):
    """What a sender may do; a function of its account and of the round."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    UNLOCKING = "unlocking"
    FROZEN = "frozen"


class Refusal(Enum):
    """Why the contract refuses; the value is the text of its revert."""

    VALUE_MISMATCH = "value is not deposit plus reserve"
    FROZEN = "reserve is frozen"
    EMPTY = "deposit and reserve are empty"
    ALREADY_UNLOCKING = "unlock already initiated"
    ALREADY_UNLOCKED = "funds already unlocked"
    NOT_UNLOCKING = "not in the unlock period"
    NOT_UNLOCKED = "funds are not unlocked"
    NULL_SIGNER = "signer is null address"
    SIGNER_NOT_APPROVED = "signer is not approved"
    NULL_RECIPIENT = "ticket recipient is null address"
    NULL_SENDER = "ticket sender is null address"
    WRONG_PREIMAGE = "recipientRand does not match recipientRandHash"
    WRONG_ROUND_HASH = "creationRoundHash is not that of creationRound"
    EXPIRED = "ticket is expired"
    USED = "ticket is used"
    BAD_SIGNATURE = "invalid signature over ticket hash"
    NOT_WON = "ticket did not win"
    NOT_REGISTERED = "deposit is empty and recipient not registered"
    NOTHING_CLAIMABLE = "deposit is empty and nothing is claimable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """The contract's constants, in rounds.

    Attributes:
        unlock_rounds: between `unlock` and the first round in which `withdraw` works, >= ticket_validity_rounds.
        freeze_rounds: after the round of a freeze until its sender may fund or withdraw, >= ticket_validity_rounds.
        ticket_validity_rounds: in which a ticket can be redeemed, that of its creation included, >= 1.
    """

    unlock_rounds: int
    freeze_rounds: int
    ticket_validity_rounds: int

    def __post_init__(self) -> None:
        """Check the ranges that the contract's constructor checks.

        Raises:
            LocalError: a period outside its range.
        """
        if not 1 <= self.ticket_validity_rounds <= min(self.unlock_rounds, self.freeze_rounds):
            raise LocalError(
                ErrorCode.INVALID_ARGUMENT,
                unlock_rounds=self.unlock_rounds,
                freeze_rounds=self.freeze_rounds,
                ticket_validity_rounds=self.ticket_validity_rounds,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundView:
    """What the chain says about the present round.

    Attributes:
        number: of the round, >= 1.
        recipients: addresses registered in it, 20 bytes each.
    """

    number: int
    recipients: frozenset[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the broker stores about one sender.

    Attributes:
        deposit_wei: pays any recipient, >= 0.
        withdraw_round: in which an unlock is complete; 0 when none is under way.
        reserve_at_creation_wei: what the allocations are parts of, >= 0.
        reserve_remaining_wei: what is left of it, 0..reserve_at_creation_wei.
        freeze_round: in which a winner exceeded the deposit; 0 when none did.
        frozen_recipients: who was registered in that round.
        claimed_wei: what each of them got since.
    """

    deposit_wei: int = 0
    withdraw_round: int = 0
    reserve_at_creation_wei: int = 0
    reserve_remaining_wei: int = 0
    freeze_round: int = 0
    frozen_recipients: frozenset[bytes] = frozenset()
    claimed_wei: Mapping[bytes, int] = field(default_factory=lambda: _NOBODY)

    @property
    def total_wei(self) -> int:
        """What the broker holds for the sender."""
        return self.deposit_wei + self.reserve_remaining_wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A redeemed winner.

    Attributes:
        account: of the sender, afterwards.
        from_deposit_wei: paid from the deposit.
        from_reserve_wei: paid from the recipient's part of the reserve.
    """

    account: Account
    from_deposit_wei: int
    from_reserve_wei: int

    @property
    def paid_wei(self) -> int:
        """What the recipient's fee pool is credited with."""
        return self.from_deposit_wei + self.from_reserve_wei


def sender_state(account: Account, round_number: int, periods: Periods) -> SenderState:
    """Tell what a sender may do in a round.

    A freeze outweighs an unlock; a freeze or an unlock that has run its time leaves the sender unlocked until it funds
    or withdraws; an account without money is unlocked, as every account is at first.
    """
    if account.freeze_round:
        thawed = round_number >= account.freeze_round + periods.freeze_rounds
        return SenderState.UNLOCKED if thawed else SenderState.FROZEN
    if account.withdraw_round:
        return SenderState.UNLOCKED if round_number >= account.withdraw_round else SenderState.UNLOCKING
    return SenderState.LOCKED if account.total_wei else SenderState.UNLOCKED


def fund(
    account: Account, round_number: int, periods: Periods, *, deposit_wei: int, reserve_wei: int
) -> Account | Refusal:
    """Add to deposit and reserve; an unlock ends, and the rest of a thawed reserve becomes a new one.

    Args:
        account: of the sender that funds itself.
        round_number: the present round.
        periods: the contract's constants.
        deposit_wei: added to the deposit, >= 0.
        reserve_wei: added to the reserve, >= 0.
    """
    if sender_state(account, round_number, periods) is SenderState.FROZEN:
        return Refusal.FROZEN
    reserve = account.reserve_remaining_wei + reserve_wei
    return Account(
        deposit_wei=account.deposit_wei + deposit_wei,
        reserve_at_creation_wei=reserve,
        reserve_remaining_wei=reserve,
    )


def unlock(account: Account, round_number: int, periods: Periods) -> Account | Refusal:
    """Begin the unlock period."""
    if not account.total_wei:
        return Refusal.EMPTY
    match sender_state(account, round_number, periods):
        case SenderState.UNLOCKING:
            return Refusal.ALREADY_UNLOCKING
        case SenderState.UNLOCKED:
            return Refusal.ALREADY_UNLOCKED
        case SenderState.FROZEN:
            return Refusal.FROZEN
        case SenderState.LOCKED:
            return replace(account, withdraw_round=round_number + periods.unlock_rounds)
        case other:
            assert_never(other)


def cancel_unlock(account: Account, round_number: int, periods: Periods) -> Account | Refusal:
    """End the unlock period; once it is over there is nothing to cancel."""
    state = sender_state(account, round_number, periods)
    if state is SenderState.FROZEN:
        return Refusal.FROZEN
    if state is not SenderState.UNLOCKING:
        return Refusal.NOT_UNLOCKING
    return replace(account, withdraw_round=0)


def withdraw(account: Account, round_number: int, periods: Periods) -> Account | Refusal:
    """Pay `account.total_wei` out to the sender."""
    if not account.total_wei:
        return Refusal.EMPTY
    if sender_state(account, round_number, periods) is not SenderState.UNLOCKED:
        return Refusal.NOT_UNLOCKED
    return Account()


def claimable_wei(account: Account, claimant: bytes, view: RoundView) -> int:
    """Return what a claimant could get from the reserve now.

    Before a freeze that is an equal part among the recipients of the present round; after it, what is left of the
    claimant's part among those of the round of the freeze.
    """
    entitled = account.frozen_recipients if account.freeze_round else view.recipients
    if claimant not in entitled:
        return 0
    return account.reserve_at_creation_wei // len(entitled) - account.claimed_wei.get(claimant, 0)


def pay(account: Account, *, recipient: bytes, face_value_wei: int, view: RoundView) -> Payment | Refusal:
    """Pay a winner: from the deposit, and beyond it from the recipient's part of the reserve, which freezes.

    A recipient that is not registered gets at most the deposit. A winner that would be paid nothing stays good.

    Args:
        account: of the ticket's sender.
        recipient: of the ticket, 20 bytes.
        face_value_wei: 0 <= face_value_wei < 2**256.
        view: the present round.
    """
    if face_value_wei <= account.deposit_wei:
        paid = replace(account, deposit_wei=account.deposit_wei - face_value_wei)
        return Payment(account=paid, from_deposit_wei=face_value_wei, from_reserve_wei=0)
    if not account.deposit_wei and recipient not in view.recipients:
        return Refusal.NOT_REGISTERED
    claim = min(face_value_wei - account.deposit_wei, claimable_wei(account, recipient, view))
    if not account.deposit_wei and not claim:
        return Refusal.NOTHING_CLAIMABLE
    frozen = bool(account.freeze_round)
    claimed = dict(account.claimed_wei)
    if claim:
        claimed[recipient] = claimed.get(recipient, 0) + claim
    after = replace(
        account,
        deposit_wei=0,
        reserve_remaining_wei=account.reserve_remaining_wei - claim,
        freeze_round=account.freeze_round if frozen else view.number,
        frozen_recipients=account.frozen_recipients if frozen else view.recipients,
        claimed_wei=MappingProxyType(claimed),
    )
    return Payment(account=after, from_deposit_wei=account.deposit_wei, from_reserve_wei=claim)
