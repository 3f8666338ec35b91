"""The recipient's secret number behind a set of ticket parameters, derived again instead of remembered.

    message = tag[32] · chain id[32] · broker[20] · recipient[20] · sender[20] · face value[32] · win probability[32]
              · expiration block[32] · price, wei[32] · price, units[32] · round[32] · its block hash[32] · seed[32]
    recipientRand      = HMAC-SHA256(secret, message)
    recipientRandHash  = keccak256(recipientRand)

Every field has one width, so no two different sets of fields have the same message: nobody can move a digit from
one field to the next and keep the commitment. The tag is SHA-256 of "parley/lottery/recipient-rand/v1"; it keeps
the secret's other uses apart, and numbers the layout. No peer and no contract computes this, so it is ours to choose.

What a sender sends back is thereby checked for free: with any field changed the recipient derives another number,
whose hash is not the ticket's.

`livepeer_rand` is go-livepeer's derivation, whose integers have no fixed width and which binds neither chain nor
broker nor recipient: there, fields can be split otherwise under one commitment. It is here so that winners of such
a node can be redeemed after a move to Parley, and for nothing new.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from math import gcd
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import WORD_BYTES, check_uint256
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.params import CreationRound, Price
from parley.primitives.hashing import hmac_sha256, sha256
from parley.primitives.ids import ADDRESS_BYTES, Address
from parley.primitives.one_shot import SecretKey

__all__ = ["Quote", "derive_rand", "encode_quote", "is_opened_by", "livepeer_rand"]

_TAG: Final = sha256(b"parley/lottery/recipient-rand/v1")


@dataclass(frozen=True, slots=True)
class Quote:
    """Everything that one commitment is for.

    Attributes:
        chain_id: of the chain on which the broker lives, 0 <= chain_id < 2**256.
        broker: the contract that will pay, 20 bytes.
        recipient: who is paid, 20 bytes.
        sender: who may use it, 20 bytes.
        face_value: wei, 0 <= face_value < 2**256.
        win_prob: 0 <= win_prob < 2**256.
        expiration_block: 0 <= expiration_block < 2**256.
        price: what the work costs; capability and constraint are not bound.
        creation_round: the round of the tickets.
        seed: public and fresh for each quote, 0 <= seed < 2**256.
    """

    chain_id: int
    broker: Address
    recipient: Address
    sender: Address
    face_value: int
    win_prob: int
    expiration_block: int
    price: Price
    creation_round: CreationRound
    seed: int

    def __post_init__(self) -> None:
        """Refuse what has no fixed width."""
        for name in ("broker", "recipient", "sender"):
            if len(getattr(self, name)) != ADDRESS_BYTES:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name, wanted_bytes=ADDRESS_BYTES)
        for name in ("chain_id", "face_value", "win_prob", "expiration_block", "seed"):
            check_uint256(name, getattr(self, name))


def encode_quote(quote: Quote) -> bytes:
    """Return the message of the module for a quote, 380 bytes; different quotes have different messages.

    A price is taken as it is written: 2 wei for 2 units is not 1 wei for 1.
    """
    return b"".join(
        (
            _TAG,
            _word(quote.chain_id),
            quote.broker,
            quote.recipient,
            quote.sender,
            _word(quote.face_value),
            _word(quote.win_prob),
            _word(quote.expiration_block),
            _word(quote.price.per_unit_wei),
            _word(quote.price.units),
            _word(quote.creation_round.number),
            quote.creation_round.block_hash,
            _word(quote.seed),
        )
    )


def derive_rand(secret: SecretKey, quote: Quote) -> int:
    """Derive the number behind a quote; it stays secret until a winning ticket under it is redeemed.

    Args:
        secret: the recipient's, for this and nothing else; kept encrypted, and the same after every start.
        quote: what the commitment is for.

    Returns:
        0 <= recipientRand < 2**256.

    Source: docs/spec/lottery.md §5 (vectors/lottery/commitments.json).
    """
    return int.from_bytes(hmac_sha256(secret.reveal(), encode_quote(quote)), "big")


def is_opened_by(commitment: bytes, recipient_rand: int) -> bool:
    """Say whether a number is the one behind a commitment; 32 bytes are right, others are never.

    Raises:
        LocalError: recipient_rand out of range.
    """
    return hmac.compare_digest(recipient_rand_hash(recipient_rand), commitment)


def livepeer_rand(secret: SecretKey, quote: Quote) -> int:
    """Derive the number as go-livepeer does: every integer in as few bytes as it needs, 0 in none.

    Source: go-livepeer, pm/recipient.go (vectors/lottery/commitments.json).
    """
    divisor = gcd(quote.price.per_unit_wei, quote.price.units)
    made_in = quote.creation_round
    auxiliary = _word(made_in.number) + made_in.block_hash if made_in.number or any(made_in.block_hash) else b""
    message = b"".join(
        (
            _minimal(quote.seed),
            quote.sender,
            _minimal(quote.face_value),
            _minimal(quote.win_prob),
            _minimal(quote.expiration_block),
            _minimal(quote.price.per_unit_wei // divisor),
            _minimal(quote.price.units // divisor),
            auxiliary,
        )
    )
    return int.from_bytes(hmac_sha256(secret.reveal(), message), "big")


def _word(value: int) -> bytes:
    return value.to_bytes(WORD_BYTES, "big")


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
