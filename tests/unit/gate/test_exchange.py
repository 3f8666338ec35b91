"""Bodies, targets and answers at the level of ASGI messages."""

from __future__ import annotations

import pytest

from parley.errors import Rejected
from parley.gate.answers import Answer
from parley.gate.exchange import Recorder, given_body, read_body, send_answer, target_of
from tests.unit.gate.stage import Inbox

MORE = {"type": "http.request", "body": b"abc", "more_body": True}
LAST = {"type": "http.request", "body": b"def"}
GONE = {"type": "http.disconnect"}
START = {"type": "http.response.start", "status": 200, "headers": [(b"A", b"1")]}


async def read(inbox: Inbox, maximum_bytes: int, *lengths: bytes) -> bytes | Rejected | None:
    headers = [(b"content-length", length) for length in lengths]
    return await read_body({"headers": headers}, inbox.receive, maximum_bytes)


async def test_a_body_comes_in_pieces() -> None:
    assert await read(Inbox(MORE, LAST), 6) == b"abcdef"
    assert await read(Inbox({"type": "http.request"}), 0) == b""


async def test_a_body_ends_where_the_limit_is_passed() -> None:
    inbox = Inbox(MORE, LAST, GONE)
    assert isinstance(await read(inbox, 5), Rejected)
    assert inbox.given == [GONE]


@pytest.mark.parametrize("length", [b"7", b"0000000000000000007", b"9" * 40])
async def test_a_length_above_the_limit_is_refused_unread(length: bytes) -> None:
    inbox = Inbox(MORE)
    assert isinstance(await read(inbox, 6, length), Rejected)
    assert inbox.given == [MORE]


async def test_a_length_that_is_none_is_the_servers_to_refuse() -> None:
    assert await read(Inbox(MORE, LAST), 6, b"x") == b"abcdef"


async def test_who_goes_away_has_no_body() -> None:
    assert await read(Inbox(MORE, GONE), 6) is None


async def test_the_body_is_given_once_and_then_the_server_is_asked() -> None:
    inbox = Inbox(GONE)
    receive = given_body(b"abc", inbox.receive)
    assert await receive() == {"type": "http.request", "body": b"abc", "more_body": False}
    assert await receive() == GONE


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"path": "/a b", "raw_path": b"/a%20b", "query_string": b""}, b"/a%20b"),
        ({"path": "/a", "raw_path": b"/a", "query_string": b"x=1"}, b"/a?x=1"),
        ({"path": "/a b/é", "query_string": b"x"}, b"/a%20b/%C3%A9?x"),
        ({"path": "/a b", "raw_path": None, "query_string": b""}, b"/a%20b"),
    ],
)
def test_the_target_is_what_was_sent(scope: dict[str, object], target: bytes) -> None:
    assert target_of(scope) == target


async def test_an_answer_to_head_has_headers_alone() -> None:
    inbox = Inbox()
    await send_answer(Answer(402, ((b"a", b"b"),), b"body"), inbox.send, has_body=False)
    assert inbox.sent == [
        {"type": "http.response.start", "status": 402, "headers": [(b"a", b"b")]},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]


async def test_what_passes_is_taken_down() -> None:
    inbox = Inbox()
    recorder = Recorder(inbox.send, [(b"a", b"2"), (b"cache-control", b"private")], 6)
    await recorder(START)
    await recorder({"type": "http.response.body", "body": b"abc", "more_body": True})
    assert recorder.answer() is None
    await recorder({"type": "http.response.body", "body": b"def"})
    headers = ((b"a", b"2"), (b"cache-control", b"private"))
    assert recorder.answer() == Answer(200, headers, b"abcdef")
    assert inbox.sent[0]["headers"] == list(headers)


async def test_names_may_be_any_kind_of_bytes() -> None:
    inbox = Inbox()
    recorder = Recorder(inbox.send, [(b"a", b"2")], 6)
    headers = [(bytearray(b"A"), b"1"), (memoryview(b"b"), bytearray(b"3"))]
    await recorder({"type": "http.response.start", "status": 200, "headers": headers})
    assert inbox.sent[0]["headers"] == [(b"b", b"3"), (b"a", b"2")]


async def test_what_is_too_large_passes_and_is_not_taken_down() -> None:
    inbox = Inbox()
    recorder = Recorder(inbox.send, [], 5)
    await recorder(START)
    await recorder({"type": "http.response.body", "body": b"abcdef"})
    assert recorder.answer() is None
    assert inbox.sent[1]["body"] == b"abcdef"


async def test_an_extension_of_the_server_passes_and_is_not_taken_down() -> None:
    inbox = Inbox()
    recorder = Recorder(inbox.send, [], 100)
    await recorder(START)
    await recorder({"type": "http.response.pathsend", "path": "/file"})
    await recorder({"type": "http.response.body", "body": b""})
    assert recorder.answer() is None
    assert inbox.sent[1] == {"type": "http.response.pathsend", "path": "/file"}
