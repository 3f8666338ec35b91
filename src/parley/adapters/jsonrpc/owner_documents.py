"""What query_message answers to the owner's wallets: the seed's `{"Node", "Keys", "Message"}`, and what may be added.

    {"Ok": [{"Node": text, "Keys": [text, ...], "Message": text[, "Record": record]}, ...][, "stats": {...}]}

Source: docs/spec/pool.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from parley.adapters.jsonrpc.documents import (
    RecordDocument,
    record_document,
    stats_document,
)
from parley.pool.entries import Entry
from parley.pool.messages import SIGNATURE_BYTES, Answer, Item, Stats

__all__ = ["encode_owner_answer", "encode_owner_entries"]

_KEYS_AT: Final = 32
_LENGTH_BYTES: Final = 4
_AFTER_MESSAGE: Final = -SIGNATURE_BYTES - 3 * 8

_encode: Final = msgspec.json.Encoder().encode


class _Shown(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    Node: str
    Keys: tuple[str, ...]
    Message: str
    Record: RecordDocument | None = None


def encode_owner_answer(answer: Answer, *, stats: bool, proofs: bool) -> bytes:
    """Return the whole result of query_message, from an answer of the router.

    Args:
        answer: to show.
        stats: whether to add how complete it is.
        proofs: whether to add the signed records.
    """
    shown = _encode([_shown(item, proofs=proofs) for item in answer.items])
    return _result(shown, answer.stats if stats else None)


def encode_owner_entries(entries: Iterable[Entry], node: str, *, proofs: bool) -> bytes:
    """Return the whole result of query_message, from entries of the node's own table.

    This is the hot path of a node that many wallets share. Without proofs the canonical bytes go into JSON directly;
    entries under the same keys share the JSON of those.

    Args:
        entries: to show, no tombstones.
        node: what this node calls itself.
        proofs: whether to add the signed records.
    """
    if proofs:
        return _result(_encode([_shown(Item(node, entry.record()), proofs=True) for entry in entries]), None)
    before_keys = b'{"Node":%b,"Keys":' % _encode(node)
    objects: list[bytes] = []
    keys_raw, message_at, before_message = b"\xff", 0, b""
    for entry in entries:
        raw = entry.raw
        if not raw.startswith(keys_raw, _KEYS_AT):
            keys_json, message_at = _keys_json(raw)
            keys_raw = raw[_KEYS_AT:message_at]
            message_at += _LENGTH_BYTES
            before_message = b'%b%b,"Message":' % (before_keys, keys_json)
        objects.append(b"%b%b}" % (before_message, _encode(raw[message_at:_AFTER_MESSAGE].decode())))
    return b'{"Ok":[%b]}' % b",".join(objects)


def _keys_json(raw: bytes) -> tuple[bytes, int]:
    """Return the keys of canonical bytes as JSON, and where they end; keys hold no control characters."""
    position = _KEYS_AT + 1
    keys: list[bytes] = []
    for _ in range(raw[_KEYS_AT]):
        end = position + 1 + raw[position]
        keys.append(raw[position + 1 : end])
        position = end
    joined = b'","'.join(keys)
    if joined.isascii() and b"\\" not in joined and joined.count(b'"') == 2 * (len(keys) - 1):
        return b'["%b"]' % joined, position
    return _encode([key.decode() for key in keys]), position


def _shown(item: Item, *, proofs: bool) -> _Shown:
    record = item.record
    return _Shown(item.node, record.keys, record.message, record_document(record) if proofs else None)


def _result(shown: bytes, stats: Stats | None) -> bytes:
    if stats is None:
        return b'{"Ok":%b}' % shown
    return b'{"Ok":%b,"stats":%b}' % (shown, _encode(stats_document(stats)))
