"""What a client pays for with tickets, and what it does not."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import cast

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from parley.errors import ConflictError, ErrorCode, LocalError, PeerError
from parley.gate.lottery_auth import LotteryAuth
from parley.gate.lottery_budget import LotteryBudget
from parley.gate.middleware import TicketGate
from parley.gate.till_config import TillConfig
from parley.gate.x402 import REQUIRED_HEADER, SENDER_HEADER, SIGNATURE_HEADER, PaymentRequired, encode_header
from parley.primitives.ids import Address
from tests.unit.gate.lottery_stage import CHAIN_ID, PRICE_WEI, LotteryStage
from tests.unit.gate.stage import ORIGIN, Counted, required_of

Handler = Callable[[httpx.Request], httpx.Response]


def budget_of(requests: int, *, face_value_max_wei: int = 10**18) -> LotteryBudget:
    wei = requests * PRICE_WEI
    return LotteryBudget(request_wei=PRICE_WEI, total_wei=wei, face_value_max_wei=face_value_max_wei)


async def get(stage: LotteryStage, auth: httpx.Auth, url: str = "/search") -> httpx.Response:
    async with stage.client(auth) as client:
        return await client.get(url)


def answering(required: PaymentRequired) -> Handler:
    return lambda _request: httpx.Response(402, headers={REQUIRED_HEADER: encode_header(required).decode()})


async def ask_handler(stage: LotteryStage, handler: Handler, auth: LotteryAuth) -> httpx.Response:
    del stage
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler), auth=auth) as client:
        return await client.get(f"{ORIGIN}/search")


async def test_only_the_first_request_is_asked_twice() -> None:
    stage, budget = LotteryStage(), budget_of(3)
    auth = stage.auth(budget)
    async with stage.client(auth) as client:
        answers = [await client.get("/search", params={"q": number}) for number in range(3)]
        assert [len(answer.history) for answer in answers] == [1, 0, 0]
        assert {answer.status_code for answer in answers} == {200}
        assert (budget.spent_wei, budget.left_wei) == (3 * PRICE_WEI, 0)
        with pytest.raises(ConflictError) as raised:
            await client.get("/search")
    assert raised.value.code is ErrorCode.TOO_EXPENSIVE
    assert stage.app.acted == 3


async def test_many_at_once_are_all_served_and_use_no_nonce_twice() -> None:
    stage, budget = LotteryStage(), LotteryBudget(request_wei=10**15, total_wei=10**18)
    async with stage.client(stage.auth(budget)) as client:
        answers = await asyncio.gather(*(client.post("/search", content=b"%d" % number) for number in range(40)))
    assert [answer.content for answer in answers] == [b"%d" % number for number in range(40)]
    assert (stage.app.acted, budget.spent_wei) == (40, 40 * PRICE_WEI)


async def test_what_costs_nothing_is_not_paid() -> None:
    stage, budget = LotteryStage(price={"/search": PRICE_WEI}), budget_of(0)
    answer = await get(stage, stage.auth(budget), "/free")
    assert (answer.status_code, budget.spent_wei) == (200, 0)


async def test_a_route_that_became_free_is_not_paid_again() -> None:
    stage = LotteryStage()
    auth = stage.auth()
    await get(stage, auth)
    seen: list[bool] = []

    def free(request: httpx.Request) -> httpx.Response:
        seen.append(SIGNATURE_HEADER in request.headers)
        return httpx.Response(200)

    for _ in range(2):
        await ask_handler(stage, free, auth)
    assert seen == [True, False]


async def test_a_price_that_rose_is_paid_at_the_second_attempt() -> None:
    stage = LotteryStage()
    budget = LotteryBudget(request_wei=10**15, total_wei=10**18)
    auth = stage.auth(budget)
    await get(stage, auth)
    stage.gate = TicketGate(stage.app, price=3 * PRICE_WEI, till=stage.scheme, clock=stage.clock)
    answer = await get(stage, auth)
    # The one ticket that was too little is spent on nothing but its nonce; the budget counts it all the same.
    assert (answer.status_code, budget.spent_wei) == (200, (1 + 1 + 3) * PRICE_WEI)
    assert len((await get(stage, auth)).history) == 0


async def test_parameters_near_their_end_are_replaced_without_another_question() -> None:
    stage = LotteryStage()
    auth = stage.auth()
    await get(stage, auth)
    for _ in range(10):
        stage.broker.mine(15)
        answer = await get(stage, auth)
        assert answer.status_code == 200
    assert stage.app.acted == 11


async def test_parameters_that_ended_unseen_cost_one_more_question_and_nothing_else() -> None:
    stage, budget = LotteryStage(), LotteryBudget(request_wei=10**15, total_wei=10**18)
    auth = stage.auth(budget)
    await get(stage, auth)
    stage.broker.mine(100)
    answer = await get(stage, auth)
    assert ([earlier.status_code for earlier in answer.history], budget.spent_wei) == ([402], 2 * PRICE_WEI)


async def test_more_requests_than_one_commitment_has_nonces() -> None:
    stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI // 50))
    budget = LotteryBudget(request_wei=10**15, total_wei=10**18)
    async with stage.client(stage.auth(budget)) as client:
        for _ in range(20):
            assert (await client.get("/search")).status_code == 200
    assert (stage.app.acted, budget.spent_wei) == (20, 20 * PRICE_WEI)


async def test_a_restarted_server_is_paid_again() -> None:
    stage = LotteryStage()
    auth = stage.auth()
    await get(stage, auth)
    stage.scheme = stage.open_till(b"next")
    stage.gate = TicketGate(stage.app, price=PRICE_WEI, till=stage.scheme, clock=stage.clock)
    answer = await get(stage, auth)
    assert (answer.status_code, len(answer.history)) == (200, 1)


async def test_a_winner_that_costs_too_much_is_not_risked() -> None:
    stage, budget = LotteryStage(), budget_of(5, face_value_max_wei=10**15)
    with pytest.raises(ConflictError) as raised:
        await get(stage, stage.auth(budget))
    assert raised.value.facts["maximum_wei"] == 10**15
    assert (budget.spent_wei, stage.purse.outstanding_wei) == (0, 0)


async def test_what_the_purse_refuses_is_given_back_to_the_budget() -> None:
    # The reserve would do for the server, but the deposit does not bear a winner.
    stage, budget = LotteryStage(deposit_wei=10**15), LotteryBudget(request_wei=10**15, total_wei=10**18)
    with pytest.raises(ConflictError) as raised:
        await get(stage, stage.auth(budget))
    assert raised.value.code is ErrorCode.FUNDS_TOO_LOW
    assert budget.spent_wei == 0


async def test_a_server_that_takes_no_tickets_of_this_sender_says_so() -> None:
    stage = LotteryStage(deposit_wei=0, reserve_wei=0)
    with pytest.raises(ConflictError) as raised:
        await get(stage, stage.auth())
    assert raised.value.code is ErrorCode.FUNDS_TOO_LOW


async def test_offers_that_are_not_for_this_client_are_left_as_they_are() -> None:
    stage = LotteryStage()
    required = required_of(await stage.ask())
    entry = required.accepts[0]
    for other in (
        msgspec.structs.replace(entry, scheme="exact"),
        msgspec.structs.replace(entry, network="eip155:1"),
        msgspec.structs.replace(entry, extra={**entry.extra, "broker": "0x" + "22" * 20}),
        msgspec.structs.replace(entry, extra={"broker": entry.extra["broker"]}),
    ):
        foreign = msgspec.structs.replace(required, accepts=(other,))
        assert (await ask_handler(stage, answering(foreign), stage.auth())).status_code == 402
    assert (await ask_handler(stage, lambda _request: httpx.Response(402), stage.auth())).status_code == 402
    assert stage.purse.outstanding_wei == 0


async def test_a_server_that_asks_for_another_recipient_than_it_names_is_refused() -> None:
    stage = LotteryStage()
    required = required_of(await stage.ask())
    lying = msgspec.structs.replace(
        required, accepts=(msgspec.structs.replace(required.accepts[0], pay_to="0x" + "33" * 20),)
    )
    with pytest.raises(PeerError):
        await ask_handler(stage, answering(lying), stage.auth())


@pytest.mark.parametrize("amount", ["", "-1", "1.5", "01", "0x10", "1e9", str(2**256), "9" * 100])
async def test_an_amount_of_another_form_is_refused(amount: str) -> None:
    stage = LotteryStage()
    required = required_of(await stage.ask())
    odd = msgspec.structs.replace(required, accepts=(msgspec.structs.replace(required.accepts[0], amount=amount),))
    with pytest.raises(PeerError):
        await ask_handler(stage, answering(odd), stage.auth())


async def test_an_amount_above_all_budgets_signs_nothing() -> None:
    stage = LotteryStage()
    required = required_of(await stage.ask())
    for amount in (str(10**30), str(PRICE_WEI * 60)):
        dear = msgspec.structs.replace(required, accepts=(msgspec.structs.replace(required.accepts[0], amount=amount),))
        with pytest.raises(ConflictError):
            await ask_handler(stage, answering(dear), stage.auth(budget_of(50)))
    assert stage.purse.outstanding_wei == 0


async def test_a_server_that_never_has_enough_is_paid_twice_at_most() -> None:
    stage, budget = LotteryStage(), LotteryBudget(request_wei=10**15, total_wei=10**18)
    required = required_of(await stage.ask())
    paid: list[str] = []

    def greedy(request: httpx.Request) -> httpx.Response:
        paid.extend(request.headers.get_list(SIGNATURE_HEADER))
        return answering(required)(request)

    answer = await ask_handler(stage, greedy, stage.auth(budget))
    assert (answer.status_code, len(paid), budget.spent_wei) == (402, 2, 2 * PRICE_WEI)


async def test_after_a_redirect_to_another_origin_nothing_is_paid() -> None:
    stage, budget = LotteryStage(), budget_of(5)

    async def away(_request: Request) -> Response:
        return RedirectResponse("http://other.test/search")

    front = Starlette(routes=[Route("/away", away)])

    async def both(scope: dict[str, object], receive: object, send: object) -> None:
        app: object = front if scope["path"] == "/away" else stage.gate
        await app(scope, receive, send)  # type: ignore[operator]  # either of them is an ASGI application

    transport = httpx.ASGITransport(both)  # type: ignore[arg-type]  # an application of any framework
    async with httpx.AsyncClient(transport=transport, auth=stage.auth(budget), follow_redirects=True) as client:
        answer = await client.get(f"{ORIGIN}/away")
    assert (answer.status_code, budget.spent_wei, stage.app.acted) == (402, 0, 0)


async def test_a_redirect_within_the_origin_is_paid_where_it_leads() -> None:
    async def old(_request: Request) -> Response:
        return RedirectResponse("/new")

    async def new(_request: Request) -> Response:
        return PlainTextResponse("here")

    stage = LotteryStage(cast("Counted", Starlette(routes=[Route("/old", old), Route("/new", new)])))
    async with stage.client(stage.auth()) as client:
        answer = await client.get("/old", follow_redirects=True)
    assert answer.text == "here"


async def test_the_sender_is_named_to_the_server() -> None:
    stage = LotteryStage()
    seen: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers[SENDER_HEADER])
        return httpx.Response(200)

    await ask_handler(stage, note, stage.auth())
    assert seen[0].startswith(f"eip155:{CHAIN_ID}:0x")


async def test_a_synchronous_client_in_another_thread_pays_through_the_loop() -> None:
    stage = LotteryStage()
    required = required_of(await stage.ask())
    auth = LotteryAuth(
        stage.purse,
        LotteryBudget(request_wei=10**15, total_wei=10**18),
        chain_id=CHAIN_ID,
        broker=stage.broker.address,
        loop=asyncio.get_running_loop(),
    )

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200) if SIGNATURE_HEADER in request.headers else answering(required)(request)

    def ask() -> int:
        with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as client:
            return client.get(f"{ORIGIN}/search").status_code

    assert await asyncio.to_thread(ask) == 200
    with pytest.raises(LocalError):
        ask()


def test_a_synchronous_client_without_a_loop_is_refused() -> None:
    with httpx.Client(auth=LotteryStage().auth()) as client, pytest.raises(LocalError):
        client.get(ORIGIN)


async def test_numbers_out_of_range_are_refused() -> None:
    stage = LotteryStage()
    with pytest.raises(LocalError):
        stage.auth(attempts_max=0)
    for numbers in ((-1, 0, 0), (0, -1, 0), (0, 0, -1)):
        with pytest.raises(LocalError):
            LotteryBudget(request_wei=numbers[0], total_wei=numbers[1], face_value_max_wei=numbers[2])


async def test_a_fresh_recipient_in_an_answer_is_not_believed() -> None:
    stage = LotteryStage()
    required = required_of(await stage.ask())
    auth = stage.auth()
    foreign = dict(cast("dict[str, object]", required.accepts[0].extra["params"]))
    foreign["recipient"] = "0x" + "44" * 20

    def answer(request: httpx.Request) -> httpx.Response:
        if SIGNATURE_HEADER not in request.headers:
            return answering(required)(request)
        lie = msgspec.json.encode(
            {"success": True, "transaction": "", "network": "eip155:1337", "extra": {"params": foreign}}
        )
        return httpx.Response(200, headers={"PAYMENT-RESPONSE": b64encode(lie).decode()})

    for _ in range(2):
        got = await ask_handler(stage, answer, auth)
        # What the route costs is forgotten, so that it is asked for again; nobody else is ever paid.
        assert (got.status_code, len(got.history)) == (200, 1)


async def test_another_broker_of_the_same_chain_is_not_paid() -> None:
    stage = LotteryStage()
    auth = LotteryAuth(stage.purse, budget_of(1), chain_id=CHAIN_ID, broker=Address(b"\x01" * 20))
    assert (await get(stage, auth)).status_code == 402
