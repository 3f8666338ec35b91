"""Whether a ticket wins: a number that neither side can choose.

    draw = uint256(keccak256(signature || recipientRand, 32 bytes big endian))
    wins = draw < win_prob                       strictly: win_prob 0 never wins, 2**256 - 1 all but never loses

The recipient is bound by its commitment in the ticket before the sender signs, and the sender cannot know the
preimage when signing. This is `parley.protocol.beacon` in its EVM profile: a signature leaf, then a hash leaf.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from parley.ledgers.evm.packing import UINT256_MAX, pack_uint256
from parley.lottery.signing import signing_digest
from parley.lottery.tickets import Ticket
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address
from parley.protocol import beacon
from parley.protocol.beacon import Beacon, HashLeaf, Profile, Seed, SignatureLeaf

__all__ = ["draw", "expected_value", "recipient_rand_hash", "ticket_beacon", "wins"]

_PROBABILITY_ONE: Final = UINT256_MAX


def draw(signature: bytes, recipient_rand: int) -> int:
    """Return the number that decides a ticket.

    Args:
        signature: the sender's, as it was sent; that it is right is checked elsewhere.
        recipient_rand: the preimage of the commitment, 0 <= recipient_rand < 2**256.

    Returns:
        0 <= draw < 2**256.

    Raises:
        LocalError: recipient_rand out of range.

    Source: docs/spec/lottery.md §4 (vectors/lottery/draws.json).
    """
    return int.from_bytes(keccak256(signature, pack_uint256(recipient_rand)), "big")


def wins(ticket: Ticket, signature: bytes, recipient_rand: int) -> bool:
    """Say whether a ticket wins; signature and commitment are checked elsewhere.

    Raises:
        LocalError: recipient_rand out of range.

    Source: docs/spec/lottery.md §4 (vectors/lottery/draws.json).
    """
    return beacon.wins(Seed(keccak256(signature, pack_uint256(recipient_rand))), ticket.win_prob)


def recipient_rand_hash(recipient_rand: int) -> bytes:
    """Return the commitment to a preimage, 32 bytes.

    Args:
        recipient_rand: 0 <= recipient_rand < 2**256.

    Raises:
        LocalError: out of range.

    Source: docs/spec/lottery.md §5 (vectors/lottery/commitments.json).
    """
    return keccak256(pack_uint256(recipient_rand))


def ticket_beacon(ticket: Ticket, *, signer: Address | None = None) -> Beacon:
    """Return the beacon of a ticket: seat 0 is the sender's signature, seat 1 the recipient's preimage.

    Its seed, read as a number, is `draw`. It is the form in which a third party re-derives a draw.

    Args:
        ticket: the ticket, unsigned.
        signer: who signs for the sender; the sender itself when None.
    """
    signature = SignatureLeaf(signer=ticket.sender if signer is None else signer, digest=signing_digest(ticket))
    return Beacon(b"", (signature, HashLeaf(ticket.recipient_rand_hash)), Profile.EVM)


def expected_value(*, face_value: int, win_prob: int) -> Fraction:
    """Return what a ticket is worth, in wei, exactly: face_value * win_prob / (2**256 - 1).

    Args:
        face_value: wei, >= 0.
        win_prob: 0 <= win_prob < 2**256.

    Source: docs/spec/lottery.md §4 (vectors/lottery/expected_values.json).
    """
    return Fraction(face_value * win_prob, _PROBABILITY_ONE)
