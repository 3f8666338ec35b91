"""A command's parameters on the command line, made from the fields of its struct.

    field of Command.arguments    by place; a list there takes all that is left
    bool                          --flag; --flag/--no-flag where the default is true
    int, float, text, choice      --name VALUE
    list                          --name VALUE, may repeat
    struct                        --name FILE with JSON; - is standard input

Only what was given is passed on, so that a default stands in one place.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click
import msgspec
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from msgspec import inspect

from parley.errors import ErrorCode, LocalError
from parley.node.registry import Command

__all__ = ["INPUT_BYTES_MAX", "argument_help", "build", "given_members", "make_parameters"]

INPUT_BYTES_MAX: Final = 4 * 2**20
"""The largest file or standard input that is read for one parameter."""

_STANDARD_INPUT: Final = "-"
_PLACE: Final = re.compile(r" - at `\$\.?(\w*)[^`]*`$")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`.*")
_METAVARS: Final[Mapping[type[inspect.Type], str]] = MappingProxyType(
    {inspect.IntType: "NUMBER", inspect.FloatType: "NUMBER", inspect.StrType: "TEXT", inspect.StructType: "FILE"}
)
_RESERVED: Final = frozenset({"data_dir", "json", "help", "version"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """The type of a field without what msgspec wraps around it, and what it says about itself."""

    type: inspect.Type
    schema: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def make_parameters(command: Command) -> list[click.Parameter]:
    """Return click's parameters for the fields of a command.

    Raises:
        LocalError: a field has a name that every command uses, or a type that has no form on a command line.
    """
    fields = _fields(command)
    if _RESERVED & fields.keys():
        raise LocalError(ErrorCode.INVALID_ARGUMENT, method=command.method, reserved=", ".join(sorted(_RESERVED)))
    by_place: list[click.Parameter] = [_make_argument(fields[name]) for name in command.arguments]
    return by_place + [_make_option(one) for name, one in fields.items() if name not in command.arguments]


def argument_help(command: Command) -> list[tuple[str, str]]:
    """Return name and description of what is given by place, for the help."""
    fields = _fields(command)
    return [
        (one.name.replace("_", "-").upper() if "title" not in schema else schema["title"], schema["description"])
        for one in (fields[name] for name in command.arguments)
        if "description" in (schema := _unwrap(one.type).schema)
    ]


def given_members(command: Command, context: click.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said on the command line, by the names that JSON has for it.

    Args:
        command: whose parameters they are.
        context: of the invocation; knows which values are defaults.
        values: as click read them.
    """
    return {
        one.encode_name: list(value) if isinstance(value, tuple) else value
        for one in _fields(command).values()
        if context.get_parameter_source(one.name) is ParameterSource.COMMANDLINE
        and (value := values[one.name]) is not None
    }


def build(command: Command, members: Mapping[str, Any]) -> msgspec.Struct:
    """Return the parameters as the command's struct.

    Raises:
        click.UsageError: a value is missing or breaks a rule of its field.
    """
    try:
        return msgspec.convert(dict(members), command.parameters)
    except msgspec.ValidationError as error:
        raise click.UsageError(_spoken(command, str(error))) from error


def _fields(command: Command) -> dict[str, inspect.Field]:
    described = inspect.type_info(command.parameters)
    return {one.name: one for one in described.fields} if isinstance(described, inspect.StructType) else {}


def _unwrap(kind: inspect.Type) -> _Kind:
    """Take off annotations and the `| None` that says "may be left out"."""
    if isinstance(kind, inspect.Metadata):
        inner = _unwrap(kind.type)
        schema = {**inner.schema, **(kind.extra_json_schema or {})}
        return _Kind(inner.type, schema, {**inner.extra, **(kind.extra or {})})
    if isinstance(kind, inspect.UnionType):
        members = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        if len(members) == 1:
            return _unwrap(members[0])
    return _Kind(kind)


def _make_argument(one: inspect.Field) -> click.Argument:
    outer = _unwrap(one.type)
    is_list = isinstance(outer.type, inspect.ListType)
    kind = _unwrap(outer.type.item_type) if isinstance(outer.type, inspect.ListType) else outer
    metavar = outer.schema.get("title") or one.name.replace("_", "-").upper()
    shown = f"{metavar}..." if is_list else metavar
    return click.Argument(
        [one.name],
        type=_click_type(one.name, kind),
        nargs=-1 if is_list else 1,
        required=one.required,
        metavar=shown if one.required else f"[{shown}]",
        shell_complete=_completion(outer),
    )


