"""Signed transactions of every kind that the embedded chain takes: legacy, with an access list, with two fees.

    rlp(nonce, gas_price, gas, to, value, data, v, r, s)                                  legacy; v: 35 + 2 * chain + y
    0x01 || rlp(chain, nonce, gas_price, gas, to, value, data, access_list, y, r, s)      EIP-2930
    0x02 || rlp(chain, nonce, priority_fee, max_fee, gas, to, value, data, access_list, y, r, s)    EIP-1559

Blobs (0x03) are refused: nothing here could keep them. A legacy transaction without a chain's number is refused too,
as most nodes do: it would be valid on every chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import rlp  # type: ignore[import-untyped]  # ships no types

from parley.errors import ErrorCode, PeerError
from parley.primitives.ecdsa import address_of, recover
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["TRANSACTION_MAX_BYTES", "AccessList", "SignedTransaction", "intrinsic_gas", "parse_signed"]

TRANSACTION_MAX_BYTES: Final = 131_072
"""The largest signed transaction that is taken."""

AccessList = tuple[tuple[Address, tuple[int, ...]], ...]
_Item = bytes | list["_Item"]

_LEGACY: Final = 0
_WITH_ACCESS_LIST: Final = 1
_WITH_TWO_FEES: Final = 2
_LEGACY_FIELDS: Final = 9
_FIELDS: Final[Mapping[int, int]] = {_WITH_ACCESS_LIST: 11, _WITH_TWO_FEES: 12}
_LIST_BYTE: Final = 0xC0
_V_OF_EVEN: Final = 27
_V_OF_CHAIN: Final = 35
_WORD_BYTES: Final = 32
_UINT64_MAX: Final = 2**64 - 1

_TRANSACTION_GAS: Final = 21_000
_CREATION_GAS: Final = 32_000
_ZERO_BYTE_GAS: Final = 4
_BYTE_GAS: Final = 16
_LISTED_ADDRESS_GAS: Final = 2_400
_LISTED_SLOT_GAS: Final = 1_900


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A transaction whose signature fits.

    Attributes:
        raw: as it was handed in.
        hash: its name, 32 bytes.
        kind: 0, 1 or 2, as in the module's table.
        sender: who signed it, 20 bytes.
        chain_id: of the one chain where it is valid.
        nonce: how many the account sent before, < 2**64 - 1.
        max_priority_fee_wei: per gas, for the block's maker; that of kinds 0 and 1 is their whole price.
        max_fee_wei: per gas in all.
        gas: the most that it may take, < 2**64.
        to: 20 bytes; None creates a contract from `data`.
        value_wei: sent along.
        data: of any size that fits.
        access_list: addresses with slots.
        y_parity: of the signature, 0 or 1.
        r: of the signature.
        s: of the signature, in its lower half.
    """

    raw: bytes
    hash: bytes
    kind: int
    sender: Address
    chain_id: int
    nonce: int
    max_priority_fee_wei: int
    max_fee_wei: int
    gas: int
    to: Address | None
    value_wei: int
    data: bytes
    access_list: AccessList
    y_parity: int
    r: int
    s: int

    @property
    def cost_max_wei(self) -> int:
        """The most that it can take from its sender's account."""
        return self.gas * self.max_fee_wei + self.value_wei

    def price_wei(self, base_fee_wei: int) -> int:
        """Return what is paid per gas in a block with this base fee, which is at most `max_fee_wei`."""
        return min(self.max_fee_wei, base_fee_wei + self.max_priority_fee_wei)


def parse_signed(raw: bytes, chain_id: int) -> SignedTransaction:
    """Read a signed transaction for one chain.

    Args:
        raw: of any size.
        chain_id: of the chain that is asked to take it.

    Raises:
        PeerError: TOO_LARGE; BAD_SIGNATURE; MALFORMED: of another kind or form, or for another chain.
    """
    if len(raw) > TRANSACTION_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, value="transaction", limit_bytes=TRANSACTION_MAX_BYTES)
    if not raw:
        raise _malformed("empty")
    if raw[0] >= _LIST_BYTE:
        return _parse_legacy(raw, chain_id)
    if raw[0] not in _FIELDS:
        raise _malformed("of a kind that is not taken here")
    return _parse_typed(raw, chain_id)


def intrinsic_gas(to: Address | None, data: bytes, access_list: AccessList) -> int:
    """Return what a transaction takes before its first instruction.

    Source: Ethereum yellow paper, appendix G; EIP-2028, EIP-2930.
    """
    zeros = data.count(0)
    gas = _TRANSACTION_GAS + (_CREATION_GAS if to is None else 0)
    gas += zeros * _ZERO_BYTE_GAS + (len(data) - zeros) * _BYTE_GAS
    return gas + sum(_LISTED_ADDRESS_GAS + len(slots) * _LISTED_SLOT_GAS for _, slots in access_list)


