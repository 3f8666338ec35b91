from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import LocalError
from parley.primitives.instants import Instant
from parley.upload.messages import Alternative, TicketAnswer, TicketRequest

HASH = bytes(32)
REQUEST = TicketRequest(HASH, HASH, "news", ("pow", "wait"))
ANSWER = TicketAnswer(
    "abc", is_valid=False, expires_ms=Instant(5), sender=HASH, recipient=HASH, worktype="pow", work={"tries": 3},
    expected_tries=3,
)  # fmt: skip
VALID = TicketAnswer("abc", is_valid=True, expires_ms=Instant(5), sender=HASH, recipient=HASH)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": bytes(31)},
        {"recipient": bytes(33)},
        {"subscription_id": "s" * 129},
        {"subscription_id": "\u20ac" * 43},
        {"subscription_id": "\ud800"},
        {"preference": ("pow",) * 17},
        {"preference": ("POW",)},
        {"preference": ("",)},
    ],
)
def test_a_request_holds_what_a_ticket_can_say(change: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        replace(REQUEST, **change)  # type: ignore[arg-type] # each of its own field's type


def test_the_limits_of_a_request_are_inside() -> None:
    assert len(replace(REQUEST, subscription_id="s" * 128, preference=("pow",) * 16).preference) == 16
    assert TicketRequest(HASH, HASH) == TicketRequest(HASH, HASH, "", ())


@pytest.mark.parametrize(
    "change",
    [
        {"is_valid": True},
        {"worktype": ""},
        {"expires_ms": -1},
        {"expires_ms": 2**53},
        {"expected_tries": -1},
        {"is_valid": True, "worktype": ""},
    ],
)
def test_an_answer_does_not_contradict_itself(change: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        replace(ANSWER, **change)  # type: ignore[arg-type] # each of its own field's type


def test_a_valid_answer_asks_for_nothing() -> None:
    assert VALID.work == {}
    other = Alternative("def", "wait", {"until_ms": 9}, 0)
    for change in ({"work": {"tries": 1}}, {"expected_tries": 1}, {"alternatives": (other,)}):
        with pytest.raises(LocalError):
            replace(VALID, **change)


@pytest.mark.parametrize(("name", "tries"), [("Wait", 0), ("", 0), ("wait", -1)])
def test_an_alternative_has_a_name_and_a_cost(name: str, tries: int) -> None:
    with pytest.raises(LocalError):
        Alternative("def", name, {}, tries)


def test_answers_with_work_can_be_hashed() -> None:
    assert hash(ANSWER) == hash(replace(ANSWER))
    assert hash(Alternative("def", "wait", {"until_ms": 9})) == hash(Alternative("def", "wait", {"until_ms": 9}))
