"""Signatures of a known key: whatever the bytes, the verdict is that of libsecp256k1.

An input is a secret of 32 bytes, which makes the key, and then digests and signatures of 32 and 65 bytes in turns. Its
first 64 bytes are also taken for a key, which they seldom are.
"""

from __future__ import annotations

import coincurve

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.known_keys import ENGINES, KnownKey

__all__ = ["fuzz_one"]

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_ONE = 32 + 65


def fuzz_one(data: bytes) -> None:
    """Judge with every engine, all at once and one by one."""
    _judge_key(data[:64])
    if len(data) < 32 + _ONE:
        raise PeerError(ErrorCode.MALFORMED)
    try:
        public = coincurve.PublicKey.from_secret(data[:32]).format(compressed=False)[1:]
    except ValueError as error:
        raise PeerError(ErrorCode.MALFORMED) from error
    parts = [data[place : place + _ONE] for place in range(32, len(data), _ONE)]
    digests, signatures = [part[:32] for part in parts], [part[32:] for part in parts]
    expected = [_recover(digest, signature) == public for digest, signature in zip(digests, signatures, strict=True)]
    for engine in ENGINES:
        known = KnownKey(public, engine=engine)
        if known.verify_all(digests, signatures) != expected:
            raise AssertionError(engine.name)
        if [known.verify(digest, signature) for digest, signature in zip(digests, signatures, strict=True)] != expected:
            raise AssertionError(engine.name)


def _judge_key(public: bytes) -> None:
    """Take for a key what libsecp256k1 takes for one, and nothing else."""
    try:
        coincurve.PublicKey(b"\x04" + public)
        is_key = True
    except ValueError:
        is_key = False
    for engine in ENGINES:
        try:
            KnownKey(public, engine=engine)
        except LocalError as error:
            if is_key:
                raise AssertionError(engine.name) from error
        else:
            if not is_key:
                raise AssertionError(engine.name)


def _recover(digest: bytes, signature: bytes) -> bytes | None:
    if len(digest) != 32 or len(signature) != 65 or signature[64] not in {27, 28}:
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        point = coincurve.PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        return None
    return point.format(compressed=False)[1:]
