"""Tickets that were fetched cheaply are not good for work at that price for ever."""

from __future__ import annotations

from pathlib import Path

from parley.errors import ErrorCode, Rejected
from parley.primitives.instants import Instant
from parley.upload.config import UploadConfig
from tests.unit.node.parts import NOW, SetClock, make_node
from tests.unit.node.ticket_work import ask, good_counter, ticket

CONFIG = UploadConfig(
    floor_units=1, ceiling_units=1_024, target_per_minute=60, demand_half_life_ms=60_000, price_holds_ms=300_000
)


async def test_a_hoard_of_cheap_tickets_is_worth_nothing_once_the_price_has_risen_for_a_while(tmp_path: Path) -> None:
    clock = SetClock(NOW)
    node = make_node(tmp_path, clock, upload=CONFIG)
    offered = [ticket(await node.tickets.request(ask("pow"), owner=None, source="")) for _ in range(3)]
    counters = [good_counter(one) for one in offered]

    clock.moment = Instant(NOW + 299_000)
    for number in range(2_000):
        node.tickets.price.note_spent(b"%d" % number, clock.moment, clock.moment)
    assert node.tickets.price.view(clock.moment).units > 4
    assert ticket(await node.tickets.submit(offered[0].ticket_id, "pow", counters[0], "")).is_valid

    clock.moment = Instant(NOW + 300_001)
    refused = await node.tickets.submit(offered[1].ticket_id, "pow", counters[1], "")
    assert refused == Rejected(ErrorCode.EXPIRED, {"fault": "the price has risen"})
    assert ticket(await node.tickets.submit(offered[0].ticket_id, "pow", counters[0], "")).is_valid  # earned before

    clock.moment = Instant(NOW + 1_500_000)
    assert node.tickets.price.view(clock.moment).units == 1
    assert ticket(await node.tickets.submit(offered[2].ticket_id, "pow", counters[2], "")).is_valid
