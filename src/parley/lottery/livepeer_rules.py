"""The rules of the deployed Livepeer broker, as a value in memory: no freeze, a share of the reserve per round.

What differs from `rules`: a winner beyond the deposit claims from `(reserve + claimed in this round) // pool size`,
anew in each round; the pool counts the next round while activity counts this one; an unlock that is complete stays so
until the sender funds itself or cancels, and until then no ticket is paid. The build of July 2026 refuses a winner that
deposit and reserve together do not cover, and pays active recipients only.

Source: livepeer/protocol, MTicketBrokerCore, MReserve and TicketBroker.sol of 2023-09 and of 2026-07.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from parley.lottery.draws import recipient_rand_hash, wins
from parley.lottery.signing import recover_signer
from parley.lottery.tickets import Ticket, auxiliary_data, ticket_hash

__all__ = ["LivepeerAccount", "LivepeerModel", "LivepeerRefusal", "LivepeerRules", "LivepeerView"]

_NULL_ADDRESS: Final = bytes(20)
_NO_HASH: Final = bytes(32)
_AUXILIARY_BYTES: Final = 64
_SIGNATURE_BYTES: Final = 65
_V_VALUES: Final = frozenset({27, 28})
_MAX_S: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class LivepeerRules(Enum):
    """Which build of the broker; the value is its year."""

    BUILD_2023 = 2023
    BUILD_2026 = 2026


class LivepeerRefusal(Enum):
    """Why the deployed contract refuses; the value is the text of its revert, empty where it has none."""

    PAUSED = "system is paused"
    ROUND_NOT_INITIALIZED = "current round is not initialized"
    NULL_RECIPIENT = "ticket recipient is null address"
    NULL_SENDER = "ticket sender is null address"
    AUXILIARY_LENGTH = "invalid length for ticket auxData: must be 64 bytes"
    NO_ROUND_HASH = "ticket creationRound does not have a block hash"
    WRONG_ROUND_HASH = "ticket creationRoundBlockHash invalid for creationRound"
    EXPIRED = "ticket is expired"
    WRONG_PREIMAGE = "recipientRand does not match recipientRandHash"
    USED = "ticket is used"
    SIGNATURE_LENGTH = "INVALID_SIGNATURE_LENGTH"
    HIGH_S = "ECDSA: invalid signature 's' value"
    BAD_V = "ECDSA: invalid signature 'v' value"
    UNRECOVERABLE = "ECDSA: invalid signature"
    BAD_SIGNATURE = "invalid signature over ticket hash"
    NOT_WON = "ticket did not win"
    UNLOCKED = "sender is unlocked"
    NO_FUNDS = "sender deposit and reserve are zero"
    NOT_COVERED = "sender deposit and reserve insufficient to cover ticket face value"
    VALUE_MISMATCH = "msg.value does not equal sum of deposit amount and reserve amount"
    ALREADY_UNLOCKING = "unlock already initiated"
    NOT_UNLOCKING = "no unlock request in progress"
    LOCKED = "account is locked"
    NOT_REGISTERED = "transcoder must be registered"
    NOT_ACTIVE = "transcoder must be active"
    SHARE_BELOW_CLAIMED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivepeerView:
    """What the chain says in the present round.

    Attributes:
        round_number: as it is counted, initialised or not.
        initialized: whether the round was.
        paused: whether the system stands still.
        active: recipients of this round.
        registered: recipients at all; those active are among them.
        pool_size: of the next round, >= 0.
    """

    round_number: int
    initialized: bool = True
    paused: bool = False
    active: frozenset[bytes] = frozenset()
    registered: frozenset[bytes] = frozenset()
    pool_size: int = 0


@dataclass(slots=True)
class LivepeerAccount:
    """What the broker stores about one sender; amounts in wei.

    Attributes:
        deposit_wei: pays any recipient.
        withdraw_round: of a requested unlock, complete or not; 0 without one.
        reserve_wei: what remains of the reserve.
        claimed_wei: per round and recipient, what was claimed.
    """

    deposit_wei: int = 0
    withdraw_round: int = 0
    reserve_wei: int = 0
    claimed_wei: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def claimed_in_round_wei(self, round_number: int) -> int:
        """Return what all recipients together claimed in a round."""
        return sum(amount for (number, _), amount in self.claimed_wei.items() if number == round_number)


class LivepeerModel:
    """All senders of the deployed broker. A call that is refused changes nothing.

    Attributes:
        rules: which build.
        unlock_rounds: between `unlock` and `withdraw`.
        ticket_validity_rounds: in which a ticket can be redeemed.
        accounts: by address of the sender.
        used: hashes of redeemed tickets.
    """

    def __init__(self, rules: LivepeerRules, *, unlock_rounds: int = 2, ticket_validity_rounds: int = 2) -> None:
        self.rules = rules
        self.unlock_rounds = unlock_rounds
        self.ticket_validity_rounds = ticket_validity_rounds
        self.accounts: dict[bytes, LivepeerAccount] = {}
        self.used: set[bytes] = set()

    @property
    def held_wei(self) -> int:
        """What the broker keeps for all senders together."""
        return sum(account.deposit_wei + account.reserve_wei for account in self.accounts.values())

    def account(self, sender: bytes) -> LivepeerAccount:
        """Return what is stored about a sender, which becomes known by asking."""
        return self.accounts.setdefault(sender, LivepeerAccount())

    def fund(
        self, sender: bytes, view: LivepeerView, *, deposit_wei: int, reserve_wei: int, payer: bytes | None = None
    ) -> LivepeerRefusal | None:
        """Add to deposit and reserve; only who funds itself ends its unlock."""
        if view.paused:
            return LivepeerRefusal.PAUSED
        account = self.account(sender)
        account.deposit_wei += deposit_wei
        account.reserve_wei += reserve_wei
        if payer is None or payer == sender:
            account.withdraw_round = 0
        return None

    def unlock(self, sender: bytes, view: LivepeerView) -> LivepeerRefusal | None:
        """Begin the unlock period."""
        account = self.account(sender)
        if view.paused:
            return LivepeerRefusal.PAUSED
        if not account.deposit_wei + account.reserve_wei:
            return LivepeerRefusal.NO_FUNDS
        if account.withdraw_round:
            return LivepeerRefusal.ALREADY_UNLOCKING
        account.withdraw_round = view.round_number + self.unlock_rounds
        return None

    def cancel_unlock(self, sender: bytes, view: LivepeerView) -> LivepeerRefusal | None:
        """End an unlock, under way or complete."""
        account = self.account(sender)
        if view.paused:
            return LivepeerRefusal.PAUSED
        if not account.withdraw_round:
            return LivepeerRefusal.NOT_UNLOCKING
        account.withdraw_round = 0
        return None

    def withdraw(self, sender: bytes, view: LivepeerView) -> int | LivepeerRefusal:
        """Pay out, and return the wei; the sender stays unlocked."""
        account = self.account(sender)
        if view.paused:
            return LivepeerRefusal.PAUSED
        total_wei = account.deposit_wei + account.reserve_wei
        if not total_wei:
            return LivepeerRefusal.NO_FUNDS
        if not account.withdraw_round:
            return LivepeerRefusal.NOT_UNLOCKING
        if view.round_number < account.withdraw_round:
            return LivepeerRefusal.LOCKED
        account.deposit_wei = account.reserve_wei = 0
        return total_wei

    def claimable_wei(self, sender: bytes, claimant: bytes, view: LivepeerView) -> int | LivepeerRefusal:
        """Return what a claimant could get from a reserve in this round."""
        account = self.account(sender)
        if claimant not in view.active or not view.pool_size:
            return 0
        total_wei = account.reserve_wei + account.claimed_in_round_wei(view.round_number)
        left_wei = total_wei // view.pool_size - account.claimed_wei.get((view.round_number, claimant), 0)
        return left_wei if left_wei >= 0 else LivepeerRefusal.SHARE_BELOW_CLAIMED

    def _check_signature(self, ticket: Ticket, signature: bytes) -> LivepeerRefusal | None:
        if len(signature) != _SIGNATURE_BYTES:
            return LivepeerRefusal.SIGNATURE_LENGTH
        if int.from_bytes(signature[32:64], "big") > _MAX_S:
            return LivepeerRefusal.HIGH_S
        if self.rules is LivepeerRules.BUILD_2023 and signature[64] not in _V_VALUES:
            return LivepeerRefusal.BAD_V
        signer = recover_signer(ticket, signature)
        if signer is None:
            return LivepeerRefusal.UNRECOVERABLE
        return None if signer == ticket.sender else LivepeerRefusal.BAD_SIGNATURE

    def _check_creation(self, ticket: Ticket, view: LivepeerView, round_hash: bytes) -> LivepeerRefusal | None:
        if not view.initialized:
            return LivepeerRefusal.ROUND_NOT_INITIALIZED
        if ticket.recipient == _NULL_ADDRESS:
            return LivepeerRefusal.NULL_RECIPIENT
        if ticket.sender == _NULL_ADDRESS:
            return LivepeerRefusal.NULL_SENDER
        if len(auxiliary_data(ticket)) != _AUXILIARY_BYTES:
            return LivepeerRefusal.AUXILIARY_LENGTH
        if round_hash == _NO_HASH:
            return LivepeerRefusal.NO_ROUND_HASH
        if round_hash != ticket.creation_round_hash:
            return LivepeerRefusal.WRONG_ROUND_HASH
        if ticket.creation_round + self.ticket_validity_rounds <= view.round_number:
            return LivepeerRefusal.EXPIRED
        return None

    def _check_draw(self, ticket: Ticket, signature: bytes, recipient_rand: int) -> LivepeerRefusal | None:
        if recipient_rand_hash(recipient_rand) != ticket.recipient_rand_hash:
            return LivepeerRefusal.WRONG_PREIMAGE
        if ticket_hash(ticket) in self.used:
            return LivepeerRefusal.USED
        refusal = self._check_signature(ticket, signature)
        if refusal is None and not wins(ticket, signature, recipient_rand):
            return LivepeerRefusal.NOT_WON
        return refusal

    def _check_funds(self, ticket: Ticket, view: LivepeerView) -> LivepeerRefusal | None:
        account = self.account(ticket.sender)
        total_wei = account.deposit_wei + account.reserve_wei
        if account.withdraw_round and view.round_number >= account.withdraw_round:
            return LivepeerRefusal.UNLOCKED
        if self.rules is LivepeerRules.BUILD_2023:
            return None if total_wei else LivepeerRefusal.NO_FUNDS
        return None if total_wei >= ticket.face_value else LivepeerRefusal.NOT_COVERED

    def _unpayable(self, recipient: bytes, view: LivepeerView) -> LivepeerRefusal | None:
        if self.rules is LivepeerRules.BUILD_2023:
            return None if recipient in view.registered else LivepeerRefusal.NOT_REGISTERED
        return None if recipient in view.active else LivepeerRefusal.NOT_ACTIVE

    def redeem(
        self, ticket: Ticket, signature: bytes, recipient_rand: int, *, view: LivepeerView, round_hash: bytes
    ) -> int | LivepeerRefusal:
        """Pay a winner, and return the wei booked for its recipient.

        Args:
            ticket: what was signed.
            signature: of any size; only 65 bytes are good.
            recipient_rand: 0 <= recipient_rand < 2**256.
            view: the present round.
            round_hash: what the chain stored for `ticket.creation_round`, 32 bytes; zeros for none.
        """
        if view.paused:
            return LivepeerRefusal.PAUSED
        refusal = (
            self._check_creation(ticket, view, round_hash)
            or self._check_draw(ticket, signature, recipient_rand)
            or self._check_funds(ticket, view)
        )
        if refusal is not None:
            return refusal
        account = self.account(ticket.sender)
        from_reserve_wei = 0
        if ticket.face_value > account.deposit_wei:
            claimable = self.claimable_wei(ticket.sender, ticket.recipient, view)
            if isinstance(claimable, LivepeerRefusal):
                return claimable
            from_reserve_wei = min(ticket.face_value - account.deposit_wei, claimable)
        from_deposit_wei = min(ticket.face_value, account.deposit_wei)
        paid_wei = from_deposit_wei + from_reserve_wei
        if paid_wei and (unpayable := self._unpayable(ticket.recipient, view)):
            return unpayable
        self.used.add(ticket_hash(ticket))
        account.deposit_wei -= from_deposit_wei
        if from_reserve_wei:
            account.reserve_wei -= from_reserve_wei
            key = (view.round_number, ticket.recipient)
            account.claimed_wei[key] = account.claimed_wei.get(key, 0) + from_reserve_wei
        return paid_wei
