"""Queries through small networks of real routers: in any order of delivery, among honest nodes and among liars.

Every graph is connected and has at most twelve nodes; the first one asks. Messages are delivered in any order and take
no time; when none is left, time passes until a router wants to be woken. Liars answer, but forward nothing.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, record_body, record_id
from parley.pool.router import Router
from parley.pool.routing import (
    AnswerReceived,
    AskFailed,
    LinksChanged,
    OwnerQueried,
    QueryReceived,
    Reply,
    RouterEvent,
    RouterOutput,
)
from parley.pool.table import OWNER_LINK, RecordTable
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey, NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Blame, TimeoutReached, drain
from parley.testing.authors import Author

NODES_MAX = 12
START = Instant(1_800_000_000_000)
CONFIG = PoolConfig(bucket_units=2**40)
BUDGET_MS = 8_000
SIZE_LIMIT = 30
AUTHORS = tuple(Author(SeededEntropy(bytes([number]))) for number in range(NODES_MAX))
# Every third record expires before a query that waits for somebody silent is answered.
RECORDS = tuple(
    author.sign(("offer", str(number)), "sell", now=START, lifetime_ms=600_000 if number % 3 else 2_000)
    for number, author in enumerate(AUTHORS)
)
HONEST = frozenset(RECORDS)
Links = Mapping[int, tuple[int, ...]]


class Lie(Enum):
    """What a liar answers."""

    SILENT = "nothing"
    EQUIVOCATING = "to each who asks, something else under one address and sequence, and then something else again"
    GARBAGE = "what is no record"
    FORGED = "an honest author's record, altered"
    EXPIRED = "a record that expired an hour ago"
    WRONG_PREFIX = "a record under other keys"
    TOO_MANY = "more records than were asked for"


UNNOTICED = frozenset({Lie.SILENT, Lie.EQUIVOCATING})


@st.composite
def graphs(draw: st.DrawFn) -> Links:
    """Draw a connected graph: each node is linked to an earlier one, and some more are."""
    count = draw(st.integers(1, NODES_MAX))
    edges = {(draw(st.integers(0, number - 1)), number) for number in range(1, count)}
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges |= {(min(pair), max(pair)) for pair in draw(st.lists(pairs, max_size=15)) if pair[0] != pair[1]}
    both = sorted(edges | {(second, first) for first, second in edges})
    return {number: tuple(second for first, second in both if first == number) for number in range(count)}


deepnesses = st.integers(1, 6)
seeds = st.integers(0, 2**32)
lies = st.dictionaries(st.integers(1, NODES_MAX - 1), st.sampled_from(Lie), max_size=6)


def distances(links: Links, blocked: Mapping[int, Lie]) -> dict[int, int]:
    """Return how many hops each node is away from the first, where nobody blocked is passed or reached."""
    found, waiting = {0: 0}, deque([0])
    while waiting:
        here = waiting.popleft()
        for other in links[here]:
            if other not in found and other not in blocked:
                found[other] = found[here] + 1
                waiting.append(other)
    return found


def node_id(number: int) -> NodeId:
    return NodeId(bytes([number]) * 32)


def name(number: int) -> str:
    return f"node {number}"


@dataclass(frozen=True)
class Asking:
    """A question on its way."""

    sender: int
    receiver: int
    exchange: int
    query: Query


@dataclass(frozen=True)
class Answering:
    """An answer on its way."""

    sender: int
    receiver: int
    exchange: int
    answer: Answer | Rejected


@dataclass(frozen=True)
class Replied:
    """What a node answered, when, and until when it had to."""

    node: int
    answer: Answer | Rejected
    at: Instant
    deadline: Instant


@dataclass
class Actor:
    """An honest node: its router, what went in and came out, and who waits for which token."""

    number: int
    links: tuple[int, ...]
    inputs: list[tuple[RouterEvent | TimeoutReached, Instant]] = field(default_factory=list)
    outputs: list[list[RouterOutput]] = field(default_factory=list)
    waiting: dict[int, tuple[Asking | None, Instant]] = field(default_factory=dict)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.router = self.new_router()

    def new_router(self) -> Router:
        table, record = RecordTable(CONFIG), RECORDS[self.number]
        table.push(record, record_body(record), OWNER_LINK, START)
        router = Router(table=table, config=CONFIG, own_name=name(self.number), verify=schnorr.verify)
        router.receive(LinksChanged(tuple(map(node_id, self.links))), START)
        return router

    def step(self, event: RouterEvent | TimeoutReached, now: Instant) -> list[RouterOutput]:
        self.inputs.append((event, now))
        self.outputs.append(feed(self.router, event, now))
        return self.outputs[-1]


def feed(router: Router, event: RouterEvent | TimeoutReached, now: Instant) -> list[RouterOutput]:
    if isinstance(event, TimeoutReached):
        router.handle_timeout(now)
    else:
        router.receive(event, now)
    return drain(router)


class World:
    """A network on which the first node asks."""

    def __init__(self, links: Links, liars: Mapping[int, Lie], seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = START
        self.liars = {number: lie for number, lie in liars.items() if number in links}
        self.actors = {number: Actor(number, links[number]) for number in links if number not in self.liars}
        self.mail: list[Asking | Answering] = []
        self.replies: list[Replied] = []
        self.blamed: set[int] = set()
        self.lied: set[int] = set()

    def ask(self, deepness: int) -> Replied:
        """Let the first node ask, until nothing happens any more."""
        query = Query(RequestId(b"q" * 16), ("offer",), deepness, SIZE_LIMIT, None, BUDGET_MS)
        root = self.actors[0]
        root.waiting[0] = None, Instant(START + BUDGET_MS)
        self.perform(root, root.step(OwnerQueried(0, query), self.now))
        while self.mail or self.pass_time():
            if self.mail:
                place = self.dice.randrange(len(self.mail))
                self.mail[place], self.mail[-1] = self.mail[-1], self.mail[place]
                self.deliver(self.mail.pop())
        (answer,) = (reply for reply in self.replies if reply.node == 0 and reply.deadline == START + BUDGET_MS)
        return answer

    def pass_time(self) -> bool:
        due = [moment for actor in self.actors.values() if (moment := actor.router.next_timeout()) is not None]
        if not due:
            return False
        self.now = max(self.now, min(due))
        for actor in self.actors.values():
            self.perform(actor, actor.step(TimeoutReached(), self.now))
        return True

    def deliver(self, letter: Asking | Answering) -> None:
        actor = self.actors.get(letter.receiver)
        if isinstance(letter, Asking):
            if actor is None:
                self.lie(letter)
            else:
                self.put(actor, letter)
        elif actor is not None:
            self.perform(actor, actor.step(arrived(letter), self.now))

    def put(self, actor: Actor, asking: Asking) -> None:
        actor.tokens += 1
        actor.waiting[actor.tokens] = asking, Instant(self.now + asking.query.budget_ms)
        self.perform(actor, actor.step(QueryReceived(actor.tokens, node_id(asking.sender), asking.query), self.now))

    def perform(self, actor: Actor, outputs: list[RouterOutput]) -> None:
        for output in outputs:
            match output:
                case Ask(exchange, asked):
                    self.mail.append(Asking(actor.number, asked.link[0], exchange, asked.query))
                case Blame(culprit):
                    self.blamed.add(culprit[0])
                case Reply(token, answer):
                    asking, deadline = actor.waiting.pop(token)
                    self.replies.append(Replied(actor.number, answer, self.now, deadline))
                    if asking is not None:
                        self.mail.append(Answering(actor.number, asking.sender, asking.exchange, answer))

    def lie(self, asking: Asking) -> None:
        liar = asking.receiver
        self.lied.add(liar)
        for records in told(self.liars[liar], liar, asking, self.dice):
            answer = Answer(tuple(Item(name(liar), record) for record in records))
            self.mail.append(Answering(liar, asking.sender, asking.exchange, answer))


def arrived(letter: Answering) -> AnswerReceived | AskFailed:
    if isinstance(letter.answer, Rejected):
        return AskFailed(letter.exchange, letter.answer.code)
    return AnswerReceived(letter.exchange, letter.answer)


def told(lie: Lie, liar: int, asking: Asking, dice: random.Random) -> list[list[Record]]:
    """Return the answers of a liar to one question."""
    author, honest = AUTHORS[liar], dice.choice(RECORDS)
    match lie:
        case Lie.SILENT:
            return []
        case Lie.EQUIVOCATING:
            said = [f"{asking.sender} {turn}" for turn in range(2)]
            return [[author.sign(("offer", "liar"), text, now=START, sequence=1)] for text in said]
        case Lie.GARBAGE:
            garbage = (
                replace(honest, author=AuthorKey(b"short")),
                replace(honest, keys=("offer", "\ud800")),
                replace(honest, sequence=2**70),
                replace(honest, message="\udfff"),
                replace(honest, created_ms=honest.expires_ms),
                replace(honest, signature=b""),
            )
            return [[RECORDS[liar], dice.choice(garbage)]]
        case Lie.FORGED:
            return [[dice.choice((replace(honest, message="buy"), replace(honest, sequence=honest.sequence + 1)))]]
        case Lie.EXPIRED:
            return [[author.sign(("offer", "old"), "", now=Instant(START - 7_200_000), lifetime_ms=3_600_000)]]
        case Lie.WRONG_PREFIX:
            return [[author.sign(("offers", "new"), "", now=START)]]
        case Lie.TOO_MANY:
            return [[RECORDS[liar]] * (asking.query.size_limit + 1)]


def records_of(reply: Replied) -> list[Record]:
    assert isinstance(reply.answer, Answer)
    return [item.record for item in reply.answer.items]


@given(links=graphs(), deepness=deepnesses, seed=seeds)
def test_among_honest_nodes_everybody_within_the_radius_answers_once_and_all_of_it_arrives(
    links: Links, deepness: int, seed: int
) -> None:
    world = World(links, {}, seed)
    answer = world.ask(deepness)
    reached = {number for number, hops in distances(links, {}).items() if hops < deepness}
    assert isinstance(answer.answer, Answer)
    found = sorted((item.node, item.record.keys) for item in answer.answer.items)
    assert found == sorted((name(number), RECORDS[number].keys) for number in reached)
    for number in links:
        own = [reply for reply in world.replies if reply.node == number and RECORDS[number] in records_of(reply)]
        assert len(own) == (number in reached)
    stats = answer.answer.stats
    assert (stats.asked, stats.timed_out, stats.refused, stats.truncated_by) == (stats.answered, 0, 0, ())
    assert stats.hops <= deepness - 1
    assert world.blamed == set()
    assert world.now == START


@given(links=graphs(), liars=lies, deepness=deepnesses, seed=seeds)
def test_liars_are_blamed_alone_and_keep_nothing_honest_from_those_who_can_do_without_them(
    links: Links, liars: dict[int, Lie], deepness: int, seed: int
) -> None:
    world = World(links, liars, seed)
    answer = world.ask(deepness)
    assert world.blamed == {liar for liar in world.lied if world.liars[liar] not in UNNOTICED}
    reached = {number for number, hops in distances(links, world.liars).items() if hops < deepness}
    alive = {RECORDS[number] for number in reached if RECORDS[number].expires_ms > answer.at}
    assert HONEST.intersection(records_of(answer)) == alive


@given(links=graphs(), liars=lies, deepness=deepnesses, seed=seeds)
def test_every_query_is_answered_once_by_its_deadline_and_nothing_false_is_passed_on(
    links: Links, liars: dict[int, Lie], deepness: int, seed: int
) -> None:
    world = World(links, liars, seed)
    world.ask(deepness)
    assert [actor.waiting for actor in world.actors.values() if actor.waiting] == []
    for reply in world.replies:
        assert reply.at <= reply.deadline
        for record in records_of(reply):
            assert record.keys[0] == "offer"
            assert record.created_ms <= reply.at < record.expires_ms
            assert record in HONEST or schnorr.verify(record.author, record_id(record), record.signature)


@given(links=graphs(), liars=lies, deepness=deepnesses, seed=seeds)
def test_the_recorded_inputs_give_the_same_outputs(
    links: Links, liars: dict[int, Lie], deepness: int, seed: int
) -> None:
    world = World(links, liars, seed)
    world.ask(deepness)
    for actor in world.actors.values():
        again = actor.new_router()
        assert [feed(again, event, now) for event, now in actor.inputs] == actor.outputs
