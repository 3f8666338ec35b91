"""The values of the pool: records, removals, queries and answers, and their canonical bytes.

    body      = author[32] · count[1] · count × (length[1] · key) · length[4] · message
                · sequence[8] · created_ms[8] · expires_ms[8]
    record id = tagged_hash("parley/pool/record/v1", body)
    record    = body · signature[64]             signature = BIP340 by author over the record id

Source: docs/spec/pool.md §2 (vectors/pool/records.json).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.encoding import Reader
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import AuthorKey, RecordId, RequestId
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = [
    "COUNT_MAX",
    "KEYS_MAX",
    "KEY_BYTES_MAX",
    "MESSAGE_BYTES_CEILING",
    "NODE_NAME_CHARACTERS_MAX",
    "SEQUENCE_MAX",
    "SIGNATURE_BYTES",
    "TRUNCATED_BY_MAX",
    "Answer",
    "Item",
    "Query",
    "Record",
    "Removal",
    "Stats",
    "body_address",
    "body_id",
    "encode_address",
    "encode_record",
    "is_keys",
    "is_node_name",
    "item_bytes",
    "parse_record",
    "record_body",
    "record_id",
    "removal_id",
]

KEYS_MAX = 8
"""Most keys of a record."""
KEY_BYTES_MAX = 64
"""Longest key, in bytes of UTF-8."""
MESSAGE_BYTES_CEILING = 65_536
"""Longest message that any configuration may admit, in bytes of UTF-8."""
SEQUENCE_MAX = 2**53 - 1
"""Largest sequence number: what every JSON reader holds exactly."""
NODE_NAME_CHARACTERS_MAX = 128
"""Longest name that a node gives itself in answers."""
TRUNCATED_BY_MAX = 32
"""Most names of nodes that left records out, in the statistics of one answer."""
COUNT_MAX = 2**31 - 1
"""Largest count in the statistics of an answer; what is above is cut."""

_RECORD_TAG = "parley/pool/record/v1"
_REMOVAL_TAG = "parley/pool/removal/v1"
SIGNATURE_BYTES = 64
"""Length of a BIP340 signature."""

_ITEM_BYTES = 384
"""What an item takes as JSON without its texts: names of fields, 192 digits of hex, three numbers of 16 digits, and the
quotes and commas of 8 keys."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]").findall
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
_NUMBERS = struct.Struct(">QQQ")
_SIZE = struct.Struct(">I")
_AFTER_ADDRESS_BYTES = _SIZE.size + _NUMBERS.size
_LENGTHS = "".join(map(chr, range(KEY_BYTES_MAX + 1)))
"""Each length of a key as the character whose one byte encodes it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One signed, addressable, expiring message.

    Attributes:
        author: x-only public key, 32 bytes.
        keys: 1..8 texts of 1..64 bytes of UTF-8, from general to particular.
        message: text, at most 65,536 bytes of UTF-8 (each node admits up to its own limit).
        sequence: 0..2**53-1; the highest wins at one (author, keys).
        created_ms: when it was signed.
        expires_ms: when it ends; > created_ms.
        signature: 64 bytes, BIP340 over the record id.
    """

    author: AuthorKey
    keys: tuple[str, ...]
    message: str
    sequence: int
    created_ms: Instant
    expires_ms: Instant
    signature: bytes


@dataclass(frozen=True, slots=True)
class Removal:
    """The author's signed order to take an address out of the pool.

    Attributes:
        author: x-only public key, 32 bytes.
        keys: of the address.
        sequence: records at the address up to this sequence are removed, and refused until their expiry.
        signature: 64 bytes, BIP340 over the removal id.
    """

    author: AuthorKey
    keys: tuple[str, ...]
    sequence: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Query:
    """What a node is asked.

    Attributes:
        request_id: 16 random bytes, the same on every copy of one traversal.
        keys: prefix of 1..8 keys.
        remaining: deepness left, the asked node included; 1..deepness_max.
        size_limit: most records of the answer, >= 1.
        max_age_ms: only records created at most so long ago; None for any age.
        budget_ms: the answer must leave within this time, >= 1.
    """

    request_id: RequestId
    keys: tuple[str, ...]
    remaining: int
    size_limit: int
    max_age_ms: int | None
    budget_ms: int


@dataclass(frozen=True, slots=True)
class Item:
    """A found record, with the name that the answering node gives itself: shown, never trusted."""

    node: str
    record: Record


