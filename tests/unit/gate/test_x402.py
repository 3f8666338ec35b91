"""The codecs of the headers beyond the vectors: sizes, base64, what is passed over."""

from __future__ import annotations

import base64
import json

import pytest

from parley.errors import ErrorCode, PeerError
from parley.gate.x402 import (
    HEADER_MAX_BYTES,
    PaymentResponse,
    decode_base64,
    encode_base64,
    encode_header,
    parse_required,
    parse_response,
    parse_signature,
)

ENTRY = {
    "scheme": "exact",
    "network": "eip155:8453",
    "amount": "10000",
    "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
    "maxTimeoutSeconds": 60,
    "extra": {"name": "USDC", "version": "2"},
}
REQUIRED = {"x402Version": 2, "resource": {"url": "https://example.org/"}, "accepts": [ENTRY]}


def header(document: object) -> bytes:
    return base64.b64encode(json.dumps(document).encode())


def code_of(value: bytes) -> ErrorCode:
    with pytest.raises(PeerError) as raised:
        parse_required(value)
    return raised.value.code


def test_an_offer_of_another_scheme_is_read() -> None:
    required = parse_required(header(REQUIRED))
    assert required.accepts[0].scheme == "exact"
    assert required.accepts[0].extra == {"name": "USDC", "version": "2"}


def test_members_of_extensions_are_passed_over() -> None:
    document = {**REQUIRED, "extensions": {"bazaar": {"info": {}, "schema": {}}}, "error": "pay"}
    assert parse_required(header(document)).error == "pay"


def test_an_entry_without_extra_has_an_empty_one() -> None:
    entry = {name: value for name, value in ENTRY.items() if name != "extra"}
    signature = parse_signature(header({"x402Version": 2, "accepted": entry, "payload": {}}))
    assert signature.accepted.extra == {}


@pytest.mark.parametrize("accepts", [[], [ENTRY] * 17, [[]], None])
def test_an_offer_has_one_to_sixteen_entries(accepts: object) -> None:
    assert code_of(header({**REQUIRED, "accepts": accepts})) is ErrorCode.MALFORMED


def test_sixteen_entries_are_read() -> None:
    assert len(parse_required(header({**REQUIRED, "accepts": [ENTRY] * 16})).accepts) == 16


@pytest.mark.parametrize("version", [0, 1, 3])
def test_another_version_is_refused(version: int) -> None:
    assert code_of(header({**REQUIRED, "x402Version": version})) is ErrorCode.PROTOCOL_VIOLATION


def test_a_version_of_any_size_makes_a_short_error() -> None:
    with pytest.raises(PeerError) as raised:
        parse_required(header({**REQUIRED, "x402Version": 10**3_000}))
    assert len(str(raised.value)) < 200


def test_the_limit_counts_before_anything_is_decoded() -> None:
    filled = header({**REQUIRED, "error": "x" * 48_000})
    assert len(filled) <= HEADER_MAX_BYTES
    assert len(parse_required(filled).error) == 48_000
    assert code_of(b"A" * (HEADER_MAX_BYTES + 1)) is ErrorCode.TOO_LARGE


def test_what_a_remote_wrote_is_no_part_of_the_error() -> None:
    with pytest.raises(PeerError) as raised:
        parse_required(header({**REQUIRED, "accepts": "telltale"}))
    assert "telltale" not in str(raised.value)


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_base64_as_rfc_4648_has_it(raw: bytes) -> None:
    text = encode_base64(raw)
    assert text == base64.b64encode(raw).decode()
    assert decode_base64(text, maximum_bytes=len(raw)) == raw


@pytest.mark.parametrize("text", ["Zg", "Zg=", "Zh==", "Zg==\n", " Zg==", "Zg==Zg==", "Z===", "=", "é", "Zm9-", "Zm9_"])
def test_no_other_base64_is_taken(text: str) -> None:
    with pytest.raises(PeerError) as raised:
        decode_base64(text, maximum_bytes=100)
    assert raised.value.code is ErrorCode.MALFORMED


def test_base64_above_the_limit_is_not_decoded() -> None:
    with pytest.raises(PeerError) as raised:
        decode_base64("A" * 8, maximum_bytes=3)
    assert raised.value.code is ErrorCode.TOO_LARGE


def test_a_failure_names_its_reason() -> None:
    failed = PaymentResponse(success=False, transaction="", network="parley:work", error_reason="expired")
    value = encode_header(failed)
    assert json.loads(base64.b64decode(value)) == {
        "success": False,
        "transaction": "",
        "network": "parley:work",
        "errorReason": "expired",
    }
    assert parse_response(value) == failed
