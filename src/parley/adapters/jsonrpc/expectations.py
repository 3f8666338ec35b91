"""What a parameter may be, in words that come from its declaration alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import inspect

__all__ = ["expectation", "fields_of", "inside"]

_NAMES: Final[Mapping[type[inspect.Type], str]] = {
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.FloatType: "number",
    inspect.DictType: "object",
}


def fields_of(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    """Return the fields of the struct that a type is, or may be; none when it is no struct."""
    for option in _options(kind):
        if isinstance(option, inspect.StructType):
            return option.fields
    return ()


def inside(kind: inspect.Type, name: str | None) -> inspect.Type | None:
    """Return the type of a member (of an element, when `name` is None); None when there is no such thing."""
    for option in _options(kind):
        if name is None:
            if isinstance(option, inspect.ListType | inspect.VarTupleType):
                return option.item_type
        elif isinstance(option, inspect.StructType):
            return next((field.type for field in option.fields if field.encode_name == name), None)
    return None


def expectation(kind: inspect.Type) -> str:
    """Describe a type with its limits: "integer, 1 to 16", "array of 1 to 8 texts of 1 to 64 characters"."""
    return " or ".join(dict.fromkeys(_one(option) for option in _options(kind)))


def _options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.Metadata):
        return _options(kind.type)
    if isinstance(kind, inspect.UnionType):
        return tuple(inner for option in kind.types for inner in _options(option))
    return (kind,)


def _one(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType():
            return _with_range("integer", kind.ge, kind.le)
        case inspect.StrType():
            return _with_range("text", kind.min_length, kind.max_length, " characters")
        case inspect.ListType() | inspect.VarTupleType():
            size = _with_range("array", kind.min_length, kind.max_length, " elements")
            return f"{size} (each: {expectation(kind.item_type)})"
        case inspect.StructType():
            return "object with " + ", ".join(field.encode_name for field in kind.fields)
        case inspect.LiteralType():
            return " or ".join(str(value) for value in kind.values)
        case inspect.EnumType():
            return " or ".join(str(member.value) for member in kind.cls)
        case _:
            return _NAMES.get(type(kind), "another type")


def _with_range(what: str, low: int | None, high: int | None, unit: str = "") -> str:
    if low is not None and low == high:
        return f"{what}, {low}{unit}"
    if low is not None and high is not None:
        return f"{what}, {low} to {high}{unit}"
    if low is not None:
        return f"{what}, at least {low}{unit}"
    if high is not None:
        return f"{what}, at most {high}{unit}"
    return what
