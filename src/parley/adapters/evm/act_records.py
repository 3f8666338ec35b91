"""How a wallet's acts stand in the store: JSON, with amounts of wei in decimal text and bytes in base64.

    acts/<chain>/<account>/open     name -> what is sent for it, until it is final
    acts/<chain>/<account>/done     name -> the receipt, for ever: a name is used once

Signatures are not kept: the same fields are always signed with the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from parley.adapters.evm.gas_fees import Offer
from parley.errors import ErrorCode, UnavailableError
from parley.ports.chain import Call, Log, Receipt
from parley.primitives.ids import Address

__all__ = ["Act", "Attempt", "encode_act", "encode_done", "namespaces", "parse_act", "parse_done"]

DocumentT = TypeVar("DocumentT")

_Uint = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Wei = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,77})$")]
_Account = Annotated[bytes, Meta(min_length=20, max_length=20)]
_Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
_TOPICS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Attempt:
    """One transaction that was signed for an act.

    Attributes:
        transaction_hash: 32 bytes.
        offer: what it pays per gas.
        block_number: of the head when it was made.
    """

    transaction_hash: bytes
    offer: Offer
    block_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An act that is written down and not final yet.

    Attributes:
        nonce: of every transaction for it.
        call: what to do.
        gas_limit: of every transaction for it.
        attempts: one or more, the newest last.
    """

    nonce: int
    call: Call
    gas_limit: int
    attempts: tuple[Attempt, ...]

    @property
    def newest(self) -> Attempt:
        """Return the attempt that replaces all others."""
        return self.attempts[-1]

    @property
    def cost_max_wei(self) -> int:
        """Return the most that the act can cost."""
        return self.call.value_wei + self.gas_limit * self.newest.offer.max_fee_wei

    def with_attempt(self, attempt: Attempt) -> Act:
        """Return the act with one more attempt."""
        return replace(self, attempts=(*self.attempts, attempt))


class _Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: _Hash
    max_fee_wei: _Wei
    priority_fee_wei: _Wei
    block: _Uint


class _Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nonce: _Uint
    to: _Account | None
    value_wei: _Wei
    data: bytes
    gas_limit: _Uint
    attempts: Annotated[tuple[_Attempt, ...], Meta(min_length=1)]


class _Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: _Account
    topics: Annotated[tuple[_Hash, ...], Meta(max_length=_TOPICS_MAX)]
    data: bytes
    index: _Uint


class _Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nonce: _Uint
    hash: _Hash
    block: _Uint
    block_hash: _Hash
    succeeded: bool
    gas_used: _Uint
    gas_price_wei: _Wei
    contract: _Account | None
    logs: tuple[_Log, ...]


def namespaces(chain_id: int, account: Address) -> tuple[str, str]:
    """Return where the acts of an account stand: those that are not final, and those that are."""
    prefix = f"acts/{chain_id}/0x{account.hex()}"
    return f"{prefix}/open", f"{prefix}/done"


def encode_act(act: Act) -> bytes:
    """Encode an act; the inverse of `parse_act`."""
    return msgspec.json.encode(
        _Act(
            nonce=act.nonce,
            to=act.call.to,
            value_wei=str(act.call.value_wei),
            data=act.call.data,
            gas_limit=act.gas_limit,
            attempts=tuple(
                _Attempt(
                    hash=attempt.transaction_hash,
                    max_fee_wei=str(attempt.offer.max_fee_wei),
                    priority_fee_wei=str(attempt.offer.priority_fee_wei),
                    block=attempt.block_number,
                )
                for attempt in act.attempts
            ),
        )
    )


def parse_act(raw: bytes, account: Address) -> Act:
    """Read an act out of the store.

    Args:
        raw: what `encode_act` made.
        account: whose act it is, 20 bytes.

    Raises:
        UnavailableError: STORE_UNAVAILABLE: it is something else.
    """
    document = _decode(raw, _Act)
    return Act(
        nonce=document.nonce,
        call=Call(
            to=None if document.to is None else Address(document.to),
            data=document.data,
            value_wei=int(document.value_wei),
            sender=account,
        ),
        gas_limit=document.gas_limit,
        attempts=tuple(
            Attempt(
                attempt.hash,
                Offer(max_fee_wei=int(attempt.max_fee_wei), priority_fee_wei=int(attempt.priority_fee_wei)),
                attempt.block,
            )
            for attempt in document.attempts
        ),
    )


def encode_done(nonce: int, receipt: Receipt) -> bytes:
    """Encode what became of an act; the inverse of `parse_done`."""
    return msgspec.json.encode(
        _Done(
            nonce=nonce,
            hash=receipt.transaction_hash,
            block=receipt.block_number,
            block_hash=receipt.block_hash,
            succeeded=receipt.succeeded,
            gas_used=receipt.gas_used,
            gas_price_wei=str(receipt.gas_price_wei),
            contract=receipt.contract,
            logs=tuple(_Log(log.address, log.topics, log.data, log.index) for log in receipt.logs),
        )
    )


def parse_done(raw: bytes) -> Receipt:
    """Read out of the store what became of an act.

    Raises:
        UnavailableError: STORE_UNAVAILABLE: it is something else.
    """
    document = _decode(raw, _Done)
    return Receipt(
        transaction_hash=document.hash,
        block_number=document.block,
        block_hash=document.block_hash,
        succeeded=document.succeeded,
        gas_used=document.gas_used,
        gas_price_wei=int(document.gas_price_wei),
        contract=None if document.contract is None else Address(document.contract),
        logs=tuple(
            Log(
                address=Address(log.address),
                topics=log.topics,
                data=log.data,
                block_number=document.block,
                block_hash=document.block_hash,
                transaction_hash=document.hash,
                index=log.index,
            )
            for log in document.logs
        ),
    )


def _decode(raw: bytes, kind: type[DocumentT]) -> DocumentT:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, document="act") from None
