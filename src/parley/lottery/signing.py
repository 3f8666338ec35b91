"""The sender's signature over a ticket, and who made it.

    digest    = keccak256(0x19 || "Ethereum Signed Message:" || 0x0a || "32" || ticket hash)
    signature = r || s || v, 65 bytes, s <= n/2, v 27 or 28

The signature's bytes decide the lottery, so exactly one form of each signature is right: `parley.primitives.ecdsa`.
"""

from __future__ import annotations

from parley.ledgers.evm.messages import hash_digest
from parley.lottery.tickets import Ticket, ticket_hash
from parley.primitives import ecdsa
from parley.primitives.ids import Address
from parley.primitives.known_keys import KnownKey
from parley.primitives.one_shot import SecretKey

__all__ = ["is_signed_by", "recover_signer", "sign_ticket", "signing_digest"]


def signing_digest(ticket: Ticket) -> bytes:
    """Return what the sender signs for a ticket, 32 bytes.

    Source: docs/spec/lottery.md §3 (vectors/lottery/signatures.json).
    """
    return hash_digest(ticket_hash(ticket))


def sign_ticket(ticket: Ticket, secret: SecretKey | bytes) -> bytes:
    """Sign a ticket; the same ticket always gets the same signature (RFC 6979).

    Whether the key is the sender's or an approved signer's is not checked: the chain knows.

    Args:
        ticket: what to sign; its nonce is spent by this.
        secret: the key, 1 <= key < n; 32 raw bytes are taken too, for keys that are no secret.

    Returns:
        65 bytes.

    Raises:
        LocalError: not a secret key.
    """
    key = secret if isinstance(secret, SecretKey) else SecretKey(secret)
    return ecdsa.sign(key.reveal(), signing_digest(ticket))


def recover_signer(ticket: Ticket, signature: bytes) -> Address | None:
    """Return the address that signed a ticket; whether it may sign for the sender is judged by the caller.

    Args:
        ticket: what was signed.
        signature: of any size; only the one right form counts.

    Returns:
        20 bytes, or None where the bytes are no signature in the one right form.
    """
    public = ecdsa.recover(signing_digest(ticket), signature)
    return None if public is None else ecdsa.address_of(public)


def is_signed_by(key: KnownKey, ticket: Ticket, signature: bytes) -> bool:
    """Say whether a known key signed a ticket: the verdict of `recover_signer`, for who has paid here before.

    Args:
        key: of the signer, as recovered from an earlier ticket.
        ticket: what was signed.
        signature: of any size; only the one right form counts.
    """
    return key.verify(signing_digest(ticket), signature)
