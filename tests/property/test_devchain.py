"""The embedded chain under whatever acts and crashes: money is conserved, and what was acknowledged stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.devchains.evm.accounts import OWNER_INDEX, development_account
from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.storage import MemoryStorage
from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.ledgers.evm.addresses import NULL_ADDRESS
from parley.ledgers.evm.transactions import Transaction, sign_transaction
from parley.primitives.ids import Address

SINK = Address(b"\xd1" * 20)
SENDERS = 2
BALANCE_WEI = 10**18
GWEI = 10**9

TRANSFERS = st.tuples(
    st.just("transfer"),
    st.integers(0, SENDERS - 1),
    st.integers(-1, 2),  # nonce: beside the next one
    st.sampled_from([1, 3, 30]),  # gwei
    st.sampled_from([0, 1, BALANCE_WEI // 2]),
)
ACTS = st.lists(
    st.one_of(
        TRANSFERS,
        TRANSFERS,
        st.tuples(st.just("mine")),
        st.tuples(st.just("reorganise"), st.integers(1, 4), st.booleans()),
        st.tuples(st.just("drop")),
    ),
    max_size=14,
)


class Dying(MemoryStorage):
    """Dies with the process at a write, before or after it is done."""

    def __init__(self, kept: MemoryStorage, writes: int, *, is_done: bool) -> None:
        super().__init__()
        self._kept = kept._kept
        self._left = writes
        self._is_done = is_done

    def write(self, put: Mapping[bytes, bytes], drop: Iterable[bytes] = ()) -> None:
        self._left -= 1
        if self._left >= 0 or (self._left == -1 and self._is_done):
            super().write(put, drop)
        if self._left < 0:
            raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)


def chain(storage: MemoryStorage, *, is_automatic: bool) -> LocalChain:
    return LocalChain(storage, ChainConfig(accounts=SENDERS, balance_wei=BALANCE_WEI, is_automatic=is_automatic))


def do(local: LocalChain, act: tuple[object, ...], acknowledged: set[bytes]) -> None:
    """Do one act, and note what the chain answered for."""
    match act:
        case ("transfer", int(sender), int(shift), int(fee_gwei), int(value_wei)):
            account = development_account(sender)
            nonce = max(0, local.mempool.next_nonce(account.address, local.nonce(account.address)) + shift)
            transaction = Transaction(
                chain_id=31_337,
                nonce=nonce,
                max_priority_fee_wei=fee_gwei * GWEI // 3,
                max_fee_wei=fee_gwei * GWEI,
                gas_limit=21_000,
                to=SINK,
                value_wei=value_wei,
            )
            replaced = {
                name
                for name, one in local.mempool.by_hash.items()
                if (one.sender, one.nonce) == (account.address, nonce)
            }
            answer = local.publish(sign_transaction(transaction, account.secret))
            if not isinstance(answer, Rejected):
                acknowledged.difference_update(replaced - {answer})
                acknowledged.add(answer)
        case ("mine",):
            local.mine()
        case ("reorganise", int(depth), bool(is_keeping)):
            if depth <= local.head.header.number:
                acknowledged.clear()  # they are lost, or judged again
                local.reorganise(depth, is_keeping=is_keeping)
        case _:
            for name in list(local.mempool.by_hash)[:1]:
                acknowledged.discard(name)
                local.drop(name)


def check_money(local: LocalChain) -> None:
    """Compare all balances with what there was at first, less what was burnt."""
    accounts = [development_account(index).address for index in (0, 1, OWNER_INDEX)]
    state = local.history.state()
    held_wei = sum(state.account(one).balance_wei for one in (*accounts, SINK, NULL_ADDRESS))
    burnt_wei = 0
    for number in range(local.head.header.number + 1):
        block = local.history.by_number(number)
        assert block is not None
        burnt_wei += block.header.gas_used * block.header.base_fee_wei
    assert held_wei + burnt_wei == SENDERS * BALANCE_WEI + 10**30


def check_chain(local: LocalChain) -> None:
    """Follow the chain from its head to its beginning."""
    block = local.head
    while block.header.number > 0:
        parent = local.history.by_hash(block.header.parent_hash)
        assert parent is not None
        assert parent.header.number == block.header.number - 1
        assert parent.header.timestamp_s < block.header.timestamp_s
        block = parent


@settings(max_examples=60)
@given(acts=ACTS, is_automatic=st.booleans())
def test_money_is_conserved_and_the_chain_hangs_together(acts: list[tuple[object, ...]], *, is_automatic: bool) -> None:
    local = chain(storage := MemoryStorage(), is_automatic=is_automatic)
    for act in acts:
        do(local, act, set())
    check_money(local)
    check_chain(local)
    again = chain(storage, is_automatic=is_automatic)
    assert (again.head, list(again.mempool.by_hash)) == (local.head, list(local.mempool.by_hash))


@settings(max_examples=60)
@given(acts=ACTS, is_automatic=st.booleans(), writes=st.integers(0, 12), is_done=st.booleans())
def test_what_was_acknowledged_survives_a_crash_at_any_write(
    acts: list[tuple[object, ...]], writes: int, *, is_automatic: bool, is_done: bool
) -> None:
    kept = MemoryStorage()
    chain(kept, is_automatic=is_automatic)
    local = chain(Dying(kept, writes, is_done=is_done), is_automatic=is_automatic)
    acknowledged: set[bytes] = set()
    for act in acts:
        try:
            do(local, act, acknowledged)
        except UnavailableError:
            break
    again = chain(kept, is_automatic=is_automatic)
    check_money(again)
    check_chain(again)
    held = set(again.mempool.by_hash)
    for name in acknowledged:
        one = local.mempool.by_hash.get(name)
        # A transaction whose nonce or money was used by another one meanwhile is gone for good, crash or not.
        if name in held or again.history.transaction(name) is not None:
            continue
        assert one is None
