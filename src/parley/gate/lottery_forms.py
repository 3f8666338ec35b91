"""The scheme `lottery` of x402, as both sides read and write it: pay by tickets that may win.

    entry     scheme "lottery", network "eip155:<chain id>", amount: what the request costs, in wei,
              asset: the native coin (ERC-7528), payTo: the recipient,
              extra: {"broker": address, "params": ticket parameters}            for a sender that was named, or
                     {"broker": address, "sender": {"header": ..., "form": ...}}  for nobody: ask again with a name, or
                     {"broker": address, "refused": name of the error}            where this sender gets none
    payload   {"sender": address, "tickets": [{"nonce": int, "signature": hex}, ...], "creation_round": {...}}

`amount` is the expected value: what a request costs on average. What a winner costs is `params.face_value_wei`, for
each ticket; who pays should look at both. How many tickets it takes follows from the two: `tickets_needed`.

Parameters, tickets and rounds have the JSON form of `parley.adapters.lottery.documents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.adapters.lottery.documents import parse_params_object, tickets_object
from parley.errors import ErrorCode, PeerError
from parley.gate.x402 import SENDER_HEADER, X402_VERSION, PaymentSignature, Requirement, encode_header
from parley.ledgers.evm.addresses import checksum_text, parse_address
from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.params import Payment, TicketParams
from parley.lottery.worth import SHARES_PER_WEI, worth_shares
from parley.primitives.ids import Address

__all__ = [
    "LOTTERY_SCHEME",
    "NATIVE_ASSET",
    "Offer",
    "account_text",
    "is_enough",
    "lottery_entry",
    "lottery_header",
    "nearest_wei",
    "network_name",
    "parse_account",
    "parse_amount",
    "parse_offer",
    "sender_extra",
    "tickets_needed",
]

LOTTERY_SCHEME: Final = "lottery"
"""Name of the scheme."""

NATIVE_ASSET: Final = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
"""Stands for the coin of the chain itself (ERC-7528)."""

_HALF_A_WEI: Final = SHARES_PER_WEI // 2
_NETWORK: Final = "eip155:"
_ACCOUNT_MAX_CHARACTERS: Final = 128
_AMOUNT_MAX_DIGITS: Final = 78


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry of this scheme, read.

    Attributes:
        entry: as it came.
        amount_wei: what the request costs on average.
        recipient: who is paid, 20 bytes.
        broker: the contract that pays winners, 20 bytes.
        params: for the sender that was named, or None.
        refused: why this sender gets none; None where it was not named, or gets some.
    """

    entry: Requirement
    amount_wei: int
    recipient: Address
    broker: Address
    params: TicketParams | None
    refused: ErrorCode | None


def network_name(chain_id: int) -> str:
    """Return a chain in the form of CAIP-2."""
    return f"{_NETWORK}{chain_id}"


def account_text(chain_id: int, account: Address) -> str:
    """Return an account in the form of CAIP-10, for the header PAYMENT-SENDER."""
    return f"{network_name(chain_id)}:{checksum_text(account)}"


def parse_account(text: str, network: str) -> Address | None:
    """Read the header PAYMENT-SENDER.

    Args:
        text: of any form.
        network: that is wanted, in the form of CAIP-2.

    Returns:
        20 bytes; None where nobody is named, or an account of another network.

    Raises:
        PeerError: MALFORMED: named on this network, but no address.
    """
    if len(text) > _ACCOUNT_MAX_CHARACTERS or not text.startswith(f"{network}:"):
        return None
    return parse_address(text[len(network) + 1 :])


def parse_amount(text: str) -> int:
    """Read an amount of wei.

    Raises:
        PeerError: MALFORMED: no decimal number below 2**256 in its shortest form.
    """
    is_decimal = len(text) <= _AMOUNT_MAX_DIGITS and text.isascii() and text.isdigit()
    if not is_decimal or (text != "0" and text.startswith("0")) or int(text) > UINT256_MAX:
        raise PeerError(ErrorCode.MALFORMED, field="amount")
    return int(text)


def sender_extra(network: str) -> dict[str, object]:
    """Return what tells a client how to ask for parameters of its own."""
    return {"sender": {"header": SENDER_HEADER, "form": f"{network}:<address>"}}


def lottery_entry(
    *,
    network: str,
    amount_wei: int,
    recipient: Address,
    broker: Address,
    max_timeout_seconds: int,
    extra: dict[str, object],
) -> Requirement:
    """Make an entry.

    Args:
        network: in the form of CAIP-2.
        amount_wei: what the request costs on average.
        recipient: who is paid, 20 bytes.
        broker: the contract that pays winners, 20 bytes.
        max_timeout_seconds: how long the entry stands at the least.
        extra: `params`, or `sender`, or `refused`.
    """
    return Requirement(
        scheme=LOTTERY_SCHEME,
        network=network,
        amount=str(amount_wei),
        asset=NATIVE_ASSET,
        pay_to=checksum_text(recipient),
        max_timeout_seconds=max_timeout_seconds,
        extra={"broker": checksum_text(broker), **extra},
    )


def parse_offer(entry: Requirement) -> Offer:
    """Read an entry of this scheme; neither price nor parameters are judged here.

    Raises:
        PeerError: MALFORMED: another form, or parameters of another recipient than `payTo`.
    """
    recipient = parse_address(entry.pay_to)
    broker = entry.extra.get("broker")
    if not isinstance(broker, str):
        raise PeerError(ErrorCode.MALFORMED, field="broker")
    given = entry.extra.get("params")
    params = None if given is None else parse_params_object(given)
    if params is not None and params.recipient != recipient:
        raise PeerError(ErrorCode.MALFORMED, field="payTo")
    reason = entry.extra.get("refused")
    refused = None if reason is None else _code_of(reason)
    return Offer(entry, parse_amount(entry.amount), recipient, parse_address(broker), params, refused)


def is_enough(shares: int, price_wei: int) -> bool:
    """Say whether an expected value covers a price, to the nearest wei: win probabilities are not endlessly fine.

    Args:
        shares: the expected value, in parts of 2**256 - 1 of a wei.
        price_wei: 0 or more.
    """
    return shares + _HALF_A_WEI >= price_wei * SHARES_PER_WEI


def nearest_wei(shares: int) -> int:
    """Return an expected value in wei, to the nearest one."""
    return (shares + _HALF_A_WEI) // SHARES_PER_WEI


def tickets_needed(amount_wei: int, params: TicketParams) -> int:
    """Return how many tickets cover an amount, 1 or more; 0 where none ever do, because they are worth nothing.

    Source: docs/spec/gate.md §7 (vectors/gate/lottery.json).
    """
    shares = worth_shares(params)
    if shares == 0:
        return 0
    return max(1, -(-(amount_wei * SHARES_PER_WEI - _HALF_A_WEI) // shares))


def lottery_header(entry: Requirement, payment: Payment) -> bytes:
    """Return the value of PAYMENT-SIGNATURE that pays an entry."""
    return encode_header(PaymentSignature(x402_version=X402_VERSION, accepted=entry, payload=tickets_object(payment)))


def _code_of(reason: object) -> ErrorCode:
    """Return the error that a remote names, in our own words."""
    names = {code.name.lower(): code for code in ErrorCode}
    return names.get(reason, ErrorCode.TICKET_REFUSED) if isinstance(reason, str) else ErrorCode.TICKET_REFUSED
