"""The header of a message: from whom, to whom, and through which node; what else it holds is its reader's matter.

    {"from": {"address": HEX64}, "to": {"address": HEX64}, "route": "http://host:port"}

`from` and `to` are BitMaelum's; `route` names the node that keeps the recipient's mailbox, and is absent where that
is the node which reads the header.

Source: docs/spec/upload.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.texts import is_repeating
from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import ADDRESS_CHARACTERS_MAX, Address, parse_address

__all__ = ["HEADER_BYTES_MAX", "MailHeader", "encode_header", "parse_header", "parse_mailbox"]

HEADER_BYTES_MAX: Final = 65_536
"""The longest header, in bytes."""

_MAILBOX: Final = re.compile(r"[0-9a-fA-F]{64}")

_Hash = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]


class _Party(msgspec.Struct):
    address: _Hash


class _Header(msgspec.Struct, omit_defaults=True):
    sender: _Party = msgspec.field(name="from")
    recipient: _Party = msgspec.field(name="to")
    route: Annotated[str, Meta(max_length=ADDRESS_CHARACTERS_MAX)] = ""


@dataclass(frozen=True, slots=True)
class MailHeader:
    """What a node reads of a header.

    Attributes:
        sender: 32 bytes.
        recipient: 32 bytes.
        route: the node to bring it to; None: this one.
    """

    sender: bytes
    recipient: bytes
    route: Address | None = None


def parse_header(raw: bytes) -> MailHeader | Rejected:
    """Read a header; what it holds beyond the named fields is let be, but no name may stand in it twice.

    Other readers take another one of two, or look at neither case: they must not see other parties than are checked.
    """
    if len(raw) > HEADER_BYTES_MAX:
        return Rejected(ErrorCode.TOO_LARGE, {"value": "header", "limit_bytes": HEADER_BYTES_MAX})
    try:
        document = msgspec.json.decode(raw, type=_Header)
        is_ambiguous = is_repeating(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Rejected(ErrorCode.MALFORMED, {"value": "header", "wanted": "from.address and to.address"})
    if is_ambiguous:
        return Rejected(ErrorCode.MALFORMED, {"value": "header", "fault": "a name repeats"})
    route = parse_address(document.route) if document.route else None
    if isinstance(route, Rejected):
        return Rejected(ErrorCode.MALFORMED, {"value": "route", **route.facts})
    return MailHeader(bytes.fromhex(document.sender.address), bytes.fromhex(document.recipient.address), route)


def encode_header(header: MailHeader) -> bytes:
    """Write a header with nothing beyond the named fields."""
    document = _Header(
        sender=_Party(header.sender.hex()), recipient=_Party(header.recipient.hex()), route=header.route or ""
    )
    return msgspec.json.encode(document)


def parse_mailbox(text: str) -> bytes | None:
    """Return the 32 bytes of 64 hex digits, or None."""
    return bytes.fromhex(text) if _MAILBOX.fullmatch(text) else None
