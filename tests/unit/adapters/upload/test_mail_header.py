"""Headers have a form, and hold more than a node reads."""

from __future__ import annotations

import pytest

from parley.adapters.upload.mail_header import HEADER_BYTES_MAX, MailHeader, encode_header, parse_header, parse_mailbox
from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import Address

SENDER, RECIPIENT = b"\x01" * 32, b"\xab" * 32


@pytest.mark.parametrize("route", [None, Address("http://127.0.0.1:7420")])
def test_what_is_written_is_read(route: Address | None) -> None:
    header = MailHeader(SENDER, RECIPIENT, route)
    assert parse_header(encode_header(header)) == header


def test_the_wire_is_that_of_the_specification() -> None:
    written = encode_header(MailHeader(SENDER, RECIPIENT, Address("http://a.example:80")))
    wanted = f'{{"from":{{"address":"{"01" * 32}"}},"to":{{"address":"{"ab" * 32}"}},"route":"http://a.example:80"}}'
    assert written.decode() == wanted


def test_what_else_a_header_holds_is_let_be_and_upper_case_is_read() -> None:
    raw = f'{{"to":{{"address":"{"AB" * 32}","fingerprint":""}},"from":{{"address":"{"01" * 32}"}},"catalog":{{}}}}'
    assert parse_header(raw.encode()) == MailHeader(SENDER, RECIPIENT)


PARTIES = f'"from":{{"address":"{"01" * 32}"}},"to":{{"address":"{"ab" * 32}"}}'


@pytest.mark.parametrize("second", ["from", "From", "FROM"])
def test_nobody_is_shown_another_sender_than_was_checked(second: str) -> None:
    raw = f'{{"{second}":{{"address":"{"03" * 32}"}},{PARTIES}}}'
    refused = parse_header(raw.encode())
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 60_000,
        b'{"from":{},"to":{}}',
        f'{{"from":{{"address":"{"01" * 31}"}},"to":{{"address":"{"ab" * 32}"}}}}'.encode(),
        f'{{"from":{{"address":"{"01" * 32}"}},"to":{{"address":"{"ab" * 32}"}},"route":"ftp://a:1"}}'.encode(),
        f'{{"from":{{"address":"{"01" * 32}"}},"to":{{"address":"{"ab" * 32}"}},"route":{"1" * 9}}}'.encode(),
    ],
)
def test_other_bytes_are_no_header(raw: bytes) -> None:
    refused = parse_header(raw)
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.MALFORMED


def test_a_header_is_small() -> None:
    refused = parse_header(bytes(HEADER_BYTES_MAX + 1))
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.TOO_LARGE


def test_mailboxes_are_64_hexadecimal_digits() -> None:
    assert parse_mailbox("Ab" * 32) == RECIPIENT
    assert [parse_mailbox(text) for text in ("", "ab" * 31, "ab" * 33, "zz" * 32, "ab" * 32 + "\n")] == [None] * 5
