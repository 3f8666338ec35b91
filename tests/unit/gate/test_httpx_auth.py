"""What the client pays for, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from parley.adapters.solving import WorkSolver
from parley.errors import ConflictError, ErrorCode, LocalError, PeerError
from parley.gate import GateConfig, TicketGate
from parley.gate.budget import Budget
from parley.gate.httpx_auth import TicketAuth, WorkProgress
from parley.gate.x402 import REQUIRED_HEADER, SIGNATURE_HEADER, PaymentRequired, encode_header, parse_signature
from parley.protocol.challenges import Challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Pending, Progress, Registry, Solution, Solver
from tests.unit.gate.stage import ORIGIN, POW, Counted, Stage, required_of

Handler = Callable[[httpx.Request], httpx.Response]


def make_auth(budget: Budget | None = None, **options: object) -> TicketAuth:
    chosen = Budget(request_tries=1_000, total_tries=10_000) if budget is None else budget
    return TicketAuth(chosen, **options)  # type: ignore[arg-type]  # each test gives what the argument takes


async def get(app: object, url: str, auth: TicketAuth, *, follow_redirects: bool = False) -> httpx.Response:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # an application of any framework
    async with httpx.AsyncClient(transport=transport, auth=auth, follow_redirects=follow_redirects) as client:
        return await client.get(url)


def served_by(handler: Handler, auth: TicketAuth) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(handler), auth=auth)


def offering(required: PaymentRequired) -> Handler:
    return lambda _request: httpx.Response(402, headers={REQUIRED_HEADER: encode_header(required).decode()})


async def test_it_pays_and_counts() -> None:
    stage, budget = Stage(), Budget(request_tries=3, total_tries=6)
    seen: list[WorkProgress] = []
    auth = make_auth(budget, progress=seen.append)
    assert (await get(stage.gate, f"{ORIGIN}/search", auth)).status_code == 200
    assert (await get(stage.gate, f"{ORIGIN}/search", auth)).status_code == 200
    assert (budget.spent_tries, budget.left_tries) == (6, 0)
    assert [step.url for step in seen if step.is_done] == [f"{ORIGIN}/search"] * 2
    with pytest.raises(ConflictError) as raised:
        await get(stage.gate, f"{ORIGIN}/search", auth)
    assert raised.value.code is ErrorCode.TOO_EXPENSIVE
    assert stage.app.acted == 2


async def test_a_solver_of_ones_own_does_the_work() -> None:
    stage = Stage(price_units=5_000)
    async with WorkSolver(cores=1) as solver:
        auth = make_auth(Budget(request_tries=5_000, total_tries=5_000), solver=solver)
        assert (await get(stage.gate, f"{ORIGIN}/", auth)).status_code == 200


async def test_what_costs_nothing_is_not_paid() -> None:
    stage = Stage(price_units={"/search": 3})
    answer = await get(stage.gate, f"{ORIGIN}/free", make_auth(Budget(request_tries=0, total_tries=0)))
    assert (answer.status_code, answer.history) == (200, [])


async def test_a_402_of_somebody_else_is_left_as_it_is() -> None:
    with served_by(lambda _request: httpx.Response(402, text="pay me"), make_auth()) as client:
        assert client.get(ORIGIN).text == "pay me"


async def test_an_offer_of_other_schemes_alone_is_left_as_it_is() -> None:
    required = required_of(await Stage().ask())
    entry = required.accepts[0]
    for other in (
        msgspec.structs.replace(entry, scheme="exact"),
        msgspec.structs.replace(entry, network="eip155:1"),
    ):
        foreign = msgspec.structs.replace(required, accepts=(other,))
        with served_by(offering(foreign), make_auth()) as client:
            assert client.get(f"{ORIGIN}/search").status_code == 402


async def test_a_method_that_the_client_cannot_do_is_left_as_it_is() -> None:
    stage = Stage()
    auth = make_auth(methods=Registry(()))
    assert (await get(stage.gate, f"{ORIGIN}/search", auth)).status_code == 402


async def test_an_offer_for_another_request_is_refused_unworked() -> None:
    required = required_of(await Stage().ask("GET", "/search"))
    seen: list[WorkProgress] = []
    budget = Budget(request_tries=1_000, total_tries=1_000)
    with served_by(offering(required), make_auth(budget, progress=seen.append)) as client:
        for method, url in (("GET", "/other"), ("POST", "/search"), ("GET", "/search?a=1")):
            with pytest.raises(PeerError) as raised:
                client.request(method, f"{ORIGIN}{url}")
            assert raised.value.code is ErrorCode.PROTOCOL_VIOLATION
        with pytest.raises(PeerError):
            client.get("http://other.test/search")
    assert (seen, budget.spent_tries) == ([], 0)


async def test_a_request_that_no_gate_takes_is_not_worked_for() -> None:
    required = required_of(await Stage().ask("GET", "/search"))
    with served_by(offering(required), make_auth()) as client, pytest.raises(PeerError):
        client.get(f"{ORIGIN}/{'a' * 9_000}")


async def test_a_synchronous_client_works_in_slices() -> None:
    stage = Stage(price_units=300)
    required = required_of(await stage.ask())
    seen: list[WorkProgress] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200) if SIGNATURE_HEADER in request.headers else offering(required)(request)

    with served_by(answer, make_auth(progress=seen.append, slice_tries=1)) as client:
        assert client.get(f"{ORIGIN}/search").status_code == 200
    assert [step.tries for step in seen] == list(range(1, len(seen) + 1))
    assert [step.is_done for step in seen] == [False] * (len(seen) - 1) + [True]


async def test_a_gate_that_sells_another_gates_challenges_is_refused() -> None:
    good = Stage(config=GateConfig(realm="good.test"))

    async def evil(request: Request) -> Response:
        asked = await good.ask("GET", request.url.path)
        return PlainTextResponse("", 402, headers={REQUIRED_HEADER: asked.headers[REQUIRED_HEADER]})

    app = Starlette(routes=[Route("/search", evil)])
    with pytest.raises(PeerError):
        await get(app, "http://evil.test/search", make_auth())


@pytest.mark.parametrize("value", ["", "x", "e30="])
def test_an_offer_of_another_form_is_refused(value: str) -> None:
    with (
        served_by(lambda _request: httpx.Response(402, headers={REQUIRED_HEADER: value}), make_auth()) as client,
        pytest.raises(PeerError),
    ):
        client.get(ORIGIN)


async def test_an_amount_that_lies_is_not_believed() -> None:
    stage = Stage(price_units=2_000)
    required = required_of(await stage.ask())
    cheap = msgspec.structs.replace(required.accepts[0], amount="1")
    lying = msgspec.structs.replace(required, accepts=(cheap,))
    with served_by(offering(lying), make_auth()) as client, pytest.raises(ConflictError) as raised:
        client.get(f"{ORIGIN}/search")
    assert raised.value.facts["expected_tries"] == 2_000


async def test_a_server_that_never_has_enough_is_paid_twice_at_most() -> None:
    stage = Stage()
    paid: list[str] = []

    async def greedy(request: Request) -> Response:
        paid.extend(request.headers.getlist(SIGNATURE_HEADER))
        asked = await stage.ask("GET", "/search")
        return PlainTextResponse("more", 402, headers={REQUIRED_HEADER: asked.headers[REQUIRED_HEADER]})

    budget = Budget(request_tries=1_000, total_tries=1_000)
    app = Starlette(routes=[Route("/search", greedy)])
    answer = await get(app, f"{ORIGIN}/search", make_auth(budget))
    assert (answer.status_code, len(paid), budget.spent_tries) == (402, 2, 6)


async def test_the_repeats_of_one_request_share_its_budget() -> None:
    stage = Stage()

    async def greedy(_request: Request) -> Response:
        asked = await stage.ask("GET", "/search")
        return PlainTextResponse("more", 402, headers={REQUIRED_HEADER: asked.headers[REQUIRED_HEADER]})

    budget = Budget(request_tries=5, total_tries=1_000)
    with pytest.raises(ConflictError):
        await get(Starlette(routes=[Route("/search", greedy)]), f"{ORIGIN}/search", make_auth(budget))
    assert budget.spent_tries == 3


async def test_a_redirect_within_the_origin_is_paid_where_it_leads() -> None:
    async def old(_request: Request) -> Response:
        return RedirectResponse("/new?x=1")

    async def new(_request: Request) -> Response:
        return PlainTextResponse("here")

    app = TicketGate(
        Starlette(routes=[Route("/old", old), Route("/new", new)]), price_units=3, methods=Registry((POW,))
    )
    budget = Budget(request_tries=1_000, total_tries=1_000)
    answer = await get(app, f"{ORIGIN}/old", make_auth(budget), follow_redirects=True)
    assert (answer.text, budget.spent_tries) == ("here", 6)


@pytest.mark.parametrize(
    "target", ["http://other.test/search", "https://gate.test/search", "http://gate.test:81/search"]
)
async def test_after_a_redirect_to_another_origin_nothing_is_paid(target: str) -> None:
    stage = Stage()

    async def away(_request: Request) -> Response:
        return RedirectResponse(target)

    async def both(scope: dict[str, object], receive: object, send: object) -> None:
        app: object = Starlette(routes=[Route("/away", away)]) if scope["path"] == "/away" else stage.gate
        await app(scope, receive, send)  # type: ignore[operator]  # either of them is an ASGI application

    budget = Budget(request_tries=1_000, total_tries=1_000)
    answer = await get(both, f"{ORIGIN}/away", make_auth(budget), follow_redirects=True)
    assert (answer.status_code, str(answer.url)) == (402, target)
    assert (budget.spent_tries, stage.app.acted) == (0, 0)


async def test_the_usual_port_is_the_same_origin() -> None:
    assert (await get(Stage().gate, "http://gate.test:80/", make_auth())).status_code == 200


async def test_a_cancelled_task_stops_working() -> None:
    stage = Stage(price_units=2**40)
    working = asyncio.Event()
    auth = make_auth(Budget(request_tries=2**41, total_tries=2**41), progress=lambda _progress: working.set())
    task = asyncio.create_task(get(stage.gate, f"{ORIGIN}/", auth))
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.app.acted == 0


class Asks:
    """A solver that needs a person."""

    def step(self, tries: int) -> Solution | Progress | Pending:
        return Pending(tries)


class Human(ProofOfWork):
    """A method that needs a person."""

    def start(  # type: ignore[override]  # a WorkMethod may return any solver
        self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()
    ) -> Solver:
        del challenge, mark, answers
        return Asks()


async def test_a_question_for_a_person_ends_it() -> None:
    required = required_of(await Stage().ask())
    with (
        served_by(offering(required), make_auth(methods=Registry((Human(),)))) as client,
        pytest.raises(ConflictError) as raised,
    ):
        client.get(f"{ORIGIN}/search")
    assert raised.value.code is ErrorCode.METHOD_UNKNOWN


async def test_a_prefix_that_a_proxy_strips_belongs_to_the_realm() -> None:
    gate = TicketGate(Counted(), price_units=1, methods=Registry((POW,)), config=GateConfig(realm="gate.test/v1"))

    async def proxy(scope: dict[str, object], receive: object, send: object) -> None:
        path = str(scope["path"]).removeprefix("/v1")
        await gate({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    assert (await get(proxy, f"{ORIGIN}/v1/search", make_auth())).status_code == 200
    with pytest.raises(PeerError):
        await get(proxy, f"{ORIGIN}/v2/search", make_auth())


async def test_the_offer_that_comes_first_in_the_clients_preference_is_solved() -> None:
    class Other(ProofOfWork):
        @property
        def name(self) -> str:
            return "other"

    stage = Stage(methods=Registry((POW, Other(tries_per_unit=2))))
    required = required_of(await stage.ask())
    paid: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if SIGNATURE_HEADER in request.headers:
            paid.append(request.headers[SIGNATURE_HEADER])
            return httpx.Response(200)
        return offering(required)(request)

    with served_by(answer, make_auth(methods=Registry((Other(), POW)))) as client:
        assert client.get(f"{ORIGIN}/search").status_code == 200
    with served_by(
        answer, make_auth(Budget(request_tries=5, total_tries=5), methods=Registry((Other(), POW)))
    ) as client:
        # The other costs 6 tries and is above the budget: the next in the order is taken.
        assert client.get(f"{ORIGIN}/search").status_code == 200
    assert [parse_signature(value.encode()).accepted.asset for value in paid] == ["other", "pow"]


@pytest.mark.parametrize(("attempts_max", "slice_tries"), [(0, 1), (1, 0)])
def test_numbers_out_of_range_are_refused(attempts_max: int, slice_tries: int) -> None:
    with pytest.raises(LocalError):
        make_auth(attempts_max=attempts_max, slice_tries=slice_tries)
