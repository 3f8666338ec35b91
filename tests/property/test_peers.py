"""Whatever peers do, the peer book keeps its limits, its static peers, and to its table.

Adversarial peers answer in others' names, answer late, twice or never, gossip nonsense, greet from anywhere and
misbehave in every documented way.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import ONION_GROUP, Address, address_group, parse_address
from parley.pool.peer_config import PeersConfig
from parley.pool.peer_scores import Scores
from parley.pool.peering import (
    PEER_TABLE,
    AddressAdded,
    AddressesReceived,
    AddressRemoved,
    AskAddresses,
    Closed,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    LinksNow,
    LinkUsed,
    Misbehaved,
    PeerBookEvent,
    PeerBookOutput,
    PeerPhase,
    Reply,
    SayHello,
    Started,
)
from parley.pool.peers import PeerBook
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, TimeoutReached, drain

ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
OWN_ID = NodeId(b"\xff" * 32)
OWN_ADDRESS = Address("http://9.9.9.9:1")
SEED = b"s" * 32
CONFIG = PeersConfig(
    outbound_slots=4,
    inbound_slots=3,
    slots_per_group=2,
    onion_slots=1,
    name_slots=1,
    known_max=18,
    call_backs_max=3,
    anchors=2,
    bans_max=3,
    unanswered_max=2,
    exchange_limit=4,
)
ADDRESSES = tuple(
    Address(text)
    for text in (
        *(f"http://{first}.7.0.{last}:1" for first in range(20, 26) for last in range(1, 5)),
        *(f"http://node{number}.net{number % 3}.org:1" for number in range(5)),
        f"http://{ONION}:80",
        f"http://{ONION}:81",
        "http://10.0.0.1:1",
        "http://127.0.0.1:1",
        OWN_ADDRESS,
    )
)
addresses = st.sampled_from(ADDRESSES)
node_ids = st.one_of(st.integers(1, 12), st.just(255)).map(lambda number: NodeId(bytes([number]) * 32))
texts = st.one_of(addresses, st.sampled_from(["", "ftp://x", "http://169.254.169.254:80", "http://127.1:80"]))
codes = st.sampled_from(
    [
        ErrorCode.UNREACHABLE,
        ErrorCode.BUSY,
        ErrorCode.PEER_REFUSED,
        ErrorCode.WRONG_RECIPIENT,
        ErrorCode.BAD_SIGNATURE,
        ErrorCode.SHUTTING_DOWN,
    ]
)
faults = st.sampled_from([ErrorCode.BAD_SIGNATURE, ErrorCode.MALFORMED, ErrorCode.EXPIRED, ErrorCode.UNREACHABLE])


def new_book() -> PeerBook:
    return PeerBook(config=CONFIG, own_id=OWN_ID, own_address=OWN_ADDRESS, seed=SEED)


def phases_of(book: PeerBook) -> dict[Address, PeerPhase]:
    return {peer.address: peer.phase for peer in book.status(Instant(0))}


class PeerBookLife(RuleBasedStateMachine):
    """One book among peers that do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.book = new_book()
        self.now = Instant(1_000_000)
        self.journal: list[tuple[Instant, PeerBookEvent | TimeoutReached]] = []
        self.outputs: list[PeerBookOutput] = []
        self.hellos: dict[int, SayHello] = {}
        self.questions: list[int] = []
        self.tokens = 0
        self.static: set[Address] = set()

    def step(self, event: PeerBookEvent | TimeoutReached) -> None:
        """Take one step, and check it against the table of a peer's life."""
        before = phases_of(self.book)
        self.journal.append((self.now, event))
        if isinstance(event, TimeoutReached):
            self.book.handle_timeout(self.now)
        else:
            self.book.receive(event, self.now)
        after = phases_of(self.book)
        for address in {*before, *after}:
            was, is_now = before.get(address, PeerPhase.UNKNOWN), after.get(address, PeerPhase.UNKNOWN)
            PEER_TABLE.check_step(was, event, is_now)
        self.static -= {address for address in self.static if self.book._life.is_own(address)}
        self.keep(drain(self.book))

    def keep(self, outputs: list[PeerBookOutput]) -> None:
        """Remember what was put out, and which questions wait for an answer."""
        self.outputs += outputs
        for output in outputs:
            if isinstance(output, Ask):
                if isinstance(output.query, SayHello):
                    self.hellos[output.exchange] = output.query
                else:
                    self.questions.append(output.exchange)

    @initialize(known=st.lists(addresses, min_size=4, max_size=12, unique=True), is_static=st.booleans())
    def begin(self, known: list[Address], *, is_static: bool) -> None:
        static = known[:2] if is_static else []
        self.static |= set(static)
        self.step(Started(tuple(static), (), tuple(known)))
        self.let_time_act()

    @rule(
        static=st.lists(addresses, max_size=2),
        anchors=st.lists(addresses, max_size=3),
        known=st.lists(addresses, max_size=9),
    )
    def start(self, static: list[Address], anchors: list[Address], known: list[Address]) -> None:
        self.static |= set(static)
        self.step(Started(tuple(static), tuple(anchors), tuple(known)))

    @rule(address=addresses, is_static=st.booleans())
    def add(self, address: Address, *, is_static: bool) -> None:
        if is_static:
            self.static.add(address)
        self.step(AddressAdded(address, is_static))

    @rule(address=addresses)
    def remove(self, address: Address) -> None:
        self.static.discard(address)
        self.step(AddressRemoved(address))

    @precondition(lambda self: self.hellos)
    @rule(data=st.data(), claimed=st.one_of(st.none(), texts), is_kept=st.booleans(), is_expected=st.booleans())
    def answer_hello(self, data: st.DataObject, claimed: str | None, *, is_kept: bool, is_expected: bool) -> None:
        exchange = data.draw(st.sampled_from(sorted(self.hellos, reverse=True)))
        hello = self.hellos[exchange] if is_kept else self.hellos.pop(exchange)
        stable = NodeId(bytes([1 + sum(hello.address.encode()) % 12]) * 32)
        node_id = (hello.expected_node_id or stable) if is_expected else data.draw(node_ids)
        self.step(HelloAnswered(exchange, node_id, hello.address if is_expected else claimed))

    @precondition(lambda self: self.hellos or self.questions)
    @rule(data=st.data(), code=codes)
    def fail(self, data: st.DataObject, code: ErrorCode) -> None:
        self.step(HelloFailed(data.draw(st.sampled_from([*self.hellos, *self.questions])), code))

    @precondition(lambda self: self.book.links and not self.questions)
    @rule()
    def wait_until_links_are_asked(self) -> None:
        self.now = Instant(self.now + CONFIG.exchange_interval_ms)
        self.let_time_act()

    @precondition(lambda self: self.questions)
    @rule(data=st.data(), named=st.lists(texts, max_size=6))
    def gossip(self, data: st.DataObject, named: list[str]) -> None:
        self.step(AddressesReceived(data.draw(st.sampled_from(self.questions[::-1])), tuple(named)))

    @rule(node_id=node_ids, text=st.one_of(st.none(), texts), is_honest_source=st.booleans())
    def greet(self, node_id: NodeId, text: str | None, *, is_honest_source: bool) -> None:
        self.tokens += 1
        host = text.removeprefix("http://").rpartition(":")[0] if text is not None and is_honest_source else "8.8.8.8"
        self.step(HelloReceived(self.tokens, node_id, text, host))

    @rule(node_id=node_ids, code=faults)
    def misbehave(self, node_id: NodeId, code: ErrorCode) -> None:
        self.step(Misbehaved(node_id, code))

    @precondition(lambda self: self.book.links)
    @rule(data=st.data(), code=faults)
    def misbehave_on_a_link(self, data: st.DataObject, code: ErrorCode) -> None:
        self.step(Misbehaved(data.draw(st.sampled_from(self.book.links)).node_id, code))

    @rule(node_id=node_ids, is_useful=st.booleans())
    def use(self, node_id: NodeId, *, is_useful: bool) -> None:
        self.step(LinkUsed(node_id, is_useful))

    @rule()
    def wait_for_the_timeout(self) -> None:
        due = self.book.next_timeout()
        if due is not None:
            self.now = max(self.now, due)
            self.let_time_act()

    @rule(passed_ms=st.one_of(st.integers(0, 10_000), st.integers(0, 2_000_000)))
    def wait(self, passed_ms: int) -> None:
        self.now = Instant(self.now + passed_ms)
        self.let_time_act()

    def let_time_act(self) -> None:
        """Time acts once: afterwards nothing is due at this moment, and asking again changes nothing."""
        due = self.book.next_timeout()
        before = len(self.outputs), phases_of(self.book)
        self.step(TimeoutReached())
        if due is None or due > self.now:
            assert (len(self.outputs), phases_of(self.book)) == before
        outputs, status = len(self.outputs), self.book.status(self.now)
        later = self.book.next_timeout()
        assert later is None or later > self.now
        self.step(TimeoutReached())
        assert len(self.outputs) == outputs
        assert self.book.status(self.now) == status

    @invariant()
    def slots_and_group_caps_hold(self) -> None:
        chosen = [link for link in self.book.links if link.is_outbound and link.address not in self.static]
        called = [link for link in self.book.links if not link.is_outbound]
        assert len(chosen) <= CONFIG.outbound_slots
        assert len(called) <= CONFIG.inbound_slots
        for group, links in Counter(address_group(link.address) for link in chosen).items():
            assert links <= (CONFIG.onion_slots if group == ONION_GROUP else CONFIG.slots_per_group)
        assert sum("node" in link.address for link in chosen) <= CONFIG.name_slots

    @invariant()
    def a_node_is_one_link_and_never_this_node_itself(self) -> None:
        ids = [link.node_id for link in self.book.links]
        assert len(set(ids)) == len(ids)
        assert OWN_ID not in ids
        assert OWN_ADDRESS not in [link.address for link in self.book.links]

    @invariant()
    def static_peers_are_kept_and_tried_again(self) -> None:
        kept = {peer.address: peer for peer in self.book.status(self.now) if peer.is_static}
        assert set(kept) == self.static
        for peer in kept.values():
            assert peer.phase is not PeerPhase.BANNED
            assert peer.phase is not PeerPhase.KNOWN or peer.next_ms <= self.now + CONFIG.retry_max_ms

    @invariant()
    def who_is_barred_is_no_link(self) -> None:
        assert not [link for link in self.book.links if self.book.is_barred(link.node_id, self.now)]

    @invariant()
    def memory_is_bounded(self) -> None:
        status = self.book.status(self.now)
        assert sum(not peer.is_static for peer in status) <= CONFIG.known_max
        assert sum(peer.phase is PeerPhase.BANNED for peer in status) <= CONFIG.bans_max
        assert len(self.book._scores) <= CONFIG.known_max
        active = sum(peer.phase in (PeerPhase.GREETING, PeerPhase.LINKED) for peer in status)
        assert self.book._life.exchanges <= 2 * active

    @invariant()
    def the_links_put_out_last_are_the_links(self) -> None:
        told = [output.links for output in self.outputs if isinstance(output, LinksNow)]
        assert (told[-1] if told else ()) == self.book.links

    def teardown(self) -> None:
        """Every caller got one answer, and the same inputs give the same outputs."""
        self.step(Closed())
        answers = Counter(output.token for output in self.outputs if isinstance(output, Reply))
        assert answers == Counter(range(1, self.tokens + 1))
        assert self.book.links == ()
        assert self.book.next_timeout() is None
        again = new_book()
        outputs: list[PeerBookOutput] = []
        for now, event in self.journal:
            if isinstance(event, TimeoutReached):
                again.handle_timeout(now)
            else:
                again.receive(event, now)
            outputs += drain(again)
        assert outputs == self.outputs


