"""Senders that cheat: what each of them sends, so that a recipient can be shown to lose no more than it risked.

    payer = Payer(secret)
    payment = payer.pay(params, [1, 2, 3], price)          an honest payment, without any check of its own
    for cheat in CHEATS: cheat.pay(payer, params, price)   what a cheat makes of the same parameters

A cheat is a value with a name, so that a test or a simulation can run them all. What takes the chain along, like
withdrawing in front of a redemption, or paying the deposit out to oneself, is written in the tests, with `Payer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.draws import draw, recipient_rand_hash
from parley.lottery.params import NONCE_MAX, CreationRound, Payment, Price, SignedNonce, TicketParams, payment_tickets
from parley.lottery.signing import sign_ticket, signing_digest
from parley.lottery.tickets import Ticket
from parley.primitives import ecdsa
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey

__all__ = ["CHEATS", "Cheat", "Payer", "flipped_v", "high_s_twin", "sign_with"]

_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_BLANK: Final = bytes(65)
_V_SUM: Final = 27 + 28


class Payer:
    """A key that signs whatever it is asked to.

    Attributes:
        address: of the key, 20 bytes.
        sender: in whose name it pays.
    """

    def __init__(self, secret: bytes, *, sender: Address | None = None) -> None:
        """Take a key.

        Args:
            secret: 32 bytes, 1 <= key < n.
            sender: in whose name it pays; its own where None.
        """
        self._secret = SecretKey(secret)
        self.address = ecdsa.address_of(ecdsa.public_key(secret))
        self.sender = self.address if sender is None else sender

    def pay(
        self,
        params: TicketParams,
        nonces: Sequence[int],
        price: Price | None = None,
        *,
        made_in: CreationRound | None = None,
    ) -> Payment:
        """Sign one ticket per nonce.

        Args:
            params: under which to pay.
            nonces: of the tickets.
            price: what the payment says of the price.
            made_in: the round of the tickets; that of the parameters where None.
        """
        payment = self.unsigned(params, nonces, price, made_in=made_in)
        return self.signed(payment, [sign_ticket(ticket, self._secret) for ticket, _ in payment_tickets(payment)])

    def unsigned(
        self,
        params: TicketParams,
        nonces: Sequence[int],
        price: Price | None = None,
        *,
        made_in: CreationRound | None = None,
    ) -> Payment:
        """Return a payment with signatures of zeros."""
        return Payment(
            sender=self.sender,
            params=params,
            creation_round=params.creation_round if made_in is None else made_in,
            tickets=tuple(SignedNonce(nonce, _BLANK) for nonce in nonces),
            expected_price=price,
        )

    def signed(self, payment: Payment, signatures: Sequence[bytes]) -> Payment:
        """Return a payment with other signatures."""
        pairs = zip(payment.tickets, signatures, strict=True)
        return replace(payment, tickets=tuple(SignedNonce(signed.nonce, signature) for signed, signature in pairs))

    def sign_again(self, ticket: Ticket, attempt: int) -> bytes:
        """Sign a ticket in one more right way; each attempt gives another signature, and so another draw."""
        return sign_with(self._secret.reveal(), signing_digest(ticket), attempt)


def sign_with(secret: bytes, digest: bytes, secret_nonce: int) -> bytes:
    """Sign with a chosen secret nonce, which no honest signer does.

    Args:
        secret: 32 bytes.
        digest: 32 bytes.
        secret_nonce: 1 <= nonce < n.

    Returns:
        65 bytes in the one right form.
    """
    point = ecdsa.public_key(secret_nonce.to_bytes(32, "big"))
    r = int.from_bytes(point[:32], "big") % _ORDER
    key, message = int.from_bytes(secret, "big"), int.from_bytes(digest, "big")
    s = pow(secret_nonce, -1, _ORDER) * (message + r * key) % _ORDER
    is_odd = point[63] & 1
    if s > _ORDER // 2:
        s, is_odd = _ORDER - s, 1 - is_odd
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + is_odd,))


def high_s_twin(signature: bytes) -> bytes:
    """Return the other form of a signature, which recovers to the same key and hashes to another draw."""
    s = _ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((_V_SUM - signature[64],))


def flipped_v(signature: bytes) -> bytes:
    """Return a signature with the other v: right by r and s, and another key's."""
    return signature[:64] + bytes((_V_SUM - signature[64],))


