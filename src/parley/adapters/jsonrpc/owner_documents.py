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

__all__ = ["KEPT_BYTES_MAX", "ShownEntries", "encode_owner_answer"]

KEPT_BYTES_MAX: Final = 4 * 1_024 * 1_024
"""How much of what was shown is kept, unless said otherwise."""

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


class ShownEntries:
    """Entries of the node's own table as the JSON that wallets are shown; what was shown lately is kept.

    This is the hot path of a node that many wallets share: without proofs the canonical bytes go into JSON directly,
    once for many queries that find them.
    """

    __slots__ = ("_before_keys", "_kept", "_kept_bytes", "_kept_bytes_max", "_node")

    def __init__(self, node: str, *, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        """Begin with nothing kept.

        Args:
            node: what this node calls itself.
            kept_bytes_max: how much to keep, canonical bytes and JSON together; when it is full, keeping begins anew.
        """
        self._node = node
        self._before_keys = b'{"Node":%b,"Keys":' % _encode(node)
        self._kept: dict[bytes, bytes] = {}
        self._kept_bytes = 0
        self._kept_bytes_max = kept_bytes_max

    def encode(self, entries: Iterable[Entry], *, proofs: bool) -> bytes:
        """Return the whole result of query_message.

        Args:
            entries: to show, no tombstones.
            proofs: whether to add the signed records.
        """
        if proofs:
            return _result(_encode([_shown(Item(self._node, entry.record()), proofs=True) for entry in entries]), None)
        kept = self._kept
        return b'{"Ok":[%b]}' % b",".join([kept.get(entry.raw) or self._keep(entry.raw) for entry in entries])

    def _keep(self, raw: bytes) -> bytes:
        keys_json, message_at = _keys_json(raw)
        message_json = _encode(raw[message_at + _LENGTH_BYTES : _AFTER_MESSAGE].decode())
        shown = b'%b%b,"Message":%b}' % (self._before_keys, keys_json, message_json)
        size_bytes = len(raw) + len(shown)
        self._kept_bytes += size_bytes
        if self._kept_bytes > self._kept_bytes_max:
            self._kept.clear()
            self._kept_bytes = size_bytes
        self._kept[raw] = shown
        return shown


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
