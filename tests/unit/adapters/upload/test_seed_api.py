from __future__ import annotations

import json

import pytest

from parley.adapters.upload.seed_api import (
    BODY_MAX_BYTES,
    TicketProof,
    answer_document,
    parse_hash,
    parse_ticket_body,
    parse_ticket_proof,
    parse_ticket_request,
)
from parley.errors import ErrorCode, Rejected
from parley.primitives.instants import Instant
from parley.upload.messages import Alternative, TicketAnswer, TicketRequest

SENDER = bytes(range(32))
RECIPIENT = bytes(range(32, 64))
ASK = f'{{"sender": "{SENDER.hex()}", "recipient": "{RECIPIENT.hex().upper()}"'


def code_of(outcome: object) -> ErrorCode | None:
    return outcome.code if isinstance(outcome, Rejected) else None


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("}", TicketRequest(SENDER, RECIPIENT)),
        (
            ', "subscription_id": "s", "preference": ["math", "pow"]}',
            TicketRequest(SENDER, RECIPIENT, "s", ("math", "pow")),
        ),
        (', "subscription_id": "", "preference": null}', TicketRequest(SENDER, RECIPIENT)),
        (', "preference": ["pow", "pow", "Not A Name", ""]}', TicketRequest(SENDER, RECIPIENT, "", ("pow",))),
    ],
)
def test_requests_are_read(rest: str, expected: TicketRequest) -> None:
    assert parse_ticket_request((ASK + rest).encode()) == expected
    assert parse_ticket_body((ASK + rest).encode()) == expected


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", ErrorCode.PARSE_ERROR),
        (b"{", ErrorCode.PARSE_ERROR),
        (b"\xff", ErrorCode.PARSE_ERROR),
        (b"[]", ErrorCode.INVALID_PARAMS),
        (b"{}", ErrorCode.INVALID_PARAMS),
        (b"[" * 20_000, ErrorCode.TOO_LARGE),
        (b"[" * 100, ErrorCode.PARSE_ERROR),
        (b" " * (BODY_MAX_BYTES + 1), ErrorCode.TOO_LARGE),
        ((ASK + ', "more": 1}').encode(), ErrorCode.INVALID_PARAMS),
        ((ASK + ', "preference": "pow"}').encode(), ErrorCode.INVALID_PARAMS),
        ((ASK + ', "preference": [' + ", ".join(['"pow"'] * 17) + "]}").encode(), ErrorCode.INVALID_PARAMS),
        ((ASK + ', "subscription_id": "' + "é" * 100 + '"}').encode(), ErrorCode.INVALID_PARAMS),
        ((ASK + f', "sender": "{SENDER.hex()}"}}').encode(), ErrorCode.INVALID_PARAMS),
        (f'{{"sender": "{SENDER.hex()[1:]}", "recipient": "{RECIPIENT.hex()}"}}'.encode(), ErrorCode.INVALID_PARAMS),
        (f'{{"sender": "{SENDER.hex()}\\n", "recipient": "{RECIPIENT.hex()}"}}'.encode(), ErrorCode.INVALID_PARAMS),
    ],
)
def test_what_is_no_request_is_refused(raw: bytes, code: ErrorCode) -> None:
    assert code_of(parse_ticket_request(raw)) is code


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"pow": {"result": 23415}}', TicketProof("pow", 23_415)),
        (b'{"pow": {"result": 0}}', TicketProof("pow", 0)),
        (b'{"pow": {"result": "18446744073709551615"}}', TicketProof("pow", "18446744073709551615")),
        (b'{"math": {"result": 22}}', TicketProof("math", 22)),
        (b'{"pow-memory": {"result": "ab"}}', TicketProof("pow-memory", "ab")),
        (b'{"proof": 4481}', TicketProof("pow", 4_481)),
        (b'{"proof": 0}', TicketProof("pow", None)),
    ],
)
def test_proofs_of_both_dialects_are_read(raw: bytes, expected: TicketProof) -> None:
    assert parse_ticket_proof(raw) == expected
    assert parse_ticket_body(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"null",
        b'{"proof": "4481"}',
        b'{"proof": 1.5}',
        b'{"proof": true}',
        b'{"pow": 1}',
        b'{"pow": {}}',
        b'{"pow": {"result": 1, "more": 2}}',
        b'{"pow": {"result": 1, "result": 2}}',
        b'{"pow": {"result": true}}',
        b'{"pow": {"result": 1.5}}',
        b'{"pow": {"result": [1]}}',
        b'{"pow": {"result": 1}, "math": {"result": 1}}',
        b'{"Not A Name": {"result": 1}}',
    ],
)
def test_what_is_no_proof_is_refused(raw: bytes) -> None:
    assert code_of(parse_ticket_proof(raw)) is ErrorCode.INVALID_PARAMS


