"""The book that the demo publishes: swap offers and wallet adverts, each signed by its wallet.

An offer has the fields that offers of a real marketplace have, under their names there, with one difference: money
is an integer in the smallest unit of its coin (nanoMWC; satoshi and its likes), never a number with a point.

    keys      ["swap", currency, "sell" | "buy", "mwc_lock_first", amount in nanoMWC, swap id]
    message   {"version": 1, "id": ..., "sell": ..., "mwcAmount": nanoMWC, "secAmount": smallest unit of the currency,
               "secondaryCurrency": ..., "mwcLockBlocks": ..., "secLockBlocks": ..., "mktFee": nanoMWC,
               "walletAddress": the author's key}

The prices are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from parley.errors import ErrorCode, PeerError
from parley.pool.messages import Record
from parley.ports.entropy import Entropy
from parley.primitives.hashing import tagged_hash
from parley.primitives.instants import Instant
from parley.testing.authors import Author

__all__ = [
    "ADVERT_KEYS",
    "CURRENCIES",
    "MWC_DECIMALS",
    "OFFER_KEYS",
    "Book",
    "Currency",
    "Offer",
    "make_book",
    "parse_offer",
    "shown_amount",
]

OFFER_KEYS: Final = ("swap",)
"""The keys that every offer begins with."""
ADVERT_KEYS: Final = ("wallet", "decoy")
"""The keys that every wallet advert begins with."""
MWC_DECIMALS: Final = 9
"""One MWC is 10**9 nanoMWC."""

_MWC_NANO: Final = 10**MWC_DECIMALS
_LIFETIME_MS: Final = 3_600_000
_TRADERS_PER_NODE: Final = 2
_OFFERS_PER_TRADER: Final = 32
_ADVERTS_PER_NODE: Final = 10
_AMOUNTS_MWC: Final = (500, 5_000)
_SPREAD_PERMILLE: Final = 60
_FEES_PER_TEN_THOUSAND: Final = (1, 10, 50)


@dataclass(frozen=True, slots=True)
class Currency:
    """What MWC is swapped for.

    Attributes:
        name: as in keys.
        decimals: one coin is 10**decimals of its smallest unit.
        price_atoms: made-up price of one MWC, in the smallest unit.
    """

    name: str
    decimals: int
    price_atoms: int


CURRENCIES: Final[Mapping[str, Currency]] = MappingProxyType(
    {
        "btc": Currency("btc", 8, 330),
        "ltc": Currency("ltc", 8, 310_000),
        "bch": Currency("bch", 8, 62_000),
        "doge": Currency("doge", 8, 148_000_000),
    }
)
"""What the offers of the demo are in."""


class Offer(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "mwc_nano": "mwcAmount",
        "second_atoms": "secAmount",
        "currency": "secondaryCurrency",
        "mwc_lock_blocks": "mwcLockBlocks",
        "second_lock_blocks": "secLockBlocks",
        "fee_nano": "mktFee",
        "wallet_address": "walletAddress",
    },
):
    """One swap offer, as it stands in a message.

    Attributes:
        version: of the form.
        id: of the swap.
        sell: whether MWC is sold; otherwise it is bought.
        mwc_nano: nanoMWC that change hands.
        second_atoms: what is paid for it, in the smallest unit of the currency.
        currency: a name of `CURRENCIES`.
        mwc_lock_blocks: confirmations wanted of the MWC side.
        second_lock_blocks: confirmations wanted of the other side.
        fee_nano: nanoMWC that the author committed to show that it means it.
        wallet_address: where to reach the author.
    """

    version: int
    id: str
    sell: bool
    mwc_nano: int
    second_atoms: int
    currency: str
    mwc_lock_blocks: int
    second_lock_blocks: int
    fee_nano: int
    wallet_address: str

    def price_atoms(self) -> int:
        """Return what one MWC costs here, in the smallest unit of the currency, rounded down."""
        return self.second_atoms * _MWC_NANO // self.mwc_nano


class _Advert(msgspec.Struct, frozen=True, rename={"wallet_address": "walletAddress"}):
    version: int
    wallet_address: str


@dataclass(frozen=True, slots=True)
class Book:
    """What is published.

    Attributes:
        by_node: records by the name of the node whose owners made them.
        authors: how many keys signed them.
        offers: how many are offers.
        adverts: how many are wallet adverts.
    """

    by_node: Mapping[str, Sequence[Record]]
    authors: int
    offers: int
    adverts: int


def make_book(nodes: Sequence[str], entropy: Entropy, now: Instant) -> Book:
    """Make a book: at each node two traders with 32 offers each, and ten wallets that advertise themselves.

    Args:
        nodes: names.
        entropy: of the wallets' keys and signatures; the offers themselves are the same each time.
        now: when it is made.
    """
    by_node: dict[str, Sequence[Record]] = {}
    for node in nodes:
        traders = [(f"{node}{number}", Author(entropy)) for number in range(_TRADERS_PER_NODE)]
        offers = [record for name, trader in traders for record in _offers(name, trader, now)]
        wallets = [Author(entropy) for _ in range(_ADVERTS_PER_NODE)]
        by_node[node] = [*offers, *(_advert(wallet, now) for wallet in wallets)]
    return Book(
        by_node,
        authors=len(nodes) * (_TRADERS_PER_NODE + _ADVERTS_PER_NODE),
        offers=len(nodes) * _TRADERS_PER_NODE * _OFFERS_PER_TRADER,
        adverts=len(nodes) * _ADVERTS_PER_NODE,
    )


def parse_offer(message: str) -> Offer:
    """Read an offer of a stranger.

    Raises:
        PeerError: MALFORMED: it is none.
    """
    try:
        offer = msgspec.json.decode(message, type=Offer)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise PeerError(ErrorCode.MALFORMED, document="offer") from None
    if offer.currency not in CURRENCIES or offer.mwc_nano < 1 or offer.second_atoms < 1:
        raise PeerError(ErrorCode.MALFORMED, document="offer")
    return offer


def shown_amount(atoms: int, decimals: int) -> str:
    """Return an amount in whole coins, such as `1,250.5`; no digit is lost and none invented."""
    whole, part = divmod(atoms, 10**decimals)
    return f"{whole:,}.{part:0{decimals}d}".rstrip("0").rstrip(".")


def _offers(name: str, trader: Author, now: Instant) -> Iterator[Record]:
    currencies = tuple(CURRENCIES.values())
    for number in range(_OFFERS_PER_TRADER):
        label = f"{name}/{number}"
        currency = currencies[number % len(currencies)]
        is_sale = _pick(f"{label}/side", 0, 1) == 0
        mwc_nano = _pick(f"{label}/amount", *_AMOUNTS_MWC) * _MWC_NANO
        markup = _pick(f"{label}/price", 0, _SPREAD_PERMILLE)
        permille = 1_000 + markup if is_sale else 1_000 - markup
        fee = _FEES_PER_TEN_THOUSAND[_pick(f"{label}/fee", 0, len(_FEES_PER_TEN_THOUSAND) - 1)]
        offer = Offer(
            version=1,
            id=f"SwapOffer_{number + 1}",
            sell=is_sale,
            mwc_nano=mwc_nano,
            second_atoms=mwc_nano * currency.price_atoms * permille // (1_000 * _MWC_NANO),
            currency=currency.name,
            mwc_lock_blocks=60,
            second_lock_blocks=3,
            fee_nano=mwc_nano * fee // 10_000,
            wallet_address=trader.key.hex(),
        )
        side = "sell" if is_sale else "buy"
        keys = (*OFFER_KEYS, currency.name, side, "mwc_lock_first", str(mwc_nano), offer.id)
        yield trader.sign(keys, msgspec.json.encode(offer).decode(), now=now, lifetime_ms=_LIFETIME_MS)


def _advert(wallet: Author, now: Instant) -> Record:
    address = wallet.key.hex()
    message = msgspec.json.encode(_Advert(1, address)).decode()
    return wallet.sign((*ADVERT_KEYS, address[:16]), message, now=now, lifetime_ms=_LIFETIME_MS)


def _pick(label: str, low: int, high: int) -> int:
    """Return a number in [low, high], the same for the same label."""
    number = int.from_bytes(tagged_hash("parley/demo/pick", label.encode()), "big")
    return low + number % (high - low + 1)
