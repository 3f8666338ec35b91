"""Parameters: names in any case, nothing twice, nothing unknown, and what is wrong said in our own words."""

from __future__ import annotations

import enum
import json
from typing import Annotated, Final, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ErrorCode, Rejected


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Inside(msgspec.Struct, forbid_unknown_fields=True):
    author: Annotated[str, Meta(min_length=2, max_length=2)]
    count: Annotated[int, Meta(ge=0, le=9)] = 0


class Parameters(msgspec.Struct, forbid_unknown_fields=True, rename={"message": "Message"}):
    keys: Annotated[list[Annotated[str, Meta(min_length=1, max_length=4)]], Meta(min_length=1, max_length=3)]
    message: str = ""
    deepness: Annotated[int, Meta(ge=1, le=16)] = 1
    at_least: Annotated[int, Meta(ge=5)] = 5
    at_most: Annotated[int, Meta(le=5)] = 5
    age: Annotated[int, Meta(ge=1)] | None = None
    stats: bool = False
    ratio: float = 0.0
    level: Level = Level.LOW
    kind: Literal["a", "b"] = "a"
    table: dict[str, int] = {}
    pair: tuple[int, int] = (0, 0)
    inside: Inside | None = None
    several: tuple[Inside, ...] = ()
    maybe: tuple[Inside, ...] | None = None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """Takes no parameters."""


def parse(text: str) -> Parameters | Rejected:
    return parse_params(text.encode(), Parameters)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"keys":["a"]}', Parameters(["a"])),
        (' { "keys" : [ "a" ] } ', Parameters(["a"])),
        ('{"Keys":["a"],"message":"m"}', Parameters(["a"], "m")),
        ('{"KEYS":["a"],"mESSAGE":"m","Deepness":2}', Parameters(["a"], "m", 2)),
        ('{"\\u006beys":["a"],"Message":"\\u00e9"}', Parameters(["a"], "\u00e9")),
        (
            '{"keys":["keys","age"],"Message":"{\\"keys\\":1,\\"keys\\":2}"}',
            Parameters(["keys", "age"], '{"keys":1,"keys":2}'),
        ),
        ('{"keys":["a"],"age":null}', Parameters(["a"])),
        ('{"keys":["a"],"inside":{"author":"xy","count":3}}', Parameters(["a"], inside=Inside("xy", 3))),
        (
            '{"keys":["a"],"several":[{"author":"xy"},{"author":"zz"}]}',
            Parameters(["a"], several=(Inside("xy"), Inside("zz"))),
        ),
    ],
)
def test_parameters_are_read(text: str, wanted: Parameters) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize("raw", [b"", b"{}", b" { } ", b"[]", b" [ ] "])
def test_no_parameters_are_no_parameters(raw: bytes) -> None:
    assert parse_params(raw, Nothing) == Nothing()


def test_no_parameters_where_some_are_needed() -> None:
    refusal = parse_params(b"[]", Parameters)
    assert isinstance(refusal, Rejected)
    assert refusal.facts["parameter"] == "keys"
    assert refusal.facts["fault"] == "missing"


KEYS: Final = "array, 1 to 3 elements (each: text, 1 to 4 characters)"


