"""The examples under a real uvicorn on the loopback interface, met by real httpx clients and by raw sockets."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from examples import gate_client
from parley.errors import ConflictError, ErrorCode
from parley.gate.budget import Budget
from parley.gate.httpx_auth import TicketAuth, WorkProgress
from parley.gate.x402 import REQUIRED_HEADER, RESPONSE_HEADER, SIGNATURE_HEADER, parse_required, parse_response
from tests.unit.gate.stage import pay, sign

ROOT = Path(__file__).parents[2]
EXPECTED_TRIES = 16 * 4_096
PATIENCE_S = 30


@contextmanager
def uvicorn_of(*arguments: str, folder: Path = ROOT) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run an application; yield its URL and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *arguments, "--port", "0", "--no-access-log"],
        cwd=ROOT,
        env={**os.environ, "GATE_FOLDER": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    url = ""
    # Whoever does not read a pipe stops its writer once it is full.
    reader = threading.Thread(target=process.stderr.read)
    try:
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"running on (http://[0-9.:]+)", line):
                url = found[1]
                break
        assert url, "".join(lines)
        reader.start()
        yield url, process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        if reader.ident is not None:
            reader.join(PATIENCE_S)
        process.stderr.close()


@pytest.fixture(scope="module", params=["starlette", "fastapi", "litestar"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with uvicorn_of(f"examples.gate_{request.param}:app") as (found, _):
        yield found


@pytest.fixture(scope="module")
def starlette_url() -> Iterator[str]:
    with uvicorn_of("examples.gate_starlette:app") as (found, _):
        yield found


def big_budget() -> Budget:
    return Budget(request_tries=10**7, total_tries=10**9)


def test_a_synchronous_client_pays_by_itself(url: str) -> None:
    seen: list[WorkProgress] = []
    budget = big_budget()
    with httpx.Client(auth=TicketAuth(budget, progress=seen.append, slice_tries=8_192)) as client:
        answer = client.get(f"{url}/search?q=swap+offers")
    assert answer.json() == {"found": "swap offers"}
    assert [earlier.status_code for earlier in answer.history] == [402]
    assert parse_response(answer.headers[RESPONSE_HEADER].encode()).success
    assert budget.spent_tries == EXPECTED_TRIES
    assert [step.is_done for step in seen] == [False] * (len(seen) - 1) + [True]
    assert {(step.method, step.expected_tries) for step in seen} == {("pow", EXPECTED_TRIES)}


async def test_an_asynchronous_client_pays_for_several_at_once(url: str) -> None:
    budget = big_budget()
    async with httpx.AsyncClient(auth=TicketAuth(budget)) as client:
        answers = await asyncio.gather(*(client.get(f"{url}/search?q={number}") for number in range(3)))
    assert [answer.json()["found"] for answer in answers] == ["0", "1", "2"]
    assert budget.spent_tries == 3 * EXPECTED_TRIES


def test_a_body_is_paid_for_as_it_is(url: str) -> None:
    with httpx.Client(auth=TicketAuth(big_budget())) as client:
        answer = client.post(f"{url}/note", json={"text": "nine days"})
    assert answer.is_success
    assert answer.json() == {"characters": 9} or answer.text == '{"TEXT":"NINE DAYS"}'


def test_above_the_budget_nothing_is_worked_and_nothing_sent(url: str) -> None:
    seen: list[WorkProgress] = []
    budget = Budget(request_tries=EXPECTED_TRIES - 1, total_tries=10**9)
    with (
        httpx.Client(auth=TicketAuth(budget, progress=seen.append)) as client,
        pytest.raises(ConflictError) as raised,
    ):
        client.get(f"{url}/search")
    assert raised.value.code is ErrorCode.TOO_EXPENSIVE
    assert raised.value.facts == {"expected_tries": EXPECTED_TRIES, "left_tries": EXPECTED_TRIES - 1}
    assert (seen, budget.spent_tries) == ([], 0)


def test_the_total_ends_the_spending(url: str) -> None:
    budget = Budget(request_tries=10**7, total_tries=2 * EXPECTED_TRIES + 1)
    with httpx.Client(auth=TicketAuth(budget)) as client:
        assert client.get(f"{url}/search").is_success
        assert client.get(f"{url}/search").is_success
        with pytest.raises(ConflictError) as raised:
            client.get(f"{url}/search")
    assert raised.value.facts["left_tries"] == 1


def test_one_proof_sent_by_many_connections_acts_once(url: str) -> None:
    refused = httpx.post(f"{url}/note", json={"text": "once"})
    required = parse_required(refused.headers[REQUIRED_HEADER].encode())
    with httpx.Client(auth=TicketAuth(big_budget())) as client:
        paid = client.post(f"{url}/note", json={"text": "once"})
    signature = paid.request.headers[SIGNATURE_HEADER]
    # The request of its own offer, taken from the client; the other offer stays unpaid.
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(httpx.post(f"{url}/note", json={"text": "once"}, headers={SIGNATURE_HEADER: signature}))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.headers[RESPONSE_HEADER] for answer in answers} == {paid.headers[RESPONSE_HEADER]}
    assert {answer.content for answer in answers} == {paid.content}
    unpaid = httpx.post(f"{url}/note", json={"text": "once"}, headers={SIGNATURE_HEADER: sign(required, bytes(8))})
    assert unpaid.status_code == 402


def test_head_and_options(url: str) -> None:
    # Litestar looks for the route before it asks its middleware, and knows no HEAD where nobody wrote one.
    assert httpx.head(f"{url}/search").status_code in {402, 405}
    with httpx.Client(auth=TicketAuth(big_budget())) as client:
        answer = client.head(f"{url}/search")
    assert answer.content == b""
    # What the application makes of OPTIONS is its own affair; it is not asked for payment.
    assert httpx.options(f"{url}/search").status_code != 402


@pytest.mark.parametrize(
    "path", ["/search/", "//search", "/search//", "/search%2f", "/%73earch", "/./search", "/x/../search"]
)
def test_no_other_way_to_write_the_path_is_free(url: str, path: str) -> None:
    # A raw request: a client library would tidy the path up.
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(f"GET {path}?q=free HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split(b" ", 2)[1] in {b"402", b"404", b"307"}
    assert b"found" not in answer


def test_a_malformed_payment_is_400(url: str) -> None:
    answer = httpx.get(f"{url}/search", headers={SIGNATURE_HEADER: "not base64"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_the_example_of_a_client_runs_as_a_program(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "examples/gate_client.py", f"{url}/search?q=x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r'{"found": ?"x"}', done.stdout) == re.findall(r"{.*}", done.stdout)
    assert done.stdout.count("found") == 4
    assert done.stdout.endswith(f"about {4 * EXPECTED_TRIES} tries in all\n")


def test_the_example_of_a_client_says_when_it_does_not_pay(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConflictError):
        gate_client.ask(f"{url}/search", Budget(request_tries=1, total_tries=1))
    assert capsys.readouterr().err == ""


def test_a_large_upload_in_chunks_is_413(starlette_url: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(65_536)

    answer = httpx.post(f"{starlette_url}/note", content=chunks())
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


async def test_an_upload_in_chunks_is_read_once_and_paid_for(starlette_url: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in (b"first\n", b"second", b" third"):
            yield piece

    async with httpx.AsyncClient(auth=TicketAuth(big_budget())) as client:
        answer = await client.post(f"{starlette_url}/note", content=chunks())
    assert answer.text == "FIRST\nSECOND THIRD"


def test_a_free_path_is_free(starlette_url: str) -> None:
    answer = httpx.get(starlette_url)
    assert (answer.status_code, RESPONSE_HEADER in answer.headers) == (200, False)


@pytest.mark.parametrize("target", ["/search?", "/search?q=%C3%A4%20b", "/search?q=a?b&&c", "/search?q=a%2fb"])
def test_odd_targets_are_bound_as_they_are_sent(starlette_url: str, target: str) -> None:
    with httpx.Client(auth=TicketAuth(big_budget())) as client:
        assert client.get(f"{starlette_url}{target}").status_code == 200


def test_a_client_that_hangs_up_in_its_body_leaves_the_server_alive(starlette_url: str) -> None:
    host, port = starlette_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(b"POST /note HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert httpx.get(starlette_url).status_code == 200


def at_once(signature: str, urls: list[str]) -> list[int]:
    """Send one payment to several URLs at the same time; return the statuses."""
    statuses: list[int] = []
    start = threading.Barrier(len(urls))

    def send(url: str) -> None:
        # The server's name is part of what is paid for.
        headers = {SIGNATURE_HEADER: signature, "Host": "gate.test"}
        with httpx.Client() as client:
            start.wait(PATIENCE_S)
            statuses.append(client.post(url, headers=headers).status_code)

    threads = [threading.Thread(target=send, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_processes_that_share_a_file_act_once_and_a_kill_changes_nothing(tmp_path: Path) -> None:
    factory = ("--factory", "tests.integration.gate_app:make")
    with uvicorn_of(*factory, folder=tmp_path) as (one, first), uvicorn_of(*factory, folder=tmp_path) as (other, _):
        signatures = [pay(httpx.post(f"{one}/{number}", headers={"Host": "gate.test"})) for number in range(5)]
        for number, signature in enumerate(signatures):
            statuses = at_once(signature, [f"{one}/{number}", f"{other}/{number}"] * 3)
            assert statuses.count(201) >= 1
            assert set(statuses) <= {201, 409}
        first.kill()
        first.wait(PATIENCE_S)
        with uvicorn_of(*factory, folder=tmp_path) as (again, _):
            for number, signature in enumerate(signatures):
                assert at_once(signature, [f"{again}/{number}"]) == [409]
    assert (tmp_path / "acted").read_text().split() == [f"/{number}" for number in range(5)]
