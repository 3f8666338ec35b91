"""Text that others wrote, made visible; numbers and times in words.

A message, a key or a name may hold characters that show nothing, turn the direction of writing or break lines. On the
page they stand as what they are, such as U+202E, and every such text is isolated, so that its direction ends with it.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from typing import Final

from markupsafe import Markup, escape

__all__ = ["ago", "block", "counted", "isolated", "lasting", "moment", "plain", "shown", "sized"]

_INVISIBLE: Final = frozenset(
    map(
        chr,
        chain(
            (0x034F, 0x2800, 0x3164, 0xFFA0),
            range(0x115F, 0x1161),
            range(0x17B4, 0x17B6),
            range(0x180B, 0x1810),
            range(0xFE00, 0xFE10),
            range(0xE0100, 0xE01F0),
        ),
    )
)
"""Printable by their category, and yet nothing is seen of them (Unicode's Default_Ignorable, and the blank Braille)."""

_MARKS_MAX: Final = 64
"""With more odd characters than this a text is shown as escapes, so that few bytes never become a large page."""

_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS: Final = 253_402_300_799_999
_KIB: Final = 1_024


def shown(text: str) -> Markup:
    """Return a text of one line for the page: escaped, isolated, with odd characters marked."""
    return Markup(isolated(text))  # noqa: S704  # escaped there


def block(text: str) -> Markup:
    """Return a text of several lines for a `pre`: as `shown`, but line ends and tabs stay."""
    return Markup(isolated(text, keep="\n\t"))  # noqa: S704  # escaped there


def plain(text: str) -> str:
    """Return a text for a title or an attribute: odd characters as escapes, nothing marked."""
    if not _is_odd_in(text):
        return text
    return "".join(_escape(character) if _is_odd(character) else character for character in text)


def lasting(duration_ms: int) -> str:
    """Return a duration in its two largest units, such as `3 h 12 min`; 0 and less is `0 s`."""
    for index, (unit_ms, name) in enumerate(_UNITS):
        if duration_ms < unit_ms:
            continue
        amount, rest_ms = divmod(duration_ms, unit_ms)
        if index + 1 < len(_UNITS):
            lower_ms, lower_name = _UNITS[index + 1]
            if rest_ms >= lower_ms:
                return f"{amount} {name} {rest_ms // lower_ms} {lower_name}"
        return f"{amount} {name}"
    return "0 s"


def ago(passed_ms: int) -> str:
    """Return how long ago something was, in its largest unit; clocks differ, so it may lie a little ahead."""
    for unit_ms, name in _UNITS:
        if abs(passed_ms) >= unit_ms:
            return f"{passed_ms // unit_ms} {name} ago" if passed_ms > 0 else f"in {-passed_ms // unit_ms} {name}"
    return "0 s ago"


def moment(instant_ms: int) -> str:
    """Return a moment as UTC, such as `2026-03-01 12:00:00 UTC`; a number where no calendar reaches."""
    if not 0 <= instant_ms <= _LAST_MS:
        return f"{instant_ms} ms since 1970"
    return (_EPOCH + timedelta(milliseconds=instant_ms)).strftime("%Y-%m-%d %H:%M:%S UTC")


def counted(number: int, one: str = "", many: str = "") -> str:
    """Return a number with its thousands apart, and the noun that it counts."""
    noun = one if number == 1 else many or one
    return f"{number:,} {noun}".rstrip()


def sized(size_bytes: int) -> str:
    """Return a number of bytes, such as `1.5 KiB`."""
    if size_bytes < _KIB:
        return counted(size_bytes, "byte", "bytes")
    size, unit = size_bytes / _KIB, "KiB"
    for larger in ("MiB", "GiB"):
        if size < _KIB:
            break
        size, unit = size / _KIB, larger
    return f"{size:,.1f} {unit}"


def isolated(text: str, *, keep: str = "") -> str:
    """Return HTML of a text in an element of its own, with what is odd, but for what to keep, made visible.

    For callers that put many pieces together; a template wants `shown` or `block`.
    """
    if not _is_odd_in(text):
        return f"<bdi>{escape(text)}</bdi>"
    odd = sum(_is_odd(character) and character not in keep for character in text)
    if odd > _MARKS_MAX:
        escaped = "".join(_escape(one) if _is_odd(one) and one not in keep else one for one in text)
        return f'<bdi class="escaped">{escape(escaped)}</bdi>'
    runs = groupby(text, key=lambda character: _is_odd(character) and character not in keep)
    pieces = ("".join(map(_mark, run)) if is_odd else escape("".join(run)) for is_odd, run in runs)
    return f"<bdi>{''.join(pieces)}</bdi>"


def _is_odd(character: str) -> bool:
    return not character.isprintable() or character in _INVISIBLE


def _is_odd_in(text: str) -> bool:
    return not text.isprintable() or not _INVISIBLE.isdisjoint(text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _mark(character: str) -> str:
    name = unicodedata.name(character, "control or unassigned").lower()
    return f'<span class="odd" title="{name}">U+{ord(character):04X}</span>'
