"""The chain: what waits, what is mined, what a reorganisation and a restart leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from parley.devchains.evm.accounts import development_account
from parley.devchains.evm.blocks import MinedBlock
from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.headers import Header
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.machine import Raised, State
from parley.devchains.evm.news import Event, News
from parley.devchains.evm.sqlite_storage import SqliteStorage
from parley.devchains.evm.storage import MemoryStorage
from parley.devchains.evm.transactions import SignedTransaction, parse_signed
from parley.errors import ConfigError, ErrorCode, LocalError, Rejected, UnavailableError
from parley.ports.chain import Call
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address
from parley.testing.chain_contracts import HERALD, MEMORY, RUIN, creation_code
from tests.unit.devchains.chain_parts import ANN, BEN, GWEI, NOBODY, chain_of, manual_chain, signed


def taken(local: LocalChain, raw: bytes) -> bytes:
    """Publish what must be taken."""
    answer = local.publish(raw)
    assert answer == keccak256(raw)
    return keccak256(raw)


def refused(local: LocalChain, raw: bytes) -> ErrorCode:
    answer = local.publish(raw)
    assert isinstance(answer, Rejected)
    return answer.code


def balance_wei(local: LocalChain, account: Address) -> int:
    return local.history.state().account(account).balance_wei


def create(local: LocalChain, runtime: bytes, *, nonce: int = 0) -> Address:
    name = taken(local, signed(nonce, Call(to=None, data=creation_code(runtime))))
    found = local.history.transaction(name)
    assert found is not None
    contract = found[0].outcomes[found[1]].contract
    assert contract is not None
    return contract


# -- beginning ---------------------------------------------------------------------------------------------------------


def test_accounts_are_rich_at_first() -> None:
    local = chain_of(ChainConfig(accounts=2, balance_wei=5, balances={NOBODY: 7}))
    third = development_account(2).address
    assert [balance_wei(local, one) for one in (ANN.address, BEN.address, third, NOBODY)] == [5, 5, 0, 7]
    assert local.head.header.number == 0


def test_equal_acts_make_equal_chains() -> None:
    first, second = chain_of(), chain_of()
    for local in (first, second):
        taken(local, signed(0))
        local.mine()
    assert first.head == second.head


def test_chain_of_another_number_has_other_transactions() -> None:
    assert refused(chain_of(ChainConfig(chain_id=5)), signed(0)) is ErrorCode.MALFORMED


# -- mining ------------------------------------------------------------------------------------------------------------


def test_automatic_chain_mines_each_transaction() -> None:
    local = chain_of()
    for nonce in range(3):
        taken(local, signed(nonce))
    assert (local.head.header.number, balance_wei(local, NOBODY), len(local.mempool.by_hash)) == (3, 3, 0)


def test_automatic_chain_makes_no_empty_block_for_what_must_wait() -> None:
    local = chain_of()
    taken(local, signed(1))
    taken(local, signed(0, account=1, fee_wei=1, tip_wei=1))
    assert (local.head.header.number, len(local.mempool.by_hash)) == (0, 2)
    taken(local, signed(0))
    assert (local.head.header.number, len(local.mempool.by_hash)) == (1, 1)
    assert len(local.head.raws) == 2


def test_what_was_too_cheap_gets_in_when_gas_is_cheaper() -> None:
    local = manual_chain()
    taken(local, signed(0, fee_wei=local.base_fee_wei - 1, tip_wei=1))
    local.mine()
    assert local.head.raws == ()
    local.mine()
    assert len(local.head.raws) == 1


def test_block_has_an_end_and_the_rest_waits() -> None:
    local = chain_of(ChainConfig(gas_limit=8_000_000, is_automatic=False))
    ruin = Call(to=None, data=creation_code(RUIN))
    taken(local, signed(0, ruin))
    local.mine()
    found = local.history.transaction(local.head.hashes[0])
    assert found is not None
    contract = found[0].outcomes[0].contract
    for nonce in range(1, 4):  # each takes all of its gas
        taken(local, signed(nonce, Call(to=contract, data=b""), gas=3_000_000))
    local.mine()
    assert (len(local.head.raws), local.head.header.gas_used) == (2, 6_000_000)
    local.mine()
    assert len(local.head.raws) == 1


def test_gas_beyond_the_block_is_refused() -> None:
    assert refused(chain_of(), signed(0, gas=30_000_001)) is ErrorCode.MALFORMED


def test_what_cannot_be_paid_any_more_is_dropped() -> None:
    local = chain_of(ChainConfig(balance_wei=10**16, is_automatic=False))
    spend = Call(to=NOBODY, data=b"", value_wei=6 * 10**15)
    taken(local, signed(0, spend, gas=21_000, fee_wei=2 * GWEI))
    taken(local, signed(1, spend, gas=21_000, fee_wei=2 * GWEI))
    local.mine()
    assert (len(local.head.raws), len(local.mempool.by_hash)) == (1, 0)
    assert balance_wei(local, NOBODY) == 6 * 10**15


def test_nonce_that_another_transaction_used_up_is_stale() -> None:
    local = manual_chain()
    taken(local, signed(0))
    left = parse_signed(signed(0, Call(to=BEN.address, data=b"")), 31_337)
    local.keepers.append(lambda _, __: (left,))
    local.mine()
    local.keepers.clear()
    assert (local.head.hashes, len(local.mempool.by_hash)) == ((left.hash,), 0)


def test_keeper_comes_first_in_a_block() -> None:
    local = manual_chain()
    kept = parse_signed(signed(0, account=2, tip_wei=1), 31_337)
    asked: list[int] = []

    def keeper(draft: Header, state: State) -> Iterable[SignedTransaction]:
        asked.append(draft.number)
        return (kept,) if state.account(kept.sender).nonce == 0 else ()

    local.keepers.append(keeper)
    other = taken(local, signed(0, tip_wei=50 * GWEI))
    local.mine()
    local.mine()
    found = local.history.by_number(1)
    assert found is not None
    assert found.hashes == (kept.hash, other)
    assert asked == [1, 2]


class Breaking(MemoryStorage):
    """Fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = False

    def write(self, put: Mapping[bytes, bytes], drop: Iterable[bytes] = ()) -> None:
        if self.is_broken:
            raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)
        super().write(put, drop)


