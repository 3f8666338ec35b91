"""One peer's life: greeting, linking, falling silent, changing hands, being barred and freed."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, Rejected
from parley.pool.peer_config import PeersConfig
from parley.pool.peer_life import OWN_ADDRESSES_MAX
from parley.pool.peering import (
    AddressAdded,
    AddressesReceived,
    Closed,
    HelloAccepted,
    HelloAnswered,
    HelloFailed,
    LinksNow,
    Misbehaved,
    PeerPhase,
    Report,
    SayHello,
    Started,
)
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask
from tests.unit.pool.peer_stage import OWN_ID, START, Stage, at, link_of, node

PEER = at("21.0.0.1:1")
OTHER = at("22.0.0.1:1")
ONION = at("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80")
NOT_FOUND = "the node was not found at the address it gave"


def refusal(code: ErrorCode) -> Rejected:
    return Rejected(ErrorCode.PEER_REFUSED, {"reason": NOT_FOUND, "code": int(code)})


def test_a_link_is_greeted_again_by_its_id_and_stays() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.sleep(30_000)
    assert stage.hello(PEER).query == SayHello(PEER, node(1))
    assert stage.answer(PEER, node(1)) == []
    assert stage.shown(PEER).seen_ms == START + 30_000
    assert stage.shown(PEER).next_ms == START + 60_000


def test_a_link_ends_after_two_greetings_without_an_answer() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.sleep(30_000 + 5_000)
    assert stage.phase(PEER) is PeerPhase.LINKED
    outputs = stage.sleep(30_000 + 4_999)
    assert LinksNow(()) not in outputs
    assert stage.sleep(1)[-1] == LinksNow(())
    assert (stage.phase(PEER), stage.shown(PEER).failures) == (PeerPhase.KNOWN, 1)


def test_an_answer_in_between_forgives_silence() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    for _ in range(3):
        stage.sleep(35_000)
        stage.sleep(30_000)
        stage.answer(PEER, node(1))
    assert stage.shown(PEER).linked_ms == START


@pytest.mark.parametrize("code", [ErrorCode.UNREACHABLE, ErrorCode.BUSY, ErrorCode.INTERNAL_ERROR])
def test_a_failure_that_may_pass_counts_as_silence(code: ErrorCode) -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.sleep(30_000)
    stage.fail(PEER, code)
    assert stage.phase(PEER) is PeerPhase.LINKED
    stage.sleep(30_000)
    assert stage.fail(PEER, code) == [LinksNow(())]


@pytest.mark.parametrize("code", [ErrorCode.PEER_REFUSED, ErrorCode.SHUTTING_DOWN, ErrorCode.BAD_SIGNATURE])
def test_a_refusal_ends_the_link_at_once(code: ErrorCode) -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.sleep(30_000)
    assert stage.fail(PEER, code) == [LinksNow(())]
    assert stage.shown(PEER).node_id == node(1)


def test_waits_double_up_to_the_longest_and_never_fall_below_half_of_it() -> None:
    stage = Stage(PeersConfig(retry_base_ms=1_000, retry_max_ms=10_000))
    stage.dial(PEER, is_static=True)
    waits = []
    for _ in range(60):
        stage.fail(PEER)
        waits.append(stage.shown(PEER).next_ms - stage.now)
        stage.sleep(waits[-1])
    for number, wait_ms in enumerate(waits):
        longest_ms = min(1_000 * 2**number, 10_000)
        assert longest_ms // 2 <= wait_ms <= longest_ms
    assert len(set(waits)) > 10


def test_an_address_that_never_answered_is_forgotten_in_the_end() -> None:
    stage = Stage(PeersConfig(unanswered_max=3))
    stage.dial(PEER)
    for _ in range(2):
        stage.fail(PEER)
        stage.sleep(2_000)
    assert stage.phase(PEER) is PeerPhase.GREETING
    stage.fail(PEER)
    assert stage.phase(PEER) is PeerPhase.UNKNOWN


@pytest.mark.parametrize("kind", ["static", "anchor", "verified"])
def test_static_peers_anchors_and_whoever_once_answered_are_tried_for_ever(kind: str) -> None:
    stage = Stage(PeersConfig(unanswered_max=1, retry_max_ms=1_000))
    lists = {"static": ((PEER,), (), ()), "anchor": ((), (PEER,), ()), "verified": ((), (), (PEER,))}
    stage.receive(Started(*lists[kind]))
    stage.wait()
    for _ in range(20):
        stage.fail(PEER)
        stage.sleep(1_000)
    assert stage.phase(PEER) is PeerPhase.GREETING


def test_a_greeting_that_is_not_answered_in_time_has_failed_and_the_late_answer_finds_nobody() -> None:
    stage = Stage()
    stage.dial(PEER)
    late = stage.hello(PEER).exchange
    stage.sleep(5_000)
    assert (stage.phase(PEER), stage.shown(PEER).failures) == (PeerPhase.KNOWN, 1)
    assert stage.receive(HelloAnswered(late, node(1))) == []
    assert stage.receive(HelloFailed(late, ErrorCode.BUSY)) == []
    assert stage.shown(PEER).failures == 1


def test_an_answer_to_one_question_is_none_to_another() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.wait()
    question = stage.question(PEER).exchange
    assert stage.receive(HelloAnswered(question, node(2))) == []
    stage.sleep(30_000)
    assert stage.receive(AddressesReceived(stage.hello(PEER).exchange, ("http://23.0.0.1:1",))) == []
    assert stage.links() == [(PEER, node(1), True)]
    assert stage.phase(at("23.0.0.1:1")) is PeerPhase.UNKNOWN


def test_links_are_asked_for_addresses_each_interval_whatever_became_of_the_last_question() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.wait()
    asked = [stage.question(PEER).exchange]
    stage.receive(HelloFailed(asked[0], ErrorCode.NOT_PUBLIC))
    assert stage.phase(PEER) is PeerPhase.LINKED
    stage.sleep(30_000)
    stage.answer(PEER, node(1))
    stage.sleep(30_000)
    asked.append(stage.question(PEER).exchange)
    stage.answer(PEER, node(1))
    # The second one gets no answer: it is given up after 5 s, and the next comes an interval later.
    stage.sleep(30_000)
    stage.answer(PEER, node(1))
    stage.sleep(30_000 + 4_999)
    stage.answer(PEER, node(1))
    assert stage.question(PEER).exchange == asked[-1]
    stage.sleep(1)
    assert stage.question(PEER).exchange > asked[-1]


def test_meeting_itself_the_node_forgets_the_address_for_good() -> None:
    stage = Stage()
    stage.dial(PEER, is_static=True)
    stage.answer(PEER, OWN_ID)
    assert stage.phase(PEER) is PeerPhase.UNKNOWN
    stage.receive(Started((PEER,), (PEER,), (PEER,)))
    assert stage.phase(PEER) is PeerPhase.UNKNOWN


def test_own_addresses_are_bounded_and_the_configured_one_stays() -> None:
    stage = Stage(own_address=PEER)
    addresses = [at(f"{30 + number}.0.0.1:1") for number in range(OWN_ADDRESSES_MAX + 1)]
    for address in addresses:
        stage.dial(address)
        stage.answer(address, OWN_ID)
    stage.receive(Started(known=(PEER, *addresses)))
    assert [peer.address for peer in stage.book.status(stage.now)] == [addresses[0]]


def test_one_node_at_two_addresses_is_one_link() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.dial(OTHER)
    assert stage.answer(OTHER, node(1)) == []
    assert stage.links() == [(PEER, node(1), True)]
    assert (stage.phase(OTHER), stage.shown(OTHER).next_ms) == (PeerPhase.KNOWN, stage.now + 600_000)


def test_a_static_address_takes_the_link_over_from_another() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.wait()
    stage.dial(OTHER, is_static=True)
    assert stage.answer(OTHER, node(1)) == [LinksNow((link_of(OTHER, node(1)),))]
    assert stage.book._life.exchanges == 0
    assert (stage.phase(PEER), stage.shown(PEER).next_ms) == (PeerPhase.KNOWN, stage.now + 600_000)
    stage.dial(at("23.0.0.1:1"), is_static=True)
    assert stage.answer(at("23.0.0.1:1"), node(1)) == []


def test_another_node_at_the_address_of_a_link_ends_it_and_is_met_later_as_a_stranger() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.sleep(30_000)
    assert stage.answer(PEER, node(2)) == [LinksNow(())]
    shown = stage.shown(PEER)
    assert (shown.node_id, shown.id_changes, shown.is_anchor, shown.failures) == (None, 1, False, 1)
    stage.sleep(1_000)
    assert stage.hello(PEER).query == SayHello(PEER, None)
    stage.answer(PEER, node(2))
    assert stage.links() == [(PEER, node(2), True)]


def test_a_peer_that_says_it_is_not_the_one_expected_is_met_later_as_a_stranger() -> None:
    stage = Stage()
    stage.link(PEER, node(1), is_static=True)
    stage.sleep(30_000)
    stage.fail(PEER, ErrorCode.WRONG_RECIPIENT)
    assert (stage.shown(PEER).node_id, stage.shown(PEER).id_changes) == (None, 1)
    stage.sleep(1_000)
    stage.fail(PEER, ErrorCode.WRONG_RECIPIENT)
    assert stage.shown(PEER).id_changes == 1
    stage.sleep(2_000)
    stage.answer(PEER, node(2))
    assert stage.links() == [(PEER, node(2), True)]


def test_who_names_another_address_is_met_there_instead() -> None:
    stage = Stage()
    stage.dial(PEER)
    assert stage.answer(PEER, node(1), OTHER) == []
    assert stage.links() == []
    assert (stage.phase(PEER), stage.shown(PEER).next_ms) == (PeerPhase.KNOWN, stage.now + 600_000)
    assert stage.shown(PEER).claimed_address == OTHER
    stage.wait()
    stage.answer(OTHER, node(1), OTHER)
    assert stage.links() == [(OTHER, node(1), True)]


@pytest.mark.parametrize("claimed", [None, "http://21.0.0.1:1/", "nonsense", "http://0.0.0.0:1", "http://10.0.0.1:1"])
def test_who_names_no_other_address_that_could_be_followed_is_linked(claimed: str | None) -> None:
    stage = Stage()
    stage.dial(PEER)
    stage.answer(PEER, node(1), claimed)
    assert stage.links() == [(PEER, node(1), True)]
    assert stage.shown(PEER).claimed_address == claimed


def test_at_a_static_address_the_owner_is_believed_and_what_is_shown_is_bounded() -> None:
    stage = Stage()
    stage.dial(PEER, is_static=True)
    stage.answer(PEER, node(1), OTHER + "/" * 1_000)
    assert stage.links() == [(PEER, node(1), True)]
    assert stage.shown(PEER).claimed_address == OTHER + "/" * (256 - len(OTHER))


def test_a_caller_that_is_not_at_its_address_is_refused_and_not_kept() -> None:
    stage = Stage()
    token = stage.knock(PEER, node(1))
    stage.fail(PEER)
    assert stage.reply(token) == refusal(ErrorCode.UNREACHABLE)
    assert stage.phase(PEER) is PeerPhase.UNKNOWN


def test_a_call_back_has_half_the_time() -> None:
    stage = Stage()
    token = stage.knock(PEER, node(1))
    stage.sleep(2_499)
    assert stage.reply(token) is None
    stage.sleep(1)
    assert stage.reply(token) == refusal(ErrorCode.UNREACHABLE)


def test_a_caller_in_another_nodes_place_is_refused_and_the_node_there_keeps_its_name() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.sleep(30_000)
    stage.fail(PEER, ErrorCode.PEER_REFUSED)
    token = stage.knock(PEER, node(2))
    assert stage.hello(PEER).query == SayHello(PEER, node(2))
    stage.answer(PEER, node(1))
    assert stage.reply(token) == refusal(ErrorCode.WRONG_RECIPIENT)
    assert (stage.shown(PEER).node_id, stage.shown(PEER).id_changes) == (node(1), 0)


def test_a_caller_that_names_another_address_when_called_back_is_refused() -> None:
    stage = Stage()
    token = stage.knock(PEER, node(1))
    stage.answer(PEER, node(1), OTHER)
    assert stage.reply(token) == Rejected(ErrorCode.PEER_REFUSED, {"reason": "the node names another address"})
    assert stage.links() == []


def test_a_caller_that_became_a_link_meanwhile_is_accepted() -> None:
    stage = Stage()
    token = stage.knock(PEER, node(1))
    stage.link(OTHER, node(1))
    stage.answer(PEER, node(1))
    assert stage.reply(token) == HelloAccepted(is_link=True)
    assert stage.links() == [(OTHER, node(1), True)]


def test_a_caller_for_whom_the_last_slot_went_meanwhile_is_refused() -> None:
    # Two call-backs may be under way for one slot when either would even out the groups.
    stage = Stage(PeersConfig(inbound_slots=2))
    stage.link_inbound(at("31.0.0.1:1"), node(1))
    stage.link_inbound(at("31.0.0.2:1"), node(2))
    first, second = stage.knock(PEER, node(3)), stage.knock(OTHER, node(4))
    assert [stage.reply(first), stage.reply(second)] == [None, None]
    stage.answer(PEER, node(3))
    stage.answer(OTHER, node(4))
    assert stage.reply(first) == HelloAccepted(is_link=True)
    assert stage.reply(second) == Rejected(ErrorCode.PEER_REFUSED, {"inbound_slots": 2})
    assert stage.phase(OTHER) is PeerPhase.KNOWN


def test_a_static_peer_that_misbehaves_is_paused_reported_and_tried_again() -> None:
    stage = Stage()
    stage.link(PEER, node(1), is_static=True)
    until_ms = Instant(START + 600_024)
    assert stage.receive(Misbehaved(node(1), ErrorCode.BAD_SIGNATURE, (b"proof",))) == [
        Report(node(1), PEER, ErrorCode.BAD_SIGNATURE, (b"proof",), until_ms),
        LinksNow(()),
    ]
    assert (stage.phase(PEER), stage.shown(PEER).next_ms) == (PeerPhase.PAUSED, until_ms)
    assert stage.shown(PEER).reasons == ((ErrorCode.BAD_SIGNATURE, 1),)
    stage.sleep(600_023)
    assert stage.phase(PEER) is PeerPhase.PAUSED
    stage.sleep(1)
    assert stage.phase(PEER) is PeerPhase.KNOWN
    stage.sleep(1_000)
    stage.answer(PEER, node(1))
    assert stage.links() == [(PEER, node(1), True)]


def test_the_longer_it_misbehaves_the_longer_it_waits() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.ban(node(1))
    assert stage.phase(PEER) is PeerPhase.BANNED
    assert stage.ban(node(1)) == []
    # 200 points are 50 after two half-lives, and below that when the straight line takes the first thousandth.
    assert stage.shown(PEER).next_ms == START + 1_200_024
    stage.sleep(1_200_024)
    assert stage.phase(PEER) is PeerPhase.KNOWN


def test_a_ban_that_grew_without_the_address_being_told_is_looked_up_when_it_wakes() -> None:
    stage = Stage()
    stage.dial(PEER)
    stage.ban(node(1))
    stage.answer(PEER, node(1))
    assert stage.phase(PEER) is PeerPhase.BANNED
    assert stage.links() == []
    until_ms = stage.shown(PEER).next_ms
    # A clock that was set back makes the address wake while the node is barred still.
    stage.now = Instant(START - 1_000)
    stage.book._peers.get(PEER).wake_ms = stage.now  # type: ignore[union-attr]  # it is there: its phase was shown
    stage.receive(Misbehaved(node(9), ErrorCode.UNREACHABLE))
    stage.wait()
    assert (stage.phase(PEER), stage.shown(PEER).next_ms) == (PeerPhase.BANNED, until_ms)


def test_a_barred_node_is_refused_at_a_new_address_and_when_called_back() -> None:
    stage = Stage()
    token = stage.knock(PEER, node(1))
    (report,) = (output for output in stage.ban(node(1)) if isinstance(output, Report))
    assert (report.address, report.node_id) == (PEER, node(1))
    assert stage.phase(PEER) is PeerPhase.BANNED
    answer = stage.reply(token)
    assert isinstance(answer, Rejected)
    assert answer.code is ErrorCode.PEER_REFUSED


def test_misbehaviour_short_of_a_ban_changes_nothing_but_the_score() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    assert stage.receive(Misbehaved(node(1), ErrorCode.MALFORMED)) == []
    assert (stage.phase(PEER), stage.shown(PEER).points) == (PeerPhase.LINKED, 50)


def test_addresses_of_a_barred_node_are_barred_and_others_are_not() -> None:
    stage = Stage()
    third = at("23.0.0.1:1")
    stage.link(PEER, node(1))
    stage.dial(OTHER)
    stage.answer(OTHER, node(1))
    stage.link(third, node(3))
    stage.ban(node(1))
    assert [stage.phase(address) for address in (PEER, OTHER, third)] == [
        PeerPhase.BANNED,
        PeerPhase.BANNED,
        PeerPhase.LINKED,
    ]


def test_barred_addresses_are_bounded_and_who_would_be_free_first_is_forgotten() -> None:
    stage = Stage(PeersConfig(bans_max=2))
    for number in (1, 2, 3):
        stage.link(at(f"2{number}.0.0.1:1"), node(number))
    for number in (1, 2, 3):
        stage.ban(node(number))
        stage.sleep(1)
    assert [stage.phase(at(f"2{number}.0.0.1:1")) for number in (1, 2, 3)] == [
        PeerPhase.UNKNOWN,
        PeerPhase.BANNED,
        PeerPhase.BANNED,
    ]


def test_many_addresses_of_one_barred_node_are_barred_in_one_step() -> None:
    stage = Stage(PeersConfig(bans_max=1))
    stage.link(PEER, node(1))
    stage.dial(OTHER)
    stage.answer(OTHER, node(1))
    stage.ban(node(1))
    assert sorted(stage.phase(address).name for address in (PEER, OTHER)) == ["BANNED", "UNKNOWN"]


def test_a_loopback_network_links_every_port() -> None:
    stage = Stage(own_address=at("127.0.0.1:1"))
    for number in range(2, 9):
        stage.link(at(f"localhost:{number}"), node(number))
    assert len(stage.links()) == 7


def test_nothing_is_kept_of_questions_that_are_answered_refused_or_given_up() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.wait()
    assert stage.book._life.exchanges == 1
    stage.receive(AddressesReceived(stage.question(PEER).exchange, ()))
    assert stage.book._life.exchanges == 0
    stage.sleep(30_000)
    stage.answer(PEER, node(1))
    stage.sleep(30_000)
    assert stage.book._life.exchanges == 2
    stage.sleep(5_000)
    assert stage.book._life.exchanges == 0


def test_closing_ends_what_is_under_way() -> None:
    stage = Stage()
    stage.link(PEER, node(1))
    stage.wait()
    stage.dial(OTHER)
    stage.receive(Closed())
    assert stage.book._life.exchanges == 0
    assert stage.receive(HelloAnswered(3, node(2))) == []


def test_a_static_onion_service_is_dialled_where_none_would_be_learnt() -> None:
    stage = Stage(PeersConfig(onion_slots=0))
    stage.link(PEER, node(1))
    stage.wait()
    stage.receive(AddressesReceived(stage.question(PEER).exchange, (ONION, "something newer")))
    assert stage.phase(ONION) is PeerPhase.UNKNOWN
    stage.receive(AddressAdded(ONION))
    assert any(isinstance(output, Ask) and output.query == SayHello(ONION, None) for output in stage.wait())
