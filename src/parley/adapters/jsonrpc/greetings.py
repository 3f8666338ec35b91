"""The JSON documents by which nodes greet each other and name their peers, and what is asked of a stranger.

Source: docs/spec/peers.md.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.documents import Hex32, Hex64, decode_document
from parley.errors import ErrorCode, PeerError
from parley.pool.addresses import ADDRESS_CHARACTERS_MAX
from parley.primitives.ids import NodeId
from parley.protocol.challenges import Challenge, encode_challenge

__all__ = [
    "ADDRESSES_MAX",
    "AddressesDocument",
    "ChallengeDocument",
    "HelloAnswer",
    "HelloAnswerDocument",
    "HelloDocument",
    "addresses_params",
    "challenge_document",
    "encode_hello_answer",
    "hello_params",
    "parse_addresses_answer",
    "parse_hello_answer",
    "parse_nonce",
]

ADDRESSES_MAX: Final = 1_000
"""Most addresses that may be asked for at once."""

_VERSION_MAX: Final = 2**31 - 1
_NETWORK_CHARACTERS_MAX: Final = 32

AddressText = Annotated[str, Meta(max_length=ADDRESS_CHARACTERS_MAX)]
NetworkName = Annotated[str, Meta(min_length=1, max_length=_NETWORK_CHARACTERS_MAX)]
Version = Annotated[int, Meta(ge=1, le=_VERSION_MAX)]


class HelloDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Parameters of peer_hello."""

    version: Version
    nonce: Hex32
    address: AddressText | None
    network: NetworkName


class HelloAnswerDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What peer_hello answers."""

    id: Hex32
    version: Version
    network: NetworkName
    address: AddressText | None
    signature: Hex64


class AddressesDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Parameters of peer_addresses."""

    limit: Annotated[int, Meta(ge=1, le=ADDRESSES_MAX)]


class ChallengeDocument(msgspec.Struct, frozen=True, gc=False):
    """One challenge of `data.challenges`: the canonical bytes, and what they say, for a person to read."""

    method: str
    challenge: str
    expected_tries: int
    params: dict[str, str | int]
    expires_ms: int


@dataclass(frozen=True, slots=True)
class HelloAnswer:
    """What a node says of itself; the signature is not checked yet.

    Attributes:
        id: x-only public key, 32 bytes.
        version: of the protocol.
        network: which network of nodes it belongs to.
        address: where it can be reached, in any spelling; None when it cannot or will not say.
        signature: 64 bytes, by `id`.
    """

    id: NodeId
    version: int
    network: str
    address: str | None
    signature: bytes


_HELLO_ANSWER: Final = msgspec.json.Decoder(HelloAnswerDocument)
_ADDRESSES: Final = msgspec.json.Decoder(Annotated[tuple[AddressText, ...], Meta(max_length=ADDRESSES_MAX)])
_encode: Final = msgspec.json.Encoder().encode


def hello_params(*, version: int, nonce: bytes, address: str | None, network: str) -> bytes:
    """Return the parameters of peer_hello, as JSON."""
    return _encode(HelloDocument(version, nonce.hex(), address, network))


def parse_nonce(document: HelloDocument) -> bytes:
    """Return the 32 bytes that the answer to a greeting has to sign.

    Raises:
        PeerError: MALFORMED: no hex.
    """
    return _unhex(document.nonce, "nonce")


def encode_hello_answer(answer: HelloAnswer) -> bytes:
    """Return what peer_hello answers, as JSON, without the `Ok` around it."""
    return _encode(
        HelloAnswerDocument(answer.id.hex(), answer.version, answer.network, answer.address, answer.signature.hex())
    )


def parse_hello_answer(raw: bytes) -> HelloAnswer:
    """Read what peer_hello answered; whether the signature is right is not judged.

    Args:
        raw: JSON of the value under `Ok`, see `answers.parse_reply`.

    Raises:
        PeerError: MALFORMED: the bytes are no such answer.
    """
    document = decode_document(raw, _HELLO_ANSWER, "hello")
    return HelloAnswer(
        NodeId(_unhex(document.id, "id")),
        document.version,
        document.network,
        document.address,
        _unhex(document.signature, "signature"),
    )


def addresses_params(limit: int) -> bytes:
    """Return the parameters of peer_addresses, as JSON.

    Args:
        limit: 1..1000.
    """
    return _encode(AddressesDocument(limit))


def parse_addresses_answer(raw: bytes) -> tuple[str, ...]:
    """Read what peer_addresses answered: texts of limited length, whose form is not judged.

    Raises:
        PeerError: MALFORMED: the bytes are no such answer.
    """
    return decode_document(raw, _ADDRESSES, "addresses")


def challenge_document(challenge: Challenge, expected_tries: int) -> ChallengeDocument:
    """Return a challenge as a stranger is shown it.

    Args:
        challenge: to solve.
        expected_tries: of the method, 0 where the work is not tries.
    """
    encoded = base64.b64encode(encode_challenge(challenge)).decode()
    params = dict(challenge.params)
    return ChallengeDocument(challenge.method, encoded, expected_tries, params, challenge.expires_ms)


def _unhex(text: str, field: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        raise PeerError(ErrorCode.MALFORMED, field=field) from None
