"""Doing the work of tickets by other means than the package: what a foreign client would write."""

from __future__ import annotations

import hashlib
import re
from itertools import count

from parley.errors import Rejected
from parley.upload.messages import TicketAnswer, TicketRequest

__all__ = ["ALICE", "BOB", "ask", "bad_counter", "good_counter", "sum_of", "ticket"]

ALICE = hashlib.sha256(b"alice").digest()
BOB = hashlib.sha256(b"bob").digest()


def ask(*preference: str, subscription_id: str = "") -> TicketRequest:
    return TicketRequest(ALICE, BOB, subscription_id, preference)


def ticket(answer: TicketAnswer | Rejected) -> TicketAnswer:
    assert isinstance(answer, TicketAnswer), answer
    return answer


def is_good(data: str, counter: int, bits: int) -> bool:
    digest = hashlib.sha256(hashlib.sha256(f"{data}{counter:x}".encode()).digest()).digest()
    limit: int = 2 ** (256 - bits)
    return int.from_bytes(digest, "big") < limit


def good_counter(answer: TicketAnswer) -> int:
    """Return the smallest counter that solves a ticket."""
    data, bits = str(answer.work["data"]), int(answer.work["bits"])
    return next(counter for counter in count() if is_good(data, counter, bits))


def bad_counter(answer: TicketAnswer) -> int:
    """Return the smallest counter that does not."""
    data, bits = str(answer.work["data"]), int(answer.work["bits"])
    return next(counter for counter in count() if not is_good(data, counter, bits))


def sum_of(answer: TicketAnswer) -> int:
    """Return the value of `12 + 15 - 5 = ?`."""
    found = re.fullmatch(r"([0-9]+(?: [+-] [0-9]+)*) = \?", str(answer.work["data"]))
    assert found is not None
    return sum(int(sign + digits) for sign, digits in re.findall(r"([+-]?) ?([0-9]+)", found[1]))
