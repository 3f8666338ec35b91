"""The peer book as its driver sees it: starting, dialling, being called, exchanging addresses, remembering, closing."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, Rejected
from parley.pool.addresses import Address
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import (
    AddressAdded,
    AddressesReceived,
    AddressRemoved,
    AskAddresses,
    Closed,
    HelloAccepted,
    HelloReceived,
    LinksNow,
    LinkUsed,
    PeerBookPhase,
    PeerPhase,
    Remember,
    Reply,
    Report,
    SayHello,
    Started,
)
from parley.pool.peers import PeerBook
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, drain
from tests.unit.pool.peer_stage import OWN_ADDRESS, OWN_ID, START, Stage, at, link_of, node

ONION = at("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80")


def test_a_new_book_waits_for_nothing() -> None:
    stage = Stage()
    assert stage.book.next_timeout() is None
    assert stage.wait(10**9) == []
    assert (stage.book.links, stage.book.status(START)) == ((), ())


def test_starting_dials_static_peers_then_anchors_then_the_rest() -> None:
    stage = Stage(PeersConfig(outbound_slots=3))
    static, anchor, known = at("21.0.0.1:1"), at("22.0.0.1:1"), at("23.0.0.1:1")
    assert stage.receive(Started((static,), (anchor,), (known, static, OWN_ADDRESS))) == []
    stage.wait()
    assert stage.greeted() == [static, anchor, known]
    assert {stage.phase(address) for address in (static, anchor, known)} == {PeerPhase.GREETING}
    assert stage.status(OWN_ADDRESS) is None
    assert [stage.shown(address).is_anchor for address in (static, anchor, known)] == [False, True, False]


def test_more_anchors_than_wanted_are_merely_known() -> None:
    stage = Stage(PeersConfig(anchors=1))
    stage.receive(Started(anchors=(at("21.0.0.1:1"), at("22.0.0.1:1"))))
    assert [stage.shown(at(f"{first}.0.0.1:1")).is_anchor for first in (21, 22)] == [True, False]


def test_an_answer_makes_a_link_which_is_asked_for_addresses_at_once() -> None:
    stage = Stage()
    peer = at("21.0.0.1:1")
    stage.dial(peer)
    assert stage.answer(peer, node(1)) == [LinksNow((link_of(peer, node(1)),))]
    assert stage.book.is_link(node(1))
    assert not stage.book.is_link(node(2))
    assert stage.wait() == [Ask(2, AskAddresses(node(1), peer, 32))]
    assert stage.book.links == (link_of(peer, node(1)),)


def test_outbound_slots_are_never_exceeded_and_static_peers_take_none() -> None:
    stage = Stage(PeersConfig(outbound_slots=2))
    for first in range(21, 26):
        stage.receive(AddressAdded(at(f"{first}.0.0.1:1"), is_static=False))
    stage.receive(AddressAdded(at("31.0.0.1:1")))
    stage.wait()
    assert len(stage.greeted()) == 3
    assert at("31.0.0.1:1") in stage.greeted()
    # Who waits for a slot wakes nobody: the next that happens is that the greetings time out.
    stage.sleep(0)
    assert stage.book.next_timeout() == START + 5_000


def test_an_address_group_gets_two_slots() -> None:
    stage = Stage()
    for last in range(1, 6):
        stage.receive(AddressAdded(at(f"21.0.0.{last}:1"), is_static=False))
    stage.wait()
    assert len(stage.greeted()) == 2


def test_onion_services_and_names_have_caps_of_their_own() -> None:
    stage = Stage(PeersConfig(onion_slots=1, name_slots=1))
    stage.receive(Started(known=(ONION, Address(ONION.replace(":80", ":81")), at("a.one.net:1"), at("b.two.net:1"))))
    stage.wait()
    assert sorted(".onion" in address for address in stage.greeted()) == [False, True]


def test_where_onion_services_cannot_be_reached_none_is_noted_unless_static() -> None:
    stage = Stage(PeersConfig(onion_slots=0))
    stage.receive(Started(known=(ONION,)))
    assert stage.phase(ONION) is PeerPhase.UNKNOWN
    token = stage.knock(ONION, node(1), "127.0.0.1")
    refused = stage.reply(token)
    assert isinstance(refused, Rejected)
    assert refused.facts == {"reason": "the address cannot be called back"}
    stage.dial(ONION, is_static=True)


def test_a_known_address_can_be_made_static_in_every_phase() -> None:
    stage = Stage()
    waiting, greeting, calling, linked, inbound, banned = (at(f"{first}.0.0.1:1") for first in range(21, 27))
    stage.link(linked, node(4))
    stage.link_inbound(inbound, node(5))
    stage.link(banned, node(6))
    stage.ban(node(6))
    stage.dial(waiting)
    stage.fail(waiting)
    stage.dial(greeting)
    stage.knock(calling, node(3))
    for address in (waiting, greeting, calling, linked, inbound, banned, inbound):
        stage.receive(AddressAdded(address))
    every = [stage.shown(address) for address in (waiting, greeting, calling, linked, inbound, banned)]
    assert all(peer.is_static for peer in every)
    assert [peer.phase.name for peer in every] == ["KNOWN", "GREETING", "GREETING", "LINKED", "LINKED", "PAUSED"]
    assert every[0].next_ms == stage.now
    assert (inbound, node(5), True) in stage.links()
    stage.wait()
    assert stage.question(inbound).query.node_id == node(5)
    stage.answer(calling, node(3))
    assert (calling, node(3), True) in stage.links()


def test_the_nodes_own_address_is_never_a_peer() -> None:
    stage = Stage()
    stage.receive(AddressAdded(OWN_ADDRESS))
    assert stage.book.status(stage.now) == ()


def test_what_the_owner_removes_is_forgotten_whatever_goes_on_there() -> None:
    stage = Stage()
    linked, greeting, calling = (at(f"{first}.0.0.1:1") for first in (21, 22, 23))
    stage.link(linked, node(1), is_static=True)
    stage.wait()
    stage.dial(greeting)
    token = stage.knock(calling, node(3))
    for address in (linked, greeting, calling, at("24.0.0.1:1")):
        stage.receive(AddressRemoved(address))
    assert stage.book.status(stage.now) == ()
    assert stage.outputs[-1] == Reply(
        token, Rejected(ErrorCode.PEER_REFUSED, {"reason": "the address is wanted no longer"})
    )
    assert LinksNow(()) in stage.outputs
    # The answers that come later find nobody.
    assert stage.answer(greeting, node(2)) == []
    assert stage.receive(AddressesReceived(stage.question(linked).exchange, ("http://31.0.0.1:1",))) == []


def test_a_caller_is_called_back_before_it_is_a_link() -> None:
    stage = Stage()
    caller = at("21.0.0.1:1")
    token = stage.knock(caller, node(1))
    assert stage.outputs == [Ask(1, SayHello(caller, node(1)))]
    assert stage.book.links == ()
    assert stage.answer(caller, node(1), caller) == [
        Reply(token, HelloAccepted(is_link=True)),
        LinksNow((link_of(caller, node(1), is_outbound=False),)),
    ]
    # Others chose this link, so it is not asked whom else there is.
    assert not [output for output in stage.wait() if isinstance(output, Ask)]


def test_a_link_that_greets_again_is_answered_without_a_call_back() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    before = len(stage.greeted())
    assert stage.reply(stage.knock(at("99.0.0.1:1"), node(1))) == HelloAccepted(is_link=True)
    assert len(stage.greeted()) == before


def test_a_caller_whose_address_is_being_greeted_is_answered_without_another_call_back() -> None:
    stage = Stage()
    stage.dial(at("21.0.0.1:1"))
    token = stage.knock(at("21.0.0.1:1"), node(1))
    assert stage.reply(token) == HelloAccepted(is_link=False)
    assert stage.greeted() == [at("21.0.0.1:1")]
    assert stage.book.links == ()


@pytest.mark.parametrize(
    ("text", "host", "code", "reason"),
    [
        (None, "21.0.0.1", ErrorCode.PEER_REFUSED, "no address to call back"),
        ("ftp://21.0.0.1", "21.0.0.1", ErrorCode.MALFORMED, "not of the form http://host:port"),
        ("http://21.0.0.2:1", "21.0.0.1", ErrorCode.PEER_REFUSED, "the address is not at the host that called"),
        ("http://node.net:1", "21.0.0.1", ErrorCode.PEER_REFUSED, "the address is not at the host that called"),
        (OWN_ADDRESS, "9.9.9.9", ErrorCode.PEER_REFUSED, "the address cannot be called back"),
    ],
)
def test_a_caller_that_cannot_be_called_back_is_refused(
    text: str | None, host: str, code: ErrorCode, reason: str
) -> None:
    stage = Stage()
    stage.receive(HelloReceived(7, node(1), text, host))
    assert stage.outputs == [Reply(7, Rejected(code, {"reason": reason}))]
    assert stage.book.status(stage.now) == ()


def test_a_public_node_answers_a_stranger_without_an_address() -> None:
    stage = Stage(PeersConfig(answers_strangers=True))
    assert stage.reply(stage.knock(None, node(1))) == HelloAccepted(is_link=False)
    assert stage.book.links == ()


def test_the_node_answers_itself_so_that_it_learns_whom_it_has_dialled() -> None:
    stage = Stage()
    assert stage.reply(stage.knock(at("21.0.0.1:1"), OWN_ID)) == HelloAccepted(is_link=False)
    assert stage.book.status(stage.now) == ()


def test_the_barred_are_refused() -> None:
    stage = Stage()
    stage.ban(node(1))
    assert stage.book.is_barred(node(1), stage.now)
    barred = stage.reply(stage.knock(at("21.0.0.1:1"), node(1)))
    # 50,000 thousandths are left after one half-life; 24 ms later 50,000 * 24 / 1,200,000 takes the first.
    assert barred == Rejected(ErrorCode.PEER_REFUSED, {"reason": "misbehaved", "retry_after_ms": 600_024})


def test_an_address_that_is_another_nodes_link_is_refused() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    refused = stage.reply(stage.knock(at("21.0.0.1:1"), node(2)))
    assert refused == Rejected(ErrorCode.PEER_REFUSED, {"reason": "the address is taken or barred"})


def test_call_backs_are_bounded_in_all_and_per_group() -> None:
    stage = Stage(PeersConfig(call_backs_max=3))
    tokens = [stage.knock(at(f"21.0.0.{last}:1"), node(last)) for last in (1, 2, 3)]
    busy = Rejected(ErrorCode.BUSY, {"retry_after_ms": 5_000})
    assert [stage.reply(token) for token in tokens] == [None, None, busy]
    tokens = [stage.knock(at(f"{first}.0.0.1:1"), node(first)) for first in (22, 23)]
    assert [stage.reply(token) for token in tokens] == [None, busy]


def test_inbound_slots_are_shared_evenly_over_groups() -> None:
    stage = Stage(PeersConfig(inbound_slots=3))
    for last in (1, 2, 3):
        stage.link_inbound(at(f"21.0.0.{last}:1"), node(last))
        stage.sleep(1)
    # A newcomer of another group takes the place of the youngest in the crowded one.
    stage.link_inbound(at("22.0.0.1:1"), node(4))
    assert [address for address, _, _ in stage.links()] == [at("21.0.0.1:1"), at("21.0.0.2:1"), at("22.0.0.1:1")]
    # Two and one are even enough: nobody else gets in.
    full = Rejected(ErrorCode.PEER_REFUSED, {"inbound_slots": 3})
    assert stage.reply(stage.knock(at("23.0.0.1:1"), node(5))) is None
    assert stage.reply(stage.knock(at("22.0.0.2:1"), node(6))) == full
    stage.answer(at("23.0.0.1:1"), node(5))
    assert [address for address, _, _ in stage.links()] == [at("21.0.0.1:1"), at("22.0.0.1:1"), at("23.0.0.1:1")]
    assert stage.reply(stage.knock(at("24.0.0.1:1"), node(7))) == full


def test_a_static_peer_may_call_though_inbound_slots_are_full() -> None:
    stage = Stage(PeersConfig(inbound_slots=0))
    static = at("21.0.0.1:1")
    stage.dial(static, is_static=True)
    stage.fail(static)
    stage.link_inbound(static, node(1))
    assert stage.links() == [(static, node(1), True)]


def test_a_full_list_that_cannot_make_room_refuses_the_caller() -> None:
    config = PeersConfig(
        outbound_slots=0, inbound_slots=2, slots_per_group=9, call_backs_max=1, anchors=0, bans_max=1, known_max=5
    )
    stage = Stage(config)
    for number in range(21, 26):
        stage.dial(at(f"{number}.0.0.1:1"), is_static=True)
    stage.link_inbound(at("31.0.0.1:1"), node(1))
    stage.receive(Started(known=tuple(at(f"{first}.0.0.1:1") for first in range(41, 60))))
    assert sum(not peer.is_static for peer in stage.book.status(stage.now)) == 5


def test_addresses_of_a_link_are_noted_and_dialled() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    stage.wait()
    named = ("HTTP://22.0.0.1", "nonsense", "http://10.0.0.1:1", "http://169.254.169.254:80", OWN_ADDRESS)
    stage.receive(AddressesReceived(stage.question(at("21.0.0.1:1")).exchange, named))
    assert [peer.address for peer in stage.book.status(stage.now)] == [at("21.0.0.1:1"), at("22.0.0.1:80")]
    stage.wait()
    assert stage.greeted()[-1] == at("22.0.0.1:80")


def test_private_addresses_are_followed_where_the_node_itself_is_private() -> None:
    stage = Stage(own_address=at("10.0.0.9:9"))
    stage.link(at("10.0.0.1:1"), node(1))
    stage.wait()
    named = ("http://10.1.0.2:2", "http://127.0.0.1:1")
    stage.receive(AddressesReceived(stage.question(at("10.0.0.1:1")).exchange, named))
    assert stage.phase(at("10.1.0.2:2")) is PeerPhase.KNOWN
    assert stage.phase(at("127.0.0.1:1")) is PeerPhase.UNKNOWN


@pytest.mark.parametrize(("exchanges_loopback", "phase"), [(False, PeerPhase.UNKNOWN), (True, PeerPhase.KNOWN)])
def test_loopback_addresses_pass_between_peers_only_where_that_is_set(
    exchanges_loopback: bool,  # noqa: FBT001  # a value of the table above
    phase: PeerPhase,
) -> None:
    stage = Stage(PeersConfig(exchanges_loopback=exchanges_loopback), own_address=at("127.0.0.1:9"))
    stage.link(at("127.0.0.1:1"), node(1))
    stage.link(at("127.0.0.1:3"), node(3))
    assert bool(stage.book.shared_addresses(node(1), 9)) is exchanges_loopback
    stage.wait()
    stage.receive(AddressesReceived(stage.question(at("127.0.0.1:1")).exchange, ("http://127.0.0.1:2",)))
    assert stage.phase(at("127.0.0.1:2")) is phase


def test_more_addresses_than_asked_for_cost_the_link() -> None:
    stage = Stage(PeersConfig(exchange_limit=2))
    stage.link(at("21.0.0.1:1"), node(1))
    stage.wait()
    named = tuple(f"http://{first}.0.0.1:1" for first in (31, 32, 33))
    stage.receive(AddressesReceived(stage.question(at("21.0.0.1:1")).exchange, named))
    assert stage.phase(at("32.0.0.1:1")) is PeerPhase.KNOWN
    assert stage.phase(at("33.0.0.1:1")) is PeerPhase.UNKNOWN
    assert stage.shown(at("21.0.0.1:1")).points == 50
    assert stage.shown(at("21.0.0.1:1")).reasons == ((ErrorCode.NOT_ASKED_FOR, 1),)


def test_addresses_that_nobody_asked_for_are_not_noted() -> None:
    stage = Stage()
    assert stage.receive(AddressesReceived(1, ("http://22.0.0.1:1",))) == []
    assert stage.book.status(stage.now) == ()


def test_links_are_told_of_links_but_never_of_themselves_or_of_private_ones() -> None:
    stage = Stage(PeersConfig(exchange_limit=3))
    for number in range(1, 7):
        stage.link(at(f"{20 + number}.0.0.1:1"), node(number), is_static=True)
    stage.link(at("10.0.0.1:1"), node(7), is_static=True)
    told = stage.book.shared_addresses(node(1), 99)
    assert len(told) == 3
    assert set(told) <= {at(f"{20 + number}.0.0.1:1") for number in range(2, 7)}
    assert stage.book.shared_addresses(node(1), 99) == told
    assert stage.book.shared_addresses(node(1), 2) == told[:2]
    assert stage.book.shared_addresses(node(1), -1) == ()
    # Each asker has a choice of its own, so that one link is not what everybody hears of.
    assert len({stage.book.shared_addresses(node(number), 1) for number in range(10, 40)}) > 1


def test_what_was_learnt_is_remembered_once_per_interval_and_when_it_changed() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    stage.link_inbound(at("22.0.0.1:1"), node(2))
    stage.receive(AddressAdded(at("23.0.0.1:1"), is_static=False))
    stage.link(at("24.0.0.1:1"), node(4), is_static=True)
    assert not [output for output in stage.outputs if isinstance(output, Remember)]
    remembered = [output for output in stage.sleep(60_000) if isinstance(output, Remember)]
    # Only who has answered is worth storing; static peers are the owner's to store.
    assert remembered == [Remember((at("21.0.0.1:1"),), (at("22.0.0.1:1"),))]
    assert stage.shown(at("21.0.0.1:1")).is_anchor
    for peer in (21, 22, 24):
        stage.answer(at(f"{peer}.0.0.1:1"), node(peer - 20))
    assert not [output for output in stage.sleep(60_000) if isinstance(output, Remember)]


def test_use_counts_for_links_only_and_shows() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    for is_useful in (True, False, True):
        assert stage.receive(LinkUsed(node(1), is_useful)) == []
    assert stage.receive(LinkUsed(node(2), is_useful=True)) == []
    assert stage.shown(at("21.0.0.1:1")).useful == 2


def test_status_shows_each_peer_static_first_then_links() -> None:
    stage = Stage()
    linked, static, known = at("21.0.0.1:1"), at("22.0.0.1:1"), at("20.0.0.1:1")
    stage.link(linked, node(1))
    stage.dial(static, is_static=True)
    stage.dial(known)
    stage.fail(known)
    first, second, third = stage.book.status(stage.now)
    assert [first.address, second.address, third.address] == [static, linked, known]
    assert (first.is_static, first.phase, first.node_id, first.seen_ms) == (True, PeerPhase.GREETING, None, None)
    assert (second.node_id, second.linked_ms, second.seen_ms, second.is_outbound) == (node(1), START, START, True)
    assert (third.failures, third.is_outbound, third.points, third.reasons) == (1, False, 0, ())
    assert START + 500 <= third.next_ms <= START + 1_000


def test_closing_remembers_answers_whoever_waits_and_ends_all_links() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    token = stage.knock(at("22.0.0.1:1"), node(2))
    assert stage.receive(Closed()) == [
        Remember((at("21.0.0.1:1"),), ()),
        Reply(token, Rejected(ErrorCode.SHUTTING_DOWN)),
        LinksNow(()),
    ]
    assert stage.book.phase is PeerBookPhase.CLOSED
    assert stage.book.next_timeout() is None
    assert stage.reply(stage.knock(at("23.0.0.1:1"), node(3))) == Rejected(ErrorCode.SHUTTING_DOWN)
    assert stage.receive(Started((at("24.0.0.1:1"),))) == []
    assert stage.wait(10**6) == []
    assert stage.book.status(stage.now) == ()


def test_misbehaviour_ends_the_link_and_is_reported() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    assert stage.ban(node(1)) == [
        Report(node(1), at("21.0.0.1:1"), ErrorCode.BAD_SIGNATURE, (), Instant(START + 600_024)),
        LinksNow(()),
    ]


def test_time_does_nothing_before_it_is_due_and_nothing_twice() -> None:
    stage = Stage()
    stage.link(at("21.0.0.1:1"), node(1))
    stage.wait()
    due = stage.book.next_timeout()
    assert due == START + 5_000
    assert stage.wait(4_999) == []
    stage.wait(1)
    assert stage.wait() == []


def test_the_same_seed_and_inputs_give_the_same_outputs_and_another_seed_another_choice() -> None:
    def dialled(seed: bytes) -> list[Address]:
        stage = Stage(seed=seed)
        stage.receive(Started(known=tuple(at(f"{first}.0.0.1:1") for first in range(21, 61))))
        stage.wait()
        return stage.greeted()

    assert dialled(b"a" * 32) == dialled(b"a" * 32)
    assert dialled(b"a" * 32) != dialled(b"b" * 32)


def test_a_book_refuses_events_of_no_table() -> None:
    book = PeerBook(config=PeersConfig(), own_id=OWN_ID, own_address=None, seed=bytes(32))
    with pytest.raises(LocalError):
        book.receive(object(), START)  # type: ignore[arg-type]  # the wrong type is the point
    assert drain(book) == []


def test_a_node_without_an_address_makes_links_too() -> None:
    stage = Stage(own_address=None)
    stage.link(at("21.0.0.1:1"), NodeId(b"1" * 32))
    assert len(stage.links()) == 1
