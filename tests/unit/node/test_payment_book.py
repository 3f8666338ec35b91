from __future__ import annotations

from parley.adapters.memory import MemoryStore
from parley.lottery.params import CreationRound, Payment, SignedNonce, TicketParams
from parley.lottery.verdicts import Fault, Receipt, Verdict
from parley.lottery.wire import Winner
from parley.lottery.worth import SHARES_PER_WEI
from parley.node.payment_book import PaymentBook
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

ANNA, BERT = Address(b"\xa1" * 20), Address(b"\xb2" * 20)
SHOP = Address(b"\x77" * 20)
NOW = Instant(1_800_000_000_000)
ROUND = CreationRound(7, b"\x0b" * 32)
HALF = SHARES_PER_WEI // 2
PARAMS = TicketParams(SHOP, 1_000, HALF, b"\x0c" * 32, 1, 50, ROUND)


def payment(sender: Address, tickets: int) -> Payment:
    signed = tuple(SignedNonce(nonce, bytes(65)) for nonce in range(1, tickets + 1))
    return Payment(sender, PARAMS, ROUND, signed)


def receipt(sender: Address, faults: list[Fault | None], *, winners: int = 0) -> Receipt:
    verdicts = tuple(Verdict(nonce, fault) for nonce, fault in enumerate(faults, start=1))
    won = tuple(Winner(PARAMS, sender, ROUND, SignedNonce(nonce, bytes(65)), 5) for nonce in range(1, winners + 1))
    return Receipt(sender=sender, verdicts=verdicts, ticket_shares=1_000 * HALF, winners=won)


async def test_what_was_taken_is_added_up_for_all_and_for_each_payer() -> None:
    store = MemoryStore()
    book = PaymentBook(store.documents)
    book.note_receipt(payment(ANNA, 3), receipt(ANNA, [None, None, Fault.NONCE_SEEN], winners=1), NOW)
    book.note_receipt(payment(BERT, 1), receipt(BERT, [None]), Instant(NOW + 1))
    income = book.income
    assert (income.tickets, income.winners, income.won_wei) == (3, 1, 1_000)
    assert income.expected_shares == 3 * 1_000 * HALF
    await book.keep()
    again = PaymentBook(store.documents)
    await again.load()
    assert again.income == income


async def test_who_never_paid_gets_no_line_so_that_strangers_cannot_fill_the_book() -> None:
    store = MemoryStore()
    book = PaymentBook(store.documents)
    for number in range(50):
        nobody = Address(number.to_bytes(20, "big"))
        book.note_receipt(payment(nobody, 1), receipt(nobody, [Fault.WRONG_COMMITMENT]), NOW)
    await book.keep()
    raw = await store.documents.get("lottery/book", "figures")
    assert raw is not None
    assert len(raw) < 300
    assert b'"wrong_commitment":50' in raw


async def test_of_many_payers_the_quiet_ones_are_let_go_and_their_sums_stay() -> None:
    store = MemoryStore()
    book = PaymentBook(store.documents)
    for number in range(1_100):
        payer = Address(number.to_bytes(20, "big"))
        book.note_receipt(payment(payer, 1), receipt(payer, [None]), Instant(NOW + number))
    await book.keep()
    assert book.income.tickets == 1_100
    raw = await store.documents.get("lottery/book", "figures")
    assert raw is not None
    assert raw.count(b'"account"') == 1_000
    assert (1_099).to_bytes(20, "big").hex().encode() in raw
    assert (99).to_bytes(20, "big").hex().encode() not in raw


async def test_figures_that_cannot_be_read_begin_anew() -> None:
    store = MemoryStore()
    for raw in (b"{", b'{"tickets": -', b'{"expected_shares": "x"}', b'{"payers": [{"account": "zz"}]}'):
        await store.documents.put("lottery/book", "figures", raw)
        book = PaymentBook(store.documents)
        await book.load()
        assert book.income.tickets == 0


async def test_nothing_is_written_while_nothing_happens() -> None:
    store = MemoryStore()
    book = PaymentBook(store.documents)
    await book.keep()
    assert await store.documents.get("lottery/book", "figures") is None
