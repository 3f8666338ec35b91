"""A million tickets that were taken are remembered in less than 50 MB."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from parley.lottery.nonces import CLAIM_WINDOW_NONCES, NonceBook, WindowNonces
from parley.primitives.hashing import sha256
from parley.primitives.ids import Address

TICKETS = 1_000_000
LIMIT_BYTES = 50_000_000
SENDERS = 1_000
PER_SENDER = 10
PER_COMMITMENT = 100


def take(book: NonceBook, sender: Address, commitment: bytes, nonces: range) -> int:
    held = book.begin(sender, commitment, 1_000)
    if held is None:
        return 0
    for window in held.unclaimed((nonces[0], nonces[-1])):
        held.settle_claim(window, is_ours=True)
    return sum(held.take(nonce) is None for nonce in nonces)


def held_bytes(sender_count: int, per_sender: int, per_commitment: int) -> tuple[int, int]:
    """Return how many tickets were taken, and the memory that they hold, names of senders and commitments included."""
    gc.collect()
    tracemalloc.start()
    try:
        book = NonceBook(lambda: WindowNonces(1_024), per_sender_max=64, total_max=65_536)
        taken = 0
        for sender in range(sender_count):
            address = Address(sha256(sender.to_bytes(4, "big"))[:20])
            for number in range(per_sender):
                commitment = sha256(address, number.to_bytes(4, "big"))
                taken += take(book, address, commitment, range(1, per_commitment + 1))
        gc.collect()
        return taken, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_million_tickets_of_a_thousand_senders_hold_less_than_50_mb() -> None:
    taken, size_bytes = held_bytes(SENDERS, PER_SENDER, PER_COMMITMENT)
    assert taken == TICKETS
    assert size_bytes < LIMIT_BYTES


def test_as_many_commitments_as_there_is_room_for_hold_less_than_50_mb() -> None:
    taken, size_bytes = held_bytes(1_024, 64, 1)
    assert taken == 65_536
    assert size_bytes < LIMIT_BYTES


def test_a_million_tickets_of_one_commitment_hold_no_more_than_one_window() -> None:
    book = NonceBook(lambda: WindowNonces(1_024), per_sender_max=1, total_max=1)
    taken = 0
    for first in range(0, TICKETS, CLAIM_WINDOW_NONCES):
        nonces = range(first, min(first + CLAIM_WINDOW_NONCES, TICKETS))
        taken += take(book, Address(b"\xaa" * 20), b"1", nonces)
    held = book.begin(Address(b"\xaa" * 20), b"1", 1_000)
    assert taken == TICKETS
    assert held is not None
    assert len(held._owned) <= 5