def test_block_that_cannot_be_kept_is_none() -> None:
    local = manual_chain(storage := Breaking())
    name = taken(local, signed(0))
    storage.is_broken = True
    head = local.head
    with pytest.raises(UnavailableError):
        local.mine()
    with pytest.raises(UnavailableError):
        local.publish(signed(1))
    assert (local.head, list(local.mempool.by_hash)) == (head, [name])
    storage.is_broken = False
    assert local.mine().hashes == (name,)
    assert balance_wei(local, NOBODY) == 1


# -- fees and time -----------------------------------------------------------------------------------------------------


def test_next_base_fee_can_be_set_for_one_block() -> None:
    local = manual_chain()
    local.set_next_base_fee(77 * GWEI)
    assert local.base_fee_wei == 77 * GWEI
    assert local.mine().header.base_fee_wei == 77 * GWEI
    assert local.base_fee_wei == 77 * GWEI * 7 // 8
    with pytest.raises(LocalError):
        local.set_next_base_fee(-1)


def test_time_can_be_set_forward() -> None:
    local = manual_chain()
    begun_s = local.head.header.timestamp_s
    local.increase_time(3_600)
    assert local.mine().header.timestamp_s == begun_s + 12 + 3_600
    local.set_next_timestamp(begun_s + 10_000)
    assert local.mine().header.timestamp_s == begun_s + 10_000
    assert local.mine().header.timestamp_s == begun_s + 10_012
    with pytest.raises(LocalError):
        local.increase_time(-1)
    with pytest.raises(LocalError):
        local.set_next_timestamp(begun_s)


# -- reorganisation ----------------------------------------------------------------------------------------------------


