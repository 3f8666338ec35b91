"""Questions carry the deployed contracts' selectors, and answers of another form are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_abi import encode  # type: ignore[attr-defined]  # built at import from a codec

from parley.errors import ErrorCode, PeerError
from parley.lottery.questions import (
    CONTROLLER,
    CURRENT_ROUND,
    FREEZE_PERIOD,
    LAST_INITIALIZED_ROUND,
    POOL_SIZE,
    RECIPIENT_COUNT,
    RECIPIENTS,
    ROUNDS,
    TICKET_VALIDITY,
    UNLOCK_PERIOD,
    as_address,
    as_flag,
    as_round,
    as_state,
    as_word,
    ask_active,
    ask_claimable,
    ask_contract,
    ask_livepeer_sender,
    ask_registered,
    ask_round_hash,
    ask_sender,
    ask_signer,
    ask_state,
    ask_used,
    parse_words,
)
from parley.lottery.rules import SenderState
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

ONE, TWO = Address(b"\x01" * 20), Address(b"\x02" * 20)


@pytest.mark.parametrize(
    ("data", "selector", "kinds", "arguments"),
    [
        (CURRENT_ROUND.data, "8a19c8bc", [], []),
        (LAST_INITIALIZED_ROUND.data, "8807f36e", [], []),
        (POOL_SIZE.data, "2a4e0d55", [], []),
        (TICKET_VALIDITY.data, "856a2cf8", [], []),
        (UNLOCK_PERIOD.data, "20d3a0b4", [], []),
        (CONTROLLER.data, "f77c4791", [], []),
        (ask_active(ONE).data, "08802374", ["address"], [ONE]),
        (ask_round_hash(7).data, "3aa4add4", ["uint256"], [7]),
        (ask_sender(ONE).data, "e1a589da", ["address"], [ONE]),
        (ask_livepeer_sender(ONE).data, "e1a589da", ["address"], [ONE]),
        (ask_claimable(ONE, TWO).data, "81779f38", ["address", "address"], [ONE, TWO]),
        (ask_used(b"\x09" * 32).data, "59a515ba", ["bytes32"], [b"\x09" * 32]),
        (ask_contract("RoundsManager").data, "e16c7d98", ["bytes32"], [keccak256(b"RoundsManager")]),
    ],
)
def test_a_question_is_the_deployed_one(data: bytes, selector: str, kinds: list[str], arguments: list[object]) -> None:
    assert data[:4].hex() == selector
    assert data[4:] == encode(kinds, arguments)


def test_our_own_questions_differ_from_each_other() -> None:
    ours = [
        RECIPIENT_COUNT.data,
        ROUNDS.data,
        RECIPIENTS.data,
        FREEZE_PERIOD.data,
        ask_state(ONE).data[:4],
        ask_signer(ONE, TWO, 3).data[:4],
        ask_registered(ONE, 3).data[:4],
    ]
    assert len(set(ours)) == 7
    assert ask_registered(TWO, 3).data[4:] == encode(["address", "uint256"], [TWO, 3])
    assert ask_signer(ONE, TWO, 3).data[4:] == encode(["address", "address", "uint256"], [ONE, TWO, 3])
    assert ask_state(TWO).data[4:] == encode(["address"], [TWO])


def test_the_size_of_an_answer_is_that_of_the_interface() -> None:
    assert (ask_sender(ONE).words, ask_livepeer_sender(ONE).words, ask_used(bytes(32)).words) == (6, 4, 1)


def test_words_are_read_in_order() -> None:
    assert parse_words(encode(["uint256", "uint256"], [3, 2**256 - 1]), 2) == (3, 2**256 - 1)
    assert parse_words(b"", 0) == ()


@pytest.mark.parametrize(
    "read",
    [
        lambda: parse_words(b"", 1),
        lambda: parse_words(bytes(31), 1),
        lambda: parse_words(bytes(64), 1),
        lambda: as_address(2**160),
        lambda: as_flag(2),
        lambda: as_round(2**63),
        lambda: as_state(0),
        lambda: as_state(3),
        lambda: as_state(16),
    ],
)
def test_answers_of_another_form_are_refused(read: Callable[[], object]) -> None:
    with pytest.raises(PeerError) as caught:
        read()
    assert caught.value.code is ErrorCode.MALFORMED


def test_words_are_read_as_what_they_mean() -> None:
    assert as_address(2**160 - 1) == b"\xff" * 20
    assert as_address(1) == bytes(19) + b"\x01"
    assert (as_flag(0), as_flag(1)) == (False, True)
    assert as_round(2**63 - 1) == 2**63 - 1
    assert as_word(258) == bytes(30) + b"\x01\x02"
    states = [SenderState.UNLOCKED, SenderState.LOCKED, SenderState.UNLOCKING, SenderState.FROZEN]
    assert [as_state(1 << bit) for bit in range(4)] == states
