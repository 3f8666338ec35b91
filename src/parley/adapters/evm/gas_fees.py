"""What a wallet offers per gas: at first, and in place of what waits too long (EIP-1559).

    first       max_fee = 2 * base_fee + tip: holds through five full blocks, each of which raises base_fee by an eighth
    again       both fees grow by an eighth at least, which is more than the tenth that nodes ask of a replacement
    never       more than the cap, which bounds what a transaction can cost: gas_limit * cap

What is not needed of `max_fee` is not paid.
"""

from __future__ import annotations

from dataclasses import dataclass

from parley.ports.chain import Fees

__all__ = ["Offer", "first_offer", "raised_offer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a transaction pays per gas at most.

    Attributes:
        max_fee_wei: in all.
        priority_fee_wei: of it, for whoever makes the block, <= max_fee_wei.
    """

    max_fee_wei: int
    priority_fee_wei: int


def first_offer(fees: Fees, cap_wei: int) -> Offer | None:
    """Return what to offer for a new transaction.

    Args:
        fees: of the moment.
        cap_wei: the most to pay per gas.

    Returns:
        The offer, or None where gas costs more than the cap now.
    """
    if fees.gas_price_wei > cap_wei:
        return None
    return Offer(
        max_fee_wei=min(2 * fees.base_fee_wei + fees.priority_fee_wei, cap_wei),
        priority_fee_wei=fees.priority_fee_wei,
    )


def raised_offer(offer: Offer, fees: Fees, cap_wei: int) -> Offer | None:
    """Return what to offer in place of what waits.

    Args:
        offer: of what waits.
        fees: of the moment.
        cap_wei: the most to pay per gas.

    Returns:
        The offer, or None where the cap has no room for one that nodes would take for a replacement.
    """
    least_wei = _raise(offer.max_fee_wei)
    least_priority_wei = _raise(offer.priority_fee_wei)
    if max(least_wei, least_priority_wei) > cap_wei:
        return None
    max_fee_wei = min(max(least_wei, 2 * fees.base_fee_wei + fees.priority_fee_wei, least_priority_wei), cap_wei)
    return Offer(
        max_fee_wei=max_fee_wei, priority_fee_wei=min(max(least_priority_wei, fees.priority_fee_wei), max_fee_wei)
    )


def _raise(fee_wei: int) -> int:
    """Add an eighth, rounded up, and one wei at least."""
    return max(-(-fee_wei * 9 // 8), fee_wei + 1)