def test_reorganisation_mines_again_what_was_lost() -> None:
    local = chain_of()
    names = [taken(local, signed(nonce)) for nonce in range(3)]
    kept, lost = local.history.by_number(1), local.head
    left = local.reorganise(2)
    assert [block.header.number for block in left] == [2, 3]
    assert local.head.header.number == 3
    assert local.history.by_number(1) == kept
    assert local.history.by_hash(lost.block_hash) is None
    found = [local.history.transaction(name) for name in names]
    assert [one[0].header.number for one in found if one is not None] == [1, 2, 2]
    assert balance_wei(local, NOBODY) == 3


def test_what_fits_no_more_after_a_reorganisation_is_gone() -> None:
    local = chain_of(ChainConfig(accounts=1))
    given = taken(local, signed(0, Call(to=BEN.address, data=b"", value_wei=10**18)))
    spent = taken(local, signed(0, account=1))
    local.reorganise(2)
    assert local.history.transaction(given) is not None
    # Where its money comes from was not there yet when it was judged again.
    assert local.history.transaction(spent) is None
    taken(local, signed(0, account=1))


def test_the_same_twice_is_taken_once() -> None:
    local = manual_chain()
    raw = signed(0)
    name = taken(local, raw)
    assert local.publish(raw) == name
    local.mine()
    assert local.publish(raw) == name
    assert len(local.mempool.by_hash) == 0


def test_reorganisation_may_lose_what_was_there() -> None:
    local = chain_of()
    name = taken(local, signed(0))
    local.reorganise(1, is_keeping=False)
    assert (local.history.transaction(name), balance_wei(local, NOBODY), local.nonce(ANN.address)) == (None, 0, 0)
    taken(local, signed(0))
    assert balance_wei(local, NOBODY) == 1


def test_blocks_after_a_reorganisation_have_other_hashes() -> None:
    local = manual_chain()
    hashes = {local.mine().block_hash}
    for _ in range(5):
        local.reorganise(1)
        hashes.add(local.head.block_hash)
    assert len(hashes) == 6


@pytest.mark.parametrize("depth", [0, -1, 3])
def test_reorganisation_has_ends(depth: int) -> None:
    local = manual_chain()
    local.mine()
    local.mine()
    with pytest.raises(LocalError):
        local.reorganise(depth)
    assert local.head.header.number == 2


def test_events_of_lost_blocks_are_lost() -> None:
    local = chain_of()
    herald = create(local, HERALD)
    for nonce, text in ((1, b"a"), (2, b"b"), (3, b"c")):
        taken(local, signed(nonce, Call(to=herald, data=text)))

    def said() -> list[bytes]:
        return [log.data for log in local.logs(frozenset((herald,)), (), 0, 100)]

    assert said() == [b"a", b"b", b"c"]
    local.reorganise(2, is_keeping=False)
    assert said() == [b"a"]
    taken(local, signed(2, Call(to=herald, data=b"d")))
    assert said() == [b"a", b"d"]


# -- moments -----------------------------------------------------------------------------------------------------------


def test_return_to_a_moment_brings_back_what_waited() -> None:
    local = manual_chain()
    local.mine()
    name = taken(local, signed(0))
    moment = local.snapshot()
    local.mine()
    taken(local, signed(1))
    assert local.restore(moment)
    assert (local.head.header.number, list(local.mempool.by_hash)) == (1, [name])
    assert balance_wei(local, NOBODY) == 0
    local.mine()
    assert balance_wei(local, NOBODY) == 1


def test_no_return_to_a_block_that_was_left() -> None:
    local = manual_chain()
    local.mine()
    moment = local.snapshot()
    local.reorganise(1)
    head = local.head
    assert not local.restore(moment)
    assert local.head == head


def test_what_waits_can_be_forgotten() -> None:
    local = manual_chain()
    name = taken(local, signed(0))
    assert local.drop(name)
    assert not local.drop(name)
    local.mine()
    assert local.head.raws == ()


# -- events ------------------------------------------------------------------------------------------------------------


