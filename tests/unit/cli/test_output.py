"""Results for people and for programs, on pipes and on terminals."""

from __future__ import annotations

import io
import json
import re

import pytest

from parley.cli.output import StreamOutput
from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from parley.node.program import Tone
from tests.unit.cli.streams import EncodedStream, Terminal

NASTY = "\x1b[31mred\x1b[0m\r\n\u202e[bold]x[/bold]\t\x9b1m:smile:"
SHOWN = r"\x1b[31mred\x1b[0m\r\n\u202e[bold]x[/bold]\t\x9b1m:smile:"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def make(*, is_json: bool = False) -> tuple[StreamOutput, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return StreamOutput(stdout, stderr, is_json=is_json), stdout, stderr


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "done\n"),
        ("text", "text\n"),
        (7, "7\n"),
        (True, "yes\n"),
        ([], "nothing\n"),
        (["a", NASTY], f"a\n{SHOWN}\n"),
        ([1, {"b": 2}], '1\n{"b":2}\n'),
        ({"a": 1, "b": {"c": False, "d": {}}}, "name\tvalue\na\t1\nb.c\tno\nb.d\t{}\n"),
        ([{"a": 1}, {"b": ["x", "y"], NASTY: None}], f"a\tb\t{SHOWN}\n1\t-\t-\n-\tx, y\t-\n"),
    ],
)
def test_any_result_has_a_form_for_people(value: object, expected: str) -> None:
    output, stdout, stderr = make()
    output.result(value)
    assert stdout.getvalue() == expected
    assert stderr.getvalue() == ""


def test_for_programs_everything_but_the_document_is_left_out() -> None:
    output, stdout, stderr = make(is_json=True)
    output.line("for people")
    output.table(("a",), [(1,)])
    with output.progress("working", total=2) as progress:
        progress.advance(1, "half")
    output.result({"a": NASTY})
    assert json.loads(stdout.getvalue()) == {"a": NASTY}
    assert stdout.getvalue().count("\n") == 1
    assert stdout.getvalue()[:-1].isprintable()
    assert stderr.getvalue() == ""


def test_for_people_documents_are_left_out() -> None:
    output, stdout, _ = make()
    output.document({"a": 1})
    output.item({"a": 1}, "one")
    assert stdout.getvalue() == "one\n"


def test_a_stream_of_items_is_a_document_on_each_line() -> None:
    output, stdout, _ = make(is_json=True)
    output.item({"n": 1}, "one")
    output.item({"n": 2}, "two")
    assert [json.loads(line) for line in stdout.getvalue().splitlines()] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", '"é"\n'), ("latin-1", '"\\u00e9"\n')])
def test_json_stays_json_whatever_the_encoding_of_the_stream(encoding: str, expected: str) -> None:
    stdout = EncodedStream(encoding)
    StreamOutput(stdout, io.StringIO(), is_json=True).result("é")
    assert stdout.raw_bytes.getvalue() == expected.encode("utf-8")


def test_columns_of_a_pipe_can_be_cut_at_tabs() -> None:
    output, stdout, _ = make()
    output.table(("keys", "message"), [("a\tb", NASTY)], title="found")
    assert stdout.getvalue() == f"found\nkeys\tmessage\na\\tb\t{SHOWN}\n"


@pytest.mark.parametrize("tone", list(Tone))
def test_a_terminal_gets_colours_of_ours_and_nothing_of_theirs(tone: Tone) -> None:
    stdout = Terminal()
    StreamOutput(stdout, Terminal(), is_json=False).line(NASTY, tone)
    text = STYLE.sub("", stdout.getvalue())
    assert text == SHOWN + "\n"


def test_a_table_on_a_terminal_shows_every_cell_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    stdout = Terminal()
    StreamOutput(stdout, Terminal(), is_json=False).table(("a", "[b]"), [(NASTY, 1)], title="[i]t[/i]")
    text = STYLE.sub("", stdout.getvalue())
    assert SHOWN in text
    assert "[b]" in text
    assert "[i]t[/i]" in text
    assert text.replace("\n", "").isprintable()


