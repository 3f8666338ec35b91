"""What asking for a ticket says, and what the answer says: values, without a wire form of their own.

The forms on the wire (the seed's JSON, BitMaelum's JSON) are adapters; the rules about them are in
docs/spec/upload.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import Params, is_name

__all__ = [
    "ADDRESS_BYTES",
    "PREFERENCE_MAX_COUNT",
    "PURPOSE_MAX_BYTES",
    "SUBSCRIPTION_MAX_BYTES",
    "Alternative",
    "TicketAnswer",
    "TicketRequest",
    "is_short_text",
]

ADDRESS_BYTES: Final = 32
"""Size of the hash that names a sender or a recipient."""

SUBSCRIPTION_MAX_BYTES: Final = 128
"""The longest name of a subscription, in bytes of UTF-8."""

PURPOSE_MAX_BYTES: Final = 64
"""The longest purpose, in bytes of UTF-8."""

PREFERENCE_MAX_COUNT: Final = 16
"""The most methods that a request may name."""


def is_short_text(text: str, maximum_bytes: int) -> bool:
    """Say whether a text is UTF-8 and short enough."""
    try:
        return len(text.encode()) <= maximum_bytes
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """The wish to send one message.

    Attributes:
        sender: hash of the sender's address, 32 bytes.
        recipient: hash of the recipient's address, 32 bytes.
        subscription_id: names an agreement that may make the ticket free; at most 128 bytes of UTF-8.
        preference: names of methods of work that the asker can do, best first; empty when it did not say.
    """

    sender: bytes
    recipient: bytes
    subscription_id: str = ""
    preference: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no place in a ticket."""
        if len(self.sender) != ADDRESS_BYTES or len(self.recipient) != ADDRESS_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="sender or recipient", wanted_bytes=ADDRESS_BYTES)
        if not is_short_text(self.subscription_id, SUBSCRIPTION_MAX_BYTES):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="subscription_id", maximum_bytes=SUBSCRIPTION_MAX_BYTES)
        if len(self.preference) > PREFERENCE_MAX_COUNT or not all(is_name(name) for name in self.preference):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="preference", maximum=PREFERENCE_MAX_COUNT)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another kind of work that would do as well; paying for one of an answer's tickets spends all of them.

    Attributes:
        ticket_id: of the ticket that carries this work.
        worktype: name of the method.
        work: what the method asks for.
        expected_tries: how many tries it costs on average; 0 where the work is not tries.
    """

    ticket_id: str
    worktype: str
    work: Params = field(hash=False)
    expected_tries: int = 0

    def __post_init__(self) -> None:
        """Refuse a name that cannot travel and a negative cost."""
        if not is_name(self.worktype) or self.expected_tries < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="worktype", expected_tries=self.expected_tries)


@dataclass(frozen=True, slots=True)
class TicketAnswer:
    """A ticket as its asker sees it.

    Attributes:
        ticket_id: the ticket itself, see `parley.upload.tokens`.
        is_valid: whether it may be used now; otherwise the work comes first.
        expires_ms: the first moment at which it is worth nothing.
        sender: 32 bytes.
        recipient: 32 bytes.
        subscription_id: as asked for.
        worktype: name of the method of the work; empty when the ticket is valid.
        work: what the method asks for; empty when the ticket is valid.
        expected_tries: how many tries the work costs on average; 0 where it is not tries.
        alternatives: tickets with other work; a ticket whose work needs eyes never comes without one.
    """

    ticket_id: str
    is_valid: bool
    expires_ms: Instant
    sender: bytes
    recipient: bytes
    subscription_id: str = ""
    worktype: str = ""
    work: Params = field(default_factory=dict, hash=False)
    expected_tries: int = 0
    alternatives: tuple[Alternative, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an answer that says two things."""
        if self.is_valid == bool(self.worktype):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="worktype", is_valid=self.is_valid)
        if self.is_valid and (self.work or self.expected_tries or self.alternatives):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="work", is_valid=self.is_valid)
        if not 0 <= self.expires_ms <= INSTANT_MAX_MS or self.expected_tries < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, expires_ms=self.expires_ms)