@dataclass(frozen=True, slots=True)
class Stats:
    """How complete an answer is. Counts from other nodes are their word; use them for display only.

    Attributes:
        asked: copies of the query sent, all hops together.
        answered: copies that were answered in time.
        timed_out: copies that were not.
        refused: copies that were answered by a refusal, or could not be delivered.
        duplicates: copies that reached a node which knew the request already.
        truncated_by: names of the nodes that left records out; at most 32.
        hops: links between this node and the farthest node that answered.
    """

    asked: int = 0
    answered: int = 0
    timed_out: int = 0
    refused: int = 0
    duplicates: int = 0
    truncated_by: tuple[str, ...] = ()
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answers.

    Attributes:
        items: at most size_limit of the query.
        stats: how complete this is.
        duplicate: the node knew the request already and adds nothing.
    """

    items: tuple[Item, ...] = ()
    stats: Stats = field(default_factory=Stats)
    duplicate: bool = False


def is_keys(keys: tuple[str, ...]) -> bool:
    """Say whether these are 1..8 keys of 1..64 bytes of UTF-8 without control characters or lone surrogates."""
    if not 1 <= len(keys) <= KEYS_MAX:
        return False
    sizes = [*map(len, keys)]
    if min(sizes) < 1 or max(sizes) > KEY_BYTES_MAX:
        return False
    # One look at all of the text together: what is forbidden is forbidden by single characters.
    text = "".join(keys)
    if text.isascii():
        return text.isprintable()
    return _FORBIDDEN(text) is None and all(len(key.encode()) <= KEY_BYTES_MAX for key in keys)


def is_node_name(name: str) -> bool:
    """Say whether this is a name that a node may give itself: at most 128 characters, none of them a control."""
    return len(name) <= NODE_NAME_CHARACTERS_MAX and _FORBIDDEN(name) is None


def item_bytes(item: Item) -> int:
    """Return the most bytes that an item takes as JSON in UTF-8, with the comma after it."""
    names = "".join((item.node, *item.record.keys))
    return _ITEM_BYTES + _text_bytes(names) + _text_bytes(item.record.message)


def _text_bytes(text: str) -> int:
    size_bytes = len(text) if text.isascii() else len(text.encode())
    controls = 0 if text.isprintable() else len(_CONTROLS(text))
    return size_bytes + text.count('"') + text.count("\\") + 5 * controls


def encode_address(author: bytes, keys: tuple[str, ...]) -> bytes:
    """Return the canonical bytes of an address: what the bodies of all its records begin with, and of no other.

    Raises:
        LocalError: the keys have no canonical bytes; check with `is_keys` first.
    """
    try:
        return _address(author, keys)
    except (UnicodeEncodeError, IndexError) as error:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, value="keys") from error


def body_address(body: bytes, record: Record) -> bytes:
    """Return what `encode_address` gives for a record whose body is at hand."""
    message = record.message
    size_bytes = len(message) if message.isascii() else len(message.encode())
    return body[: -size_bytes - _AFTER_ADDRESS_BYTES]


def _address(author: bytes, keys: tuple[str, ...]) -> bytes:
    # All of it is ASCII as a rule, and joining text is cheaper than joining bytes.
    text = "".join([_LENGTHS[len(key)] + key for key in keys])
    count = _LENGTHS[len(keys)].encode()
    if text.isascii():
        return author + count + text.encode()
    encoded = [key.encode() for key in keys]
    return author + count + b"".join([_LENGTHS[len(raw)].encode() + raw for raw in encoded])


def record_body(record: Record) -> bytes:
    """Return the canonical bytes that the record id is the hash of.

    Raises:
        LocalError: a field has no canonical bytes; check with `pool.rules.check_form` first.
    """
    try:
        text = record.message.encode()
        address = _address(record.author, record.keys)
        numbers = _NUMBERS.pack(record.sequence, record.created_ms, record.expires_ms)
        return address + _SIZE.pack(len(text)) + text + numbers
    except (UnicodeEncodeError, IndexError, struct.error) as error:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, value="record") from error


def body_id(body: bytes) -> RecordId:
    """Return the record id of canonical body bytes."""
    return RecordId(tagged_hash(_RECORD_TAG, body))


def record_id(record: Record) -> RecordId:
    """Return the record's id: the tagged hash of everything but the signature."""
    return body_id(record_body(record))


def removal_id(removal: Removal) -> bytes:
    """Return the 32 bytes that the signature of a removal is over.

    Raises:
        LocalError: a field has no canonical bytes; check with `pool.rules.check_removal` first.
    """
    try:
        sequence = removal.sequence.to_bytes(8, "big")
    except OverflowError as error:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, value="sequence") from error
    return tagged_hash(_REMOVAL_TAG, encode_address(removal.author, removal.keys), sequence)


def encode_record(record: Record) -> bytes:
    """Return the canonical bytes of a record, signature included.

    Raises:
        LocalError: a field has no canonical bytes; check with `pool.rules.check_form` first.
    """
    return record_body(record) + record.signature


def parse_record(raw: bytes) -> Record:
    """Read a record from its canonical bytes; form only, neither times nor signature.

    Raises:
        PeerError: MALFORMED, TOO_LARGE or KEYS_INVALID; the bytes are not a canonical record.
    """
    reader = Reader(raw)
    author = AuthorKey(reader.fixed(32))
    keys = tuple(reader.text(1, KEY_BYTES_MAX) for _ in range(reader.uint(1)))
    message = reader.text(4, MESSAGE_BYTES_CEILING)
    sequence, created_ms, expires_ms = reader.uint(8), reader.uint(8), reader.uint(8)
    signature = reader.fixed(SIGNATURE_BYTES)
    reader.finish()
    if not is_keys(keys):
        raise PeerError(ErrorCode.KEYS_INVALID)
    if sequence > SEQUENCE_MAX or expires_ms > INSTANT_MAX_MS or created_ms >= expires_ms:
        raise PeerError(ErrorCode.MALFORMED, value="record numbers")
    return Record(author, keys, message, sequence, Instant(created_ms), Instant(expires_ms), signature)