def test_events_are_found_by_contract_and_by_topics_at_their_places() -> None:
    local = chain_of()
    first, second = create(local, HERALD), create(local, HERALD, nonce=1)
    red, blue = b"\x01" * 32, b"\x02" * 32
    for nonce, contract, data in ((2, first, red), (3, second, red), (4, first, blue), (5, first, b"plain")):
        taken(local, signed(nonce, Call(to=contract, data=data)))

    def found(contracts: set[Address], *topics: set[bytes], blocks: tuple[int, int] = (0, 99)) -> list[int]:
        wanted = tuple(frozenset(one) for one in topics)
        return [log.block_number for log in local.logs(frozenset(contracts), wanted, *blocks)]

    assert found(set()) == [3, 4, 5, 6]
    assert found({first}) == [3, 5, 6]
    assert found({first, second}, {red}) == [3, 4]
    assert found({second}, {blue}) == []
    assert found(set(), {red, blue}) == [3, 4, 5]
    assert found(set(), set()) == [3, 4, 5]  # a topic at the first place, whichever
    assert found(set(), {red}, {red}) == []
    assert found(set(), blocks=(4, 5)) == [4, 5]
    assert found({NOBODY}) == []


def test_news_tell_what_happened_in_order() -> None:
    local = manual_chain()
    start = local.news.end
    name = taken(local, signed(0))
    first = local.mine()
    local.reorganise(1)
    heard = local.news.since(start)
    assert heard == (
        (Event.TRANSACTION_WAITS, name),
        (Event.BLOCK_JOINED, first.block_hash),
        (Event.BLOCK_LEFT, first.block_hash),
        (Event.TRANSACTION_WAITS, name),
        (Event.BLOCK_JOINED, local.head.block_hash),
    )
    assert local.news.since(local.news.end) == ()


def test_old_news_are_forgotten() -> None:
    news = News()
    for _ in range(10_001):
        news.tell(Event.BLOCK_JOINED, b"")
    assert news.since(0) is None
    kept = news.since(1)
    assert kept is not None
    assert len(kept) == 10_000


# -- the machine -------------------------------------------------------------------------------------------------------


def test_call_of_a_block_sees_the_state_after_it() -> None:
    local = chain_of()
    memory = create(local, MEMORY)
    for nonce in (1, 2):
        taken(local, signed(nonce, Call(to=memory, data=nonce.to_bytes(32, "big"))))
    ask = Call(to=memory, data=b"")
    seen = []
    for number in (1, 2, 3):
        block = local.history.by_number(number)
        assert block is not None
        seen.append(local.history.state(block).call(ask))
    assert seen == [bytes(32), (1).to_bytes(32, "big"), (2).to_bytes(32, "big")]
    assert local.history.state().slot(memory, 0) == 2


def test_machine_knows_the_hashes_of_256_blocks() -> None:
    local = manual_chain()
    # mstore(0, blockhash(calldataload(0))) · return(0, 32)
    taken(local, signed(0, Call(to=None, data=creation_code(bytes.fromhex("6000354060005260206000f3")))))
    local.mine()
    contract = local.head.outcomes[0].contract
    for _ in range(300):
        local.mine()

    def hash_of(number: int) -> bytes | Raised:
        return local.history.state().call(Call(to=contract, data=number.to_bytes(32, "big")))

    number = local.head.header.number
    for back in (1, 2, 255, 256):
        block = local.history.by_number(number - back)
        assert block is not None
        assert hash_of(number - back) == block.block_hash
    assert [hash_of(number - back) for back in (0, 257, -5)] == [bytes(32)] * 3


def test_estimate_suffices_for_what_calls_itself() -> None:
    local = chain_of()
    # calldatasize; jump if any: 1b | call(gas, address, 0, 0, 1, 0, 0); jump if done: 19 | revert(0, 0) | 19: stop
    # 1b: sstore(0, 1) · stop
    runtime = bytes.fromhex(
        "36601b57 6000600060016000600030 5af1601957 60006000fd 5b00 5b600160005500".replace(" ", "")
    )
    contract = create(local, runtime)
    call = Call(to=contract, data=b"", sender=ANN.address)
    gas = local.history.state().estimate_gas(call)
    assert isinstance(gas, int)
    taken(local, signed(1, call, gas=gas))
    assert local.head.outcomes[0].succeeded
    assert local.history.state().slot(contract, 0) == 1


