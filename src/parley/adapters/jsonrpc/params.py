"""Parameters of a call, from JSON into a struct, and what to say when they do not fit.

Names are compared without regard to case, as the methods of old spell some `Keys` and some `keys`. The strict way is
tried first: names exactly as declared. What is refused is described in our own words, from the declaration of the
struct; nothing of what came from outside, a name included, is ever repeated.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from parley.adapters.jsonrpc.expectations import expectation, fields_of, inside
from parley.adapters.jsonrpc.texts import check_text, is_json, is_repeating, may_repeat, quoted
from parley.errors import ErrorCode, Fact, Rejected

__all__ = ["parse_params"]

StructT = TypeVar("StructT", bound=msgspec.Struct)

_PATH: Final = re.compile(r" - at `\$([^`]*)`$")
_STEP: Final = re.compile(r"\.(\w+)|\[\d*(?:\.\.\.)?\]")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = "Object contains unknown field"
_NO_PARAMS: Final = b"{}"
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE: Final = b" \t\r\n"


def parse_params(raw: bytes, kind: type[StructT]) -> StructT | Rejected:
    """Read the parameters of a call; raises nothing, whatever the bytes are.

    Args:
        raw: `Call.params`; empty and `[]` stand for no parameters.
        kind: struct with `forbid_unknown_fields`, as all structs inside it; no two of its names differ by case only.

    Returns:
        The struct, or INVALID_PARAMS (PARSE_ERROR where the bytes are no JSON).
    """
    reader: _Reader[StructT] = _reader(kind)
    return reader.read(raw or _NO_PARAMS)


@lru_cache(maxsize=256)
def _reader(kind: type[StructT]) -> _Reader[StructT]:
    return _Reader(kind)


class _Reader(Generic[StructT]):
    """Reads one kind of struct; what can be prepared is prepared once."""

    __slots__ = ("_declared", "_decode", "_kind", "_names", "_names_lower")

    def __init__(self, kind: type[StructT]) -> None:
        self._kind = inspect.type_info(kind)
        self._decode = msgspec.json.Decoder(kind).decode
        self._declared = {field.encode_name.lower(): field.encode_name for field in fields_of(self._kind)}
        names = sorted(_all_names(self._kind))
        self._names = quoted(names)
        self._names_lower = quoted(name.lower() for name in names)

    def read(self, raw: bytes) -> StructT | Rejected:
        try:
            parsed = self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._read_tolerantly(raw, str(error))
        if may_repeat(raw, self._names) and is_repeating(raw):
            return _repeated()
        return parsed

    def _read_tolerantly(self, raw: bytes, fault: str) -> StructT | Rejected:
        """Give the names the case that is declared, then read again."""
        refusal = check_text(raw)
        if refusal is not None:
            return refusal
        try:
            members = _MEMBERS.decode(raw)
        except msgspec.ValidationError:
            return self._read_array(raw) if is_json(raw) else Rejected(ErrorCode.PARSE_ERROR)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Rejected(ErrorCode.PARSE_ERROR)
        declared = [self._declared.get(name.lower()) if name.isascii() else None for name in members]
        if declared == list(members):
            return self._explain(fault)
        if None in declared:
            return self._unknown(self._kind, "")
        renamed = (b'"%b":%b' % (str(name).encode(), raw) for name, raw in zip(declared, members.values(), strict=True))
        try:
            parsed = self._decode(b"{%b}" % b",".join(renamed))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._explain(str(error))
        # Only now, as what fits the declaration is small: the exact look into a large text is slow.
        if may_repeat(raw.lower(), self._names_lower) and is_repeating(raw):
            return _repeated()
        return parsed

    def _read_array(self, raw: bytes) -> StructT | Rejected:
        text = raw.strip(_SPACE)
        if text[:1] == b"[" and not text[1:-1].strip(_SPACE):
            return self.read(_NO_PARAMS)
        return _refusal({"fault": "not by name", "expected": expectation(self._kind)})

    def _explain(self, fault: str) -> Rejected:
        """Say what is wrong, from the place that the decoder names and the declaration of that place."""
        found = _PATH.search(fault)
        names: list[str] = []
        here = self._kind
        for step in _STEP.finditer(found.group(1)) if found else ():
            within = inside(here, step.group(1))
            if within is None:
                break
            here = within
            names += [step.group(1)] if step.group(1) else []
        if fault.startswith(_UNKNOWN):
            return self._unknown(here, ".".join(names))
        missing = _MISSING.match(fault)
        member = inside(here, missing.group(1)) if missing else None
        if missing is None or member is None:
            return _refusal({"parameter": ".".join(names) or "all", "expected": expectation(here)})
        names.append(missing.group(1))
        return _refusal({"parameter": ".".join(names), "fault": "missing", "expected": expectation(member)})

    def _unknown(self, here: inspect.Type, place: str) -> Rejected:
        facts: dict[str, Fact] = {"parameter": place} if place else {}
        known = ", ".join(field.encode_name for field in fields_of(here))
        return _refusal({**facts, "fault": "unknown name", "known": known or "none"})


def _all_names(kind: inspect.Type) -> set[str]:
    """Return the names of the members of a struct and of all structs inside it."""
    names: set[str] = set()
    for field in fields_of(kind):
        names |= {field.encode_name} | _all_names(field.type)
    element = inside(kind, None)
    return names if element is None else names | _all_names(element)


def _refusal(facts: dict[str, Fact]) -> Rejected:
    return Rejected(ErrorCode.INVALID_PARAMS, facts)


def _repeated() -> Rejected:
    return _refusal({"fault": "a name repeats, upper and lower case being the same"})
