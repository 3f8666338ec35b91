"""Ask a route behind a gate, and let the client pay by itself: python examples/gate_client.py URL.

Shows its progress on the error stream and never spends more than the budget says. Needs the extra `client`.
"""

from __future__ import annotations

import asyncio
import sys

import httpx

from parley.errors import ConflictError
from parley.gate.budget import Budget
from parley.gate.httpx_auth import TicketAuth, WorkProgress


def show(progress: WorkProgress) -> None:
    """Say how far the work is."""
    print(f"{progress.tries} tries of about {progress.expected_tries} for {progress.url}", file=sys.stderr)


def ask(url: str, budget: Budget) -> str:
    """Ask once, in this thread."""
    with httpx.Client(auth=TicketAuth(budget, progress=show)) as client:
        return client.get(url).raise_for_status().text


async def ask_many(url: str, budget: Budget, times: int) -> list[str]:
    """Ask several times at once; one budget for all of them."""
    async with httpx.AsyncClient(auth=TicketAuth(budget, progress=show)) as client:
        answers = await asyncio.gather(*(client.get(url) for _ in range(times)))
    return [answer.raise_for_status().text for answer in answers]


def main(arguments: list[str]) -> int:
    """Ask once, then three times at once; return 1 where the price is above the budget."""
    budget = Budget(request_tries=1_000_000, total_tries=10_000_000)
    try:
        print(ask(arguments[0], budget))
        for text in asyncio.run(ask_many(arguments[0], budget, 3)):
            print(text)
    except ConflictError as error:
        print(f"not paid: {error}", file=sys.stderr)
        return 1
    print(f"about {budget.spent_tries} tries in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
