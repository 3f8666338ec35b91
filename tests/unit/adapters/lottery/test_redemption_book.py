"""What is kept of redemptions is found again, and what cannot be read is left alone."""

from __future__ import annotations

from parley.adapters.lottery.redemption_book import WINNERS_NAMESPACE, RedemptionBook, keep_winner
from parley.adapters.memory.store import MemoryStore
from parley.lottery.redemption_records import RedemptionEnd, RedemptionRecord, winner_hash
from parley.lottery.wire import encode_winner
from parley.primitives.instants import Instant
from tests.unit.adapters.lottery.redeeming_world import RedeemingWorld

WINNER = RedeemingWorld().made()
DIGEST = winner_hash(WINNER)


async def test_a_winner_stands_under_the_hash_of_its_ticket() -> None:
    documents = MemoryStore().documents
    book = RedemptionBook(documents)
    await keep_winner(documents, WINNER)
    await keep_winner(documents, WINNER)
    assert await documents.get("lottery/winners", DIGEST.hex()) == encode_winner(WINNER)
    assert await book.winners() == {DIGEST: WINNER}
    assert await book.winners(frozenset({DIGEST.hex()})) == {}
    await book.drop_winner(DIGEST)
    assert await book.winners() == {}
    assert book.unreadable == 0


async def test_records_and_calls_are_found_again() -> None:
    book = RedemptionBook(MemoryStore().documents)
    record = RedemptionRecord(winner=WINNER, end=RedemptionEnd.REDEEMED, paid_wei=5, ended_ms=Instant(7))
    await book.keep_record(record)
    await book.keep_act("call", (DIGEST, b"\x01" * 32))
    assert await book.records() == {DIGEST: record}
    assert await book.acts() == {"call": (DIGEST, b"\x01" * 32)}
    await book.drop_act("call")
    await book.drop_act("call")
    assert await book.acts() == {}


async def test_what_cannot_be_read_is_counted_once_and_stays_where_it_is() -> None:
    documents = MemoryStore().documents
    book = RedemptionBook(documents)
    await documents.put(WINNERS_NAMESPACE, DIGEST.hex(), b"of a later release")
    await documents.put(WINNERS_NAMESPACE, "00" * 32, encode_winner(WINNER))
    await documents.put("lottery/redemptions", "00", b"\xff")
    await documents.put("lottery/redemption_acts", "call", b"\xff")
    for _ in range(2):
        assert (await book.winners(), await book.records(), await book.acts()) == ({}, {}, {})
    assert book.unreadable == 4
    assert await documents.get(WINNERS_NAMESPACE, DIGEST.hex()) == b"of a later release"
