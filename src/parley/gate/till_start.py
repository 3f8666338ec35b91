"""What whoever lives by being paid looks at when it opens: can tickets be taken here, and can they be paid?"""

from __future__ import annotations

import logging
from typing import Final

from parley.adapters.lottery.checked_desk import CheckedDesk
from parley.adapters.lottery.redeeming import Redeemer
from parley.errors import ConfigError
from parley.ledgers.evm.addresses import checksum_text

__all__ = ["check_start"]

_LOGGER: Final = logging.getLogger("parley.gate")


async def check_start(desk: CheckedDesk, redeemer: Redeemer) -> None:
    """Refuse to open where nothing can be taken, and log what keeps others from paying.

    What was won before is redeemed all the same: a broker whose owner changes its rules must not cost winners, too.

    Args:
        desk: that would take tickets.
        redeemer: loaded.

    Raises:
        ConfigError: CONFIG_INVALID: the broker lets senders withdraw too soon, and there are no winners to redeem.
        UnavailableError: the chain did not answer.
        PeerError: MALFORMED: what stands at the broker's address answers in another form.
    """
    try:
        is_registered = await desk.check()
    except ConfigError as error:
        if all(one.ended_ms is not None for one in redeemer.redemptions()):
            raise
        _LOGGER.warning("no tickets are taken, and only winners of before are redeemed: %s", error)
        return
    if not is_registered:
        _LOGGER.warning(
            "nobody can pay yet: %s is not registered as a recipient in this round",
            checksum_text(desk.recipient),
        )