def test_call_that_cannot_be_paid_comes_to_nothing() -> None:
    local = chain_of()
    poor = Call(to=ANN.address, data=b"", value_wei=1, sender=NOBODY)
    assert local.history.state().call(poor) == Raised(b"", is_revert=False)
    assert local.history.state().estimate_gas(poor) == Raised(b"", is_revert=False)
    assert local.history.state().call(Call(to=ANN.address, data=b""), gas=20_999) == Raised(b"", is_revert=False)


def test_creation_that_failed_names_no_contract() -> None:
    local = chain_of()
    taken(local, signed(0, Call(to=None, data=RUIN)))
    assert (local.head.outcomes[0].succeeded, local.head.outcomes[0].contract) == (False, None)


# -- restarts ----------------------------------------------------------------------------------------------------------


def test_restart_loses_nothing(tmp_path: Path) -> None:
    local = manual_chain(SqliteStorage(tmp_path / "chain.sqlite"))
    taken(local, signed(0, Call(to=None, data=creation_code(HERALD))))
    local.mine()
    contract = local.head.outcomes[0].contract
    taken(local, signed(1, Call(to=contract, data=b"hello")))
    local.mine()
    local.reorganise(1)
    waiting = [taken(local, signed(3)), taken(local, signed(2))]
    head, branch_block = local.head, local.history.by_number(1)
    local.storage.close()

    again = manual_chain(SqliteStorage(tmp_path / "chain.sqlite"))
    assert (again.head, again.history.by_number(1), list(again.mempool.by_hash)) == (head, branch_block, waiting)
    assert [log.data for log in again.logs(frozenset(), (), 0, 9)] == [b"hello"]
    assert again.history.state().code(contract or NOBODY) == HERALD
    assert len(again.mine().raws) == 2
    assert balance_wei(again, NOBODY) == 2
    again.storage.close()


def test_replaced_transaction_does_not_come_back_after_a_restart(tmp_path: Path) -> None:
    local = manual_chain(SqliteStorage(tmp_path / "chain.sqlite"))
    taken(local, signed(0))
    newer = taken(local, signed(0, fee_wei=200 * GWEI, tip_wei=2 * GWEI))
    local.storage.close()
    again = manual_chain(SqliteStorage(tmp_path / "chain.sqlite"))
    assert list(again.mempool.by_hash) == [newer]
    again.storage.close()


def test_stored_chain_keeps_its_number(tmp_path: Path) -> None:
    chain_of(ChainConfig(chain_id=5), SqliteStorage(tmp_path / "chain.sqlite")).storage.close()
    storage = SqliteStorage(tmp_path / "chain.sqlite")
    with pytest.raises(ConfigError):
        chain_of(ChainConfig(chain_id=6), storage)
    assert chain_of(None, storage).config.chain_id == 5
    storage.close()


def test_storage_that_lacks_a_block_is_found_out() -> None:
    storage = MemoryStorage()
    local = manual_chain(storage)
    local.mine()
    storage.write({}, [b"b" + local.head.block_hash])
    again = manual_chain(storage)
    with pytest.raises(LocalError) as caught:
        _ = again.head
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_many_blocks_are_read_from_the_storage_again() -> None:
    local = manual_chain()
    made: list[MinedBlock] = [local.mine() for _ in range(600)]
    found = [local.history.by_number(block.header.number) for block in made]
    assert found == made
    assert local.history.by_number(601) is None
    assert local.history.by_hash(b"short") is None


def test_time_of_blocks_is_the_clocks() -> None:
    now_s: Callable[[], int] = iter([50, 60, 60]).__next__
    local = LocalChain(MemoryStorage(), ChainConfig(is_automatic=False), now_s)
    times = [local.head.header.timestamp_s, local.mine().header.timestamp_s, local.mine().header.timestamp_s]
    assert times == [50, 60, 61]
