"""What waits: order, replacement, gaps."""

from __future__ import annotations

from parley.devchains.evm.mempool import Mempool
from parley.devchains.evm.transactions import SignedTransaction
from parley.errors import ErrorCode
from parley.primitives.ids import Address

ANN, BEN = Address(b"\x01" * 20), Address(b"\x02" * 20)


def one(sender: Address, nonce: int, *, tip: int = 10, fee: int = 100, name: bytes = b"") -> SignedTransaction:
    return SignedTransaction(
        raw=b"",
        hash=name or sender[:1] + nonce.to_bytes(4, "big") + bytes([tip, fee]),
        kind=2,
        sender=sender,
        chain_id=1,
        nonce=nonce,
        max_priority_fee_wei=tip,
        max_fee_wei=fee,
        gas=21_000,
        to=BEN,
        value_wei=0,
        data=b"",
        access_list=(),
        y_parity=0,
        r=1,
        s=1,
    )


def pool_of(*transactions: SignedTransaction) -> Mempool:
    pool = Mempool()
    for transaction in transactions:
        pool.add(transaction)
    return pool


def taken(pool: Mempool, base_fee_wei: int = 1) -> list[SignedTransaction]:
    """Return what a block takes that takes everything."""
    nonces = {ANN: 0, BEN: 0}
    found = []
    for transaction in pool.best(base_fee_wei, nonces.__getitem__):
        nonces[transaction.sender] += 1
        found.append(transaction)
    return found


def test_best_tips_come_first_and_nonces_in_order() -> None:
    cheap, dear, later = one(ANN, 0, tip=1), one(ANN, 1, tip=50), one(BEN, 0, tip=20)
    assert taken(pool_of(dear, cheap, later)) == [later, cheap, dear]


def test_equal_tips_come_in_the_order_of_arrival() -> None:
    first, second = one(BEN, 0), one(ANN, 0)
    assert taken(pool_of(first, second)) == [first, second]
    assert taken(pool_of(second, first)) == [second, first]


def test_fee_cap_limits_the_tip() -> None:
    capped, plain = one(ANN, 0, tip=50, fee=95), one(BEN, 0, tip=10, fee=200)
    assert taken(pool_of(capped, plain), base_fee_wei=90) == [plain, capped]


def test_fee_below_the_base_fee_holds_back_what_is_behind_it() -> None:
    pool = pool_of(one(ANN, 0, fee=50), one(ANN, 1), other := one(BEN, 0))
    assert taken(pool, base_fee_wei=51) == [other]
    assert not pool.is_ready(ANN, 51, lambda _: 0)
    assert pool.is_ready(ANN, 50, lambda _: 0)


def test_gap_holds_back_what_is_behind_it() -> None:
    assert taken(pool_of(one(ANN, 1))) == []


def test_what_does_not_get_in_holds_back_what_is_behind_it() -> None:
    pool = pool_of(first := one(ANN, 0), one(ANN, 1))
    assert list(pool.best(1, lambda _: 0)) == [first]


def test_next_nonce_is_behind_what_waits_without_a_gap() -> None:
    pool = pool_of(one(ANN, 4), one(ANN, 5), one(ANN, 7))
    assert [pool.next_nonce(ANN, nonce) for nonce in (3, 4, 6, 7)] == [3, 6, 6, 8]
    assert pool.next_nonce(BEN, 2) == 2


def test_replacement_pays_a_tenth_more_in_both_fees() -> None:
    pool = pool_of(one(ANN, 0, tip=10, fee=100))
    for tip, fee, is_taken in ((11, 110, True), (10, 110, False), (11, 109, False), (10, 100, False), (20, 200, True)):
        refusal = pool.refusal(one(ANN, 0, tip=tip, fee=fee, name=b"other"))
        assert (refusal is None) is is_taken, (tip, fee)
        assert refusal is None or refusal.code is ErrorCode.PRICE_TOO_LOW
    assert pool.refusal(one(ANN, 1)) is None


def test_replacement_of_nothing_pays_something() -> None:
    pool = pool_of(one(ANN, 0, tip=0, fee=0))
    assert pool.refusal(one(ANN, 0, tip=0, fee=0, name=b"other")) is not None


def test_what_is_replaced_is_gone() -> None:
    pool = pool_of(old := one(ANN, 0), new := one(ANN, 0, tip=20, fee=200))
    assert list(pool.by_hash.values()) == [new]
    assert taken(pool) == [new]
    pool.remove(old)
    assert taken(pool) == [new]


def test_removal_leaves_no_trace() -> None:
    pool = pool_of(one(ANN, 0), one(BEN, 0))
    for transaction in tuple(pool.by_hash.values()):
        pool.remove(transaction)
    assert pool == Mempool()


def test_used_nonces_are_stale() -> None:
    pool = pool_of(old := one(ANN, 0), one(ANN, 2), one(BEN, 1))
    assert pool.stale({ANN: 2, BEN: 1}.__getitem__) == (old,)


def test_one_account_has_a_share_of_the_pool() -> None:
    pool = pool_of(*(one(ANN, nonce) for nonce in range(1_024)))
    refusal = pool.refusal(one(ANN, 1_024))
    assert refusal is not None
    assert refusal.code is ErrorCode.PRICE_TOO_LOW
    assert pool.refusal(one(BEN, 0)) is None
    assert pool.refusal(one(ANN, 3, tip=20, fee=200)) is None


def test_pool_has_an_end() -> None:
    senders = [Address(bytes([number]) * 20) for number in range(1, 6)]
    pool = pool_of(*(one(sender, nonce) for sender in senders[:4] for nonce in range(1_024)))
    assert pool.refusal(one(senders[4], 0)) is not None
