"""Tickets for tests, packed and signed without the code of the package."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Final

import coincurve
from eth_abi.packed import encode_packed
from eth_utils.crypto import keccak

__all__ = [
    "ALWAYS",
    "ORDER",
    "RAND",
    "Key",
    "RoundTicket",
    "draw_of",
    "high_s_twin",
    "prefixed_digest",
    "rand_hash",
]

ALWAYS: Final = 2**256 - 1
RAND: Final = 5
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NULL: Final = bytes(20)


def rand_hash(rand: int) -> bytes:
    """Return the commitment to a recipient's secret number."""
    return bytes(keccak(rand.to_bytes(32, "big")))


def prefixed_digest(ticket_hash: bytes) -> bytes:
    """Return what an Ethereum account signs to sign 32 bytes (EIP-191)."""
    return bytes(keccak(b"\x19Ethereum Signed Message:\n32" + ticket_hash))


def draw_of(signature: bytes, rand: int = RAND) -> int:
    """Return the number that has to be below the win probability."""
    return int.from_bytes(keccak(signature + rand.to_bytes(32, "big")), "big")


def high_s_twin(signature: bytes) -> bytes:
    """Return the other signature of the same key over the same message."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


class Key:
    """A private key of a test, made from its number."""

    def __init__(self, number: int) -> None:
        self._key = coincurve.PrivateKey(number.to_bytes(32, "big"))
        self.address = bytes(keccak(self._key.public_key.format(compressed=False)[1:])[12:])

    def sign(self, ticket_hash: bytes) -> bytes:
        """Sign a ticket hash: r, s, and v of 27 or 28."""
        signature = self._key.sign_recoverable(prefixed_digest(ticket_hash), hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTicket:
    """A ticket as `TicketBroker` takes it; fields in the order of the structure."""

    recipient: bytes
    sender: bytes
    face_value: int
    win_prob: int = ALWAYS
    nonce: int = 1
    rand_hash: bytes = rand_hash(RAND)
    creation_round: int = 1
    creation_hash: bytes = bytes(32)

    def arguments(self) -> tuple[object, ...]:
        """Return the fields as a call takes them."""
        return astuple(self)

    def hash(self) -> bytes:
        """Return the hash that is signed."""
        kinds = ["address", "address", "uint256", "uint256", "uint256", "bytes32", "uint256", "bytes32"]
        return bytes(keccak(encode_packed(kinds, self.arguments())))

    def but(self, **fields: bytes | int) -> RoundTicket:
        """Return the same ticket with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type]  # a test names fields with their types
