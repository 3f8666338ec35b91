"""How likely all links of a node lead to one attacker, by the rule that chooses them."""

from __future__ import annotations

from math import prod

from parley.errors import ErrorCode, LocalError

__all__ = ["eclipse_by_address", "eclipse_by_group", "eclipse_with_anchors"]


def eclipse_by_address(*, bad: int, addresses: int, slots: int) -> float:
    """Return the chance that slots filled with any known addresses are all bad: drawn without putting back.

    Args:
        bad: addresses of the attacker, 0..addresses.
        addresses: known in all.
        slots: filled, 1..addresses.

    Raises:
        LocalError: a number is out of range.
    """
    if not 0 <= bad <= addresses or not 1 <= slots <= addresses:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, bad=bad, addresses=addresses, slots=slots)
    return prod(max(0, bad - place) / (addresses - place) for place in range(slots))


def eclipse_by_group(*, bad_groups: int, groups: int, slots: int) -> float:
    """Return the chance when each slot is filled from another address group, every group equally likely.

    However many addresses the attacker has in a group, they are drawn as one: an address costs little, a network
    of its own costs much.

    Args:
        bad_groups: groups that hold nobody but the attacker, 0..groups.
        groups: known in all.
        slots: filled, 1..groups.

    Raises:
        LocalError: a number is out of range.
    """
    return eclipse_by_address(bad=bad_groups, addresses=groups, slots=slots)


def eclipse_with_anchors(*, bad_groups: int, groups: int, slots: int, anchors: int, anchor_loss: float) -> float:
    """Return the chance after a restart, when some slots are kept for honest peers of before.

    Args:
        bad_groups: groups that hold nobody but the attacker.
        groups: known in all.
        slots: filled, anchors included.
        anchors: honest peers that are tried first, 0..slots.
        anchor_loss: chance that an anchor is gone, each on its own, 0..1; its slot is then filled as any other.

    Raises:
        LocalError: a number is out of range.
    """
    if not 0 <= anchors <= slots or not 0 <= anchor_loss <= 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, anchors=anchors, slots=slots)
    return anchor_loss**anchors * eclipse_by_group(bad_groups=bad_groups, groups=groups, slots=slots)
