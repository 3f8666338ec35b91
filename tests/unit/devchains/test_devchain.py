"""A chain with contracts: where they are, rounds that begin by themselves, and starts that were cut short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi import decode  # type: ignore[attr-defined]  # built at import from a codec

from parley.devchains.evm import ChainConfig, ContractsConfig, Devchain, EmbeddedChain, open_devchain
from parley.devchains.evm.accounts import OWNER_INDEX, development_account
from parley.devchains.evm.deployment import RoundKeeper, deploy, send
from parley.devchains.evm.headers import Header
from parley.devchains.evm.local_chain import Snapshot
from parley.devchains.evm.machine import State
from parley.devchains.evm.sqlite_storage import SqliteStorage
from parley.devchains.evm.storage import MemoryStorage
from parley.devchains.evm.transactions import SignedTransaction
from parley.errors import ConfigError, ErrorCode, LocalError, UnavailableError
from parley.ledgers.evm.packing import pack_address, pack_uint256, selector
from parley.ports.chain import Call
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.chain_contracts import REFUSAL, creation_code

ROUNDS_OF_FIVE = ContractsConfig(round_blocks=5)


async def ask(devchain: Devchain, contract: Address, question: str, *words: bytes) -> int:
    answer = await devchain.chain.call(Call(to=contract, data=selector(question) + b"".join(words)))
    assert isinstance(answer, bytes)
    return int(decode(["uint256"], answer)[0])


async def round_now(devchain: Devchain) -> tuple[int, int]:
    """Return the round of the head, and the last that has begun."""
    rounds = devchain.deployment.rounds
    return await ask(devchain, rounds, "currentRound()"), await ask(devchain, rounds, "lastInitializedRound()")


async def test_contracts_are_there_and_the_first_round_has_begun() -> None:
    periods = ContractsConfig(round_blocks=9, unlock_rounds=4, freeze_rounds=5, ticket_validity_rounds=3)
    devchain = await open_devchain(contracts=periods)
    deployment = devchain.deployment
    assert deployment.chain_id == await devchain.chain.chain_id() == 31_337
    assert await ask(devchain, deployment.broker, "rounds()") == int.from_bytes(deployment.rounds, "big")
    assert await ask(devchain, deployment.broker, "recipients()") == int.from_bytes(deployment.recipients, "big")
    assert await ask(devchain, deployment.broker, "unlockPeriod()") == 4
    assert await ask(devchain, deployment.broker, "freezePeriod()") == 5
    assert await ask(devchain, deployment.broker, "ticketValidityPeriod()") == 3
    assert await ask(devchain, deployment.rounds, "roundLength()") == 9
    assert await round_now(devchain) == (1, 1)
    await devchain.chain.close()


async def test_contracts_have_the_same_addresses_on_every_chain() -> None:
    first = await open_devchain(ChainConfig(chain_id=5, is_automatic=False))
    second = await open_devchain(contracts=ROUNDS_OF_FIVE)
    assert (first.deployment.broker, first.deployment.rounds) == (second.deployment.broker, second.deployment.rounds)


async def test_every_block_is_of_a_round_that_has_begun() -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE)
    seen = set()
    for _ in range(12):
        await devchain.chain.mine()
        now, begun = await round_now(devchain)
        assert now == begun
        seen.add(now)
    assert seen == {1, 2, 3, 4}


async def test_first_block_of_a_round_begins_it_also_after_a_reorganisation() -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE)
    await devchain.next_round(2)
    hash_of_round = selector("blockHashForRound(uint256)") + pack_uint256(3)
    before = await devchain.chain.call(Call(to=devchain.deployment.rounds, data=hash_of_round))
    await devchain.chain.reorganise(4)
    assert await round_now(devchain) == (3, 3)
    after = await devchain.chain.call(Call(to=devchain.deployment.rounds, data=hash_of_round))
    head = await devchain.chain.head()
    assert after != before
    assert after == head.parent_hash


async def test_round_that_was_missed_begins_when_a_keeper_is_there_again() -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE)
    local = devchain.chain.local
    local.keepers.clear()
    await devchain.next_round(2)
    await devchain.chain.mine()
    assert await round_now(devchain) == (3, 1)
    local.keepers.append(RoundKeeper(local, devchain.deployment))
    await devchain.chain.mine()
    assert await round_now(devchain) == (3, 3)


async def test_next_round_ends_in_its_first_block() -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE)
    for wanted in (2, 3, 6):
        await devchain.next_round(wanted - (await round_now(devchain))[0])
        head = await devchain.chain.head()
        assert (await round_now(devchain))[0] == wanted
        assert await ask(devchain, devchain.deployment.rounds, "currentRoundStartBlock()") == head.number


async def test_account_becomes_a_recipient_with_the_next_round() -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE)
    recipient = devchain.accounts[3]
    await devchain.register(recipient, commission=250_000)
    recipients = devchain.deployment.recipients
    assert await ask(devchain, recipients, "recipientCount()") == 0
    await devchain.next_round()
    assert await ask(devchain, recipients, "recipientCount()") == 1
    is_registered = (pack_address(recipient.address), pack_uint256(2))
    assert await ask(devchain, recipients, "isRegistered(address,uint256)", *is_registered) == 1


async def test_contract_of_rounds_that_does_not_answer_is_found_out() -> None:
    devchain = await open_devchain()
    elsewhere = replace(devchain, deployment=replace(devchain.deployment, rounds=devchain.deployment.broker))
    with pytest.raises(LocalError) as caught:
        await elsewhere.next_round()
    assert caught.value.code is ErrorCode.WRONG_STATE
    with pytest.raises(LocalError) as caught:
        RoundKeeper(devchain.chain.local, elsewhere.deployment)
    assert caught.value.code is ErrorCode.WRONG_STATE


async def test_what_a_contract_refuses_is_not_sent() -> None:
    devchain = await open_devchain()
    account = devchain.accounts[0]
    await devchain.register(account)
    with pytest.raises(LocalError) as caught:
        await devchain.register(account)
    assert (caught.value.code, caught.value.facts["reason"]) == (ErrorCode.REVERTED, "already registered")


async def test_what_a_contract_refuses_is_sent_where_gas_is_named() -> None:
    devchain = await open_devchain(ChainConfig(is_automatic=False))
    account = devchain.accounts[0]
    receipt = await devchain.send(account, Call(to=None, data=creation_code(REFUSAL)))
    assert receipt.succeeded
    receipt = await devchain.send(account, Call(to=receipt.contract, data=b""), gas=50_000)
    assert not receipt.succeeded


async def test_sending_is_refused_where_the_chain_refuses() -> None:
    devchain = await open_devchain(ChainConfig(accounts=1))
    poor = development_account(5)
    with pytest.raises(LocalError) as caught:
        send(devchain.chain.local, poor.secret, poor.address, Call(to=poor.address, data=b""), gas=21_000)
    assert caught.value.code is ErrorCode.WRONG_STATE


async def test_what_no_block_takes_has_no_receipt() -> None:
    devchain = await open_devchain(ChainConfig(is_automatic=False))
    local = devchain.chain.local
    account = devchain.accounts[0]

    def forget_all(draft: Header, state: State) -> tuple[SignedTransaction, ...]:
        del draft, state
        for name in tuple(local.mempool.by_hash):
            local.drop(name)
        return ()

    local.keepers.append(forget_all)
    with pytest.raises(LocalError) as caught:
        await devchain.send(account, Call(to=account.address, data=b""))
    assert caught.value.code is ErrorCode.WRONG_STATE


async def test_restart_finds_the_contracts(tmp_path: Path) -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE, storage=SqliteStorage(tmp_path / "chain.sqlite"))
    await devchain.register(devchain.accounts[0])
    await devchain.next_round()
    head = await devchain.chain.head()
    await devchain.chain.close()

    again = await open_devchain(storage=SqliteStorage(tmp_path / "chain.sqlite"))
    assert (await again.chain.head(), again.deployment, again.contracts) == (head, devchain.deployment, ROUNDS_OF_FIVE)
    assert await ask(again, again.deployment.recipients, "recipientCount()") == 1
    await again.next_round()
    assert await round_now(again) == (3, 3)
    await again.chain.close()

    storage = SqliteStorage(tmp_path / "chain.sqlite")
    with pytest.raises(ConfigError):
        await open_devchain(contracts=ContractsConfig(round_blocks=6), storage=storage)
    storage.close()


@pytest.mark.parametrize("blocks", [0, 1, 2, 3])
async def test_start_that_was_cut_short_is_taken_up(blocks: int) -> None:
    storage = MemoryStorage()
    complete = await open_devchain(contracts=ROUNDS_OF_FIVE, storage=storage)
    block = complete.chain.local.history.by_number(blocks)
    assert block is not None
    assert complete.chain.local.restore(Snapshot(blocks, block.block_hash, ()))
    again = await open_devchain(storage=storage)
    assert again.deployment == complete.deployment
    assert await round_now(again) == (1, 1)
    assert (await again.chain.head()).number == 4


async def test_chain_where_the_contracts_cannot_be_is_refused() -> None:
    local = EmbeddedChain().local
    owner = development_account(OWNER_INDEX)
    for _ in range(3):
        send(local, owner.secret, owner.address, Call(to=owner.address, data=b""))
    with pytest.raises(LocalError) as caught:
        deploy(local)
    assert caught.value.code is ErrorCode.WRONG_STATE


class Hours:
    """A clock that jumps to whatever moment is waited for, and ends the test after some."""

    def __init__(self, jumps: int) -> None:
        self.now_ms = 0
        self.jumps = jumps

    def now(self) -> Instant:
        return Instant(self.now_ms)

    async def sleep_until(self, moment: Instant) -> None:
        if self.jumps == 0:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        self.jumps -= 1
        self.now_ms = max(self.now_ms, moment) + 10


async def test_blocks_come_by_the_clock() -> None:
    chain = EmbeddedChain(ChainConfig(is_automatic=False))
    clock = Hours(3)
    with pytest.raises(UnavailableError):
        await chain.mine_every(1_000, clock)
    assert (await chain.head()).number == 3
    assert clock.now_ms == 3_010  # no drift, though each wait is 10 ms too long


async def test_controls_of_the_chain() -> None:
    chain = EmbeddedChain(ChainConfig(is_automatic=False))
    moment = await chain.snapshot()
    assert (await chain.mine(3)).number == 3
    assert len(await chain.reorganise(2)) == 2
    assert await chain.restore(moment)
    assert (await chain.head()).number == 0
    await chain.set_automatic(True)  # the only argument, and the name says it
    assert chain.local.is_automatic
    with pytest.raises(LocalError):
        await chain.logs(Address(bytes(20)), (), 0, 10_001)


async def test_reorganisation_does_not_begin_a_round_twice() -> None:
    devchain = await open_devchain(contracts=ROUNDS_OF_FIVE)
    await devchain.next_round()
    await devchain.chain.mine(2)
    await devchain.chain.reorganise(5)  # from the middle of the first round on
    local = devchain.chain.local
    begun = [
        (number, outcome.succeeded)
        for number in range(5, local.head.header.number + 1)
        if (block := local.history.by_number(number)) is not None
        for outcome in block.outcomes
    ]
    assert begun == [(6, True)]
    assert await round_now(devchain) == (2, 2)
