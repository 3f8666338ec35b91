"""What others wrote is seen as it is, and acts on nothing."""

from __future__ import annotations

import pytest

from parley.web.texts import ago, block, counted, lasting, moment, plain, shown, sized

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def test_markup_is_text() -> None:
    assert shown("<b>&'\"") == "<bdi>&lt;b&gt;&amp;&#39;&#34;</bdi>"


@pytest.mark.parametrize(
    ("character", "label"),
    [
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u200b", "U+200B"),
        ("\ufeff", "U+FEFF"),
        ("\u00a0", "U+00A0"),
        ("\u00ad", "U+00AD"),
        ("\u2028", "U+2028"),
        ("\x1b", "U+001B"),
        ("\x85", "U+0085"),
        ("\n", "U+000A"),
        ("\ud800", "U+D800"),
        ("\u3164", "U+3164"),
        ("\ufe0f", "U+FE0F"),
        ("\U000e0041", "U+E0041"),
        ("\U000e0100", "U+E0100"),
    ],
)
def test_what_cannot_be_seen_is_named(character: str, label: str) -> None:
    markup = shown(f"a{character}b")
    assert character not in markup
    assert f">{label}</span>b" in markup
    assert markup.startswith("<bdi>a<span")
    assert markup.encode()


def test_a_name_says_what_it_is() -> None:
    assert 'title="right-to-left override"' in shown("\u202e")
    assert 'title="control or unassigned"' in shown("\x07")


@pytest.mark.parametrize(
    "text", ["plain", "Gr\u00fc\u00dfe", "\u65e5\u672c\u8a9e", "\u05e9\u05dc\u05d5\u05dd", "e\u0301", "a b"]
)
def test_letters_of_every_script_stay(text: str) -> None:
    assert shown(text) == f"<bdi>{text}</bdi>"
    assert plain(text) == text


def test_a_block_keeps_lines_and_tabs_only() -> None:
    assert block("a\n\tb") == "<bdi>a\n\tb</bdi>"
    assert "U+000D" in block("a\r\n")


def test_many_odd_characters_do_not_make_a_large_page() -> None:
    few, many = shown("\u202e" * 64), shown("\u202e" * 4_096)
    assert few.count("<span") == 64
    assert many == '<bdi class="escaped">' + "\\u202e" * 4_096 + "</bdi>"


def test_a_title_has_escapes() -> None:
    assert plain("a\u202eb\x07") == "a\\u202eb\\x07"


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (999, "0 s"),
        (1_000, "1 s"),
        (59_999, "59 s"),
        (MINUTE_MS, "1 min"),
        (MINUTE_MS + 5_000, "1 min 5 s"),
        (3 * HOUR_MS + 12 * MINUTE_MS + 59_000, "3 h 12 min"),
        (24 * HOUR_MS, "1 d"),
        (24 * HOUR_MS + 59 * MINUTE_MS, "1 d"),
        (50 * HOUR_MS, "2 d 2 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(duration_ms: int, text: str) -> None:
    assert lasting(duration_ms) == text


@pytest.mark.parametrize(
    ("passed_ms", "text"),
    [(0, "0 s ago"), (-999, "0 s ago"), (61_000, "1 min ago"), (-14_999, "in 14 s"), (25 * HOUR_MS, "1 d ago")],
)
def test_what_was_lies_back_or_a_little_ahead(passed_ms: int, text: str) -> None:
    assert ago(passed_ms) == text


@pytest.mark.parametrize(
    ("instant_ms", "text"),
    [
        (0, "1970-01-01 00:00:00 UTC"),
        (1_800_000_000_999, "2027-01-15 08:00:00 UTC"),
        (253_402_300_799_999, "9999-12-31 23:59:59 UTC"),
        (253_402_300_800_000, "253402300800000 ms since 1970"),
        (2**53 - 1, "9007199254740991 ms since 1970"),
    ],
)
def test_a_moment_is_a_date_while_calendars_last(instant_ms: int, text: str) -> None:
    assert moment(instant_ms) == text


def test_numbers_read_well() -> None:
    assert counted(1_234_567) == "1,234,567"
    assert counted(1, "link", "links") == "1 link"
    assert counted(0, "link", "links") == "0 links"
    assert [sized(size) for size in (0, 1, 1_023, 1_024, 1_536, 2**20, 5 * 2**30, 2**42)] == [
        "0 bytes",
        "1 byte",
        "1,023 bytes",
        "1.0 KiB",
        "1.5 KiB",
        "1.0 MiB",
        "5.0 GiB",
        "4,096.0 GiB",
    ]
