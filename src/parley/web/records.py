"""Records as the page shows them, from the node's own pool or from an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from parley.pool.messages import Record, encode_record, record_id
from parley.primitives.instants import Instant
from parley.web.json_text import laid_out
from parley.web.texts import block

__all__ = ["MESSAGE_CHARACTERS_MAX", "ShownRecord", "show_record"]

MESSAGE_CHARACTERS_MAX: Final = 4_096
"""Of a longer message only the beginning is shown in a list."""

_HEADLINE_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """One record, ready for the template.

    Attributes:
        keys: of the record.
        deeper_keys: those below the prefix that is looked at.
        headline: the beginning of the message, its line ends as spaces.
        message: laid out when it is JSON, otherwise as it is.
        raw: the message as it was signed, where `message` is laid out; None otherwise.
        cut_characters: how many of the message are not shown.
        author: public key, hex.
        is_own: the author is this node.
        node: what the node that answered calls itself; empty for the own pool.
        id: hex.
        signature: hex.
        sequence: number.
        created_ms: when it was signed.
        expires_ms: when it ends.
        size_bytes: of the canonical record.
    """

    keys: tuple[str, ...]
    deeper_keys: tuple[str, ...]
    headline: str
    message: Markup
    raw: Markup | None
    cut_characters: int
    author: str
    is_own: bool
    node: str
    id: str
    signature: str
    sequence: int
    created_ms: Instant
    expires_ms: Instant
    size_bytes: int


def show_record(
    record: Record,
    *,
    prefix: tuple[str, ...],
    own_id: bytes,
    node: str = "",
    limit_characters: int = MESSAGE_CHARACTERS_MAX,
) -> ShownRecord:
    """Return what is shown of a record.

    Args:
        record: its form was checked.
        prefix: of the keys that is looked at.
        own_id: public key of this node.
        node: who answered, in its own words.
        limit_characters: most characters of the message.
    """
    text = record.message[:limit_characters]
    cut_characters = len(record.message) - len(text)
    pretty = laid_out(text) if cut_characters == 0 else None
    return ShownRecord(
        keys=record.keys,
        deeper_keys=record.keys[len(prefix) :],
        headline=text[:_HEADLINE_CHARACTERS].replace("\n", " "),
        message=block(text) if pretty is None else pretty,
        raw=None if pretty is None else block(text),
        cut_characters=cut_characters,
        author=record.author.hex(),
        is_own=record.author == own_id,
        node=node,
        id=record_id(record).hex(),
        signature=record.signature.hex(),
        sequence=record.sequence,
        created_ms=record.created_ms,
        expires_ms=record.expires_ms,
        size_bytes=len(encode_record(record)),
    )
