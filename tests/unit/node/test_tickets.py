from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from parley.adapters.memory.store import MemoryStore
from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.node.ticket_desk import Desk
from parley.node.ticket_sources import Rate, Sources
from parley.node.tickets import EARNED_NAMESPACE, TICKETS_NAMESPACE, TicketOffice
from parley.node.wiring import Node
from parley.ports.store import Store
from parley.primitives.hashing import sha256
from parley.primitives.instants import Instant
from parley.protocol.challenges import Params
from parley.protocol.work import (
    SPENT_GRACE_MS,
    Accepted,
    Challenge,
    Evidence,
    Pending,
    Registry,
    Solution,
    Solver,
    Verdict,
    WorkMethod,
    challenge_seed,
    spend,
)
from parley.upload.config import UploadConfig
from parley.upload.messages import TicketAnswer
from parley.upload.methods import Subscription, captcha_text
from parley.upload.price import PriceController
from parley.upload.stored import End, StoredTicket, UploadPhase, encode_stored_ticket, parse_stored_ticket
from parley.upload.tokens import read_token
from tests.unit.node.parts import NOW, SetClock, make_node
from tests.unit.node.ticket_work import ALICE, BOB, ask, bad_counter, good_counter, sum_of, ticket

CONFIG = UploadConfig(floor_units=1, ceiling_units=1, target_per_minute=60)
TICKET_MS = 1_800_000


def node_at(folder: Path, clock: SetClock | None = None, store: Store | None = None, **limits: Any) -> Node:  # noqa: ANN401  # any setting
    return make_node(folder, clock, store, upload=replace(CONFIG, **limits))


def code(outcome: object) -> ErrorCode | None:
    return outcome.code if isinstance(outcome, Rejected) else None


async def earned(node: Node, *preference: str) -> TicketAnswer:
    offered = ticket(await node.tickets.request(ask(*preference), owner=None, source=""))
    return ticket(await node.tickets.submit(offered.ticket_id, "pow", good_counter(offered), ""))


async def stored_of(node: Node, namespace: str) -> list[StoredTicket]:
    return [parse_stored_ticket(one.value) for one in await node.store.documents.list(namespace)]


async def test_work_makes_a_ticket_valid_and_only_then_it_is_stored(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("pow"), owner=None, source="192.0.2.1"))
    assert (offered.is_valid, offered.worktype, offered.expires_ms) == (False, "pow", NOW + TICKET_MS)
    assert offered.expected_tries == 4_096
    assert await stored_of(node, EARNED_NAMESPACE) == []
    assert code(await node.tickets.admitted(offered.ticket_id, NOW)) is ErrorCode.WORK_REQUIRED
    answer = ticket(await node.tickets.submit(offered.ticket_id, "pow", good_counter(offered), "192.0.2.1"))
    assert answer == TicketAnswer(offered.ticket_id, is_valid=True, expires_ms=offered.expires_ms, sender=ALICE,
                                  recipient=BOB)  # fmt: skip
    (stored,) = await stored_of(node, EARNED_NAMESPACE)
    assert (stored.phase, stored.sender, stored.recipient) == (UploadPhase.EARNED, ALICE, BOB)
    assert stored.ticket_digest == sha256(offered.ticket_id.encode())
    assert await node.tickets.admitted(offered.ticket_id, NOW) == stored


async def test_asking_again_with_a_good_result_gets_the_same_answer(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    answer = await earned(node)
    for result in (0, "nonsense", 5):
        assert await node.tickets.submit(answer.ticket_id, "pow", result, "") == answer


async def test_a_result_whose_answer_was_lost_in_a_crash_is_taken_again(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("pow"), owner=None, source=""))
    challenge = read_token(offered.ticket_id).challenge
    assert challenge is not None
    claim = spend(challenge, sha256(offered.ticket_id.encode()))
    await node.store.claims.claim(claim.key, claim.owner, claim.expires_ms, NOW)
    assert ticket(await node.tickets.submit(offered.ticket_id, "pow", good_counter(offered), "")).is_valid
    assert len(await stored_of(node, EARNED_NAMESPACE)) == 1


