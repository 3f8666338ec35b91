"""Names of things as fixed-size bytes, each of its own type so that two of them cannot be swapped."""

from __future__ import annotations

from typing import Final, NewType

from parley.errors import ErrorCode, LocalError

__all__ = [
    "ADDRESS_BYTES",
    "CHALLENGE_ID_BYTES",
    "PUBLIC_KEY_BYTES",
    "RECORD_ID_BYTES",
    "REQUEST_ID_BYTES",
    "Address",
    "AuthorKey",
    "ChallengeId",
    "NodeId",
    "RecordId",
    "RequestId",
    "address",
    "author_key",
    "challenge_id",
    "node_id",
    "record_id",
    "request_id",
]

PUBLIC_KEY_BYTES: Final = 32
"""Size of an x-only public key (BIP340)."""

RECORD_ID_BYTES: Final = 32
"""Size of a record's tagged hash."""

REQUEST_ID_BYTES: Final = 16
"""Size of a request's random name."""

CHALLENGE_ID_BYTES: Final = 16
"""Size of a challenge's random name."""

ADDRESS_BYTES: Final = 20
"""Size of an account's or a contract's address on an EVM chain."""

NodeId = NewType("NodeId", bytes)
"""The x-only public key that a node proves to hold, 32 bytes."""

AuthorKey = NewType("AuthorKey", bytes)
"""The x-only public key that signs a record, 32 bytes."""

RecordId = NewType("RecordId", bytes)
"""The tagged hash of a record, 32 bytes."""

RequestId = NewType("RequestId", bytes)
"""The name of one request and of its answers, 16 bytes."""

ChallengeId = NewType("ChallengeId", bytes)
"""The name of one challenge, 16 bytes."""

Address = NewType("Address", bytes)
"""An account or a contract on an EVM chain, 20 bytes; twenty zeros are the null address."""


def _check_size(raw: bytes, wanted_bytes: int) -> None:
    if len(raw) != wanted_bytes:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(raw), wanted_bytes=wanted_bytes)


def node_id(raw: bytes) -> NodeId:
    """Name a node by its public key of 32 bytes; that it lies on the curve is not checked.

    Raises:
        LocalError: another size.
    """
    _check_size(raw, PUBLIC_KEY_BYTES)
    return NodeId(raw)


def author_key(raw: bytes) -> AuthorKey:
    """Name an author by its public key of 32 bytes; that it lies on the curve is not checked.

    Raises:
        LocalError: another size.
    """
    _check_size(raw, PUBLIC_KEY_BYTES)
    return AuthorKey(raw)


def record_id(raw: bytes) -> RecordId:
    """Name a record by its hash of 32 bytes.

    Raises:
        LocalError: another size.
    """
    _check_size(raw, RECORD_ID_BYTES)
    return RecordId(raw)


def request_id(raw: bytes) -> RequestId:
    """Name a request by 16 bytes of entropy.

    Raises:
        LocalError: another size.
    """
    _check_size(raw, REQUEST_ID_BYTES)
    return RequestId(raw)


def challenge_id(raw: bytes) -> ChallengeId:
    """Name a challenge by 16 bytes of entropy.

    Raises:
        LocalError: another size.
    """
    _check_size(raw, CHALLENGE_ID_BYTES)
    return ChallengeId(raw)


def address(raw: bytes) -> Address:
    """Name an account or a contract by 20 bytes.

    Raises:
        LocalError: another size.
    """
    _check_size(raw, ADDRESS_BYTES)
    return Address(raw)
