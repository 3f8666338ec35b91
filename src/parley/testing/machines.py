"""Every machine, with an adversary to meet: what is registered here is tried by the property suite of all machines.

A case says how to make a machine, which table it obeys, and how to draw one event that a hostile or broken world may
send it: valid, garbage, a repeat, one that contradicts an earlier one, one that comes early or late. Events are drawn
without looking at the machine, so numbers of exchanges, links and requests come from small ranges: many fit, many do
not. How a later machine joins: docs/howto/add-a-machine.md.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ErrorCode
from parley.lottery.redemption_events import REDEMPTION_TABLE
from parley.pool import routing
from parley.pool.addresses import Address
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, Stats, record_body
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import (
    PEER_BOOK_TABLE,
    AddressAdded,
    AddressesReceived,
    AddressRemoved,
    Closed,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    LinkUsed,
    Misbehaved,
    PeerBookEvent,
    Started,
)
from parley.pool.peers import PeerBook
from parley.pool.router import Router
from parley.pool.routing import ROUTER_TABLE, RouterEvent
from parley.pool.table import OWNER_LINK, RecordTable
from parley.pool.traversal import TRAVERSAL_TABLE, LinkAnswered, LinkFailed, Traversal
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey, ChallengeId, NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.claims import Applied, Foreign, Replayed
from parley.protocol.earning import (
    EARNING_TABLE,
    ChallengeOffered,
    Earning,
    EarningEvent,
    EarningTerms,
    PresentationAccepted,
    PresentationRefused,
    SolutionFound,
)
from parley.protocol.machine import Machine, TransitionTable
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from parley.testing.authors import Author
from parley.testing.redemptions import draw_redemption_event, make_redemption
from parley.upload import life
from parley.upload.config import UploadConfig

__all__ = ["MACHINE_CASES", "START", "MachineCase"]

START: Final = Instant(1_800_000_000_000)
"""When every machine of a case is made."""


@dataclass(frozen=True, slots=True)
class MachineCase:
    """One kind of machine, and the adversary that it meets.

    Attributes:
        name: of the machine's class.
        table: what the machine obeys.
        make: returns a new machine, made at `START`; each time one that acts the same.
        events: draws one event of the adversary's, at a moment.
        phase: returns where a machine is in its table.
    """

    name: str
    table: TransitionTable[Any]
    make: Callable[[], Machine[Any, object]]
    events: Callable[[random.Random, Instant], object]
    phase: Callable[[Any], Enum] = attrgetter("phase")


_LINKS: Final = tuple(NodeId(bytes([number]) * 32) for number in range(1, 5))
_STRANGER: Final = NodeId(b"\x99" * 32)
_KEYS: Final = ("offer", "btc")
_QUERY: Final = Query(RequestId(bytes(16)), _KEYS[:1], 3, 3, None, 4_000)
_POOL: Final = PoolConfig(
    message_bytes_max=64,
    size_limit_max=8,
    budget_ms=4_000,
    hop_margin_ms=500,
    seen_max=4,
    cache_age_ms=1_000,
    cache_entries_max=2,
    open_queries_max=6,
    link_open_queries_max=3,
    bucket_units=200,
    bucket_units_per_second=50,
)
_HOUR_MS: Final = 3_600_000
_CODES: Final = tuple(ErrorCode)


def _record(number: int, now: Instant, message: str = "sell 1") -> Record:
    author = Author(SeededEntropy(bytes([number])))
    return author.sign((*_KEYS, str(number)), message, now=now, sequence=now // 10_000)


def _bad_record(dice: random.Random, now: Instant) -> Record:
    """Return a record that is wrong in one way, or on the edge of what is right."""
    good, author = _record(dice.randrange(4), now), Author(SeededEntropy(b"other"))
    if dice.randrange(2):
        return _signed_badly(dice, author, now)
    return dice.choice(
        (
            replace(good, message="sell 2"),
            replace(good, author=author.key),
            replace(good, author=AuthorKey(author.key[:31])),
            replace(good, signature=b""),
            replace(good, keys=()),
            replace(good, keys=(_KEYS[0], "\ud800")),
            replace(good, keys=(_KEYS[0], "k" * 300)),
            replace(good, message="\ud800"),
            replace(good, sequence=-1),
            replace(good, sequence=2**64),
            replace(good, expires_ms=Instant(-1)),
            replace(good, expires_ms=Instant(2**80)),
        )
    )


def _signed_badly(dice: random.Random, author: Author, now: Instant) -> Record:
    """Return a record that its author signed, and should not have, or not now."""
    keys, message, created_ms, lifetime_ms = dice.choice(
        (
            (("other",), "", now, _HOUR_MS),
            (_KEYS, "x" * 65, now, _HOUR_MS),
            (_KEYS, "past", now - 2 * _HOUR_MS, _HOUR_MS),
            (_KEYS, "just past", now - 1_000, 1_000),
            (_KEYS, "soon", now + 20_000, _HOUR_MS),
            (_KEYS, "far ahead", now + _HOUR_MS, _HOUR_MS),
            (_KEYS, "too long", now, 1_000 * _HOUR_MS),
        )
    )
    return author.sign(keys, message, now=Instant(created_ms), lifetime_ms=lifetime_ms)


def _item(dice: random.Random, now: Instant, bad: float) -> Item:
    if dice.random() < bad:
        return Item(dice.choice(("node", "no\nde", "n" * 200)), _bad_record(dice, now))
    # Two messages at one address and sequence: an author who contradicts itself.
    return Item("node", _record(dice.randrange(4), now, dice.choice(("sell 1", "buy 1"))))


def _answer(dice: random.Random, now: Instant) -> Answer:
    bad = dice.choice((0.0, 0.0, 0.3))
    items = tuple(_item(dice, now, bad) for _ in range(dice.choice((0, 1, 2, 3, 9))))
    count = dice.choice((0, 1, -5, 2**40))
    names = dice.choice(((), ("node",), ("no\nde",), ("node",) * 99))
    stats = Stats(asked=count, answered=count, timed_out=count, duplicates=count, truncated_by=names, hops=count)
    return Answer(items, stats, duplicate=dice.random() < 0.1)  # noqa: PLR2004 # one answer in ten


def _make_traversal() -> Traversal:
    return Traversal(
        _QUERY,
        links=_LINKS,
        own_items=(Item("own", _record(9, START)),),
        own_left_out=0,
        own_name="own",
        config=_POOL,
        verify=schnorr.verify,
        now=START,
    )


def _draw_traversal(dice: random.Random, now: Instant) -> LinkAnswered | LinkFailed:
    link = dice.choice((*_LINKS, _STRANGER))
    if dice.randrange(3):
        return LinkAnswered(link, _answer(dice, now))
    return LinkFailed(link, dice.choice(_CODES))


def _make_router() -> Router:
    table = RecordTable(_POOL)
    for number in range(9, 15):
        record = _record(number, START)
        table.push(record, record_body(record), OWNER_LINK, START)
    router = Router(table=table, config=_POOL, own_name="own", verify=schnorr.verify)
    router.receive(routing.LinksChanged(_LINKS), START)
    return router


def _draw_query(dice: random.Random) -> Query:
    query = Query(
        request_id=RequestId(bytes([dice.randrange(8)]) * 16),
        keys=dice.choice((_KEYS, _KEYS[:1])),
        remaining=dice.randint(1, 4),
        size_limit=dice.choice((1, 3, 8)),
        max_age_ms=dice.choice((None, None, 0, 5_000)),
        budget_ms=dice.choice((4_000, 4_000, 400)),
    )
    if dice.randrange(4):
        return query
    number = dice.choice((-1, 0, 2**70))
    return dice.choice(
        (
            replace(query, keys=()),
            replace(query, keys=("\ud800",)),
            replace(query, request_id=RequestId(b"")),
            replace(query, remaining=number),
            replace(query, size_limit=number),
            replace(query, max_age_ms=number),
            replace(query, budget_ms=number),
        )
    )


def _draw_router(dice: random.Random, now: Instant) -> RouterEvent:
    link = dice.choice((*_LINKS, _STRANGER))
    match dice.choices(range(6), weights=(6, 12, 24, 6, 1, 1))[0]:
        case 0:
            return routing.OwnerQueried(dice.randrange(1_000), _draw_query(dice))
        case 1:
            return routing.QueryReceived(dice.randrange(1_000), link, _draw_query(dice), not dice.randrange(4))
        case 2:
            return routing.AnswerReceived(dice.randrange(40), _answer(dice, now))
        case 3:
            return routing.AskFailed(dice.randrange(40), dice.choice(_CODES))
        case 4:
            return routing.LinksChanged(tuple(dice.choices((*_LINKS, _STRANGER), k=dice.randrange(5))))
        case _:
            return routing.Closed()


_ADDRESSES: Final = tuple(Address(f"http://{first}.7.0.{last}:1") for first in range(20, 24) for last in range(1, 4))
_TEXTS: Final = (*_ADDRESSES, "", "ftp://x", "http://169.254.169.254:80", "http://9.9.9.9:1", "\ud800")


def _make_peer_book() -> PeerBook:
    config = PeersConfig(
        outbound_slots=3, inbound_slots=2, call_backs_max=2, anchors=1, bans_max=2, known_max=11, slots_per_group=2
    )
    own = Address("http://9.9.9.9:1")
    book = PeerBook(config=config, own_id=NodeId(b"\xff" * 32), own_address=own, seed=b"s" * 32)
    book.receive(Started(static=_ADDRESSES[:1], known=_ADDRESSES[3:6]), START)
    return book


def _draw_peer_book(dice: random.Random, _now: Instant) -> PeerBookEvent:
    node_id, address = NodeId(bytes([dice.choice((1, 2, 3, 4, 255))]) * 32), dice.choice(_ADDRESSES)
    exchange, text = dice.randrange(12), dice.choice(_TEXTS)
    match dice.choices(range(10), weights=(1, 2, 1, 8, 3, 3, 6, 2, 2, 1))[0]:
        case 0:
            return Started((address,), tuple(dice.sample(_ADDRESSES, 2)), tuple(dice.sample(_ADDRESSES, 6)))
        case 1:
            return AddressAdded(address, not dice.randrange(4))
        case 2:
            return AddressRemoved(address)
        case 3:
            return HelloAnswered(exchange, node_id, dice.choice((None, text)))
        case 4:
            return HelloFailed(exchange, dice.choice(_CODES))
        case 5:
            return AddressesReceived(exchange, tuple(dice.sample(_TEXTS, dice.randrange(4))))
        case 6:
            host = dice.choice((text.removeprefix("http://").removesuffix(":1"), "8.8.8.8", "\ud800"))
            return HelloReceived(dice.randrange(1_000), node_id, dice.choice((None, text, text)), host)
        case 7:
            return Misbehaved(node_id, dice.choice(_CODES))
        case 8:
            return LinkUsed(node_id, is_useful=bool(dice.randrange(2)))
        case _:
            return Closed()


_REGISTRY: Final = Registry((ProofOfWork(),))
_TERMS: Final = EarningTerms(
    binding=bytes(32), limits={"pow": 100}, attempts_max=3, deadline=Instant(START + 9_000), retry_ms=700
)


def _make_earning() -> Earning:
    return Earning(_REGISTRY, _TERMS, START)


def _challenge(dice: random.Random, now: Instant) -> Challenge:
    return Challenge(
        id=ChallengeId(bytes([dice.randrange(4)]) * 16),
        method=dice.choice(("pow", "pow", "pow", "captcha")),
        params=dice.choice(({"tries": 1}, {"tries": 100}, {"tries": 101}, {"bits": 1}, {})),
        binding=dice.choice((bytes(32), bytes(32), b"x" * 32)),
        expires_ms=Instant(now + dice.choice((-1, 0, 500, 5_000))),
        mac=bytes(32),
    )


def _draw_earning(dice: random.Random, now: Instant) -> EarningEvent:
    exchange = dice.choice((0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7))
    match dice.choices(range(4), weights=(4, 6, 1, 3))[0]:
        case 0:
            return ChallengeOffered(exchange, tuple(_challenge(dice, now) for _ in range(dice.randrange(4))))
        case 1:
            return SolutionFound(exchange, dice.randbytes(4))
        case 2:
            return PresentationAccepted(exchange, dice.randbytes(4))
        case _:
            return PresentationRefused(exchange, dice.choice(_CODES))


_UPLOADS: Final = UploadConfig(
    size_max_bytes=2_000, part_max_bytes=1_500, parts_max=2, lease_ms=1_000, lease_cap_ms=3_000
)


def _make_upload_life() -> life.UploadLife:
    ticket = life.StoredTicket(
        id=ChallengeId(bytes(16)),
        ticket_digest=bytes(32),
        sender=b"s" * 32,
        recipient=b"r" * 32,
        size_max_bytes=2_000,
        purpose="mail",
        subscription_id="",
        method="pow",
        expires_ms=Instant(START + 2_000),
    )
    return life.UploadLife(ticket, _UPLOADS)


def _draw_upload_life(dice: random.Random, _now: Instant) -> life.UploadEvent:
    size_bytes = dice.choice((0, 1, 700, 1_300, 1_501, -1, 2**70))
    name = dice.choice(("header", "catalog", "block/1", "", "n" * 256, "\ud800"))
    match dice.choices(range(7), weights=(6, 6, 2, 6, 1, 1, 4))[0]:
        case 0:
            return life.ProofAccepted()
        case 1:
            return life.PartBegun(size_bytes)
        case 2:
            return life.PartGrown(size_bytes)
        case 3:
            return life.PartStored(name, size_bytes)
        case 4:
            return life.Completed()
        case 5:
            return life.Deleted()
        case _:
            return life.EndClaimed(dice.choice((0, 1, 1, 2, 3)), dice.choice((Applied(), Replayed(), Foreign())))


MACHINE_CASES: Final = (
    MachineCase("Earning", EARNING_TABLE, _make_earning, _draw_earning),
    MachineCase("PeerBook", PEER_BOOK_TABLE, _make_peer_book, _draw_peer_book),
    MachineCase("Redemption", REDEMPTION_TABLE, make_redemption, draw_redemption_event),
    MachineCase("Router", ROUTER_TABLE, _make_router, _draw_router),
    MachineCase("Traversal", TRAVERSAL_TABLE, _make_traversal, _draw_traversal),
    MachineCase("UploadLife", life.UPLOAD_TABLE, _make_upload_life, _draw_upload_life),
)
"""Every machine there is, in the order of their names."""
