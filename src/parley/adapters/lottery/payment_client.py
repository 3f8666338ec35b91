"""How a wallet pays a node that takes lottery tickets: asks for parameters, sends tickets, reads what became of them.

Counterpart of `parley.adapters.lottery.payment_routes`. What a node says of tickets is a claim: it can refuse what it
has taken, and then it loses a payer, who has shown it tickets worth what was shown before signing and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from parley.adapters.lottery.documents import encode_payment_text, parse_params_text
from parley.adapters.upload.ticket_client import RemoteAnswer
from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.ledgers.evm.addresses import checksum_text
from parley.lottery.params import Payment, TicketParams
from parley.lottery.verdicts import Reaction
from parley.pool.addresses import Address as NodeAddress
from parley.primitives.ids import Address

__all__ = ["NodeCaller", "PaymentAnswer", "ask_params", "send_payment"]

_PAYMENT_REQUIRED: Final = 402
_LATER: Final = frozenset({429, 502, 503, 504})
_MS_PER_SECOND: Final = 1_000
_RETRY_MAX_S: Final = 3_600
_CODES: Final[Mapping[int, ErrorCode]] = {int(code): code for code in ErrorCode}
_REACTIONS: Final[Mapping[str, Reaction]] = {reaction.value: reaction for reaction in Reaction}


class NodeCaller(Protocol):
    """What calls nodes (`parley.adapters.upload.ticket_client.TicketClient`)."""

    async def call(self, method: str, url: NodeAddress, path: str, body: bytes | None = None) -> RemoteAnswer:
        """Send one request."""


class _Answer(msgspec.Struct, frozen=True):
    taken: int = 0


class _Facts(msgspec.Struct, frozen=True):
    reaction: str = ""


class _Problem(msgspec.Struct, frozen=True):
    taken: int = 0
    facts: _Facts = _Facts()
    code: int = 0


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """What a node says of a payment.

    Attributes:
        taken: how many of its tickets it took, between 0 and all.
        reaction: what it asks for; None where it took them all.
    """

    taken: int
    reaction: Reaction | None = None


async def ask_params(caller: NodeCaller, url: NodeAddress, *, sender: Address, worth_wei: int) -> TicketParams:
    """Ask a node what tickets must look like.

    Args:
        caller: reaches the node.
        url: of the node.
        sender: who will pay, 20 bytes.
        worth_wei: what one ticket is to be worth on average, >= 1.

    Raises:
        UnavailableError: it did not answer, or wants to be asked later.
        PeerError: its own code, or PEER_REFUSED: it takes none from this sender. MALFORMED: what it says is none.
    """
    path = f"/lottery/params?sender={checksum_text(sender)}&worth_wei={worth_wei}"
    answer = await caller.call("GET", url, path)
    if not answer.is_ok:
        raise _refused(answer)
    return parse_params_text(answer.body)


async def send_payment(caller: NodeCaller, url: NodeAddress, payment: Payment) -> PaymentAnswer:
    """Send tickets.

    Raises:
        UnavailableError: it did not answer, or wants to be asked later; whether it took tickets is unknown, and their
            nonces are used.
        PeerError: PEER_REFUSED or MALFORMED.
    """
    answer = await caller.call("POST", url, "/lottery/payment", encode_payment_text(payment))
    try:
        if answer.is_ok:
            return _checked(msgspec.json.decode(answer.body, type=_Answer).taken, payment, None)
        if answer.status == _PAYMENT_REQUIRED:
            problem = msgspec.json.decode(answer.body, type=_Problem)
            reaction = _REACTIONS.get(problem.facts.reaction, Reaction.FATAL)
            return _checked(problem.taken, payment, reaction)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED, value="answer to a payment") from None
    raise _refused(answer)


def _checked(taken: int, payment: Payment, reaction: Reaction | None) -> PaymentAnswer:
    if not 0 <= taken <= len(payment.tickets) or (reaction is None and taken != len(payment.tickets)):
        raise PeerError(ErrorCode.MALFORMED, value="number of tickets that were taken")
    return PaymentAnswer(taken, reaction)


def _refused(answer: RemoteAnswer) -> PeerError | UnavailableError:
    if answer.status in _LATER:
        seconds = min(answer.retry_after_s or 1, _RETRY_MAX_S)
        return UnavailableError(ErrorCode.BUSY, status=answer.status, retry_after_ms=seconds * _MS_PER_SECOND)
    # The node's own code, where it is one of ours, says more than its status; its words are never repeated.
    try:
        code = _CODES.get(msgspec.json.decode(answer.body, type=_Problem).code)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        code = None
    return PeerError(code or ErrorCode.PEER_REFUSED, status=answer.status)
