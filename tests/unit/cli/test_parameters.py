"""What each kind of field becomes on the command line, and back."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import msgspec
import pytest
from click.testing import CliRunner
from msgspec import Meta

from parley.cli.parameters import INPUT_BYTES_MAX, argument_help, build, given_members, make_parameters
from parley.errors import ErrorCode, LocalError
from parley.node.registry import Audience, Command


class Document(msgspec.Struct, forbid_unknown_fields=True):
    number: int


class Everything(msgspec.Struct, forbid_unknown_fields=True, rename={"text": "Text", "keys": "Keys"}):
    place: Annotated[str, Meta(title="PLACE", description="where")]
    keys: Annotated[list[str], Meta(max_length=2, description="what")] = msgspec.field(default_factory=list)
    text: Annotated[str, Meta(description="any text", extra={"stdin": True})] | None = None
    size_limit: Annotated[int, Meta(ge=1, le=9, description="how many")] = 3
    ratio: Annotated[float, Meta(ge=0.5)] = 1.0
    kind: Literal["one", "two"] = "one"
    deep: Annotated[bool, Meta(description="deeply")] = False
    bright: bool = True
    peer: Annotated[list[str], Meta(title="URL", description="whom")] = msgspec.field(default_factory=list)
    record: Annotated[Document, Meta(description="a document")] | None = None
    code: Annotated[str, Meta(pattern="^[a-f]+$")] | None = None


def command_of(kind: type[msgspec.Struct], *arguments: str) -> Command:
    return Command(
        method="do",
        audience=Audience.LOCAL,
        parameters=kind,
        run=lambda: 0,
        summary="Does.",
        words=("do",),
        arguments=arguments,
    )


EVERYTHING = command_of(Everything, "place", "keys")


def read(*arguments: str, command: Command = EVERYTHING) -> tuple[dict[str, Any], msgspec.Struct]:
    """Parse a command line; return the members that were given, and the struct."""
    result: list[tuple[dict[str, Any], msgspec.Struct]] = []

    def run(**values: object) -> None:
        members = given_members(command, click.get_current_context(), values)
        result.append((members, build(command, members)))

    click.Command("do", params=make_parameters(command), callback=run).main(list(arguments), standalone_mode=False)
    return result[0]


def test_only_what_is_given_is_passed_on() -> None:
    members, parameters = read("here")
    assert members == {"place": "here"}
    assert parameters == Everything(place="here")


def test_every_kind_of_field_can_be_given() -> None:
    members, parameters = read(
        *("here", "a", "b", "--text", "t", "--size-limit", "9", "--ratio", "0.5", "--kind", "two", "--deep"),
        *("--no-bright", "--peer", "x", "--peer", "y", "--code", "abc"),
    )
    assert members == {
        "place": "here",
        "Keys": ["a", "b"],
        "Text": "t",
        "size_limit": 9,
        "ratio": 0.5,
        "kind": "two",
        "deep": True,
        "bright": False,
        "peer": ["x", "y"],
        "code": "abc",
    }
    assert parameters == Everything(
        place="here",
        keys=["a", "b"],
        text="t",
        size_limit=9,
        ratio=0.5,
        kind="two",
        deep=True,
        bright=False,
        peer=["x", "y"],
        code="abc",
    )


def test_a_default_that_is_given_counts_as_given() -> None:
    assert read("here", "--size-limit", "3", "--bright")[0] == {"place": "here", "size_limit": 3, "bright": True}


def test_a_text_that_begins_with_a_dash_follows_two_dashes() -> None:
    assert read("--", "-x", "--deep")[0] == {"place": "-x", "Keys": ["--deep"]}


def test_a_document_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"number": 5}')
    members, parameters = read("here", "--record", str(tmp_path / "one.json"))
    assert members["record"] == {"number": 5}
    assert parameters == Everything(place="here", record=Document(5))


def stand_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_documents_and_texts_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, b'{"number": 6}')
    assert read("here", "--record", "-")[0]["record"] == {"number": 6}
    stand_in(monkeypatch, "naïve\n\n".encode())
    assert read("here", "--text", "-")[0]["Text"] == "naïve\n"
    stand_in(monkeypatch, b"")
    assert read("here", "--text", "-")[0]["Text"] == ""


def test_a_dash_is_an_ordinary_text_where_standard_input_is_not_offered() -> None:
    assert read("-")[0] == {"place": "-"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "PLACE"),
        (("here", "--size-limit", "10"), "1<=x<=9"),
        (("here", "--size-limit", "x"), "--size-limit"),
        (("here", "--ratio", "0.4"), "x>=0.5"),
        (("here", "--kind", "three"), "'one', 'two'"),
        (("here", "--code", "xyz"), "--code: Expected `str` matching regex"),
        (("here", "a", "b", "c"), "KEYS: Expected `array` of length <= 2"),
        (("here", "--record", "/nowhere/at.json"), "No such file"),
        (("here", "\udcff"), "not UTF-8 at byte 0"),
        (("here", "--nothing"), "--nothing"),
    ],
)
def test_wrong_values_are_named(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        read(*arguments)
    assert words in caught.value.format_message()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"number": "5"}', "Expected `int`, got `str`"),
        (b'{"number": 5, "more": 1}', "unknown field `more`"),
        (b"{", "truncated"),
        (b"\xff", "--record"),
        (b"[" * 100_000, "--record"),
        (b" " * (INPUT_BYTES_MAX + 1), f"larger than {INPUT_BYTES_MAX} bytes"),
    ],
)
def test_a_document_is_checked_when_it_is_read(monkeypatch: pytest.MonkeyPatch, content: bytes, words: str) -> None:
    stand_in(monkeypatch, content)
    with pytest.raises(click.UsageError) as caught:
        read("here", "--record", "-")
    assert words in caught.value.format_message()


def test_a_text_from_standard_input_must_be_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, b"ab\xff")
    with pytest.raises(click.UsageError, match="not UTF-8 at byte 2"):
        read("here", "--text", "-")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "missing: PLACE"),
        ({"place": "x", "Text": 5}, "--text: Expected `str | null`, got `int`"),
        ({"place": "x", "unheard_of": 5}, "unheard_of"),
    ],
)
def test_what_click_lets_pass_is_still_checked(members: dict[str, object], words: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        build(EVERYTHING, members)
    assert words in caught.value.format_message()


def test_the_help_tells_names_ranges_and_defaults() -> None:
    shown = CliRunner().invoke(click.Command("do", params=make_parameters(EVERYTHING)), ["--help"], terminal_width=200)
    lines = [" ".join(line.split()) for line in shown.output.splitlines()]
    assert "Usage: do [OPTIONS] PLACE [KEYS...]" in lines
    assert "--size-limit NUMBER how many [default: 3; 1<=x<=9]" in lines
    assert "--kind [one|two] [default: one]" in lines
    assert "--peer URL whom (may repeat)" in lines
    assert "--record FILE a document" in lines
    assert "--deep deeply" in lines
    assert "--bright / --no-bright" in lines
    assert argument_help(EVERYTHING) == [("PLACE", "where"), ("KEYS", "what")]


def test_files_are_completed_by_the_shell() -> None:
    context = click.Context(click.Command("do"))
    offers = {one.name: one.shell_complete(context, "x") for one in make_parameters(EVERYTHING)}
    assert [(offer.type, offer.value) for offer in offers["record"]] == [("file", "x")]
    assert offers["text"] == []


def test_a_command_may_have_no_parameters() -> None:
    class Nothing(msgspec.Struct):
        pass

    assert read(command=command_of(Nothing))[0] == {}


class WithReservedName(msgspec.Struct):
    json: bool = False


class WithTable(msgspec.Struct):
    table: dict[str, int]


class WithTwoTypes(msgspec.Struct):
    value: int | str


@pytest.mark.parametrize("kind", [WithReservedName, WithTable, WithTwoTypes])
def test_what_has_no_form_on_a_command_line_is_our_mistake(kind: type[msgspec.Struct]) -> None:
    with pytest.raises(LocalError) as caught:
        make_parameters(command_of(kind))
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def test_members_are_json(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"number": 5}')
    members, _ = read("here", "a", "--record", str(tmp_path / "one.json"), "--deep")
    assert json.loads(json.dumps(members)) == {"place": "here", "Keys": ["a"], "record": {"number": 5}, "deep": True}
