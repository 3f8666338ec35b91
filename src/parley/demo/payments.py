"""The act of the demo in which one wallet pays another for ten thousand requests, and the chain sees a few of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from parley.demo.figures import PaymentFigures
from parley.demo.network import Wallet, wait_until

__all__ = ["LOTTERY_SETTINGS", "PAYMENTS", "pay_for_requests"]

PAYMENTS: Final = 10_000
"""How many requests are paid for, each by one ticket."""

_WORTH_WEI: Final = 10**13
_FACE_VALUE_WEI: Final = 10**16
LOTTERY_SETTINGS: Final = f"""\
[lottery]
ticket_max_wei = {10 * _WORTH_WEI}
payment_max_wei = {10 * _WORTH_WEI}
gas_price_floor_wei = 1000000000
face_value_max_wei = {_FACE_VALUE_WEI}
confirmations = 2
poll_ms = 200
"""
"""A ticket is worth a hundred-thousandth of an ether, and one in a thousand wins."""

_DEPOSIT: Final = "5 ether"
_RESERVE: Final = "1 ether"
_PART: Final = 500
_MORE: Final = 1_000
_PARALLEL: Final = 16
_NS_PER_MS: Final = 1_000_000
_ENDED: Final = ("redeemed", "expired")


async def pay_for_requests(
    payer: Wallet, recipient: Wallet, url: str, names: tuple[str, str], advance: Callable[[int], None]
) -> PaymentFigures:
    """Fund one wallet, register the other, pay it for each request, and wait until every winner has ended.

    Args:
        payer: whose deposit pays.
        recipient: who is paid.
        url: of the recipient's node.
        names: of both nodes.
        advance: is told how many requests are paid.

    Raises:
        ParleyError: a node refuses or does not answer.
    """
    await recipient.call("lottery_register")
    await payer.call("lottery_fund", deposit=_DEPOSIT, reserve=_RESERVE)

    async def is_registered() -> bool:
        return bool((await payer.call("lottery_status"))["Ok"]["recipients"])

    await wait_until(is_registered, "the next round")
    begun_ns = time.monotonic_ns()
    tickets, refused = await _pay(payer, url, PAYMENTS, advance)
    elapsed_ms = (time.monotonic_ns() - begun_ns) // _NS_PER_MS
    while not (await recipient.call("lottery_status"))["Ok"]["taken"]["winners"]:
        more, _ = await _pay(payer, url, _MORE, lambda _: None)  # one run in twenty thousand comes here
        tickets += more

    async def is_settled() -> bool:
        counts = (await recipient.call("lottery_redeem"))["Ok"]
        return all(not count or state in _ENDED for state, count in counts.items())

    await wait_until(is_settled, "every winner is redeemed")
    winners = (await recipient.call("lottery_winners", limit=_MORE))["Ok"]
    taken = (await recipient.call("lottery_status"))["Ok"]["taken"]
    return PaymentFigures(
        payer=names[0],
        recipient=names[1],
        requests=tickets,
        refused=refused,
        expected_wei=taken["expected_wei"],
        winners=len(winners),
        redeemed=sum(winner["state"] == "redeemed" for winner in winners),
        paid_wei=str(sum(int(winner["paid_wei"] or 0) for winner in winners)),
        transactions=len({winner["transaction"] for winner in winners}),
        gas_wei=taken["gas_wei"],
        elapsed_ms=elapsed_ms,
        page=f"{url}/payments",
    )


async def _pay(payer: Wallet, url: str, requests: int, advance: Callable[[int], None]) -> tuple[int, int]:
    """Pay for so many requests; return the tickets that were taken, and those that were not."""
    done = tickets = refused = 0
    while done < requests:
        part = (
            await payer.call(
                "lottery_pay",
                url=url,
                worth=f"{_WORTH_WEI} wei",
                requests=min(_PART, requests - done),
                parallel=_PARALLEL,
            )
        )["Ok"]
        done, tickets, refused = done + part["requests"], tickets + part["tickets"], refused + part["refused"]
        advance(done)
        if part["ended"]:
            await asyncio.sleep(0.2)  # a round has just ended: the next quote is for the new one
    return tickets, refused
