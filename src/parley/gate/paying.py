"""The client's side of the scheme `pow`, without any I/O: which offer is worth solving, and what to send then.

A client believes an offer in nothing that it can find out by itself. What the work costs follows from the challenge,
not from the `amount` beside it; and the challenge must be tied to the client's own request, so that nobody gets it to
work for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, PeerError, Rejected
from parley.gate.binding import act_of
from parley.gate.work_scheme import WORK_NETWORK, WORK_SCHEME, challenge_of, proof_payload
from parley.gate.x402 import X402_VERSION, PaymentRequired, PaymentSignature, Requirement, encode_header
from parley.protocol.work import Challenge, Registry, WorkMethod

__all__ = ["OwnRequest", "WorkOrder", "choose_work", "payment_header"]

_OFFERS: Final = (WORK_SCHEME, WORK_NETWORK)


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request as its sender knows it.

    Attributes:
        method: of HTTP.
        host: as the Host header says it.
        target: path and query as sent.
        body: all of it.
    """

    method: str
    host: str
    target: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """A challenge that is to be solved.

    Attributes:
        entry: of the offer, as it came.
        challenge: in it.
        method: that solves it.
        expected_tries: on average.
    """

    entry: Requirement
    challenge: Challenge
    method: WorkMethod
    expected_tries: int


def choose_work(
    required: PaymentRequired, request: OwnRequest, methods: Registry, left_tries: int
) -> WorkOrder | Rejected:
    """Choose what to solve, by the client's preference.

    Args:
        required: what the server would accept.
        request: that it answered.
        methods: that the client can solve, best first.
        left_tries: the most expected tries that it would spend.

    Returns:
        The first that can be solved; or METHOD_UNKNOWN: nothing on offer can be; PROTOCOL_VIOLATION: what can be is
        for another request; TOO_EXPENSIVE: what is for this request costs more.

    Raises:
        PeerError: MALFORMED or TOO_LARGE: an entry of the scheme has another form.
    """
    entries = [entry for entry in required.accepts if (entry.scheme, entry.network) == _OFFERS]
    offered = [(entry, challenge_of(entry)) for entry in entries]
    objection = Rejected(ErrorCode.METHOD_UNKNOWN)
    for method in methods.methods:
        for entry, challenge in offered:
            if challenge.method != method.name:
                continue
            if not _is_for(request, entry, challenge):
                objection = Rejected(ErrorCode.PROTOCOL_VIOLATION, {"field": "binding"})
                continue
            tries = method.expected_tries(challenge.params)
            if tries <= left_tries:
                return WorkOrder(entry, challenge, method, tries)
            objection = Rejected(ErrorCode.TOO_EXPENSIVE, {"expected_tries": tries, "left_tries": left_tries})
    return objection


def payment_header(order: WorkOrder, proof: bytes) -> bytes:
    """Return the value of PAYMENT-SIGNATURE that shows the proof."""
    return encode_header(
        PaymentSignature(x402_version=X402_VERSION, accepted=order.entry, payload=proof_payload(proof))
    )


def _is_for(request: OwnRequest, entry: Requirement, challenge: Challenge) -> bool:
    """Say whether a challenge is tied to this request, whatever prefix of the path the realm has."""
    host, realm = request.host.lower(), entry.pay_to
    whole = host.encode("latin-1", errors="replace") + request.target
    prefix = realm.encode("ascii", errors="replace")
    if not (realm == host or realm.startswith(f"{host}/")) or not whole.startswith(prefix):
        return False
    try:
        act = act_of(method=request.method, realm=realm, target=whole[len(prefix) :], body=request.body)
    except PeerError:
        return False
    return act.binding() == challenge.binding
