"""JSON is laid out exactly as it was written; what is none is left alone."""

from __future__ import annotations

import pytest

from parley.web.json_text import laid_out


def test_every_member_has_its_line() -> None:
    markup = laid_out('{"a":1,"b":[true,null],"c":{}}')
    assert markup is not None
    lines = [line.strip().replace("<bdi>", "").replace("</bdi>", "") for line in str(markup).split("\n")]
    assert lines == [
        "{",
        '<span class="name">&#34;a&#34;</span>: 1,',
        '<span class="name">&#34;b&#34;</span>: [',
        "true,",
        "null",
        "],",
        '<span class="name">&#34;c&#34;</span>: {}',
        "}",
    ]


def test_depth_is_indentation() -> None:
    assert laid_out("[[1,2],[]]") == "[\n  [\n    1,\n    2\n  ],\n  []\n]"


@pytest.mark.parametrize("number", ["12345678901234567890123", "2.50", "-0.0", "1E400", "9" * 5_000])
def test_a_number_keeps_its_digits(number: str) -> None:
    assert laid_out(f"[{number}]") == f"[\n  {number}\n]"


def test_members_that_repeat_are_all_seen() -> None:
    markup = laid_out('{"price": 1, "price": 2}')
    assert markup is not None
    assert markup.count("price") == 2


def test_texts_are_escaped_and_their_direction_ends_with_them() -> None:
    markup = laid_out('["<b>\u202e\\u202e\\n\\ud800"]')
    assert markup == (
        '[\n  <span class="text"><bdi>&#34;&lt;b&gt;'
        '<span class="odd" title="right-to-left override">U+202E</span>'
        '<span class="odd" title="right-to-left override">U+202E</span>'
        '\\n<span class="odd" title="control or unassigned">U+D800</span>&#34;</bdi></span>\n]'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "17",
        '"text"',
        "{",
        "[1,]",
        '{"a": NaN}',
        "[Infinity]",
        "[" * 17 + "]" * 17,
        "[" * 60_000,
        '{"a":' * 20 + "1" + "}" * 20,
        "[1] [2]",
        "[\ud800]",
    ],
)
def test_what_is_no_json_object_or_array_is_left_alone(text: str) -> None:
    assert laid_out(text) is None


def test_as_deep_as_the_decoders_follow_is_laid_out() -> None:
    assert laid_out("[" * 16 + "]" * 16) is not None