def test_a_long_cell_is_folded_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stdout = Terminal()
    StreamOutput(stdout, Terminal(), is_json=False).table(("a", "b"), [("x" * 100, "y" * 100)])
    assert (stdout.getvalue().count("x"), stdout.getvalue().count("y")) == (100, 100)


def test_progress_is_shown_to_whoever_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stdout, stderr = io.StringIO(), Terminal()
    output = StreamOutput(stdout, stderr, is_json=False)
    with output.progress(f"asking {NASTY}", total=4, budget_ms=8_000) as progress:
        progress.advance(4, "[red]last[/red]")
    shown = stderr.getvalue()
    assert SHOWN in shown
    assert "of at most 8 s" in shown
    assert "[red]last[/red]" in shown
    assert stdout.getvalue() == ""


def test_without_a_total_there_is_a_spinner_and_no_bar() -> None:
    stderr = Terminal()
    with StreamOutput(io.StringIO(), stderr, is_json=False).progress("asking") as progress:
        progress.advance(0)
    assert "asking" in stderr.getvalue()
    assert "━" not in stderr.getvalue()


@pytest.mark.parametrize("is_json", [True, False])
def test_no_progress_where_nobody_looks(is_json: bool) -> None:  # noqa: FBT001  # a parameter of the test
    output, stdout, stderr = make(is_json=is_json)
    with output.progress("asking", total=1) as progress:
        progress.advance(1)
    assert stdout.getvalue() == stderr.getvalue() == ""


def test_no_progress_for_programs_even_on_a_terminal() -> None:
    stderr = Terminal()
    with StreamOutput(io.StringIO(), stderr, is_json=True).progress("asking") as progress:
        progress.advance(1)
    assert stderr.getvalue() == ""


def test_a_refusal_says_what_to_do() -> None:
    output, stdout, stderr = make()
    output.refuse(ConfigError(ErrorCode.NODE_NOT_RUNNING, data_dir=NASTY))
    assert stdout.getvalue() == ""
    assert stderr.getvalue() == (
        f"parley: no node answers for this data directory (data_dir={SHOWN})\n  next: start one with: parley node run\n"
    )


def test_a_refusal_for_programs_is_one_document() -> None:
    output, stdout, stderr = make(is_json=True)
    output.refuse(Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": 5}))
    assert stdout.getvalue() == ""
    assert json.loads(stderr.getvalue()) == {
        "error": {
            "code": 2002,
            "name": "TOO_LARGE",
            "message": "larger than the limit (limit_bytes=5)",
            "facts": {"limit_bytes": 5},
            "next": "send less; the limit is in the facts",
        }
    }


def test_what_is_known_beside_the_facts_is_told() -> None:
    output, _, stderr = make(is_json=True)
    output.refuse(UnavailableError(ErrorCode.UNREACHABLE, retry_after_ms=250))
    output.refuse(PeerError(ErrorCode.MALFORMED, untrusted_text="hm"))
    busy, odd = [json.loads(line)["error"] for line in stderr.getvalue().splitlines()]
    assert busy["retry_after_ms"] == 250
    assert odd["untrusted_text"] == "hm"


def test_what_a_remote_says_is_marked_as_its_words() -> None:
    output, _, stderr = make()
    output.refuse(PeerError(ErrorCode.MALFORMED, untrusted_text=NASTY))
    assert f"  it said: {SHOWN}\n" in stderr.getvalue()


@pytest.mark.parametrize("is_json", [True, False])
def test_wrong_usage_is_told_in_both_forms(is_json: bool) -> None:  # noqa: FBT001  # a parameter of the test
    output, _, stderr = make(is_json=is_json)
    output.refuse_words("no such word", "see parley --help")
    if is_json:
        error = json.loads(stderr.getvalue())["error"]
        assert (error["code"], error["name"], error["facts"]) == (1001, "INVALID_ARGUMENT", {})
        assert (error["message"], error["next"]) == ("no such word", "see parley --help")
    else:
        assert stderr.getvalue() == "parley: no such word\n  next: see parley --help\n"
