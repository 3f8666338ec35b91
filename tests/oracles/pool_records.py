"""A second opinion on records and removals: the layout of docs/spec/pool.md §2 once more, and the vectors from it.

Nothing here comes from the code under test: plain `hashlib`, and the BIP340 of `tests.oracles.bip340`.

    python -m tests.oracles.pool_records        prints nothing when vectors/pool holds what this makes
    python -m tests.oracles.pool_records write  writes records.json, refused_records.json and removals.json there
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.oracles import bip340

__all__ = ["FILES", "Parts", "made", "record_body", "record_id", "removal_id"]

FOLDER = Path(__file__).parents[2] / "vectors" / "pool"
CYRILLIC = "\u043a\u043b\u044e\u0447".encode()
FILES = ("records.json", "refused_records.json", "removals.json")

ALICE = bytes([0x11]) * 32
BOB = bytes([0x22]) * 32
AUXILIARY = bytes([0xA5]) * 32
NOON_MS = 1_800_000_000_000
LARGEST = 2**53 - 1


@dataclass(frozen=True)
class Parts:
    """What goes into a record, as bytes and numbers; nothing is checked, so that wrong ones can be made too."""

    name: str
    keys: tuple[bytes, ...]
    message: bytes
    sequence: int
    created_ms: int
    expires_ms: int
    secret: bytes = ALICE


def tagged(tag: bytes, content: bytes) -> bytes:
    tag_digest = hashlib.sha256(tag).digest()
    return hashlib.sha256(tag_digest + tag_digest + content).digest()


def address(secret: bytes, keys: tuple[bytes, ...]) -> bytes:
    encoded = bip340.public_key(secret) + bytes([len(keys)])
    for key in keys:
        encoded += bytes([len(key)]) + key
    return encoded


def record_body(parts: Parts) -> bytes:
    encoded = address(parts.secret, parts.keys)
    encoded += len(parts.message).to_bytes(4, "big") + parts.message
    for number in (parts.sequence, parts.created_ms, parts.expires_ms):
        encoded += number.to_bytes(8, "big")
    return encoded


def record_id(body: bytes) -> bytes:
    return tagged(b"parley/pool/record/v1", body)


def removal_id(secret: bytes, keys: tuple[bytes, ...], sequence: int) -> bytes:
    return tagged(b"parley/pool/removal/v1", address(secret, keys) + sequence.to_bytes(8, "big"))


def signed(parts: Parts) -> bytes:
    body = record_body(parts)
    return body + bip340.sign(parts.secret, record_id(body), AUXILIARY)


EIGHT = tuple(f"key{number}".encode() for number in range(1, 9))
RECORDS = (
    Parts("one key", (b"swap",), b"offer", 1, NOON_MS, NOON_MS + 600_000),
    Parts("two keys", (b"swap", b"btc"), b"offer", 2, NOON_MS, NOON_MS + 600_000),
    Parts("three keys", (b"swap", b"btc", b"buy"), b'{"rate": "0.001"}', 3, NOON_MS, NOON_MS + 600_000),
    Parts("four keys, another author", (b"a", b"b", b"c", b"d"), b"text", 4, NOON_MS, NOON_MS + 1, BOB),
    Parts("five keys, two of them equal", (b"a", b"a", b"c", b"d", b"e"), b"text", 5, NOON_MS, NOON_MS + 43_200_000),
    Parts(
        "six keys, those of an offer in the seed",
        (b"swap", b"btc", b"sell", b"mwc_lock_first", b"12.5", b"5f0c"),
        b"all offer details",
        6,
        NOON_MS,
        NOON_MS + 600_000,
    ),
    Parts("seven keys", EIGHT[:7], b"text", 7, NOON_MS, NOON_MS + 600_000),
    Parts("eight keys", EIGHT, b"text", 8, NOON_MS, NOON_MS + 600_000),
    Parts(
        "not ASCII, of two, three and four bytes a letter",
        ("b\u00fcy".encode(), CYRILLIC, "\u9375".encode()),
        "\u20ac 5, \u65e5\u672c, \U0001f600, \u0000 and \u001f and a line\nmore".encode(),
        9,
        NOON_MS,
        NOON_MS + 600_000,
    ),
    Parts("empty message", (b"ping",), b"", 10, NOON_MS, NOON_MS + 600_000),
    Parts("sequence 0", (b"ping",), b"first", 0, NOON_MS, NOON_MS + 600_000),
    Parts("largest sequence", (b"ping",), b"last", LARGEST, NOON_MS, NOON_MS + 600_000),
    Parts("earliest and latest moment", (b"ping",), b"for ever", 11, 0, LARGEST),
    Parts("longest keys: 64 letters, and 64 bytes in 32", (b"k" * 64, "é".encode() * 32), b"x", 12, 1, 2),
    Parts("spaces, quotes and no folding", (b" Swap ", b'"', b"\\"), b'"\\', 13, NOON_MS, NOON_MS + 600_000),
)


def refused() -> list[dict[str, str]]:
    good = RECORDS[0]
    raw, body = signed(good), record_body(good)
    public = bip340.public_key(ALICE)
    rest = (5).to_bytes(4, "big") + b"offer" + b"".join(n.to_bytes(8, "big") for n in (1, NOON_MS, NOON_MS + 600_000))
    after = rest + bytes(64)
    offset = 32 + 1 + 1 + len(b"swap")

    def with_keys(*keys: bytes) -> bytes:
        return signed(Parts("", keys, b"offer", 1, NOON_MS, NOON_MS + 600_000))

    def with_numbers(sequence: int, created_ms: int, expires_ms: int) -> bytes:
        return signed(Parts("", (b"swap",), b"offer", sequence, created_ms, expires_ms))

    def flipped(place: int) -> bytes:
        return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]

    form = [
        ("nothing", b"", "MALFORMED"),
        ("a trailing byte", raw + b"\x00", "MALFORMED"),
        ("truncated by one byte", raw[:-1], "MALFORMED"),
        ("truncated in the author", raw[:31], "MALFORMED"),
        ("truncated in a key", raw[:36], "MALFORMED"),
        ("without a signature", body, "MALFORMED"),
        ("no keys", public + b"\x00" + after, "KEYS_INVALID"),
        ("nine keys", public + b"\x09" + b"\x01a" * 9 + after, "KEYS_INVALID"),
        ("an empty key", with_keys(b"swap", b""), "KEYS_INVALID"),
        ("a key of 65 bytes", with_keys(b"k" * 65), "TOO_LARGE"),
        ("a key of 65 bytes in 33 letters", with_keys("é".encode() * 32 + b"k"), "TOO_LARGE"),
        ("a control character in a key", with_keys(b"sw\x1fap"), "KEYS_INVALID"),
        ("a zero byte in a key", with_keys(b"\x00"), "KEYS_INVALID"),
        ("a line end in a key", with_keys(b"swap\n"), "KEYS_INVALID"),
        ("delete in a key", with_keys(b"sw\x7fap"), "KEYS_INVALID"),
        ("a control character of two bytes in a key", with_keys("sw\u0085ap".encode()), "KEYS_INVALID"),
        ("invalid UTF-8 in a key", with_keys(b"sw\xffap"), "MALFORMED"),
        ("an overlong form in a key", with_keys(b"\xc1\xa1"), "MALFORMED"),
        ("a surrogate in a key", with_keys(b"\xed\xa0\x80"), "MALFORMED"),
        (
            "invalid UTF-8 in the message",
            signed(Parts("", (b"swap",), b"\xe2\x82", 1, NOON_MS, NOON_MS + 1)),
            "MALFORMED",
        ),
        ("a message of 65,537 bytes announced", raw[:offset] + b"\x00\x01\x00\x01" + raw[offset + 4 :], "TOO_LARGE"),
        ("a message longer than the rest", raw[:offset] + b"\x00\x01\x00\x00" + raw[offset + 4 :], "MALFORMED"),
        ("created when it expires", with_numbers(1, NOON_MS, NOON_MS), "MALFORMED"),
        ("created after it expires", with_numbers(1, NOON_MS + 1, NOON_MS), "MALFORMED"),
        ("a sequence of 2**53", with_numbers(2**53, NOON_MS, NOON_MS + 1), "MALFORMED"),
        ("the largest uint as sequence", with_numbers(2**64 - 1, NOON_MS, NOON_MS + 1), "MALFORMED"),
        ("an expiry of 2**53", with_numbers(1, NOON_MS, 2**53), "MALFORMED"),
    ]
    over_body = bip340.sign(ALICE, body, AUXILIARY)
    by_another = bip340.sign(BOB, record_id(body), AUXILIARY)
    untagged = bip340.sign(ALICE, hashlib.sha256(body).digest(), AUXILIARY)
    # 5 is no x coordinate of a point: 5**3 + 7 is no square.
    no_point = (5).to_bytes(32, "big") + raw[32:]
    signature = [
        ("a bit of s flipped", flipped(len(raw) - 1)),
        ("a bit of R flipped", flipped(len(body))),
        ("another message", raw.replace(b"offer", b"other")),
        ("another expiry", flipped(len(body) - 1)),
        ("signed by another key", body + by_another),
        ("signed over the body instead of its id", body + over_body),
        ("signed over a plain SHA-256", body + untagged),
        ("a signature of zeros", body + bytes(64)),
        ("an author that is no key", no_point),
    ]
    cases = [{"name": name, "raw": wrong.hex(), "by": "form", "code": code} for name, wrong, code in form]
    return cases + [
        {"name": name, "raw": wrong.hex(), "by": "signature", "code": "BAD_SIGNATURE"} for name, wrong in signature
    ]


def records() -> list[dict[str, object]]:
    made_of: list[dict[str, object]] = []
    for parts in RECORDS:
        body = record_body(parts)
        digest = record_id(body)
        signature = bip340.sign(parts.secret, digest, AUXILIARY)
        made_of.append(
            {
                "name": parts.name,
                "secret": parts.secret.hex(),
                "auxiliary": AUXILIARY.hex(),
                "author": bip340.public_key(parts.secret).hex(),
                "keys": [key.decode() for key in parts.keys],
                "message": parts.message.decode(),
                "sequence": str(parts.sequence),
                "created_ms": str(parts.created_ms),
                "expires_ms": str(parts.expires_ms),
                "body": body.hex(),
                "id": digest.hex(),
                "signature": signature.hex(),
            }
        )
    return made_of


def removals() -> list[dict[str, object]]:
    made_of: list[dict[str, object]] = []
    for name, secret, keys, sequence in (
        ("of an offer", ALICE, (b"swap", b"btc", b"buy"), 3),
        ("not ASCII, the largest sequence", BOB, (CYRILLIC,), LARGEST),
    ):
        digest = removal_id(secret, keys, sequence)
        made_of.append(
            {
                "name": name,
                "secret": secret.hex(),
                "auxiliary": AUXILIARY.hex(),
                "author": bip340.public_key(secret).hex(),
                "keys": [key.decode() for key in keys],
                "sequence": str(sequence),
                "id": digest.hex(),
                "signature": bip340.sign(secret, digest, AUXILIARY).hex(),
            }
        )
    return made_of


def made() -> dict[str, str]:
    """Return the text of each file, by name."""
    texts = (_lines(records()), _lines(refused()), _lines(removals()))
    return dict(zip(FILES, texts, strict=True))


def _lines(cases: Sequence[Mapping[str, object]]) -> str:
    """Return cases as a JSON array, one case a line."""
    return "[\n  " + ",\n  ".join(json.dumps(case) for case in cases) + "\n]\n"


def main(arguments: list[str]) -> int:
    """Compare the files with what this makes, or write them."""
    different = 0
    for name, text in made().items():
        path = FOLDER / name
        if arguments == ["write"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path} differs\n")
            different += 1
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
