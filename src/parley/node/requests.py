"""Questions to peers over the transport, each signed for its recipient, each answer decoded strictly."""

from __future__ import annotations

import hmac

from parley.adapters.http.requests import ANY_RECIPIENT, sign_request
from parley.adapters.jsonrpc.answers import encode_call, parse_reply
from parley.adapters.jsonrpc.documents import parse_answer_document, query_params
from parley.adapters.jsonrpc.greetings import (
    HelloAnswer,
    addresses_params,
    hello_params,
    parse_addresses_answer,
    parse_hello_answer,
)
from parley.errors import ErrorCode, PeerError
from parley.node.identity import Identity
from parley.pool.addresses import Address
from parley.pool.messages import Answer, Query
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.transport import Transport
from parley.primitives import schnorr
from parley.primitives.hashing import sha256, tagged_hash
from parley.primitives.ids import NodeId

__all__ = ["PROTOCOL_VERSION", "PeerRequests", "hello_digest"]

PROTOCOL_VERSION = 1
_NONCE_BYTES = 32
_SMALL_ANSWER_BYTES = 65_536
_HELLO_TAG = "parley/peer/hello/v1"


def hello_digest(*, callee: NodeId, caller: NodeId, nonce: bytes, address: str | None) -> bytes:
    """Return what the answer to a greeting signs: who answers, from where, to whom, and that it is fresh."""
    return tagged_hash(_HELLO_TAG, callee, caller, nonce, sha256((address or "").encode()))


class PeerRequests:
    """Asks peers in this node's name."""

    def __init__(
        self, *, identity: Identity, clock: Clock, entropy: Entropy, transport: Transport, network: str
    ) -> None:
        """Ask over a transport."""
        self._identity = identity
        self._clock = clock
        self._entropy = entropy
        self._transport = transport
        self._network = network

    async def hello(
        self, address: Address, expected: NodeId | None, *, own_address: str | None, timeout_ms: int
    ) -> HelloAnswer:
        """Greet an address and check who answers.

        Raises:
            PeerError: nonsense, another network (PEER_REFUSED), or a signature that does not verify (BAD_SIGNATURE).
            UnavailableError: no answer.
        """
        nonce = self._entropy.take(_NONCE_BYTES)
        params = hello_params(version=PROTOCOL_VERSION, nonce=nonce, address=own_address, network=self._network)
        value = await self.call(
            address,
            expected or ANY_RECIPIENT,
            "peer_hello",
            params,
            timeout_ms=timeout_ms,
            limit_bytes=_SMALL_ANSWER_BYTES,
        )
        answer = parse_hello_answer(value)
        digest = hello_digest(callee=answer.id, caller=self._identity.node_id, nonce=nonce, address=answer.address)
        if not schnorr.verify(answer.id, digest, answer.signature):
            raise PeerError(ErrorCode.BAD_SIGNATURE, culprits=(answer.id,))
        if answer.network != self._network:
            raise PeerError(ErrorCode.PEER_REFUSED, reason="another network")
        if expected is not None and not hmac.compare_digest(expected, answer.id):
            raise PeerError(ErrorCode.WRONG_RECIPIENT)
        return answer

    async def addresses(self, node_id: NodeId, address: Address, limit: int, *, timeout_ms: int) -> tuple[str, ...]:
        """Ask a link for addresses: texts from a remote.

        Raises:
            PeerError: nonsense or a refusal.
            UnavailableError: no answer.
        """
        value = await self.call(
            address,
            node_id,
            "peer_addresses",
            addresses_params(limit),
            timeout_ms=timeout_ms,
            limit_bytes=limit * 1_024 + _SMALL_ANSWER_BYTES,
        )
        return parse_addresses_answer(value)

    async def query(
        self, node_id: NodeId, address: Address, query: Query, *, timeout_ms: int, limit_bytes: int
    ) -> Answer:
        """Put a copy of a query to a link; records are checked for form only.

        Args:
            node_id: of the link.
            address: of the link.
            query: its budget is the link's own.
            timeout_ms: longer than that budget, as the answer may leave at its end.
            limit_bytes: of the answer.

        Raises:
            PeerError: nonsense or a refusal.
            UnavailableError: no answer in time.
        """
        value = await self.call(
            address, node_id, "pool_query", query_params(query), timeout_ms=timeout_ms, limit_bytes=limit_bytes
        )
        return parse_answer_document(value)

    async def call(
        self, address: Address, recipient: NodeId, method: str, params: bytes, *, timeout_ms: int, limit_bytes: int
    ) -> bytes:
        """Call a method of a node; return the JSON under `Ok`.

        Raises:
            PeerError: nonsense or a refusal.
            UnavailableError: no answer in time.
        """
        body = encode_call(method, params)
        headers = await sign_request(self._identity, recipient=recipient, sent_ms=self._clock.now(), body=body)
        raw = await self._transport.request(
            f"{address}/v2/foreign", body, headers, timeout_ms=timeout_ms, answer_limit_bytes=limit_bytes
        )
        return parse_reply(raw)