@pytest.mark.parametrize(
    ("text", "parameter", "expected"),
    [
        ('{"keys":"a"}', "keys", KEYS),
        ('{"keys":[]}', "keys", KEYS),
        ('{"keys":["a","b","c","d"]}', "keys", KEYS),
        ('{"keys":["a",1]}', "keys", "text, 1 to 4 characters"),
        ('{"keys":["a",""]}', "keys", "text, 1 to 4 characters"),
        ('{"Keys":["a",""]}', "keys", "text, 1 to 4 characters"),
        ('{"keys":null}', "keys", KEYS),
        ('{"keys":["a"],"Message":1}', "Message", "text"),
        ('{"keys":["a"],"message":1}', "Message", "text"),
        ('{"keys":["a"],"deepness":0}', "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"deepness":17}', "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"deepness":1.0}', "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"deepness":"1"}', "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"deepness":true}', "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"deepness":1e400}', "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"deepness":' + "9" * 5_000 + "}", "deepness", "integer, 1 to 16"),
        ('{"keys":["a"],"at_least":4}', "at_least", "integer, at least 5"),
        ('{"keys":["a"],"at_most":6}', "at_most", "integer, at most 5"),
        ('{"keys":["a"],"age":0}', "age", "integer, at least 1 or null"),
        ('{"keys":["a"],"stats":1}', "stats", "true or false"),
        ('{"keys":["a"],"ratio":"x"}', "ratio", "number"),
        ('{"keys":["a"],"level":"middle"}', "level", "low or high"),
        ('{"keys":["a"],"kind":"c"}', "kind", "a or b"),
        ('{"keys":["a"],"table":1}', "table", "object"),
        ('{"keys":["a"],"table":{"<evil>":"x"}}', "table", "object"),
        ('{"keys":["a"],"pair":1}', "pair", "another type"),
        ('{"keys":["a"],"maybe":[{"author":"x"}]}', "maybe.author", "text, 2 characters"),
        ('{"keys":["a"],"inside":1}', "inside", "object with author, count or null"),
        ('{"keys":["a"],"inside":{"author":"x"}}', "inside.author", "text, 2 characters"),
        ('{"keys":["a"],"inside":{"author":"xy","count":10}}', "inside.count", "integer, 0 to 9"),
        ('{"keys":["a"],"several":[{"author":"xy"},{"author":"x"}]}', "several.author", "text, 2 characters"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(text: str, parameter: str, expected: str) -> None:
    assert parse(text) == Rejected(ErrorCode.INVALID_PARAMS, {"parameter": parameter, "expected": expected})


@pytest.mark.parametrize(
    ("text", "parameter", "expected"),
    [
        ("{}", "keys", KEYS),
        ('{"deepness":1}', "keys", KEYS),
        ('{"keys":["a"],"inside":{}}', "inside.author", "text, 2 characters"),
    ],
)
def test_what_is_missing_is_named(text: str, parameter: str, expected: str) -> None:
    facts = {"parameter": parameter, "fault": "missing", "expected": expected}
    assert parse(text) == Rejected(ErrorCode.INVALID_PARAMS, facts)


@pytest.mark.parametrize(
    "text",
    [
        '{"keys":["a"],"keys":["a"]}',
        '{"keys":["a"],"Keys":["a"]}',
        '{"keys":["a"],"\\u006beys":["a"]}',
        '{"Keys":["a"],"KEYS":["a"]}',
        '{"keys":["a"],"Message":"x","message":"y"}',
        '{"keys":["a"],"inside":{"author":"xy","author":"zz"}}',
        '{"keys":["a"],"several":[{"author":"xy","count":1,"\\u0063ount":2}]}',
    ],
)
def test_a_name_cannot_stand_twice(text: str) -> None:
    refusal = parse(text)
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.INVALID_PARAMS
    assert refusal.facts == {"fault": "a name repeats, upper and lower case being the same"}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ('{"keys":["a"],"<evil>":1}', {"fault": "unknown name"}),
        ('{"keys":["a"],"\\u212aeys":["b"]}', {"fault": "unknown name"}),  # a Kelvin sign is no k
        ('{"keys":["a"],"":1}', {"fault": "unknown name"}),
        ('{"keys":["a"],"evil` - at `$.inside":1}', {"fault": "unknown name"}),
        ('{"keys":["a"],"inside":{"author":"xy","<evil>":1}}', {"fault": "unknown name", "parameter": "inside"}),
        ('{"keys":["a"],"inside":{"author":"xy","Count":1}}', {"fault": "unknown name", "parameter": "inside"}),
    ],
)
def test_an_unknown_name_is_refused_and_not_repeated(text: str, facts: dict[str, str]) -> None:
    refusal = parse(text)
    assert isinstance(refusal, Rejected)
    known = (
        "author, count"
        if "parameter" in facts
        else (
            "keys, Message, deepness, at_least, at_most, age, stats, ratio, level, kind, table, pair, inside, "
            "several, maybe"
        )
    )
    assert refusal == Rejected(ErrorCode.INVALID_PARAMS, {**facts, "known": known})


def test_where_no_name_is_known_it_says_so() -> None:
    refusal = parse_params(b'{"a":1}', Nothing)
    assert refusal == Rejected(ErrorCode.INVALID_PARAMS, {"fault": "unknown name", "known": "none"})


@pytest.mark.parametrize("text", ['["a"]', "[[]]", "1", '"text"', "null"])
def test_parameters_go_by_name(text: str) -> None:
    refusal = parse(text)
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.INVALID_PARAMS
    assert refusal.facts["fault"] == "not by name"
    assert str(refusal.facts["expected"]).startswith("object with keys, Message")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"keys":["a"]}}',
        b'{"keys":["\xff"]}',
        b'{"Keys":["\xff"]}',
        b"[" * 100_000,
        b'{"keys":["\\ud800"]}',
        b'{"keys":',
        b"[1,",
        b'{"a":1,"keys":NaN}',
    ],
)
def test_what_is_no_json_is_a_parse_error(raw: bytes) -> None:
    refusal = parse_params(raw, Parameters)
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.PARSE_ERROR


def test_what_is_unsound_only_in_text_that_is_passed_on_is_found() -> None:
    class Open(msgspec.Struct):
        raw: msgspec.Raw

    assert isinstance(parse_params(b'{"raw":[1]}', Open), Open)
    assert isinstance(parse_params(b'{"raw":"\\ud800"}', Open), Rejected)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["keys", "Keys", "author", "age", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_or_refused(value: object) -> None:
    parsed = parse_params(json.dumps(value).encode(), Parameters)
    if isinstance(parsed, Rejected):
        assert parsed.code is ErrorCode.INVALID_PARAMS
    else:
        assert isinstance(value, dict)
        assert {name.lower() for name in value} <= {"keys", "age"}


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    parsed = parse_params(raw, Nothing)
    if isinstance(parsed, Rejected):
        assert parsed.code in {ErrorCode.INVALID_PARAMS, ErrorCode.PARSE_ERROR}
    else:
        assert not raw.strip(b" \t\r\n[]{}")
