"""The gate in front of an application: what it asks, what it lets through, and how often."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from parley.adapters.memory.store import MemoryStore
from parley.errors import ConfigError, ErrorCode, PeerError, UnavailableError
from parley.gate import TicketGate
from parley.gate.config import GateConfig
from parley.gate.x402 import RESPONSE_HEADER, SIGNATURE_HEADER, PaymentResponse, parse_response
from parley.primitives.instants import Instant
from parley.protocol.claims import Outcome
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from tests.unit.gate.stage import (
    ORIGIN,
    POW,
    SECRET,
    START,
    Counted,
    Inbox,
    Stage,
    pay,
    problem_of,
    required_of,
    sign,
    solve,
)


def response_of(response: httpx.Response) -> PaymentResponse:
    return parse_response(response.headers[RESPONSE_HEADER].encode())


async def test_without_payment_the_price_is_told_and_nothing_acts() -> None:
    stage = Stage()
    answer = await stage.ask("POST", "/search?q=1", content=b"body")
    assert answer.status_code == 402
    assert stage.app.acted == 0
    assert answer.headers["cache-control"] == "no-store"
    assert RESPONSE_HEADER not in answer.headers
    required = required_of(answer)
    assert required.resource.url == f"{ORIGIN}/search?q=1"
    (entry,) = required.accepts
    assert (entry.scheme, entry.network, entry.asset) == ("pow", "parley:work", "pow")
    assert (entry.amount, entry.pay_to, entry.max_timeout_seconds) == ("3", "gate.test", 300)


async def test_the_body_of_a_402_is_a_problem_that_says_the_price_too() -> None:
    answer = await Stage().ask()
    problem = problem_of(answer)
    assert problem["type"] == "urn:parley:error:work-required"
    assert problem["code"] == int(ErrorCode.WORK_REQUIRED)
    assert problem["title"]
    assert problem["detail"]
    assert [entry["amount"] for entry in problem["accepts"]] == ["3"]
    document = json.loads(base64.b64decode(answer.headers["payment-required"], validate=True))
    assert document["x402Version"] == 2
    assert document["accepts"] == problem["accepts"]
    assert document["error"] == "work_required"


async def test_who_pays_is_let_through_with_the_whole_body() -> None:
    stage = Stage()
    signature = await stage.earn("POST", content=b"the body")
    answer = await stage.ask_paid(signature, "POST", content=b"the body")
    assert (answer.status_code, answer.content) == (200, b"the body")
    assert stage.app.bodies == [b"the body"]
    receipt = response_of(answer)
    assert (receipt.success, receipt.network, len(receipt.transaction)) == (True, "parley:work", 32)
    assert answer.headers["cache-control"] == "private"


async def test_what_the_application_says_about_caches_stays() -> None:
    stage = Stage(Counted(headers=[(b"cache-control", b"no-cache"), (b"payment-response", b"forged")]))
    answer = await stage.ask_paid(await stage.earn())
    assert answer.headers["cache-control"] == "no-cache"
    assert response_of(answer).success


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "/search?q=2", b"body"),
        ("POST", "/searching?q=1", b"body"),
        ("PUT", "/search?q=1", b"body"),
        ("POST", "/search?q=1", b"Body"),
        ("POST", "/search?q=1", b"body "),
        ("POST", "/search", b"body"),
        ("POST", "http://other.test/search?q=1", b"body"),
    ],
)
async def test_a_payment_admits_no_other_request(method: str, url: str, body: bytes) -> None:
    stage = Stage()
    signature = await stage.earn("POST", "/search?q=1", content=b"body")
    answer = await stage.ask_paid(signature, method, url, content=body)
    assert answer.status_code == 402
    assert problem_of(answer)["facts"] == {"fault": "binding"}
    assert response_of(answer).error_reason == "work_rejected"
    assert stage.app.acted == 0


async def test_a_refused_payment_can_be_followed_by_a_good_one_from_the_fresh_offer() -> None:
    stage = Stage()
    wrong = await stage.ask_paid(await stage.earn("GET", "/other"))
    assert wrong.status_code == 402
    assert (await stage.ask_paid(pay(wrong))).status_code == 200


async def test_no_work_is_no_payment() -> None:
    stage = Stage(price_units=2**40)
    required = required_of(await stage.ask())
    answer = await stage.ask_paid(sign(required, bytes(8)))
    assert problem_of(answer)["facts"] == {"fault": "target"}
    assert stage.app.acted == 0


async def test_the_challenge_of_another_secret_is_worth_nothing() -> None:
    stranger = Stage(secret=bytes(32))
    stage = Stage()
    answer = await stage.ask_paid(await stranger.earn())
    assert problem_of(answer)["facts"] == {"fault": "mac"}


async def test_an_offer_ends() -> None:
    stage = Stage(config=GateConfig(ticket_ms=60_000))
    early, late = await stage.earn(), await stage.earn()
    stage.clock.advance(59_999)
    assert (await stage.ask_paid(early)).status_code == 200
    stage.clock.advance(1)
    answer = await stage.ask_paid(late)
    assert (answer.status_code, response_of(answer).error_reason) == (402, "expired")
    assert stage.app.acted == 1


async def test_the_same_again_gets_the_kept_answer_and_does_not_act_again() -> None:
    stage = Stage(Counted(status=201, headers=[(b"x-number", b"7")]))
    signature = await stage.earn("POST", content=b"once")
    first = await stage.ask_paid(signature, "POST", content=b"once")
    again = await stage.ask_paid(signature, "POST", content=b"once")
    assert stage.app.acted == 1
    assert (again.status_code, again.content, again.headers) == (201, b"once", first.headers)


async def test_a_failure_of_the_application_is_kept_and_told_again() -> None:
    stage = Stage(Counted(status=503))
    signature = await stage.earn("POST")
    first = await stage.ask_paid(signature, "POST")
    again = await stage.ask_paid(signature, "POST")
    assert (first.status_code, again.status_code, stage.app.acted) == (503, 503, 1)
    assert response_of(first).success


@pytest.mark.parametrize("config", [GateConfig(answer_max_bytes=3), GateConfig(answer_max_bytes=0)])
async def test_what_was_not_kept_is_409_where_acting_again_could_harm(config: GateConfig) -> None:
    stage = Stage(Counted(chunks=[b"ab", b"cd"]), config=config)
    signature = await stage.earn("POST")
    assert (await stage.ask_paid(signature, "POST")).content == b"abcd"
    again = await stage.ask_paid(signature, "POST")
    assert again.status_code == 409
    assert problem_of(again)["code"] == int(ErrorCode.ALREADY_SPENT)
    assert "retry-after" not in again.headers
    assert stage.app.acted == 1


async def test_what_was_not_kept_costs_again_where_acting_again_is_safe() -> None:
    stage = Stage(config=GateConfig(answer_max_bytes=0))
    signature = await stage.earn()
    assert (await stage.ask_paid(signature)).status_code == 200
    again = await stage.ask_paid(signature)
    assert (again.status_code, response_of(again).error_reason) == (402, "already_spent")
    assert (await stage.ask_paid(pay(again))).status_code == 200
    assert stage.app.acted == 2


async def test_an_answer_is_only_for_whom_it_was_made() -> None:
    stage = Stage()
    signature = await stage.earn()
    assert (await stage.ask_paid(signature, headers=[("Authorization", "Bearer one")])).status_code == 200
    one, two, cookie = ("Authorization", "Bearer one"), ("Authorization", "Bearer two"), ("Cookie", "a=b")
    for headers in ([two], [], [one, cookie]):
        answer = await stage.ask_paid(signature, headers=headers)
        assert (answer.status_code, response_of(answer).error_reason) == (402, "already_spent")
    assert stage.app.acted == 1


async def test_another_proof_for_the_same_challenge_admits_nothing_more() -> None:
    stage = Stage(price_units=1)
    required = required_of(await stage.ask())
    assert (await stage.ask_paid(sign(required, bytes(8)))).status_code == 200
    answer = await stage.ask_paid(sign(required, bytes(7) + b"\x01"))
    assert (answer.status_code, response_of(answer).error_reason) == (402, "already_spent")
    assert stage.app.acted == 1


async def test_the_same_while_the_first_is_under_way_is_told_to_come_back() -> None:
    stage = Stage(Counted(opened=asyncio.Event()))
    signature = await stage.earn("POST")
    first = asyncio.create_task(stage.ask_paid(signature, "POST"))
    await stage.app.begun.wait()
    second = await stage.ask_paid(signature, "POST")
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert stage.app.opened is not None
    stage.app.opened.set()
    assert (await first).status_code == 200
    assert (await stage.ask_paid(signature, "POST")).status_code == 200
    assert stage.app.acted == 1


async def test_many_at_once_with_one_proof_act_once() -> None:
    stage = Stage()
    signature = await stage.earn("POST", content=b"x")
    answers = await asyncio.gather(*(stage.ask_paid(signature, "POST", content=b"x") for _ in range(20)))
    assert stage.app.acted == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sum(answer.status_code == 200 for answer in answers) >= 1


async def test_two_gates_that_share_claims_and_secret_act_once() -> None:
    claims = MemoryStore().claims
    one, other = Stage(claims=claims), Stage(claims=claims, seed=b"other")
    signature = await one.earn("POST")
    assert (await other.ask_paid(signature, "POST")).status_code == 200
    assert (await one.ask_paid(signature, "POST")).status_code == 409
    assert (one.app.acted, other.app.acted) == (0, 1)


async def test_an_application_that_breaks_down_leaves_the_payment_spent() -> None:
    stage = Stage(Counted(failure=RuntimeError("broken")))
    signature = await stage.earn("POST")
    assert (await stage.ask_paid(signature, "POST")).status_code == 500
    stage.app.failure = None
    assert (await stage.ask_paid(signature, "POST")).status_code == 409
    assert stage.app.acted == 1


@pytest.mark.parametrize("failure", [PeerError(ErrorCode.MALFORMED), UnavailableError(ErrorCode.BUSY)])
async def test_what_the_application_raises_is_not_taken_for_the_gates(failure: Exception) -> None:
    stage = Stage(Counted(failure=failure))
    signature = await stage.earn()
    inbox = Inbox({"type": "http.request", "body": b""})
    scope = {
        "type": "http", "method": "GET", "path": "/search", "raw_path": b"/search", "query_string": b"",
        "scheme": "http", "headers": [(b"host", b"gate.test"), (b"payment-signature", signature.encode())],
    }  # fmt: skip
    with pytest.raises(type(failure)):
        await stage.gate(scope, inbox.receive, inbox.send)
    assert inbox.sent == []


@pytest.mark.parametrize(
    "value",
    ["", "%%%", "e30", "e30=", base64.b64encode(b"[]").decode(), base64.b64encode(b"\xff").decode(), "A" * 70_000],
)
async def test_a_malformed_payment_is_400_and_says_so(value: str) -> None:
    stage = Stage()
    answer = await stage.ask_paid(value)
    assert answer.status_code == 400
    problem = problem_of(answer)
    assert problem["type"] in {"urn:parley:error:malformed", "urn:parley:error:too-large"}
    assert "payment-required" not in answer.headers
    assert stage.app.acted == 0


@pytest.mark.parametrize("payload", [{}, {"proof": 7}, {"proof": "AA"}, {"proof": "AA==" * 9_000}])
async def test_a_payment_with_another_payload_is_400(payload: dict[str, object]) -> None:
    stage = Stage()
    document = json.loads(base64.b64decode(await stage.earn()))
    document["payload"] = payload
    answer = await stage.ask_paid(base64.b64encode(json.dumps(document).encode()).decode())
    assert answer.status_code == 400


@pytest.mark.parametrize("challenge", [None, 5, "!", "AAAA"])
async def test_a_payment_without_a_challenge_is_400(challenge: object) -> None:
    stage = Stage()
    document = json.loads(base64.b64decode(await stage.earn()))
    document["accepted"]["extra"] = {} if challenge is None else {"challenge": challenge}
    answer = await stage.ask_paid(base64.b64encode(json.dumps(document).encode()).decode())
    assert answer.status_code == 400


async def test_two_payments_in_one_request_are_400() -> None:
    stage = Stage()
    signature = await stage.earn()
    headers = [(SIGNATURE_HEADER, signature), (SIGNATURE_HEADER, signature)]
    answer = await stage.ask(headers=headers)
    assert (answer.status_code, problem_of(answer)["facts"]["headers"]) == (400, 2)


async def test_another_version_is_400() -> None:
    stage = Stage()
    document = json.loads(base64.b64decode(await stage.earn()))
    document["x402Version"] = 1
    answer = await stage.ask_paid(base64.b64encode(json.dumps(document).encode()).decode())
    assert (answer.status_code, problem_of(answer)["facts"]["wanted"]) == (400, 2)


async def test_a_scheme_that_is_not_on_offer_is_402_and_is_not_quoted() -> None:
    stage = Stage()
    document = json.loads(base64.b64decode(await stage.earn()))
    document["accepted"]["scheme"] = "exact"
    document["accepted"]["network"] = "eip155:1"
    answer = await stage.ask_paid(base64.b64encode(json.dumps(document).encode()).decode())
    assert (answer.status_code, response_of(answer).error_reason) == (402, "method_unknown")
    assert response_of(answer).network == ""
    assert len(required_of(answer).accepts) == 1


async def test_the_entry_is_believed_in_its_challenge_alone() -> None:
    stage = Stage(price_units=2**40)
    document = json.loads(base64.b64decode(sign(required_of(await stage.ask()), bytes(8))))
    document["accepted"]["amount"] = "1"
    answer = await stage.ask_paid(base64.b64encode(json.dumps(document).encode()).decode())
    assert (answer.status_code, stage.app.acted) == (402, 0)


async def test_a_body_above_the_limit_is_413_before_it_is_read() -> None:
    stage = Stage(config=GateConfig(body_max_bytes=10))
    assert (await stage.ask("POST", content=b"x" * 10)).status_code == 402
    answer = await stage.ask("POST", content=b"x" * 11)
    assert (answer.status_code, problem_of(answer)["facts"]) == (413, {"maximum_bytes": 10})
    inbox = Inbox()
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "scheme": "http",
        "headers": [(b"content-length", b"9" * 30)],
    }  # fmt: skip
    await stage.gate(scope, inbox.receive, inbox.send)
    assert inbox.sent[0]["status"] == 413


async def test_a_chunked_body_above_the_limit_is_413() -> None:
    stage = Stage(config=GateConfig(body_max_bytes=10))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"xxxx"

    answer = await stage.ask("POST", content=chunks())
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 413


async def test_a_chunked_body_is_bound_like_any_other() -> None:
    stage = Stage()
    signature = await stage.earn("POST", content=b"abcd")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cd"

    assert (await stage.ask_paid(signature, "POST", content=chunks())).content == b"abcd"


async def test_a_streamed_answer_passes_as_it_comes() -> None:
    stage = Stage(Counted(chunks=[b"a", b"b", b"c"]))
    signature = await stage.earn()
    inbox = Inbox({"type": "http.request", "body": b""}, {"type": "http.disconnect"})
    scope = {
        "type": "http", "method": "GET", "path": "/search", "raw_path": b"/search", "query_string": b"",
        "scheme": "http", "headers": [(b"host", b"gate.test"), (b"payment-signature", signature.encode())],
    }  # fmt: skip
    await stage.gate(scope, inbox.receive, inbox.send)
    assert [message.get("body") for message in inbox.sent] == [None, b"a", b"b", b"c", b""]


async def test_a_client_that_goes_away_is_not_answered() -> None:
    stage = Stage()
    inbox = Inbox({"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"})
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "scheme": "http", "headers": []}
    await stage.gate(scope, inbox.receive, inbox.send)
    assert (inbox.sent, stage.app.acted) == ([], 0)


async def test_head_is_told_the_price_without_a_body() -> None:
    stage = Stage()
    answer = await stage.ask("HEAD")
    assert (answer.status_code, answer.content) == (402, b"")
    assert len(required_of(answer).accepts) == 1
    assert (await stage.ask_paid(pay(answer), "HEAD")).status_code == 200
    assert (await stage.ask_paid(pay(answer), "GET")).status_code == 402


async def test_options_is_free_unless_the_owner_says_otherwise() -> None:
    assert (await Stage().ask("OPTIONS")).status_code == 200
    assert (await Stage(config=GateConfig(exempt_methods=frozenset())).ask("OPTIONS")).status_code == 402


async def test_only_priced_paths_cost() -> None:
    stage = Stage(price_units={"/search": 5, "/api/*": 7, "/api/free": 0})
    amounts = {}
    for path in ("/search", "/search/", "/api/x", "/api/free", "/"):
        answer = await stage.ask("GET", path)
        amounts[path] = required_of(answer).accepts[0].amount if answer.status_code == 402 else "free"
    assert amounts == {"/search": "5", "/search/": "5", "/api/x": "7", "/api/free": "free", "/": "free"}


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_what_is_no_http_passes(kind: str) -> None:
    stage, inbox = Stage(), Inbox()
    await stage.gate({"type": kind, "path": "/search"}, inbox.receive, inbox.send)
    assert inbox.sent == [{"type": f"{kind}.seen"}]


async def test_a_realm_of_ones_own_does_not_follow_the_host() -> None:
    stage = Stage(config=GateConfig(realm="api.example.org/v1"))
    answer = await stage.ask("GET", "http://evil.test/search")
    required = required_of(answer)
    assert required.accepts[0].pay_to == "api.example.org/v1"
    assert required.resource.url == "http://api.example.org/v1/search"
    assert (await stage.ask_paid(pay(answer), "GET", "http://gate.test/search")).status_code == 200


async def test_an_odd_host_or_an_endless_target_is_400() -> None:
    stage = Stage()
    assert (await stage.ask(headers=[("Host", "a b")])).status_code == 400
    assert (await stage.ask(headers=[("Host", "a" * 256)])).status_code == 400
    assert (await stage.ask("GET", f"/{'a' * 9_000}")).status_code == 400


async def test_methods_are_alternatives_of_one_challenge() -> None:
    class Other(ProofOfWork):
        @property
        def name(self) -> str:
            return "other"

    stage = Stage(methods=Registry((POW, Other(tries_per_unit=2))))
    required = required_of(await stage.ask())
    assert [(entry.asset, entry.amount) for entry in required.accepts] == [("pow", "3"), ("other", "6")]
    first = sign(required, solve(required))
    assert (await stage.ask_paid(first)).status_code == 200


class Broken:
    """Claims that do not answer."""

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        del key, owner, expires_ms, now
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, retry_after_ms=2_500)

    async def prune(self, now: Instant) -> int:
        del now
        return 0


async def test_a_store_that_does_not_answer_lets_nobody_through() -> None:
    stage = Stage(claims=Broken())
    answer = await stage.ask_paid(await stage.earn())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert stage.app.acted == 0


async def test_what_is_spent_is_forgotten_when_it_no_longer_counts() -> None:
    claims = MemoryStore().claims
    stage = Stage(claims=claims)
    await stage.ask_paid(await stage.earn())
    assert len(claims._held) == 1
    stage.clock.advance(300_000 + 3_600_000)
    await stage.ask_paid(await stage.earn())
    assert len(claims._held) == 1
    assert await claims.prune(START) == 0


async def test_as_it_stands_it_works_without_any_setting() -> None:
    app = Counted()
    gate = TicketGate(app, price_units=1, methods=Registry((POW,)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=ORIGIN) as client:
        answer = await client.get("/", headers={SIGNATURE_HEADER: pay(await client.get("/"))})
    assert (answer.status_code, app.acted) == (200, 1)


def test_settings_that_cannot_be_are_refused_at_the_start() -> None:
    app = Counted()
    with pytest.raises(ConfigError):
        TicketGate(app, secret=bytes(31))
    with pytest.raises(ConfigError):
        TicketGate(app, methods=Registry(()))
    with pytest.raises(ConfigError):
        TicketGate(app, price_units=2**53)
    with pytest.raises(ConfigError):
        TicketGate(app, price_units=-1)
    assert TicketGate(app, secret=SECRET, price_units=0)


async def test_headers_that_come_after_the_body_are_not_headers_of_the_request() -> None:
    seen: list[tuple[tuple[bytes, bytes], ...]] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(tuple(scope["headers"]))
        await Counted()(scope, receive, send)

    stage = Stage()
    gate = TicketGate(note, price_units=3, secret=SECRET, methods=Registry((POW,)), clock=stage.clock)
    signature = await stage.earn("POST", content=b"body")
    headers = [(b"host", b"gate.test"), (SIGNATURE_HEADER.lower().encode(), signature.encode())]
    before = tuple(headers)
    inbox = Inbox({"type": "http.request", "body": b"body", "more_body": False})

    async def receive() -> Message:
        # As a server does that takes the trailers of a body for more headers.
        headers.extend([(b"x-role", b"owner"), (b"authorization", b"Bearer other")])
        return await inbox.receive()

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/search",
        "query_string": b"",
        "headers": headers,
    }
    await gate(scope, receive, inbox.send)
    assert (inbox.sent[0]["status"], seen) == (200, [before])