def _parse_legacy(raw: bytes, chain_id: int) -> SignedTransaction:
    items = _decode(raw, _LEGACY_FIELDS)
    v = _number(items[6])
    y_parity = v - _V_OF_CHAIN - 2 * chain_id
    if y_parity not in (0, 1):
        raise _malformed("for another chain, or for every chain")
    digest = keccak256(rlp.encode([*items[:6], _bytes_of(chain_id), b"", b""]))
    price_wei = _number(items[1])
    plain = _Plain(items[0], items[2], items[3], items[4], items[5], [])
    return _signed(_Frame(raw, _LEGACY, digest, chain_id), plain, (price_wei, price_wei), (y_parity, items[7:]))


def _parse_typed(raw: bytes, chain_id: int) -> SignedTransaction:
    kind = raw[0]
    items = _decode(raw[1:], _FIELDS[kind])
    if _number(items[0]) != chain_id:
        raise _malformed("for another chain")
    digest = keccak256(raw[:1], rlp.encode(items[:-3]))
    has_two_fees = kind == _WITH_TWO_FEES
    first_fee_wei, max_fee_wei = _number(items[2]), _number(items[3 if has_two_fees else 2])
    if first_fee_wei > max_fee_wei:
        raise _malformed("the priority fee is above the whole fee")
    gas, to, value, data, listed, y_parity, *numbers = items[4 if has_two_fees else 3 :]
    if _number(y_parity) not in {0, 1}:
        raise _malformed("parity")
    plain = _Plain(items[1], gas, to, value, data, listed)
    fees_wei = (first_fee_wei, max_fee_wei)
    return _signed(_Frame(raw, kind, digest, chain_id), plain, fees_wei, (_number(y_parity), numbers))


class _Frame(NamedTuple):
    raw: bytes
    kind: int
    digest: bytes
    chain_id: int


class _Plain(NamedTuple):
    nonce: _Item
    gas: _Item
    to: _Item
    value: _Item
    data: _Item
    access_list: _Item


def _signed(
    frame: _Frame, plain: _Plain, fees_wei: tuple[int, int], signature: tuple[int, list[_Item]]
) -> SignedTransaction:
    y_parity, (r, s) = signature[0], (_number(item) for item in signature[1])
    words = r.to_bytes(_WORD_BYTES, "big") + s.to_bytes(_WORD_BYTES, "big")
    public = recover(frame.digest, words + bytes((_V_OF_EVEN + y_parity,)))
    if public is None:
        raise PeerError(ErrorCode.BAD_SIGNATURE, value="transaction")
    nonce, gas, to, data = _number(plain.nonce), _number(plain.gas), plain.to, plain.data
    if not isinstance(to, bytes) or len(to) not in {0, ADDRESS_BYTES} or not isinstance(data, bytes):
        raise _malformed("recipient or data")
    if nonce >= _UINT64_MAX or gas > _UINT64_MAX:
        raise _malformed("nonce or gas")
    return SignedTransaction(
        raw=frame.raw,
        hash=keccak256(frame.raw),
        kind=frame.kind,
        sender=address_of(public),
        chain_id=frame.chain_id,
        nonce=nonce,
        max_priority_fee_wei=fees_wei[0],
        max_fee_wei=fees_wei[1],
        gas=gas,
        to=Address(to) if to else None,
        value_wei=_number(plain.value),
        data=data,
        access_list=_access_list(plain.access_list),
        y_parity=y_parity,
        r=r,
        s=s,
    )


def _access_list(item: _Item) -> AccessList:
    if not isinstance(item, list):
        raise _malformed("access list")
    entries = []
    for entry in item:
        match entry:
            case [bytes(account), list(slots)] if len(account) == ADDRESS_BYTES:
                if not all(isinstance(slot, bytes) and len(slot) == _WORD_BYTES for slot in slots):
                    raise _malformed("access list")
                numbers = tuple(int.from_bytes(slot, "big") for slot in slots if isinstance(slot, bytes))
                entries.append((Address(account), numbers))
            case _:
                raise _malformed("access list")
    return tuple(entries)


def _decode(raw: bytes, size: int) -> list[_Item]:
    try:
        items = rlp.decode(raw)
    except (rlp.exceptions.DecodingError, RecursionError) as error:
        raise _malformed("not RLP") from error
    if not isinstance(items, list) or len(items) != size:
        raise _malformed("another number of fields")
    return items


def _number(item: _Item) -> int:
    if not isinstance(item, bytes) or len(item) > _WORD_BYTES or item[:1] == b"\x00":
        raise _malformed("not a number in its one form")
    return int.from_bytes(item, "big")


def _bytes_of(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _malformed(fault: str) -> PeerError:
    return PeerError(ErrorCode.MALFORMED, value="transaction", fault=fault)