@dataclass(frozen=True, slots=True)
class Cheat:
    """One way to cheat with a single payment.

    Attributes:
        name: of the cheat.
        pay: makes the payment from a payer, the parameters that were quoted to it, and their price.
    """

    name: str
    pay: Callable[[Payer, TicketParams, Price], Payment]


def _resplit(payer: Payer, params: TicketParams, price: Price) -> Payment:
    """Pay with twice the face value at half the probability: worth the same, and redeemed half as often."""
    return payer.pay(replace(params, face_value=params.face_value * 2, win_prob=params.win_prob // 2), [1], price)


def _never_win(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.pay(replace(params, win_prob=0), [1], price)


def _tiny_face_value(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.pay(replace(params, face_value=1, win_prob=UINT256_MAX), [1], price)


def _prolong(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.pay(replace(params, expiration_block=params.expiration_block + 1_000_000), [1], price)


def _own_commitment(payer: Payer, params: TicketParams, price: Price) -> Payment:
    """Pay under a commitment whose number the payer chose, and signs until it loses."""
    chosen = 7
    own = replace(params, recipient_rand_hash=recipient_rand_hash(chosen))
    ticket = payment_tickets(payer.unsigned(own, [1], price))[0][0]
    for attempt in range(1, 100):
        signature = payer.sign_again(ticket, attempt)
        if draw(signature, chosen) >= own.win_prob:
            return payer.signed(payer.unsigned(own, [1], price), [signature])
    raise LocalError(ErrorCode.WRONG_STATE, fault="every signature wins")


def _cheaper(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.pay(params, [1], Price(max(price.per_unit_wei - 1, 0), price.units + 1))


def _other_round(payer: Payer, params: TicketParams, price: Price) -> Payment:
    made_in = params.creation_round
    number = 1 if made_in is None else made_in.number + 1
    return payer.pay(params, [1], price, made_in=CreationRound(number, bytes(32)))


def _other_recipient(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.pay(replace(params, recipient=payer.address), [1], price)


def _null_recipient(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.pay(replace(params, recipient=Address(bytes(20))), [1], price)


def _null_sender(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return replace(payer.pay(params, [1], price), sender=Address(bytes(20)))


def _high_s(payer: Payer, params: TicketParams, price: Price) -> Payment:
    payment = payer.pay(params, [1], price)
    return payer.signed(payment, [high_s_twin(payment.tickets[0].signature)])


def _other_v(payer: Payer, params: TicketParams, price: Price) -> Payment:
    payment = payer.pay(params, [1], price)
    return payer.signed(payment, [flipped_v(payment.tickets[0].signature)])


def _unsigned(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return payer.unsigned(params, [1], price)


def _other_tickets_signature(payer: Payer, params: TicketParams, price: Price) -> Payment:
    one, two = payer.pay(params, [1], price), payer.pay(params, [2], price)
    return payer.signed(two, [one.tickets[0].signature])


def _other_key(payer: Payer, params: TicketParams, price: Price) -> Payment:
    return Payer(b"\x5c" * 32, sender=payer.sender).pay(params, [NONCE_MAX], price)


CHEATS: Final = (
    Cheat("twice the face value at half the probability", _resplit),
    Cheat("a ticket that never wins", _never_win),
    Cheat("a face value of one wei that always wins", _tiny_face_value),
    Cheat("parameters that hold longer", _prolong),
    Cheat("a commitment of its own", _own_commitment),
    Cheat("another price", _cheaper),
    Cheat("another round", _other_round),
    Cheat("another recipient", _other_recipient),
    Cheat("the null address as recipient", _null_recipient),
    Cheat("the null address as sender", _null_sender),
    Cheat("the twin of the signature with a high s", _high_s),
    Cheat("the other v", _other_v),
    Cheat("no signature", _unsigned),
    Cheat("the signature of another ticket", _other_tickets_signature),
    Cheat("a key that was not approved", _other_key),
)
"""Every cheat of a single payment; a recipient takes no ticket of any."""
