from __future__ import annotations

import json

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.demo.book import ADVERT_KEYS, CURRENCIES, Offer, make_book, parse_offer, shown_amount
from parley.errors import ErrorCode, PeerError
from parley.pool.config import PoolConfig
from parley.pool.messages import Record
from parley.pool.rules import check_record
from parley.primitives.instants import Instant

NOW = Instant(1_700_000_000_000)
MWC = 10**9
FIELDS = [
    "version",
    "id",
    "sell",
    "mwcAmount",
    "secAmount",
    "secondaryCurrency",
    "mwcLockBlocks",
    "secLockBlocks",
    "mktFee",
    "walletAddress",
]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    book = make_book(["A", "B"], SeededEntropy(b"book"), NOW)
    assert (book.authors, book.offers, book.adverts) == (24, 128, 20)
    return [record for node in ("A", "B") for record in book.by_node[node]]


def test_every_record_is_signed_and_has_an_address_of_its_own(records: list[Record]) -> None:
    assert len({(record.author, record.keys) for record in records}) == len(records) == 148
    assert all(isinstance(check_record(record, NOW, PoolConfig()), bytes) for record in records)


def test_offers_have_the_fields_of_real_ones_and_whole_numbers(records: list[Record]) -> None:
    for record in records:
        if record.keys[0] != "swap":
            continue
        message = json.loads(record.message)
        assert list(message) == FIELDS
        assert all(type(message[name]) is int for name in ("mwcAmount", "secAmount", "mktFee"))
        assert message["walletAddress"] == record.author.hex()
        side = "sell" if message["sell"] else "buy"
        currency = message["secondaryCurrency"]
        assert record.keys == ("swap", currency, side, "mwc_lock_first", str(message["mwcAmount"]), message["id"])
        assert parse_offer(record.message).mwc_nano == message["mwcAmount"]


def test_amounts_are_above_the_smallest_that_are_swapped(records: list[Record]) -> None:
    """The least of real offers: 0.1 MWC, 0.001 BTC and BCH, 0.01 LTC, 100 DOGE."""
    least = {"btc": 100_000, "bch": 100_000, "ltc": 1_000_000, "doge": 10_000_000_000}
    offers = [parse_offer(record.message) for record in records if record.keys[0] == "swap"]
    assert {offer.currency for offer in offers} == set(least) == set(CURRENCIES)
    assert all(offer.second_atoms >= least[offer.currency] and offer.mwc_nano >= MWC // 10 for offer in offers)
    assert {offer.sell for offer in offers} == {True, False}


def test_adverts_name_the_wallet(records: list[Record]) -> None:
    adverts = [record for record in records if record.keys[:2] == ADVERT_KEYS]
    assert len({record.author for record in adverts}) == len(adverts) == 20
    assert all(json.loads(advert.message)["walletAddress"] == advert.author.hex() for advert in adverts)


def test_the_same_entropy_makes_the_same_book() -> None:
    one, other, third = (make_book(["A"], SeededEntropy(seed), NOW).by_node["A"] for seed in (b"1", b"1", b"2"))
    assert one == other
    assert [record.author for record in one] != [record.author for record in third]


def test_a_price_is_rounded_down() -> None:
    offer = Offer(1, "x", sell=True, mwc_nano=3 * MWC, second_atoms=1_000, currency="btc", mwc_lock_blocks=60,
                  second_lock_blocks=3, fee_nano=0, wallet_address="")  # fmt: skip
    assert offer.price_atoms() == 333


@pytest.mark.parametrize(
    ("atoms", "decimals", "shown"),
    [
        (0, 9, "0"),
        (1, 9, "0.000000001"),
        (1_250_500_000_000, 9, "1,250.5"),
        (100_000_000, 8, "1"),
        (123_456_789_012_345_678, 8, "1,234,567,890.12345678"),
        (7, 0, "7"),
    ],
)
def test_amounts_are_shown_digit_by_digit(atoms: int, decimals: int, shown: str) -> None:
    assert shown_amount(atoms, decimals) == shown


GOOD = {
    "version": 1,
    "id": "SwapOffer_1",
    "sell": True,
    "mwcAmount": MWC,
    "secAmount": 330,
    "secondaryCurrency": "btc",
    "mwcLockBlocks": 60,
    "secLockBlocks": 3,
    "mktFee": 0,
    "walletAddress": "00",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"mwcAmount": 1.5},
        {"mwcAmount": 0},
        {"mwcAmount": "1"},
        {"secAmount": -1},
        {"secondaryCurrency": "xyz"},
        {"sell": "yes"},
        {"colour": "red"},
    ],
)
def test_what_is_no_offer_is_refused(changed: dict[str, object]) -> None:
    assert parse_offer(json.dumps(GOOD)).second_atoms == 330
    with pytest.raises(PeerError) as caught:
        parse_offer(json.dumps({**GOOD, **changed}))
    assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("message", ["", "hello", "{}", "[]", "\ud800"])
def test_other_text_is_refused(message: str) -> None:
    with pytest.raises(PeerError) as caught:
        parse_offer(message)
    assert caught.value.code is ErrorCode.MALFORMED
