"""A second opinion on ticket ids and stored tickets: the layouts of docs/spec/upload.md once more, and the vectors.

Nothing here comes from the code under test: `hashlib`, `hmac` and whole numbers in base 32.

    python -m tests.oracles.upload_tickets        prints nothing when vectors/upload holds what this makes
    python -m tests.oracles.upload_tickets write  writes the files there
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["FILES", "made"]

FOLDER = Path(__file__).parents[2] / "vectors" / "upload"
FILES = ("tokens.json", "refused_tokens.json", "stored_tickets.json", "refused_stored_tickets.json")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SECRET = bytes(range(0x40, 0x60))
NOON_MS = 1_800_000_000_000
HALF_HOUR_MS = 1_800_000
LARGEST = 2**53 - 1
ALICE = hashlib.sha256(b"alice").digest()
BOB = hashlib.sha256(b"bob").digest()
NAME = bytes(range(16))
Row = dict[str, object]


def number(value: int, size_bytes: int) -> bytes:
    return value.to_bytes(size_bytes, "big")


def behind_length(raw: bytes, length_bytes: int = 1) -> bytes:
    return number(len(raw), length_bytes) + raw


def base32(raw: bytes) -> str:
    """Write the bytes as one number in base 32, with zero bits behind it up to a whole digit."""
    digits = -(-len(raw) * 8 // 5)
    whole = int.from_bytes(raw, "big") << (digits * 5 - len(raw) * 8)
    return "".join(ALPHABET[(whole >> (5 * place)) & 31] for place in reversed(range(digits)))


def binding(sender: bytes, recipient: bytes, size_bytes: int, purpose: bytes) -> bytes:
    tag = hashlib.sha256(b"parley/work/binding").digest()
    content = behind_length(sender) + behind_length(recipient) + number(size_bytes, 8) + behind_length(purpose)
    return hashlib.sha256(tag + tag + content).digest()


@dataclass(frozen=True)
class Ticket:
    """What goes into a ticket id, unchecked, so that wrong ones can be made too."""

    version: int = 1
    id: bytes = NAME
    sender: bytes = ALICE
    recipient: bytes = BOB
    size_max_bytes: int = 26_214_400
    purpose: bytes = b"mail"
    subscription_id: bytes = b""
    wrong_answers: int = 0
    issued_ms: int = NOON_MS
    expires_ms: int = NOON_MS + HALF_HOUR_MS
    work: bytes = b"\x00"

    def body(self) -> bytes:
        return b"".join(
            (
                number(self.version, 1), self.id, self.sender, self.recipient, number(self.size_max_bytes, 8),
                behind_length(self.purpose), behind_length(self.subscription_id), number(self.wrong_answers, 1),
                number(self.issued_ms, 8), number(self.expires_ms, 8), self.work,
            )
        )  # fmt: skip

    def text(self, secret: bytes = SECRET) -> str:
        return base32(signed(self.body(), secret))


def signed(body: bytes, secret: bytes = SECRET) -> bytes:
    return body + hmac.new(secret, b"\x13parley/upload/token" + body, hashlib.sha256).digest()


def challenge(ticket: Ticket, tries: int = 1_048_576, **changes: bytes) -> bytes:
    """Encode a challenge of the method `pow`, by default with the id, binding and expiry of the ticket."""
    tied_to = binding(ticket.sender, ticket.recipient, ticket.size_max_bytes, ticket.purpose)
    return b"".join(
        (
            b"\x01", changes.get("id", ticket.id), behind_length(b"pow"), b"\x01", behind_length(b"tries"), b"\x00",
            number(tries, 8), changes.get("binding", tied_to),
            changes.get("expires_ms", number(ticket.expires_ms, 8)), bytes(range(0x80, 0xA0)),
        )
    )  # fmt: skip


def with_work(ticket: Ticket, raw: bytes) -> Ticket:
    return replace(ticket, work=b"\x01" + behind_length(raw, 2))


def token_row(name: str, ticket: Ticket) -> Row:
    return {
        "name": name,
        "secret": SECRET.hex(),
        "id": ticket.id.hex(),
        "sender": ticket.sender.hex(),
        "recipient": ticket.recipient.hex(),
        "size_max_bytes": ticket.size_max_bytes,
        "purpose": ticket.purpose.decode(),
        "subscription_id": ticket.subscription_id.decode(),
        "wrong_answers": ticket.wrong_answers,
        "issued_ms": ticket.issued_ms,
        "expires_ms": ticket.expires_ms,
        "challenge": None if ticket.work == b"\x00" else ticket.work[3:].hex(),
        "ticket_id": ticket.text(),
    }


def tokens() -> list[Row]:
    granted = Ticket()
    again = replace(granted, wrong_answers=2, subscription_id="Br\u00fccke".encode())
    largest = Ticket(
        id=b"\xff" * 16, sender=b"\xff" * 32, recipient=bytes(32), size_max_bytes=LARGEST, purpose=b"p" * 64,
        subscription_id=b"s" * 128, wrong_answers=255, issued_ms=LARGEST, expires_ms=LARGEST,
    )  # fmt: skip
    smallest = Ticket(
        id=bytes(16), sender=bytes(32), recipient=bytes(32), size_max_bytes=0, purpose=b"", issued_ms=0, expires_ms=0
    )
    return [
        token_row("granted", granted),
        token_row("with work", with_work(granted, challenge(granted))),
        token_row("after two wrong answers", with_work(again, challenge(again, tries=3))),
        token_row("all fields largest", largest),
        token_row("all fields smallest", smallest),
    ]


def refused_tokens() -> list[Row]:
    granted = Ticket()
    body, text = granted.body(), granted.text()
    last = ALPHABET.index(replace(granted, purpose=b"mails").text()[-1])
    forms = {
        "empty": "",
        "one letter": "a",
        "capital letters": text.upper(),
        "padded": text + "=",
        "a digit that base32 lacks": "1" + text[1:],
        "cut": text[:-8],
        "bits behind the end": replace(granted, purpose=b"mails").text()[:-1] + ALPHABET[last + 1],
        "longer than 4096": "a" * 4_097,
        "nothing but a mac": base32(signed(b"")),
    }
    bodies = {
        "version 2": replace(granted, version=2),
        "size of 2**53": replace(granted, size_max_bytes=LARGEST + 1),
        "purpose of 65 bytes": replace(granted, purpose=b"p" * 65),
        "purpose not UTF-8": replace(granted, purpose=b"\xff"),
        "subscription of 129 bytes": replace(granted, subscription_id=b"s" * 129),
        "expires before it is issued": replace(granted, expires_ms=NOON_MS - 1),
        "expires at 2**53": replace(granted, expires_ms=LARGEST + 1),
        "unknown kind of work": replace(granted, work=b"\x02"),
        "a challenge with a byte behind it": with_work(granted, challenge(granted) + b"\x00"),
        "a challenge with another id": with_work(granted, challenge(granted, id=bytes(16))),
        "a challenge with another binding": with_work(granted, challenge(granted, binding=bytes(32))),
        "a challenge with another expiry": with_work(granted, challenge(granted, expires_ms=number(NOON_MS, 8))),
    }
    made_texts = forms | {name: ticket.text() for name, ticket in bodies.items()}
    made_texts["a byte behind the end"] = base32(signed(body + b"\x00"))
    made_texts["a byte less"] = base32(signed(body[:-1]))
    rows: list[Row] = [
        {"name": name, "secret": SECRET.hex(), "ticket_id": given, "readable": False}
        for name, given in made_texts.items()
    ]
    wrong_mac = base32(body + bytes(32))
    return [
        *rows,
        {"name": "mac of zeros", "secret": SECRET.hex(), "ticket_id": wrong_mac, "readable": True},
        {"name": "of another issuer", "secret": SECRET.hex(), "ticket_id": granted.text(bytes(32)), "readable": True},
    ]


@dataclass(frozen=True)
class Stored:
    """What is stored of a ticket, unchecked."""

    phase: int = 1
    moments: tuple[int, ...] = (NOON_MS + HALF_HOUR_MS, NOON_MS + 5_000, 0, 0, 0)
    end: int = 0
    parts: tuple[tuple[bytes, int], ...] = ()
    method: bytes = b"pow"
    version: int = 1

    def encode(self) -> bytes:
        return b"".join(
            (
                number(self.version, 1), NAME, hashlib.sha256(Ticket().text().encode()).digest(), ALICE, BOB,
                number(26_214_400, 8), behind_length(b"mail"), behind_length(b""), behind_length(self.method),
                number(self.phase, 1), *(number(moment, 8) for moment in self.moments), number(self.end, 1),
                number(len(self.parts), 2), *(behind_length(name) + number(size, 8) for name, size in self.parts),
            )
        )  # fmt: skip


PARTS = ((b"block/1", 70_000), (b"catalog", 300), (b"header", 512))
EXPIRES, EARNED, STARTED, LEASE, ENDED = (
    NOON_MS + HALF_HOUR_MS, NOON_MS + 5_000, NOON_MS + 6_000, NOON_MS + 126_000, NOON_MS + 9_000,
)  # fmt: skip
UPLOADING = Stored(phase=2, moments=(EXPIRES, EARNED, STARTED, LEASE, 0), parts=PARTS)
SPENT = Stored(phase=3, moments=(EXPIRES, EARNED, STARTED, LEASE, ENDED), end=1, parts=PARTS)


def stored_tickets() -> list[Row]:
    states = {
        "earned": Stored(),
        "granted": Stored(method=b""),
        "uploading": UPLOADING,
        "spent": SPENT,
        "deleted": replace(SPENT, phase=4, end=2),
        "lapsed before it was used": Stored(phase=4, moments=(EXPIRES, EARNED, 0, 0, ENDED), end=3),
    }
    phases, ends = ("OPEN", "EARNED", "UPLOADING", "SPENT", "LAPSED"), (None, "complete", "delete", "lapse")
    return [
        {
            "name": name,
            "ticket_id": Ticket().text(),
            "method": state.method.decode(),
            "phase": phases[state.phase],
            "moments": list(state.moments),
            "end": ends[state.end],
            "parts": [[part.decode(), size] for part, size in state.parts],
            "encoded": state.encode().hex(),
        }
        for name, state in states.items()
    ]


def refused_stored_tickets() -> list[Row]:
    states = {
        "version 0": replace(SPENT, version=0),
        "unknown phase": replace(SPENT, phase=5),
        "unknown end": replace(SPENT, end=4),
        "spent by deletion": replace(SPENT, end=2),
        "lapsed by completion": replace(SPENT, phase=4),
        "uploading, and ended": replace(UPLOADING, end=1),
        "earned, with parts": Stored(parts=PARTS),
        "method in capitals": Stored(method=b"POW"),
        "parts out of order": replace(UPLOADING, parts=PARTS[::-1]),
        "a part twice": replace(UPLOADING, parts=(PARTS[0], PARTS[0])),
        "a part without a name": replace(UPLOADING, parts=((b"", 1),)),
        "a part of 2**53 bytes": replace(UPLOADING, parts=((b"header", LARGEST + 1),)),
        "a moment of 2**53": Stored(moments=(LARGEST + 1, EARNED, 0, 0, 0)),
    }
    raws = {name: state.encode() for name, state in states.items()}
    raws |= {"empty": b"", "cut": SPENT.encode()[:-1], "a byte behind the end": SPENT.encode() + b"\x00"}
    rows: list[Row] = [{"name": name, "raw": raw.hex(), "code": "MALFORMED"} for name, raw in raws.items()]
    crowd = tuple((b"%04d" % place, 0) for place in range(1_025))
    return [
        *rows,
        {"name": "1025 parts", "raw": replace(UPLOADING, parts=crowd).encode()[:400].hex(), "code": "TOO_LARGE"},
    ]


def made() -> Mapping[str, Sequence[Row]]:
    """Return the rows of each file."""
    return dict(zip(FILES, (tokens(), refused_tokens(), stored_tickets(), refused_stored_tickets()), strict=True))


def main(arguments: Sequence[str]) -> int:
    """Compare with the files, or write them; return 1 where one differs."""
    differing = 0
    for name, rows in made().items():
        text = "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n"
        path = FOLDER / name
        if list(arguments) == ["write"]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.stdout.write(f"{name} differs from what the oracle makes\n")
            differing = 1
    return differing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