async def test_a_wrong_proof_gets_another_challenge_of_the_same_expiry_until_it_is_enough(tmp_path: Path) -> None:
    node = node_at(tmp_path, wrong_answers_max=3)
    offered = ticket(await node.tickets.request(ask("pow"), owner=None, source=""))
    node.clock.moment = Instant(NOW + 60_000)  # type: ignore[attr-defined]  # the clock of these tests
    seen = {offered.ticket_id}
    for _ in range(2):
        again = ticket(await node.tickets.submit(offered.ticket_id, "pow", bad_counter(offered), ""))
        assert not again.is_valid
        assert again.ticket_id not in seen
        assert again.work["data"] != offered.work["data"]
        assert again.expires_ms == NOW + TICKET_MS
        seen.add(again.ticket_id)
        offered = again
    refused = await node.tickets.submit(offered.ticket_id, "pow", bad_counter(offered), "")
    assert refused == Rejected(ErrorCode.WORK_REJECTED, {"wrong_answers": 3, "maximum": 3})
    assert ticket(await node.tickets.submit(offered.ticket_id, "pow", good_counter(offered), "")).is_valid


async def test_a_wrong_guess_spends_its_challenge(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("math"), owner=None, source=""))
    again = ticket(await node.tickets.submit(offered.ticket_id, "math", sum_of(offered) + 1, ""))
    assert not again.is_valid
    late = await node.tickets.submit(offered.ticket_id, "math", sum_of(offered), "")
    assert code(late) is ErrorCode.ALREADY_SPENT
    assert ticket(await node.tickets.submit(again.ticket_id, "math", sum_of(again), "")).is_valid


async def test_repeating_a_wrong_guess_opens_no_second_line_of_attempts(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("math"), owner=None, source=""))
    first, second = [
        ticket(await node.tickets.submit(offered.ticket_id, "math", wrong, "")) for wrong in (10_001, 10_002)
    ]
    assert read_token(first.ticket_id).id == read_token(second.ticket_id).id
    assert first.work == second.work


async def test_a_picture_comes_with_work_that_needs_no_eyes_and_only_one_of_both_counts(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("captcha"), owner=None, source=""))
    assert offered.worktype == "captcha"
    (beside,) = offered.alternatives
    assert beside.worktype == "pow"
    by_work = replace(offered, worktype="pow", work=beside.work, ticket_id=beside.ticket_id, alternatives=())
    assert ticket(await node.tickets.submit(beside.ticket_id, "pow", good_counter(by_work), "")).is_valid
    challenge = read_token(offered.ticket_id).challenge
    assert challenge is not None
    text = captcha_text(challenge.params, challenge_seed(challenge, node.identity.derive("upload tickets")))
    assert code(await node.tickets.submit(offered.ticket_id, "captcha", text, "")) is ErrorCode.ALREADY_SPENT
    assert code(await node.tickets.admitted(offered.ticket_id, NOW)) is ErrorCode.ALREADY_SPENT


async def test_the_text_of_a_picture_makes_a_ticket_valid(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("captcha"), owner=None, source=""))
    found = await node.tickets.question(offered.ticket_id, "captcha", "")
    assert not isinstance(found, Rejected)
    assert ticket(await node.tickets.submit(offered.ticket_id, "captcha", captcha_text(found[0].params, found[1]), ""))
    assert code(await node.tickets.question(offered.ticket_id, "math", "")) is ErrorCode.NOT_FOUND


async def test_the_server_says_of_which_kind_the_work_is(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("math"), owner=None, source=""))
    refused = await node.tickets.submit(offered.ticket_id, "pow", 1, "")
    assert refused == Rejected(ErrorCode.METHOD_UNKNOWN, {"wanted": "math"})
    assert ticket(await node.tickets.submit(offered.ticket_id, "math", sum_of(offered), "")).is_valid


async def test_a_kind_of_work_that_nobody_offers_is_refused(tmp_path: Path) -> None:
    refused = await node_at(tmp_path).tickets.request(ask("dance"), owner=None, source="")
    assert code(refused) is ErrorCode.METHOD_UNKNOWN


async def test_a_ticket_is_worth_nothing_from_its_expiry_on(tmp_path: Path) -> None:
    clock = SetClock()
    node = node_at(tmp_path, clock)
    offered = ticket(await node.tickets.request(ask("pow"), owner=None, source=""))
    valid = await earned(node)
    clock.moment = Instant(NOW + TICKET_MS)
    late = await node.tickets.submit(offered.ticket_id, "pow", good_counter(offered), "")
    assert code(late) is ErrorCode.EXPIRED
    assert code(await node.tickets.admitted(valid.ticket_id, clock.moment)) is ErrorCode.EXPIRED
    assert code(await node.tickets.question(offered.ticket_id, "pow", "")) is ErrorCode.EXPIRED