def _make_option(one: inspect.Field) -> click.Option:
    outer = _unwrap(one.type)
    flag = f"--{one.name.replace('_', '-')}"
    description = outer.schema.get("description", "")
    if isinstance(outer.type, inspect.BoolType):
        both = f"{flag}/--no-{flag[2:]}" if one.default is True else flag
        return click.Option([both, one.name], is_flag=True, default=one.default is True, help=description)
    is_list = isinstance(outer.type, inspect.ListType)
    kind = _unwrap(outer.type.item_type) if isinstance(outer.type, inspect.ListType) else outer
    if kind.extra.get("stdin"):
        description += "; - reads standard input"
    settings: dict[str, Any] = {}
    if one.default not in (msgspec.NODEFAULT, msgspec.UNSET, None):
        settings = {"default": one.default, "show_default": True}
    return click.Option(
        [flag, one.name],
        type=_click_type(one.name, kind),
        multiple=is_list,
        required=one.required,
        metavar=outer.schema.get("title") or kind.schema.get("title") or _metavar(kind),
        help=f"{description} (may repeat)".lstrip() if is_list else description,
        shell_complete=_completion(outer),
        **settings,
    )


def _metavar(kind: _Kind) -> str | None:
    return _METAVARS.get(type(kind.type))


def _click_type(name: str, kind: _Kind) -> click.ParamType[Any] | Callable[[str], Any]:
    """Return what reads one value.

    Raises:
        LocalError: there is no form for such a type on a command line.
    """
    match kind.type:
        case inspect.IntType(ge=low, le=high):
            return click.IntRange(low, high)
        case inspect.FloatType(ge=low, le=high):
            return click.FloatRange(low, high)
        case inspect.LiteralType(values=values):
            return click.Choice([str(value) for value in values])
        case inspect.StrType():
            return _text_reader(may_be_standard_input=bool(kind.extra.get("stdin")))
        case inspect.StructType(cls=struct):
            return _file_reader(struct)
    raise LocalError(ErrorCode.INVALID_ARGUMENT, parameter=name, kind=type(kind.type).__name__)


def _text_reader(*, may_be_standard_input: bool) -> Callable[[str], str]:
    def read_text(value: str) -> str:
        if may_be_standard_input and value == _STANDARD_INPUT:
            return _decoded(_read_limited(_STANDARD_INPUT)).removesuffix("\n")
        if not value.isascii():
            _decoded(value.encode("utf-8", "surrogateescape"))
        return value

    return read_text


def _file_reader(struct: type) -> Callable[[str], Any]:
    def read_file(value: str) -> Any:  # noqa: ANN401  # any JSON
        raw = _read_limited(value)
        try:
            msgspec.json.decode(raw, type=struct)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise click.BadParameter(f"{value}: {error}") from error
        return msgspec.json.decode(raw)

    return read_file


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"not UTF-8 at byte {error.start}") from error


def _read_limited(name: str) -> bytes:
    """Read standard input or a file, up to the limit."""
    try:
        if name == _STANDARD_INPUT:
            raw = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(INPUT_BYTES_MAX + 1)
    except OSError as error:
        raise click.BadParameter(f"{name}: {error.strerror or 'cannot be read'}") from error
    if len(raw) > INPUT_BYTES_MAX:
        raise click.BadParameter(f"{name}: larger than {INPUT_BYTES_MAX} bytes")
    return raw


def _completion(
    kind: _Kind,
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem] | list[str]] | None:
    """Let the shell complete names of files; choices are completed by click."""
    if isinstance(kind.type, inspect.StructType) or kind.schema.get("title") == "FILE":
        return _complete_file
    return None


def _complete_file(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del context, parameter
    return [CompletionItem(incomplete, type="file")]


def _spoken(command: Command, text: str) -> str:
    """Put what msgspec says about a place in JSON into words of the command line."""
    names = {one.encode_name: one for one in _fields(command).values()}
    missing = _MISSING.match(text)
    if missing is not None:
        return f"missing: {_place(command, names[missing.group(1)])}"
    found = _PLACE.search(text)
    if found is None or found.group(1) not in names:
        return text
    return f"{_place(command, names[found.group(1)])}: {text[: found.start()]}"


def _place(command: Command, one: inspect.Field) -> str:
    name = one.name.replace("_", "-")
    return name.upper() if one.name in command.arguments else f"--{name}"
