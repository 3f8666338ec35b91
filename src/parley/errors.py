"""The whole tree of errors, grouped by who must act, and the one table of wire codes.

    ParleyError
    ├─ LocalError(ValueError)   our caller or we broke a rule; never caused by bytes from outside
    ├─ PeerError                a remote broke the protocol: code, culprits, evidence → answer or disconnect
    ├─ UnavailableError         a store, chain or peer did not answer: retry_after_ms → retry
    ├─ ConflictError            a claim is lost, an offer gone, a run superseded → re-read the state
    └─ ConfigError              before the start only → mend the setting and start again

An expected refusal is not an error but a value: `Rejected`. Both carry an `ErrorCode`, and both keep
what is known as *facts* (fields), from which the text is composed. Text that came from a remote is kept
apart in `untrusted_text` and is never part of `str(error)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Self

__all__ = [
    "ConfigError",
    "ConflictError",
    "ErrorCode",
    "Fact",
    "LocalError",
    "ParleyError",
    "PeerError",
    "Rejected",
    "UnavailableError",
]

Fact = str | int


class ErrorCode(IntEnum):
    """Every code that can appear on a wire: number, what it says, and what to do next.

    -32768..-32000 are JSON-RPC's own; 1xxx local, 2xxx a remote's fault, 3xxx unavailable,
    4xxx conflict or exhausted allowance, 5xxx configuration.
    """

    summary: str
    next_step: str

    def __new__(cls, code: int, summary: str, next_step: str) -> Self:
        """Make a member whose value is `code`, with its two texts as attributes."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.summary = summary
        member.next_step = next_step
        return member

    PARSE_ERROR = (-32700, "the body is not valid JSON", "send one JSON-RPC 2.0 object in UTF-8")
    INVALID_REQUEST = (-32600, "not a JSON-RPC 2.0 request", "send jsonrpc, method, params and id")
    METHOD_NOT_FOUND = (-32601, "no such method", "see /openrpc.json for the methods of this address")
    INVALID_PARAMS = (-32602, "a parameter is missing, unknown or out of range", "see the method in /openrpc.json")
    INTERNAL_ERROR = (-32603, "internal error", "report the error id; the node's log has the rest")

    INVALID_ARGUMENT = (1001, "an argument is out of range", "call again within the documented range")
    WRONG_STATE = (1002, "this cannot be done in the present state", "check the state first")
    SECRET_ALREADY_TAKEN = (1003, "a one-shot secret was asked for twice", "start a new run with a fresh secret")

    MALFORMED = (2001, "the bytes do not decode", "send the documented form")
    TOO_LARGE = (2002, "larger than the limit", "send less; the limit is in the facts")
    BAD_SIGNATURE = (2003, "the signature does not verify", "sign the record id with the author's key")
    EXPIRED = (2004, "expired already", "make a new one with a later expiry")
    CLOCK_SKEW = (2005, "the time in it is too far from this node's clock", "set your clock; 15 s of skew are allowed")
    LIFETIME_TOO_LONG = (2006, "lives longer than this node keeps anything", "choose a shorter expiry")
    KEYS_INVALID = (2007, "the keys are not 1 to 8 texts of 1 to 64 bytes", "mend the keys")
    NOT_ASKED_FOR = (2008, "the answer holds what was not asked for", "answer only the question")
    UNAUTHORIZED = (2009, "the secret or the signature of the request is missing or wrong", "authenticate")
    PROTOCOL_VIOLATION = (2010, "this message is not allowed now", "follow the transition table")
    WRONG_RECIPIENT = (2011, "the message is addressed to another node", "address this node's id")

    UNREACHABLE = (3001, "did not answer", "try again later")
    STORE_UNAVAILABLE = (3002, "the store did not answer", "try again later")
    SHUTTING_DOWN = (3003, "this node is stopping", "try again later or ask another node")
    BUSY = (3004, "too much is under way", "try again after retry_after_ms")

    STALE_SEQUENCE = (4001, "a record with this or a higher sequence is held", "push with a higher sequence")
    QUOTA_EXCEEDED = (4002, "the allowance of this author or link is used up", "let records expire or remove some")
    RATE_LIMITED = (4003, "this link has spent its allowance of work", "try again after retry_after_ms")
    NOT_FOUND = (4004, "there is no such thing here", "check the id or the keys")
    WORK_REQUIRED = (4005, "permission must be earned first", "solve one of the challenges and send it along")
    WORK_REJECTED = (4006, "the work does not prove the permission", "take a fresh challenge")
    ALREADY_SPENT = (4007, "this permission was spent by somebody else", "take a fresh challenge")
    METHOD_UNKNOWN = (4008, "no offered kind of work is known to both sides", "see the kinds on offer")
    REMOVED = (4009, "this address was removed and is closed until its old expiry", "push with a higher sequence")
    NOT_PUBLIC = (4010, "this node serves its owner and its peers only", "ask a public node")
    PEER_REFUSED = (4011, "this peer is not accepted", "see the reason in the facts")
    TOO_EXPENSIVE = (4012, "asks for more work than the budget allows", "raise the budget, or ask for less")
    FUNDS_TOO_LOW = (4013, "deposit, reserve or balance does not cover this", "fund it: parley lottery fund")
    TICKET_REFUSED = (4014, "a lottery ticket is not taken", "see the verdict of each ticket")
    PARAMS_EXPIRED = (4015, "these ticket parameters hold no longer", "ask for fresh parameters and pay again")
    PRICE_TOO_LOW = (4016, "less is offered than is asked for", "offer the price that is asked for")
    REVERTED = (4017, "the contract refuses this", "see its reason in the facts")
    NOT_REGISTERED = (4018, "who is to be paid is no registered recipient", "its owner runs: parley lottery register")

    CONFIG_INVALID = (5001, "a setting is wrong", "mend the setting named in the facts")
    ADDRESS_IN_USE = (5002, "the address to listen on is taken", "stop the other program or choose another --http")
    DATA_DIR_UNUSABLE = (5003, "the data directory cannot be used", "choose another --data-dir")
    NODE_NOT_RUNNING = (5004, "no node answers for this data directory", "start one with: parley node run")
    STORE_TOO_NEW = (5005, "the store was written by a newer release", "use that release or another --data-dir")


