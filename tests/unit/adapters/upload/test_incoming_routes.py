"""The HTTP of uploads and boxes, over real uploads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.upload.incoming_routes import incoming_routes
from parley.adapters.upload.mail_header import MailHeader, encode_header
from parley.node.inbox import OwnerBoxes
from parley.node.supervise import Supervisor
from parley.primitives.instants import Instant
from tests.unit.node.mail_parts import CONFIG, RECIPIENT, SENDER, TICKET, Desk, message_id
from tests.unit.node.parts import NOW

HEADER = encode_header(MailHeader(SENDER, RECIPIENT))
NAMED = {"x-bitmaelum-ticket": TICKET}
OWNER = {"authorization": "owner"}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.give()
    return desk


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async def authenticate(mailbox: bytes, authorization: bytes | None) -> bool:
        return mailbox == RECIPIENT and authorization == b"owner"

    async def guard(work: Awaitable[Any], name: str) -> Any:  # noqa: ANN401  # whatever is waited for
        return await Supervisor(SeededEntropy(b"")).call(work, name)

    routes = incoming_routes(desk.uploads, OwnerBoxes(desk.mailbox), authenticate, guard)
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        yield client


async def test_an_upload_and_the_box_it_ends_in(client: httpx.AsyncClient) -> None:
    for path, content, said in (
        ("header", HEADER, "saved message header"),
        ("catalog", b"sealed", "saved message catalog"),
        ("block/0-0", b"block", "saved message block"),
        ("attachment/a.b", b"", "saved message attachment"),
    ):
        answer = await client.post(f"/incoming/{path}", content=content, headers=NAMED)
        digest = hashlib.sha256(content).hexdigest()
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": said, "size_bytes": len(content), "sha256": digest},
        )
    for _ in range(2):
        answer = await client.post("/incoming", headers={"parley-ticket": TICKET})
        assert (answer.status_code, answer.json()) == (202, {"status": "message accepted"})

    box = f"/box/{RECIPIENT.hex()}"
    [message] = (await client.get(box, headers=OWNER)).json()["messages"]
    assert (message["id"], message["sender"], message["received_ms"]) == (message_id(), SENDER.hex(), NOW)
    assert [part["name"] for part in message["parts"]] == ["attachment/a.b", "block/0-0", "catalog", "header"]
    assert (await client.get(f"{box}/{message_id()}", headers=OWNER)).json() == message
    sent = await client.get(f"{box}/{message_id()}/block/0-0", headers=OWNER)
    assert sent.content == b"block"
    assert sent.headers["content-type"] == "application/octet-stream"
    assert sent.headers["content-disposition"] == "attachment"
    assert sent.headers["x-content-type-options"] == "nosniff"
    assert (await client.get(f"{box}/{message_id()}/block/none", headers=OWNER)).status_code == 404
    assert (await client.delete(f"{box}/{message_id()}", headers=OWNER)).json() == {"status": "message removed"}
    assert (await client.delete(f"{box}/{message_id()}", headers=OWNER)).status_code == 404
    assert (await client.get(f"{box}/{message_id()}", headers=OWNER)).status_code == 404
    assert (await client.get(f"{box}/{message_id()}/catalog", headers=OWNER)).status_code == 404


@pytest.mark.parametrize("mailbox", [RECIPIENT.hex(), SENDER.hex(), "00" * 32, "nonsense"])
async def test_without_authentication_every_box_answers_alike(client: httpx.AsyncClient, mailbox: str) -> None:
    for path in (f"/box/{mailbox}", f"/box/{mailbox}/{'0' * 32}", f"/box/{mailbox}/{'0' * 32}/catalog"):
        answers = [await client.get(path), await client.get(path, headers={"authorization": "other"})]
        assert {answer.status_code for answer in answers} == {401}
        assert {answer.json()["reason"] for answer in answers} == {"unauthorized"}
        assert all("www-authenticate" in answer.headers for answer in answers)
    assert (await client.delete(f"/box/{mailbox}/{'0' * 32}")).status_code == 401


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        ("/incoming/header", {}, 401, "unauthorized"),
        ("/incoming/header", {"parley-ticket": "unknown"}, 404, "not_found"),
        ("/incoming/header", NAMED, 400, "malformed"),
        ("/incoming/block/.a", NAMED, 400, "malformed"),
        ("/incoming", {}, 401, "unauthorized"),
        ("/incoming", NAMED, 409, "protocol_violation"),
    ],
)
async def test_refusals_are_problems(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = await client.post(path, content=b"x", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == reason


async def test_what_is_announced_too_large_is_refused_unread(client: httpx.AsyncClient) -> None:
    async def never() -> AsyncIterator[bytes]:
        pytest.fail("the body is read")
        yield b""  # type: ignore[unreachable]  # makes it a generator

    headers = {**NAMED, "content-length": "100001"}
    answer = await client.post("/incoming/catalog", content=never(), headers=headers)
    assert answer.status_code == 413


async def test_deleting_is_answered_alike_also_after_its_time(client: httpx.AsyncClient, desk: Desk) -> None:
    await client.post("/incoming/header", content=HEADER, headers=NAMED)
    desk.clock.moment = Instant(NOW + CONFIG.lease_ms)
    assert (await client.post("/incoming", headers=NAMED)).status_code == 410
    for path in ("/incoming", "/incoming/"):
        answer = await client.delete(path, headers=NAMED)
        assert (answer.status_code, answer.json()) == (200, {"status": "message removed"})
    assert (await client.delete("/incoming")).status_code == 401


async def test_too_much_at_once_is_asked_to_come_later(client: httpx.AsyncClient, desk: Desk) -> None:
    desk.uploads._config = type(CONFIG)(size_max_bytes=1_024, part_max_bytes=1_024, uploads_bytes_max=1_024)
    await client.post("/incoming/catalog", content=bytes(1_000), headers=NAMED)
    answer = await client.post("/incoming/block/a", content=bytes(100), headers=NAMED)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    assert json.loads(answer.content)["reason"] == "busy"
