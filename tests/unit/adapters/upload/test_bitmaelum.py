from __future__ import annotations

import hashlib

import pytest

from parley.adapters.upload.bitmaelum import WorkText, capitalised, encode_work_text, parse_work_text, shown_instant
from parley.errors import ErrorCode, Rejected
from parley.primitives.instants import Instant
from parley.upload.messages import TicketAnswer

B = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
B64_OF_B = "QVFFQkFRRUJBUUVCQVFFQkFRRUJBUUVCQVFFQkFRRUJBUUVCQVFFQkFRRT0="

# What BitMaelum's own tests hold, and outputs of its program: text, bits, data, proof, the hash in hexadecimal.
VECTORS = [
    (
        "8$am9obkBleGFtcGxlIQ==$149",
        WorkText(8, "john@example!", 149),
        "00087e695fb9b23e449442243eda1a99ecba24941139b565c4f0cc6b179603f0",
    ),
    (
        "8$amFuZUBleGFtcGxlIQ==$98",
        WorkText(8, "jane@example!", 98),
        "00bb6e6f3ed252e088b9f1e007d61a7891588ec21d4cc4a899c9b6389d12db97",
    ),
    (
        "16$am9obkBleGFtcGxlIQ==$123848",
        WorkText(16, "john@example!", 123_848),
        "0000f5bcf69eb8eff685bc8a9409bc453dd8b60b1fdd4929c6a89d15d16455ee",
    ),
    (
        f"20${B64_OF_B}$1952106",
        WorkText(20, B, 1_952_106),
        "00000ea52b196cd8379434201d54fc0dd442fbe6a751b6bb01d7c8466a6255db",
    ),
    (
        f"22${B64_OF_B}$2123492",
        WorkText(22, B, 2_123_492),
        "00000366cf2b8f4fa62b0fe40b68dafe893f6e6735c6abd92c84935e065a77e7",
    ),
    (
        f"25${B64_OF_B}$73946232",
        WorkText(25, B, 73_946_232),
        "00000026f3d7a7ab751f973c9f1020beab66dfa03f008aa407d92291d4ca937f",
    ),
]

SENDER = bytes(range(32))
RECIPIENT = bytes(range(32, 64))


def answer(**changes: object) -> TicketAnswer:
    fields: dict[str, object] = {
        "ticket_id": "abc",
        "is_valid": False,
        "expires_ms": Instant(1_795_221_025_999),
        "sender": SENDER,
        "recipient": RECIPIENT,
        "worktype": "pow",
        "work": {"bits": 22, "data": B},
        **changes,
    }
    return TicketAnswer(**fields)  # type: ignore[arg-type]  # the class checks them itself


@pytest.mark.parametrize(("text", "work", "digest"), VECTORS)
def test_their_vectors_are_read_and_written(text: str, work: WorkText, digest: str) -> None:
    assert parse_work_text(text) == work
    assert encode_work_text(work) == text
    counted = f"{work.data}{work.proof:x}".encode()
    assert hashlib.sha256(hashlib.sha256(counted).digest()).hexdigest() == digest
    assert int(digest, 16) < 2 ** (256 - work.bits)


@pytest.mark.parametrize(
    "text",
    [
        "8$am9obkBleGFtcGxlI",
        "3$a$1",
        "8$a$b",
        "abc$am9obkBleGFtcGxlIQ==$149",
        "7$am9obkBleGFtcGxlIQ==$foobar",
        "257$YQ==$0",
        "08$YQ==$0",
        "-1$YQ==$0",
        "8$YQ==$00",
        "8$YQ==$-1",
        "8$YQ==$18446744073709551616",
        "8$YR==$1",
        "8$YQ$1",
        "8$/w==$1",
        "8$YQ==$1\n",
        "8$" + "YWFh" * 3_000 + "$1",
        "",
    ],
)
def test_what_has_another_form_is_refused(text: str) -> None:
    refused = parse_work_text(text)
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.MALFORMED


def test_a_ticket_with_work_looks_as_theirs_does() -> None:
    assert capitalised(answer()) == {
        "ID": "abc",
        "Valid": False,
        "Expiry": "2026-11-21T00:30:25Z",
        "Work": {"Type": "pow", "Data": f"22${B64_OF_B}$0"},
        "Sender": SENDER.hex(),
        "Recipient": RECIPIENT.hex(),
        "SubscriptionID": "",
        "AuthKey": "",
    }


def test_a_valid_ticket_has_no_work() -> None:
    shown = capitalised(answer(is_valid=True, worktype="", work={}))
    assert shown["Valid"] is True
    assert shown["Work"] is None


def test_work_that_they_do_not_know_has_no_data() -> None:
    assert capitalised(answer(worktype="math", work={"data": "1 + 1 = ?"}))["Work"] == {"Type": "math", "Data": ""}


def test_the_last_instant_of_all_can_be_shown() -> None:
    assert shown_instant(Instant(2**53 - 1)) == "9999-12-31T23:59:59Z"
    assert shown_instant(Instant(0)) == "1970-01-01T00:00:00Z"
