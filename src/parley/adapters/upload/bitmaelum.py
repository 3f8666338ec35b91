"""What BitMaelum's servers and clients say to each other about tickets, where it differs from the protocol's page.

    {"ID": T, "Valid": false, "Expiry": "2026-11-21T00:30:25Z", "Work": {"Type": "pow", "Data": "25$<base64>$0"},
     "Sender": H, "Recipient": H, "SubscriptionID": "", "AuthKey": ""}

`Work.Data` is `bits$base64(data)$proof`: the data is text (base64 itself, as a rule) and is encoded once more for the
way. The work is in the text: SHA256(SHA256(data ‖ counter in lower-case hex)) < 2**(256 - bits). A proof of 0 says that
none was found yet. The work of a valid ticket is null.

Source: BitMaelum's `pkg/proofofwork` and `internal/ticket`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from parley.errors import ErrorCode, Rejected
from parley.primitives.instants import Instant
from parley.protocol.challenges import Params
from parley.upload.messages import TicketAnswer

__all__ = [
    "WORK_TEXT_MAX_CHARACTERS",
    "WorkText",
    "capitalised",
    "encode_work_text",
    "parse_work_text",
    "shown_instant",
]

WORK_TEXT_MAX_CHARACTERS: Final = 8_192
"""The longest `Work.Data`."""

_WORK: Final = re.compile(r"(0|[1-9][0-9]{0,2})\$([A-Za-z0-9+/]*={0,2})\$(0|[1-9][0-9]{0,19})")
_BITS_MAX: Final = 256
_UINT64_MAX: Final = 2**64 - 1
_MS_PER_SECOND: Final = 1_000


@dataclass(frozen=True, slots=True)
class WorkText:
    """What a `Work.Data` says.

    Attributes:
        bits: how many leading bits of the hash are zero, 0 to 256.
        data: in front of the counter.
        proof: the counter, 0 for none yet.
    """

    bits: int
    data: str
    proof: int = 0


def encode_work_text(work: WorkText) -> str:
    """Return `bits$base64(data)$proof`; the inverse of `parse_work_text`."""
    return f"{work.bits}${base64.b64encode(work.data.encode()).decode('ascii')}${work.proof}"


def parse_work_text(text: str) -> WorkText | Rejected:
    """Read a `Work.Data`.

    Returns:
        The work, or Rejected(MALFORMED): another number of parts, bits above 256, base64 or a number that is none.
    """
    refused = Rejected(ErrorCode.MALFORMED, {"expected": "bits$base64$proof"})
    found = _WORK.fullmatch(text) if len(text) <= WORK_TEXT_MAX_CHARACTERS else None
    if found is None:
        return refused
    bits, proof = int(found[1]), int(found[3])
    try:
        data = base64.b64decode(found[2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return refused
    work = WorkText(bits, data, proof)
    # Base64 has spare bits at its end; only what encodes back to the same text has one meaning.
    is_sound = bits <= _BITS_MAX and proof <= _UINT64_MAX and encode_work_text(work) == text
    return work if is_sound else refused


def shown_instant(moment: Instant) -> str:
    """Return a moment in the form of RFC 3339, UTC, whole seconds."""
    seconds = min(moment // _MS_PER_SECOND, 253_402_300_799)  # the last second that four digits of a year can show
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def capitalised(answer: TicketAnswer) -> dict[str, object]:
    """Return the members of an answer that BitMaelum's clients read."""
    return {
        "ID": answer.ticket_id,
        "Valid": answer.is_valid,
        "Expiry": shown_instant(answer.expires_ms),
        "Work": None if answer.is_valid else {"Type": answer.worktype, "Data": _work_text(answer.work)},
        "Sender": answer.sender.hex(),
        "Recipient": answer.recipient.hex(),
        "SubscriptionID": answer.subscription_id,
        "AuthKey": "",
    }


def _work_text(work: Params) -> str:
    """Return the work of `pow` by bits; of work that those clients do not know, nothing."""
    match dict(work):
        case {"bits": int(bits), "data": str(data)}:
            return encode_work_text(WorkText(bits, data))
        case _:
            return ""