TestPeerBookLife = pytest.mark.slow(PeerBookLife.TestCase)


@given(text=st.one_of(st.text(max_size=300), texts, st.from_regex(r"https?://[\[\]0-9a-z.:-]{1,60}(:[0-9]+)?/?")))
def test_an_address_is_refused_or_has_a_normal_form_that_is_its_own(text: str) -> None:
    address = parse_address(text)
    if not isinstance(address, Rejected):
        assert parse_address(address) == address
        assert len(address) <= 256
        assert address_group(address)


@given(
    charges=st.lists(st.tuples(faults, st.integers(0, 3_000)), min_size=1, max_size=20),
    half_life_ms=st.integers(1, 5_000),
    later_ms=st.lists(st.integers(0, 20_000), min_size=2, max_size=5),
)
def test_a_score_only_falls_with_time_and_every_ban_ends_when_it_says(
    charges: list[tuple[ErrorCode, int]], half_life_ms: int, later_ms: list[int]
) -> None:
    scores = Scores(half_life_ms=half_life_ms, ban_score=100, bans_max=4, scores_max=4)
    node_id, now = NodeId(b"n" * 32), 0
    for code, passed_ms in charges:
        now += passed_ms
        scores.charge(node_id, code, Instant(now))
    moments = [Instant(now + passed_ms) for passed_ms in sorted(later_ms)]
    points = [scores.points(node_id, moment) for moment in moments]
    assert points == sorted(points, reverse=True)
    free_at = scores.free_at(node_id, Instant(now))
    assert not scores.is_barred(node_id, free_at)
    assert free_at == now or scores.is_barred(node_id, Instant(free_at - 1))
    assert [scores.is_barred(node_id, moment) for moment in moments] == [moment < free_at for moment in moments]


def test_the_adversary_asks_both_kinds_of_questions() -> None:
    # Guards the state machine above against testing nothing: from its addresses a book gets to ask both.
    book, now = new_book(), Instant(1_000_000)
    book.receive(Started(known=ADDRESSES[:3]), now)
    book.handle_timeout(now)
    hello = next(output for output in drain(book) if isinstance(output, Ask))
    book.receive(HelloAnswered(hello.exchange, NodeId(b"\x01" * 32)), now)
    book.handle_timeout(now)
    assert any(isinstance(output, Ask) and isinstance(output.query, AskAddresses) for output in drain(book))