def _compose(code: ErrorCode, facts: Mapping[str, Fact]) -> str:
    listed = ", ".join(f"{name}={value}" for name, value in facts.items())
    return f"{code.summary} ({listed})" if listed else code.summary


class ParleyError(Exception):
    """Root of all errors of this package.

    Attributes:
        code: the entry of the one table.
        facts: what is known, by name; names carry units. Never text from a remote.
    """

    def __init__(self, code: ErrorCode, **facts: Fact) -> None:
        """Keep the code and the facts; the text is composed from them when asked for."""
        super().__init__(code, facts)
        self.code = code
        self.facts: Mapping[str, Fact] = MappingProxyType(facts)

    def __str__(self) -> str:
        """Return what happened, from our own words and the facts only."""
        return _compose(self.code, self.facts)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as class, code and facts."""
        return (_rebuild, (type(self), self.code, dict(self.facts), self._extra()))

    def _extra(self) -> dict[str, object]:
        return {}


class LocalError(ParleyError, ValueError):
    """Our caller or we ourselves broke a rule; bytes from outside never cause it."""


class PeerError(ParleyError):
    """A remote broke the protocol.

    Attributes:
        culprits: public keys (bytes) of those to blame; empty when it cannot be known.
        evidence: encoded messages that prove it to a third party; empty when only seen by us.
        untrusted_text: what the remote said, at most 200 characters; never shown as our own words.
    """

    def __init__(
        self,
        code: ErrorCode,
        *,
        culprits: tuple[bytes, ...] = (),
        evidence: tuple[bytes, ...] = (),
        untrusted_text: str = "",
        **facts: Fact,
    ) -> None:
        """Keep who is to blame and what proves it, apart from the facts."""
        super().__init__(code, **facts)
        self.culprits = culprits
        self.evidence = evidence
        self.untrusted_text = untrusted_text[:200]

    def _extra(self) -> dict[str, object]:
        return {
            "culprits": self.culprits,
            "evidence": self.evidence,
            "untrusted_text": self.untrusted_text,
        }


class UnavailableError(ParleyError):
    """A store, a chain or a peer did not answer; trying again may help.

    Attributes:
        retry_after_ms: the earliest sensible moment to retry, in milliseconds from now.
    """

    def __init__(self, code: ErrorCode, *, retry_after_ms: int = 1_000, **facts: Fact) -> None:
        """Keep how long to wait before the next try."""
        super().__init__(code, **facts)
        self.retry_after_ms = retry_after_ms

    def _extra(self) -> dict[str, object]:
        return {"retry_after_ms": self.retry_after_ms}


class ConflictError(ParleyError):
    """The state has moved on: a claim is lost, an offer gone, a run superseded."""


class ConfigError(ParleyError):
    """A setting is wrong; raised before the start only."""


def _rebuild(kind: type[ParleyError], code: ErrorCode, facts: dict[str, Fact], extra: dict[str, object]) -> ParleyError:
    return kind(code, **extra, **facts)  # type: ignore[arg-type]  # the extra fields are the class's own


@dataclass(frozen=True, slots=True)
class Rejected:
    """An expected refusal, as a value.

    Attributes:
        code: why.
        facts: what is known, by name; names carry units. Never text from a remote.
    """

    code: ErrorCode
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the refusal in our own words."""
        return _compose(self.code, self.facts)