def test_hashes_are_64_hexadecimal_digits() -> None:
    assert parse_hash("0f" * 32) == b"\x0f" * 32
    assert parse_hash("0F" * 32) == b"\x0f" * 32
    for text in ("", "0f" * 31, "0f" * 33, "0g" * 32, "0f " * 21 + "0", "٣" * 64, "0f" * 31 + "0_"):
        assert parse_hash(text) is None, text


def test_an_answer_with_work_has_the_members_of_the_page_and_those_of_bitmaelum() -> None:
    answer = TicketAnswer(
        "abc",
        is_valid=False,
        expires_ms=Instant(125_321_521_999),
        sender=SENDER,
        recipient=RECIPIENT,
        worktype="pow",
        work={"bits": 22, "data": "eA=="},
        expected_tries=4_194_304,
    )
    document = answer_document(answer)
    assert {name: value for name, value in document.items() if name.islower()} == {
        "ticket_id": "abc",
        "valid": False,
        "expires": 125_321_521,
        "worktype": "pow",
        "pow": {"bits": 22, "data": "eA=="},
        "expected_tries": 4_194_304,
    }
    assert document["Valid"] is False
    assert document["Work"] == {"Type": "pow", "Data": "22$ZUE9PQ==$0"}


def test_a_valid_answer_is_as_short_as_the_page_prints_it() -> None:
    document = answer_document(
        TicketAnswer("abc", is_valid=True, expires_ms=Instant(1_241_514_000), sender=SENDER, recipient=RECIPIENT)
    )
    assert {name: value for name, value in document.items() if name.islower()} == {
        "ticket_id": "abc",
        "valid": True,
        "expires": 1_241_514,
    }


def test_no_two_names_of_an_answer_differ_by_case_alone_but_valid() -> None:
    answer = TicketAnswer(
        "abc",
        False,  # noqa: FBT003  # fields in their order
        Instant(1_000),
        SENDER,
        RECIPIENT,
        "s",
        "captcha",
        {"length": 6},
        0,
        (Alternative("def", "pow", {"bits": 1, "data": "eA=="}, 2),),
    )
    document = answer_document(answer, {"captcha"})
    lowered = [name.lower() for name in document]
    assert {name for name in lowered if lowered.count(name) > 1} == {"valid"}
    assert document["valid"] == document["Valid"]


def test_a_captcha_says_where_its_picture_and_its_recording_are() -> None:
    answer = TicketAnswer(
        "abc",
        False,  # noqa: FBT003  # fields in their order
        Instant(1_000),
        SENDER,
        RECIPIENT,
        "",
        "captcha",
        {"length": 6},
        0,
        (Alternative("def", "pow", {"bits": 1, "data": "eA=="}, 2),),
    )
    document = json.loads(json.dumps(answer_document(answer, {"captcha"})))
    assert document["captcha"] == {"length": 6, "image_url": "/ticket/abc/image", "audio_url": "/ticket/abc/audio"}
    assert document["alternatives"] == [
        {"ticket_id": "def", "worktype": "pow", "pow": {"bits": 1, "data": "eA=="}, "expected_tries": 2}
    ]
