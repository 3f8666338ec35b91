"""The pure checks of the pool, cheapest first; the signature last, before anything changes.

A check returns None or the reason to refuse. Who is at fault is the caller's to say: over a push it is the
pusher, over an answer it is the link that delivered it (never the author).
"""

from __future__ import annotations

from collections.abc import Callable

from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import (
    SEQUENCE_MAX,
    SIGNATURE_BYTES,
    Record,
    Removal,
    body_id,
    is_keys,
    record_body,
    removal_id,
)
from parley.primitives import schnorr
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = ["Verify", "check_form", "check_record", "check_removal", "check_times", "is_under"]

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> whether it verifies; `schnorr.verify` or a cache in front of it."""

_AUTHOR_BYTES = 32


def check_form(record: Record, config: PoolConfig) -> Rejected | None:
    """Check sizes and ranges of every field; nothing of time or signature."""
    if len(record.author) != _AUTHOR_BYTES or len(record.signature) != SIGNATURE_BYTES:
        return Rejected(ErrorCode.MALFORMED, {"field": "author or signature"})
    if not is_keys(record.keys):
        return Rejected(ErrorCode.KEYS_INVALID)
    if not 0 <= record.sequence <= SEQUENCE_MAX:
        return Rejected(ErrorCode.MALFORMED, {"field": "sequence", "maximum": SEQUENCE_MAX})
    if not 0 <= record.created_ms < record.expires_ms <= INSTANT_MAX_MS:
        return Rejected(ErrorCode.MALFORMED, {"field": "created or expires"})
    limit_bytes = config.message_bytes_max
    if len(record.message) > limit_bytes:
        return Rejected(ErrorCode.TOO_LARGE, {"field": "message", "limit_bytes": limit_bytes})
    if record.message.isascii():
        return None
    try:
        size_bytes = len(record.message.encode())
    except UnicodeEncodeError:
        return Rejected(ErrorCode.MALFORMED, {"field": "message"})
    if size_bytes > limit_bytes:
        return Rejected(ErrorCode.TOO_LARGE, {"field": "message", "limit_bytes": limit_bytes})
    return None


def check_times(record: Record, now: Instant, config: PoolConfig) -> Rejected | None:
    """Check the signed times against this node's clock: not expired, not from the future, not too long."""
    if record.expires_ms <= now:
        return Rejected(ErrorCode.EXPIRED, {"expired_ms_ago": now - record.expires_ms})
    if record.created_ms > now + config.skew_ms:
        return Rejected(ErrorCode.CLOCK_SKEW, {"ahead_ms": record.created_ms - now, "allowed_ms": config.skew_ms})
    if record.expires_ms - record.created_ms > config.lifetime_ms_max:
        return Rejected(ErrorCode.LIFETIME_TOO_LONG, {"limit_ms": config.lifetime_ms_max})
    return None


def check_record(record: Record, now: Instant, config: PoolConfig, verify: Verify = schnorr.verify) -> bytes | Rejected:
    """Check a record wholly: form, times, signature.

    Returns:
        The canonical body of the record (its id is `body_id` of it), or why it is refused.
    """
    refusal = check_form(record, config) or check_times(record, now, config)
    if refusal is not None:
        return refusal
    body = record_body(record)
    if not verify(record.author, body_id(body), record.signature):
        return Rejected(ErrorCode.BAD_SIGNATURE)
    return body


def check_removal(removal: Removal, verify: Verify = schnorr.verify) -> Rejected | None:
    """Check a removal: form and signature."""
    if len(removal.author) != _AUTHOR_BYTES or len(removal.signature) != SIGNATURE_BYTES:
        return Rejected(ErrorCode.MALFORMED, {"field": "author or signature"})
    if not is_keys(removal.keys):
        return Rejected(ErrorCode.KEYS_INVALID)
    if not 0 <= removal.sequence <= SEQUENCE_MAX:
        return Rejected(ErrorCode.MALFORMED, {"field": "sequence", "maximum": SEQUENCE_MAX})
    if not verify(removal.author, removal_id(removal), removal.signature):
        return Rejected(ErrorCode.BAD_SIGNATURE)
    return None


def is_under(keys: tuple[str, ...], prefix: tuple[str, ...]) -> bool:
    """Say whether keys begin with the prefix, whole keys compared."""
    return keys[: len(prefix)] == prefix
