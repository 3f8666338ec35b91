"""Which nonces are taken, by both policies, and how much of it is remembered."""

from __future__ import annotations

import pytest

from parley.lottery.nonces import (
    CLAIM_WINDOW_NONCES,
    NonceBook,
    NonceRule,
    NonceSet,
    StrictNonces,
    WindowNonces,
    make_policy,
    window_key,
)
from parley.lottery.verdicts import Fault
from parley.primitives.ids import Address

ANNA, BERTA = Address(b"\xaa" * 20), Address(b"\xbb" * 20)
HIGHEST = 2**32 - 1


def owned(policy: WindowNonces | StrictNonces, *windows: int) -> NonceSet:
    held = NonceSet(policy)
    for window in windows:
        held.settle_claim(window, is_ours=True)
    return held


def book(*, per_sender: int = 2, total: int = 3) -> NonceBook:
    return NonceBook(lambda: WindowNonces(16), per_sender_max=per_sender, total_max=total)


def test_strict_takes_ascending_nonces_only() -> None:
    nonces = StrictNonces()
    assert [nonces.take(nonce) for nonce in (0, 1, 5)] == [None, None, None]
    assert [nonces.take(nonce) for nonce in (5, 4, 0, 6)] == [
        Fault.NONCE_SEEN,
        Fault.NONCE_TOO_LOW,
        Fault.NONCE_TOO_LOW,
        None,
    ]
    assert nonces.lowest == 7


def test_window_takes_each_nonce_once_in_any_order() -> None:
    nonces = WindowNonces(8)
    order = [3, 1, 0, 2, 9, 5, 4, 7]
    assert [nonces.take(nonce) for nonce in order] == [None] * 8
    assert {nonces.take(nonce) for nonce in (3, 2, 9, 5, 4, 7)} == {Fault.NONCE_SEEN}
    assert nonces.lowest == 2
    assert nonces.take(1) is Fault.NONCE_TOO_LOW
    assert [nonces.take(nonce) for nonce in (6, 8)] == [None, None]


def test_a_window_of_one_is_ascending() -> None:
    nonces = WindowNonces(1)
    assert [nonces.take(nonce) for nonce in (5, 5, 4, 6)] == [None, Fault.NONCE_SEEN, Fault.NONCE_TOO_LOW, None]


@pytest.mark.parametrize("leap", [7, 8, 9, 64, HIGHEST])
def test_a_leap_leaves_nothing_of_what_was_taken_open_again(leap: int) -> None:
    nonces = WindowNonces(8)
    assert nonces.take(0) is None
    assert nonces.take(leap) is None
    assert nonces.take(leap) is Fault.NONCE_SEEN
    assert nonces.take(0) is (Fault.NONCE_SEEN if leap < 8 else Fault.NONCE_TOO_LOW)
    assert nonces.take(leap - 1) is None


def test_judging_takes_nothing() -> None:
    nonces = WindowNonces(8)
    assert nonces.judge(3) is None
    assert nonces.judge(3) is None
    assert nonces.take(3) is None


def test_a_bitmap_never_outgrows_its_window() -> None:
    nonces = WindowNonces(64)
    for nonce in (0, 50, 63, 100, 5_000_000, HIGHEST):
        nonces.take(nonce)
        assert nonces._bits.bit_length() <= 64


def test_the_rule_names_the_policy() -> None:
    assert isinstance(make_policy(NonceRule.WINDOW, 4), WindowNonces)
    assert isinstance(make_policy(NonceRule.STRICT, 4), StrictNonces)


def test_window_keys_differ_by_commitment_sender_and_number() -> None:
    keys = {
        window_key(b"\x01" * 32, ANNA, 0),
        window_key(b"\x02" * 32, ANNA, 0),
        window_key(b"\x01" * 32, BERTA, 0),
        window_key(b"\x01" * 32, ANNA, 1),
    }
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}


def test_a_nonce_of_an_unclaimed_window_is_not_taken_and_stays_good() -> None:
    held = NonceSet(WindowNonces(1_024))
    assert held.take(7) is Fault.NONCES_SPREAD
    assert held.unclaimed([7, 255, 256, 700]) == {0, 1, 2}
    held.settle_claim(0, is_ours=True)
    assert held.unclaimed([7, 255, 256]) == {1}
    assert [held.take(7), held.take(7), held.take(255)] == [None, Fault.NONCE_SEEN, None]
    assert held.unclaimed([7, 255]) == set()


def test_a_foreign_window_is_not_asked_about_again() -> None:
    held = owned(WindowNonces(1_024), 0)
    held.settle_claim(1, is_ours=False)
    assert held.unclaimed([3, 300]) == set()
    assert held.judge(300) is Fault.FOREIGN_NONCE
    assert held.take(300) is Fault.FOREIGN_NONCE
    assert held.take(3) is None


def test_a_claim_may_be_noted_twice() -> None:
    held = NonceSet(WindowNonces(1_024))
    for is_ours, window in ((True, 0), (True, 0), (False, 1), (False, 1)):
        held.settle_claim(window, is_ours=is_ours)
    assert (held._owned, held._foreign) == ((0,), (1,))


def test_windows_behind_the_reach_are_forgotten() -> None:
    held = owned(WindowNonces(16), 0, 1, 2)
    held.settle_claim(3, is_ours=False)
    assert [held.take(nonce) for nonce in (0, 2 * CLAIM_WINDOW_NONCES + 20)] == [None, None]
    assert held._owned == (2,)
    assert held._foreign == (3,)
    assert held.take(1) is Fault.NONCE_TOO_LOW


def test_a_book_keeps_senders_and_commitments_apart() -> None:
    held = book()
    one = held.begin(ANNA, b"1", 10)
    assert one is held.begin(ANNA, b"1", 10)
    assert one is not held.begin(BERTA, b"1", 10)
    assert len(held) == 2


def test_a_book_has_room_for_so_many_of_a_sender_and_of_all() -> None:
    held = book()
    assert held.begin(ANNA, b"1", 10) is not None
    assert held.begin(ANNA, b"2", 10) is not None
    assert held.begin(ANNA, b"3", 10) is None
    assert held.begin(BERTA, b"1", 10) is not None
    assert held.begin(Address(b"\xcc" * 20), b"1", 10) is None
    assert held.begin(ANNA, b"2", 10) is not None
    assert len(held) == 3


def test_nonces_are_forgotten_at_the_block_at_which_their_parameters_end() -> None:
    held = book()
    for commitment, end in ((b"1", 12), (b"2", 10)):
        held.begin(ANNA, commitment, end)
    held.begin(BERTA, b"3", 11)
    held.expire(9)
    assert len(held) == 3
    held.expire(10)
    assert len(held) == 2
    held.expire(11)
    assert (len(held), list(held._senders)) == (1, [ANNA])
    held.expire(1_000)
    assert (len(held), held._senders) == (0, {})
