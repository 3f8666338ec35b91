"""Rounds: how they are counted, and which hash each keeps."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Contract, Event, Evm, Reverted, account

LENGTH = 5
ANYBODY = account(1)


@pytest.fixture
def rounds() -> Contract:
    return Evm().deploy("Rounds", LENGTH)


def test_a_round_needs_a_length() -> None:
    with pytest.raises(Reverted, match=r"^round length is zero$"):
        Evm().deploy("Rounds", 0)


def test_rounds_begin_at_one_and_last_their_blocks(rounds: Contract) -> None:
    numbers = []
    for _ in range(2 * LENGTH + 1):
        numbers.append(rounds.call("currentRound"))
        rounds.evm.pass_blocks(1)
    assert numbers == [1] * LENGTH + [2] * LENGTH + [3]


def test_a_round_starts_at_its_first_block(rounds: Contract) -> None:
    first = rounds.call("startBlock")
    rounds.evm.pass_blocks(LENGTH + 2)
    assert rounds.call("currentRoundStartBlock") == first + LENGTH


def test_initializing_keeps_the_hash_of_the_block_before(rounds: Contract) -> None:
    rounds.evm.pass_blocks(LENGTH + 2)
    expected = rounds.evm.block_hash(rounds.evm.block_number - 1)
    receipt = rounds.send(ANYBODY, "initializeRound")
    assert receipt.events == (Event("NewRound", {"round": 2, "blockHash": expected}),)
    assert rounds.call("blockHashForRound", 2) == expected
    assert rounds.call("roundAndHash", 2) == (2, expected)
    assert (rounds.call("lastInitializedRound"), rounds.call("currentRoundInitialized")) == (2, True)


def test_a_round_is_initialized_once(rounds: Contract) -> None:
    rounds.send(ANYBODY, "initializeRound")
    rounds.evm.pass_blocks(1)
    with pytest.raises(Reverted, match=r"^round already initialized$"):
        rounds.send(ANYBODY, "initializeRound")


def test_a_round_that_was_skipped_never_gets_a_hash(rounds: Contract) -> None:
    rounds.send(ANYBODY, "initializeRound")
    rounds.evm.pass_blocks(2 * LENGTH)
    assert rounds.call("currentRoundInitialized") is False
    rounds.send(ANYBODY, "initializeRound")
    assert rounds.call("blockHashForRound", 2) == bytes(32)
    assert rounds.call("roundAndHash", 4) == (3, bytes(32))
