r"""Text that others wrote, made harmless for a terminal.

A message or a node's name may hold escape sequences that move the cursor, change the title or turn the direction of
writing, and line ends that forge a line of ours. Whatever is not plainly printable is shown as a Python escape,
such as `\x1b`.
"""

from __future__ import annotations

import re

__all__ = ["escape_json", "escape_text"]

_LAST_OF_FIRST_PLANE = 0xFFFF
_SURROGATE_BITS = 10
_HIGH_SURROGATE = 0xD800 - (0x10000 >> _SURROGATE_BITS)
_LOW_SURROGATE = 0xDC00
_LOW_MASK = (1 << _SURROGATE_BITS) - 1


def escape_text(text: str) -> str:
    """Return the text with control, format and separator characters (all but the space) as escapes.

    `str.isprintable` is false for the Unicode categories "Other" (controls, marks of direction, surrogates,
    unassigned) and "Separator", which are the ones that a terminal may act upon.
    """
    if text.isprintable():
        return text
    odd = [character for character in set(text) if not character.isprintable()]
    return text.translate({ord(one): one.encode("unicode_escape").decode("ascii") for one in odd})


def escape_json(document: str, *, ascii_only: bool) -> str:
    """Return the same JSON value without characters that a terminal may act upon.

    Outside of its texts JSON is ASCII without control characters but line ends, so only texts change, into JSON's
    own escapes: whoever decodes it gets what was there.

    Args:
        document: JSON on one line.
        ascii_only: also escape what is printable, for a terminal that has no UTF-8.
    """
    if document.isprintable() and (not ascii_only or document.isascii()):
        return document
    odd = [one for one in set(document) if not one.isprintable() or (ascii_only and not one.isascii())]
    return re.sub(f"[{re.escape(''.join(odd))}]", lambda found: _json_escape(ord(found[0])), document)


def _json_escape(code_point: int) -> str:
    if code_point <= _LAST_OF_FIRST_PLANE:
        return f"\\u{code_point:04x}"
    high = _HIGH_SURROGATE + (code_point >> _SURROGATE_BITS)
    return f"\\u{high:04x}\\u{_LOW_SURROGATE + (code_point & _LOW_MASK):04x}"
