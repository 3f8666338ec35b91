"""What is checked of a JSON text before it is decoded: encoding, depth, members that repeat.

The decoder (msgspec) is strict by itself but for three things: it recurses as deep as the text does, it lets the
last of several members of one name win, and it does not look into text that it only passes on. Each check here
has a test that is cheap and never wrong to refuse further work (a count of bytes), and an exact one behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import msgspec

from parley.errors import ErrorCode, Rejected

__all__ = ["DEPTH_MAX", "check_text", "is_json", "is_repeating", "may_repeat", "quoted"]

DEPTH_MAX: Final = 16
"""The deepest nesting of objects and arrays, the outermost included."""

_ONLY_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


def check_text(raw: bytes) -> Rejected | None:
    """Check that bytes are UTF-8 and nest no deeper than `DEPTH_MAX`; not that they are JSON.

    Returns:
        None, or PARSE_ERROR (not UTF-8, or deeper than any decoder here follows).
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            return Rejected(ErrorCode.PARSE_ERROR, {"not_utf8_at": error.start})
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _is_too_deep(raw):
        return Rejected(ErrorCode.PARSE_ERROR, {"fault": "nested too deep or unbalanced", "depth_maximum": DEPTH_MAX})
    return None


def _is_too_deep(raw: bytes) -> bool:
    """Say whether brackets outside of strings nest deeper than the limit, or do not pair up."""
    if b"\\" in raw:
        # Backslashes escape in pairs from the left, so removing the pairs first leaves the ones that escape a quote.
        raw = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(raw.split(b'"')[::2]).translate(_ONLY_BRACKETS, _NO_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def is_json(raw: bytes) -> bool:
    """Say whether bytes are one well-formed JSON value, of any form; `check_text` must have passed them."""
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def quoted(names: Iterable[str]) -> tuple[bytes, ...]:
    """Return names as they stand in JSON without escapes, for `is_repeating`."""
    return tuple(msgspec.json.encode(name) for name in names)


def may_repeat(raw: bytes, names: tuple[bytes, ...]) -> bool:
    """Say whether an object could have two members of one name; a cheap look that never misses one.

    Args:
        raw: a JSON object that a strict decoder took, so that the name of every member is among `names`.
        names: quoted, of ASCII letters and underscores only, of every object that the decoder may have met.
    """
    if b"\\u" in raw:
        return True
    # A name of letters that is written without \u stands in the text as it is; once each means no repetition.
    for name in names:  # noqa: SIM110  # the hot path: a generator costs more than the counting
        if raw.count(name) > 1:
            return True
    return False


def is_repeating(raw: bytes) -> bool:
    """Say whether some object has two members of one name, upper and lower case being the same.

    Args:
        raw: well-formed JSON, `check_text` passed it; the cost is high for one of many objects.
    """
    found = [False]

    def note(pairs: list[tuple[str, object]]) -> None:
        # Only ASCII has two cases here: a Kelvin sign is no k.
        names = {name.lower() if name.isascii() else name for name, _ in pairs}
        found.append(len(names) < len(pairs))

    # Numbers are not made: a long one would cost the square of its length.
    json.loads(raw, object_pairs_hook=note, parse_int=len, parse_float=len)
    return any(found)
