"""What strangers pay for, as canonical bytes: both sides tie the work to them, so they must agree to the byte."""

from __future__ import annotations

from typing import Final

from parley.pool.messages import Query
from parley.primitives.encoding import encode_text, encode_uint
from parley.primitives.hashing import tagged_hash
from parley.protocol.work import binding

__all__ = ["PUSH_PURPOSE", "QUERY_PURPOSE", "act_digest", "act_of_query", "bind_act"]

QUERY_PURPOSE: Final = "pool_query"
PUSH_PURPOSE: Final = "pool_push"

_TAG: Final = "parley/gate/act/v1"
_NO_AGE: Final = 2**64 - 1


def act_of_query(query: Query) -> bytes:
    """Return the canonical bytes of a question, all of it: more time for it would be more work for the same price."""
    max_age_ms = _NO_AGE if query.max_age_ms is None else query.max_age_ms
    return b"".join(
        (
            query.request_id,
            encode_uint(len(query.keys), 1),
            *(encode_text(key, length_bytes=1) for key in query.keys),
            encode_uint(query.remaining, 1),
            encode_uint(query.size_limit, 4),
            encode_uint(max_age_ms, 8),
            encode_uint(query.budget_ms, 8),
        )
    )


def act_digest(act: bytes) -> bytes:
    """Return the 32 bytes that name an act: who spends a challenge is the act itself."""
    return tagged_hash(_TAG, act)


def bind_act(act: bytes, *, sender: bytes, recipient: bytes, purpose: str) -> bytes:
    """Return the binding of the challenge for an act."""
    return binding(
        sender=sender, recipient=recipient, size_bytes=len(act), purpose=f"{purpose}:{act_digest(act).hex()}"
    )
