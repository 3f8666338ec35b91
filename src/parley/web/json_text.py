"""A message that is JSON, laid out: every member on its line, texts isolated, numbers exactly as they were written.

It is shown, never computed with: a number keeps its digits, and of members that repeat each is shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, NoReturn

from markupsafe import Markup

from parley.adapters.jsonrpc.texts import check_text
from parley.web.texts import isolated

__all__ = ["laid_out"]

_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class _Number:
    text: str


@dataclass(frozen=True, slots=True)
class _Members:
    pairs: tuple[tuple[str, object], ...]


def laid_out(text: str) -> Markup | None:
    """Return JSON for a `pre`; None for what is no JSON object or array, or nests too deep to follow."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        if check_text(text.encode()) is not None:
            return None
        value = json.loads(
            text,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse,
            object_pairs_hook=lambda pairs: _Members(tuple(pairs)),
        )
    except ValueError:
        return None
    return Markup("".join(_pieces(value, "")))  # noqa: S704  # every text in it was escaped


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and the infinities, which are no JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(constant)


def _pieces(value: object, indent: str) -> list[str]:
    """Return HTML; numbers and constants are of JSON's own characters."""
    match value:
        case _Members(pairs):
            inner = indent + _INDENT
            lines = [
                [f'<span class="name">{_quoted(name)}</span>: ', *_pieces(member, inner)] for name, member in pairs
            ]
            return _enclosed("{", lines, "}", indent)
        case list():
            return _enclosed("[", [_pieces(member, indent + _INDENT) for member in value], "]", indent)
        case str():
            return [f'<span class="text">{_quoted(value)}</span>']
        case _Number(text):
            return [text]
        case _:
            return [json.dumps(value)]


def _enclosed(opening: str, lines: list[list[str]], closing: str, indent: str) -> list[str]:
    if not lines:
        return [opening + closing]
    pieces = [opening]
    for number, line in enumerate(lines):
        pieces.append(f"{',' if number else ''}\n{indent}{_INDENT}")
        pieces += line
    return [*pieces, f"\n{indent}{closing}"]


def _quoted(text: str) -> str:
    return isolated(json.dumps(text, ensure_ascii=False))
