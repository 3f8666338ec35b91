"""What strangers send with a message: headers, contacts, tickets of other nodes, catalogs.

The first byte says which decoder reads the rest.
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from parley.adapters.upload.envelope import MailIdentity, encode_contact, parse_contact, seal
from parley.adapters.upload.mail_header import encode_header, parse_header
from parley.adapters.upload.ticket_client import RemoteAnswer, parse_offer
from parley.errors import ErrorCode, PeerError, Rejected
from parley.node.own_mail import safe_name
from parley.node.ticket_earning import challenge_of
from parley.primitives.ids import CHALLENGE_ID_BYTES

__all__ = ["fuzz_one"]


def fuzz_one(data: bytes) -> None:
    """Read `data` as what its first byte says."""
    match data[:1]:
        case b"h":
            _read_header(data[1:])
        case b"c":
            _read_contact(data[1:])
        case b"t":
            _read_ticket(data[1:])
        case b"l":
            _read_catalog(data[1:])
        case b"a":
            _identity().open_letter(data[1:])
        case _:
            raise PeerError(ErrorCode.MALFORMED, field="decoder")


def _read_header(data: bytes) -> None:
    header = parse_header(data)
    if isinstance(header, Rejected):
        raise PeerError(header.code)
    _expect(parse_header(encode_header(header)) == header, "a header reads as another")


def _read_contact(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise PeerError(ErrorCode.MALFORMED) from None
    contact = parse_contact(text)
    if isinstance(contact, Rejected):
        raise PeerError(contact.code)
    _expect(parse_contact(encode_contact(contact)) == contact, "a contact reads as another")


def _read_ticket(data: bytes) -> None:
    offer = parse_offer(RemoteAnswer(200, data))
    _expect("/" not in offer.ticket_id, "a ticket id leaves its place in the path")
    if offer.worktype:
        _expect(len(challenge_of(offer).id) == CHALLENGE_ID_BYTES, "a challenge without an id")


def _read_catalog(data: bytes) -> None:
    """Open `data` as if its recipient's worst friend had sealed it."""
    identity = _identity()
    letter = identity.open_letter(seal(data, identity.recipient))
    json.dumps(letter.text)
    for file in letter.files:
        name = safe_name(file.name)
        _expect(bool(name) and Path(name).name == name and not name.startswith("."), "a name leads elsewhere")


@cache
def _identity() -> MailIdentity:
    with tempfile.TemporaryDirectory() as folder:
        return MailIdentity.load(Path(folder) / "key")


def _expect(is_so: bool, message: str) -> None:  # noqa: FBT001  # reads like assert
    if not is_so:
        raise AssertionError(message)