async def test_a_ticket_id_that_was_tampered_with_is_none_of_ours(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    offered = ticket(await node.tickets.request(ask("pow"), owner=None, source=""))
    text, result = offered.ticket_id, good_counter(offered)
    for place in range(len(text)):
        other = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        assert code(await node.tickets.submit(other, "pow", result, "")) is ErrorCode.NOT_FOUND
        assert code(await node.tickets.admitted(other, NOW)) is ErrorCode.NOT_FOUND
    for other in ("", "a", text + "a", text[:-1], text.upper(), "é", "a" * 5_000):
        assert code(await node.tickets.submit(other, "pow", result, "")) is ErrorCode.NOT_FOUND


async def test_another_node_knows_nothing_of_a_ticket(tmp_path: Path) -> None:
    one, other = node_at(tmp_path / "one"), node_at(tmp_path / "other")
    valid = await earned(one)
    assert code(await other.tickets.admitted(valid.ticket_id, NOW)) is ErrorCode.NOT_FOUND


async def test_an_account_gets_a_valid_ticket_for_itself_alone(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    answer = ticket(await node.tickets.request(ask(), owner=ALICE, source="", purpose="relay"))
    assert (answer.is_valid, answer.worktype) == (True, "")
    admitted = await node.tickets.admitted(answer.ticket_id, NOW)
    assert isinstance(admitted, StoredTicket)
    assert (admitted.phase, admitted.purpose, admitted.method) == (UploadPhase.EARNED, "relay", "")
    assert await stored_of(node, EARNED_NAMESPACE) == []
    assert code(await node.tickets.request(ask(), owner=BOB, source="")) is ErrorCode.UNAUTHORIZED


async def test_a_granted_ticket_that_is_worked_for_is_valid_already(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    answer = ticket(await node.tickets.request(ask(), owner=ALICE, source=""))
    assert await node.tickets.submit(answer.ticket_id, "pow", 7, "") == answer


async def test_a_subscription_lets_in_whom_it_names(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    await node.subscriptions.add("for-alice", frozenset({ALICE}))
    await node.subscriptions.add("for-bob", frozenset({BOB}))
    await node.subscriptions.add("for-all", None)
    valid = {
        name: ticket(await node.tickets.request(ask(subscription_id=name), owner=None, source="")).is_valid
        for name in ("for-alice", "for-bob", "for-all", "unknown", "")
    }
    assert valid == {"for-alice": True, "for-bob": False, "for-all": True, "unknown": False, "": False}
    await node.subscriptions.remove("for-alice")
    assert not ticket(await node.tickets.request(ask(subscription_id="for-alice"), owner=None, source="")).is_valid


async def test_who_waits_too_short_comes_again_with_the_same_ticket(tmp_path: Path) -> None:
    clock = SetClock()
    node = node_at(tmp_path, clock)
    offered = ticket(await node.tickets.request(ask("wait"), owner=None, source=""))
    wait_ms = int(offered.work["until_ms"]) - NOW
    assert wait_ms == 50
    early = await node.tickets.submit(offered.ticket_id, "wait", "", "")
    assert early == Rejected(ErrorCode.WORK_REJECTED, {"fault": "early", "retry_after_ms": 50})
    clock.moment = Instant(NOW + wait_ms)
    assert ticket(await node.tickets.submit(offered.ticket_id, "wait", "", "")).is_valid


async def test_tickets_for_waiting_are_issued_at_a_limited_rate(tmp_path: Path) -> None:
    clock = SetClock()
    node = node_at(tmp_path, clock, target_per_minute=10)
    outcomes = [await node.tickets.request(ask("wait"), owner=None, source="") for _ in range(11)]
    assert [code(one) for one in outcomes] == [None] * 10 + [ErrorCode.RATE_LIMITED]
    clock.moment = Instant(NOW + 6_000)
    assert not ticket(await node.tickets.request(ask("wait"), owner=None, source="")).is_valid


async def test_waiting_costs_nothing_and_so_it_moves_no_price(tmp_path: Path) -> None:
    clock = SetClock()
    node = node_at(tmp_path, clock, ceiling_units=1_024)
    offered = [ticket(await node.tickets.request(ask("wait"), owner=None, source="")) for _ in range(60)]
    clock.moment = Instant(NOW + 59_000)
    for one in offered:
        assert ticket(await node.tickets.submit(one.ticket_id, "wait", "", "")).is_valid
    view = node.tickets.price.view(clock.moment)
    assert (view.demand_per_minute, view.busy_senders) == (0, 0)


async def test_a_recording_takes_as_much_of_a_source_as_many_requests(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    desk = Desk(node.tickets, node.accounts)
    offered = ticket(await node.tickets.request(ask("captcha"), owner=None, source="192.0.2.7"))
    assert isinstance(await desk.picture(offered.ticket_id, "192.0.2.7", is_sound=True), bytes)
    assert isinstance(await desk.picture(offered.ticket_id, "192.0.2.7", is_sound=False), bytes)
    outcomes = [await node.tickets.request(ask("pow"), owner=None, source="192.0.2.7") for _ in range(80)]
    assert code(outcomes[-1]) is ErrorCode.RATE_LIMITED


async def test_a_source_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    outcomes = [await node.tickets.request(ask("pow"), owner=None, source="192.0.2.7") for _ in range(121)]
    assert [code(one) for one in outcomes] == [None] * 120 + [ErrorCode.RATE_LIMITED]
    refused = await node.tickets.submit("a", "pow", 1, "192.0.2.7")
    assert refused == Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": 250})
    assert code(await node.tickets.question("a", "captcha", "192.0.2.7")) is ErrorCode.RATE_LIMITED
    assert not ticket(await node.tickets.request(ask("pow"), owner=None, source="192.0.2.8")).is_valid


def test_sources_that_are_remembered_are_bounded() -> None:
    sources = Sources(Rate(2, 1), Rate(2, 1), sources_max=100)
    for number in range(1_000):
        assert sources.debit(f"192.0.{number // 256}.{number % 256}", NOW) == 0
    assert len(sources) == 100
    assert [sources.debit("2001:db8::1", NOW), sources.debit("2001:db8::2", NOW)] == [0, 0]
    assert sources.debit("2001:db8::3", NOW) == 1_000


async def test_an_upload_under_way_is_admitted_after_the_expiry_and_a_spent_one_earns_nothing(tmp_path: Path) -> None:
    clock = SetClock()
    node = node_at(tmp_path, clock)
    answer = await earned(node)
    (stored,) = await stored_of(node, EARNED_NAMESPACE)
    uploading = replace(
        stored, phase=UploadPhase.UPLOADING, started_ms=NOW, lease_until_ms=Instant(NOW + TICKET_MS + 100_000)
    )
    await node.store.documents.put(TICKETS_NAMESPACE, stored.id.hex(), encode_stored_ticket(uploading))
    assert await node.tickets.admitted(answer.ticket_id, Instant(NOW + TICKET_MS + 1)) == uploading
    assert await node.tickets.submit(answer.ticket_id, "pow", 1, "") == answer
    spent = replace(uploading, phase=UploadPhase.SPENT, end=End.COMPLETE, ended_ms=NOW)
    await node.store.documents.put(TICKETS_NAMESPACE, stored.id.hex(), encode_stored_ticket(spent))
    assert await node.tickets.admitted(answer.ticket_id, NOW) == spent
    assert code(await node.tickets.submit(answer.ticket_id, "pow", 1, "")) is ErrorCode.ALREADY_SPENT


async def test_records_of_earned_tickets_are_forgotten_after_their_time(tmp_path: Path) -> None:
    node = node_at(tmp_path, ended_ms=1_000)
    await earned(node)
    assert await node.tickets.sweep(Instant(NOW + TICKET_MS + SPENT_GRACE_MS - 1)) == 0
    assert await node.tickets.sweep(Instant(NOW + TICKET_MS + SPENT_GRACE_MS)) == 1
    assert await stored_of(node, EARNED_NAMESPACE) == []


async def test_what_is_counted_names_kinds_and_reasons_only(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    answer = await earned(node)
    await node.tickets.submit("nobody", "pow", 1, "192.0.2.1")
    text = node.metrics.text().decode()
    assert 'parley_upload_tickets_issued_total{method="pow"} 1.0' in text
    assert 'parley_upload_tickets_earned_total{method="pow"} 1.0' in text
    assert 'parley_upload_tickets_refused_total{method="none",reason="not_found"} 1.0' in text
    assert 'parley_upload_solve_seconds_count{method="pow"} 1.0' in text
    assert "parley_upload_price_units 1.0" in text
    for secret in (answer.ticket_id, ALICE.hex(), BOB.hex(), "192.0.2.1"):
        assert secret not in text


@dataclass(frozen=True)
class Question:
    """What a payment would ask a ledger."""

    proof: bytes


@dataclass(frozen=True)
class Payment:
    """A kind of work that cannot judge by itself: the seam for payment."""

    name: str = "payment"
    proof_max_bytes: int = 64
    is_guessable: bool = False
    hold: threading.Event | None = None
    issued_in: list[int] = field(default_factory=list)

    def parse_result(self, result: object) -> bytes | None:
        return result.encode() if isinstance(result, str) and result.isascii() and len(result) <= 64 else None

    def show_result(self, proof: bytes) -> int | str:
        return proof.decode()

    def quote(self, units: int) -> Params:
        return {"price_atoms": units}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        del seed, expires_ms
        self.issued_in.append(threading.get_ident())
        return quoted

    def check_params(self, params: Params) -> None:
        del params

    def expected_tries(self, params: Params) -> int:
        del params
        return 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        del challenge, proof
        return None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        del challenge
        if self.hold is not None:
            self.hold.wait(20)
            return Accepted()
        if not evidence.answers:
            return Pending(Question(evidence.proof))
        return Accepted() if evidence.answers[-1] is True else Rejected(ErrorCode.WORK_REJECTED, {"fault": "unpaid"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> Solver:
        del challenge, mark, answers
        return Paid()


class Paid:
    def step(self, tries: int) -> Solution:
        del tries
        return Solution(b"paid", 0)


def office_for(node: Node, method: WorkMethod, *, answers: bool = True, **limits: Any) -> TicketOffice:  # noqa: ANN401  # any setting
    async def answer(question: object) -> object:
        return isinstance(question, Question) and question.proof == b"paid"

    return TicketOffice(
        Registry((method,)),
        config=replace(CONFIG, methods=(method.name,), **limits),
        subscriptions=Subscription({}),
        price=PriceController(CONFIG),
        store=MemoryStore(),
        clock=node.clock,
        entropy=node.entropy,
        secret=bytes(32),
        metrics=node.metrics.upload,
        questions={Question: answer} if answers else None,
    )


async def test_a_payment_is_asked_about_by_whoever_is_plugged_in(tmp_path: Path) -> None:
    office = office_for(node_at(tmp_path), Payment())
    offered = ticket(await office.request(ask(), owner=None, source=""))
    assert (offered.worktype, offered.work) == ("payment", {"price_atoms": 1})
    unpaid = ticket(await office.submit(offered.ticket_id, "payment", "promised", ""))
    assert not unpaid.is_valid
    assert ticket(await office.submit(offered.ticket_id, "payment", "paid", "")).is_valid


async def test_a_question_that_nobody_answers_is_our_own_fault(tmp_path: Path) -> None:
    office = office_for(node_at(tmp_path), Payment(), answers=False)
    offered = ticket(await office.request(ask(), owner=None, source=""))
    with pytest.raises(LocalError) as caught:
        await office.submit(offered.ticket_id, "payment", "paid", "")
    assert caught.value.facts["question"] == "Question"


@pytest.mark.parametrize(("name", "is_here"), [("pow-memory", False), ("payment", True)])
async def test_a_question_that_is_expensive_to_make_is_made_in_a_thread(
    tmp_path: Path, name: str, *, is_here: bool
) -> None:
    method = Payment(name=name)
    offered = ticket(await office_for(node_at(tmp_path), method).request(ask(), owner=None, source=""))
    assert (offered.worktype, len(method.issued_in)) == (name, 1)
    assert (method.issued_in[0] == threading.get_ident()) is is_here


async def test_expensive_checks_beyond_what_may_wait_are_put_off(tmp_path: Path) -> None:
    hold = threading.Event()
    office = office_for(node_at(tmp_path), Payment(hold=hold), expensive_checks_max=1, expensive_checks_waiting_max=1)
    tickets = [ticket(await office.request(ask(), owner=None, source="")) for _ in range(3)]
    under_way = [asyncio.create_task(office.submit(one.ticket_id, "payment", "x", "")) for one in tickets[:2]]
    for _ in range(100):
        await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as caught:
        await office.submit(tickets[2].ticket_id, "payment", "x", "")
    assert caught.value.code is ErrorCode.BUSY
    hold.set()
    assert [ticket(one).is_valid for one in await asyncio.gather(*under_way)] == [True, True]
    assert ticket(await office.submit(tickets[2].ticket_id, "payment", "x", "")).is_valid
