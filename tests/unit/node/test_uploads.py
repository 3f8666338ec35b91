"""Uploads: what a ticket admits, and the one end that it has."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator

import pytest

from parley.adapters.upload.mail_header import MailHeader, encode_header
from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.node.mail_routes import RELAY_PURPOSE
from parley.node.manifests import is_part_name
from parley.node.outbox import Stage
from parley.pool.addresses import Address
from parley.ports.blobs import Stored
from parley.primitives.instants import Instant
from parley.protocol.work import SPENT_GRACE_MS
from parley.upload.config import UploadConfig
from tests.unit.node.mail_parts import (
    CONFIG,
    OTHER,
    OWN,
    RECIPIENT,
    SENDER,
    STRANGER,
    TICKET,
    Desk,
    code,
    message_id,
    pieces,
)
from tests.unit.node.parts import NOW


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.give()
    return desk


async def test_a_message_is_delivered_once_it_is_complete(desk: Desk) -> None:
    for name, content in (("catalog", b"sealed"), ("block/0-0", b"block"), ("attachment/a", b"")):
        assert await desk.put(name, content) == Stored(len(content), hashlib.sha256(content).digest())
    assert isinstance(await desk.put_header(), Stored)
    assert desk.messages() == []
    assert await desk.uploads.complete(TICKET) is None
    assert desk.messages() == [message_id()]
    assert await desk.read(TICKET, "catalog") == b"sealed"
    assert await desk.read(TICKET, "block/0-0") == b"block"
    assert await desk.read(TICKET, "attachment/a") == b""
    assert await desk.read(TICKET, "attachment/none") is None
    assert desk.noted == ["part"] * 4 + ["complete"]


async def test_completing_twice_gives_the_same_answer_and_one_message(desk: Desk) -> None:
    await desk.put_header()
    for _ in range(3):
        assert await desk.uploads.complete(TICKET) is None
    assert await (await desk.restarted()).uploads.complete(TICKET) is None
    assert desk.messages() == [message_id()]
    assert code(await desk.put("catalog", b"late")) is ErrorCode.ALREADY_SPENT
    assert code(await desk.uploads.delete(TICKET)) is ErrorCode.ALREADY_SPENT
    assert desk.messages() == [message_id()]


async def test_the_answer_stays_until_the_ticket_is_forgotten(desk: Desk) -> None:
    await desk.put_header()
    assert await desk.uploads.complete(TICKET) is None
    forgotten_ms = desk.tickets.given[TICKET].expires_ms + SPENT_GRACE_MS
    assert forgotten_ms > NOW + CONFIG.ended_ms
    desk.clock.moment = Instant(forgotten_ms - 1)
    await desk.uploads.sweep()
    assert await desk.uploads.complete(TICKET) is None
    desk.clock.moment = Instant(forgotten_ms)
    await desk.uploads.sweep()
    assert code(await desk.uploads.complete(TICKET)) is ErrorCode.EXPIRED
    assert desk.messages() == [message_id()]
    assert await desk.store.documents.list("upload/tickets") == ()


async def test_a_deleted_message_is_gone_and_stays_so(desk: Desk) -> None:
    await desk.put_header()
    for _ in range(2):
        assert await desk.uploads.delete(TICKET) is None
    assert await desk.blobs.list() == ()
    assert code(await desk.uploads.complete(TICKET)) is ErrorCode.EXPIRED
    assert code(await desk.put("catalog", b"late")) is ErrorCode.EXPIRED
    assert desk.messages() == []


async def test_a_lease_ends_an_upload_and_progress_extends_it(desk: Desk) -> None:
    await desk.put_header()
    desk.clock.moment = Instant(NOW + CONFIG.lease_ms - 1)
    assert isinstance(await desk.put("catalog", b"x"), Stored)
    desk.clock.moment = Instant(NOW + CONFIG.lease_ms + 5)
    await desk.uploads.sweep()
    assert isinstance(await desk.put("block/a", b"x"), Stored)
    desk.clock.moment = Instant(NOW + 3 * CONFIG.lease_ms)
    assert code(await desk.put("block/b", b"x")) is ErrorCode.EXPIRED
    assert await desk.blobs.list() != ()
    await desk.uploads.sweep()
    assert await desk.blobs.list() == ()
    assert code(await desk.uploads.complete(TICKET)) is ErrorCode.EXPIRED
    assert await desk.uploads.delete(TICKET) is None, "an expired upload can still be deleted"
    assert desk.noted == ["part"] * 3 + ["lapse"]


async def test_a_lease_is_capped(desk: Desk) -> None:
    await desk.put_header()
    step_ms = CONFIG.lease_ms - 1
    for number in range(1, CONFIG.lease_cap_ms // step_ms + 1):
        desk.clock.moment = Instant(NOW + number * step_ms)
        assert isinstance(await desk.put("catalog", b"x"), Stored)
    desk.clock.moment = Instant(NOW + CONFIG.lease_cap_ms)
    assert code(await desk.put("catalog", b"x")) is ErrorCode.EXPIRED


async def test_a_body_that_ends_after_its_lease_is_refused(desk: Desk) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        desk.clock.moment = Instant(NOW + CONFIG.lease_ms)
        yield b"last"

    await desk.put_header()
    assert code(await desk.uploads.put_part(TICKET, "catalog", slow())) is ErrorCode.EXPIRED
    assert len(await desk.blobs.list()) == 1


async def test_a_part_that_arrives_slowly_extends_the_lease_as_it_grows(desk: Desk) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x"
            desk.clock.moment = Instant(desk.clock.moment + CONFIG.lease_ms // 2)
            await desk.uploads.sweep()

    await desk.put_header()
    assert isinstance(await desk.uploads.put_part(TICKET, "catalog", slow()), Stored)
    assert await desk.uploads.complete(TICKET) is None


async def test_one_ticket_reserves_no_more_than_its_own_size(desk: Desk) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield b"x"

    first = asyncio.create_task(desk.uploads.put_part(TICKET, "block/a", held()))
    await begun.wait()
    for announced_bytes in (0, 1):
        with pytest.raises(UnavailableError):
            await desk.uploads.put_part(TICKET, "block/b", pieces(b"x"), announced_bytes=announced_bytes)
    assert desk.uploads.uploading_bytes() == 100_000
    go_on.set()
    assert isinstance(await first, Stored)
    assert isinstance(await desk.put("block/b", b"x"), Stored)


async def test_a_clock_that_is_set_back_brings_no_ticket_back() -> None:
    desk = Desk(config=dataclasses.replace(CONFIG, ended_ms=1_000))
    desk.give()
    expires_ms = desk.tickets.given[TICKET].expires_ms
    await desk.put_header()
    assert await desk.uploads.complete(TICKET) is None
    await desk.mailbox.remove(RECIPIENT.hex(), message_id())
    desk.clock.moment = Instant(expires_ms + SPENT_GRACE_MS - 1)
    await desk.uploads.sweep()
    desk.clock.moment = Instant(expires_ms - 1)
    assert code(await desk.put("header", b"again")) is ErrorCode.ALREADY_SPENT
    assert desk.messages() == []


async def test_sizes_and_numbers_have_limits(desk: Desk) -> None:
    await desk.put_header()
    assert code(await desk.put("catalog", bytes(100_001))) is ErrorCode.TOO_LARGE
    assert isinstance(await desk.put("catalog", bytes(90_000)), Stored)
    assert code(await desk.put("block/a", bytes(10_000))) is ErrorCode.TOO_LARGE
    assert isinstance(await desk.put("catalog", bytes(80_000)), Stored), "in place of the larger one"
    assert isinstance(await desk.put("block/a", bytes(10_000)), Stored)
    for number in range(5):
        assert isinstance(await desk.put(f"attachment/{number}", b""), Stored)
    assert code(await desk.put("attachment/5", b"")) is ErrorCode.TOO_LARGE
    assert await desk.uploads.complete(TICKET) is None


async def test_what_is_not_announced_is_limited_as_it_arrives(desk: Desk) -> None:
    desk.give("small", size_max_bytes=1_500)
    outcome = await desk.uploads.put_part("small", "catalog", pieces(bytes(1_501)))
    assert code(outcome) is ErrorCode.TOO_LARGE
    outcome = await desk.uploads.put_part("small", "header", pieces(bytes(65_537)))
    assert code(outcome) is ErrorCode.TOO_LARGE
    assert await desk.blobs.list() == ()


async def test_all_uploads_together_have_a_limit() -> None:
    config = UploadConfig(size_max_bytes=50_000, part_max_bytes=50_000, uploads_bytes_max=60_000)
    desk = Desk(config=config)
    for name in ("one", "two"):
        desk.give(name, size_max_bytes=50_000)
    await desk.put("catalog", bytes(40_000), "one")
    with pytest.raises(UnavailableError) as caught:
        await desk.put("catalog", bytes(20_001), "two")
    assert caught.value.code is ErrorCode.BUSY
    assert isinstance(await desk.put("catalog", bytes(20_000), "two"), Stored)
    assert await desk.uploads.delete("one") is None
    assert isinstance(await desk.put("block/a", bytes(30_000), "two"), Stored)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b"[" * 10_000,
        b"\xff",
        b'{"from": {"address": "00"}, "to": {"address": "00"}}',
        encode_header(MailHeader(RECIPIENT, SENDER)),
        encode_header(MailHeader(SENDER, STRANGER)),
    ],
)
async def test_a_header_must_name_the_parties_of_the_ticket(desk: Desk, header: bytes) -> None:
    assert code(await desk.put("header", header)) in {ErrorCode.MALFORMED, ErrorCode.WRONG_RECIPIENT}
    assert await desk.blobs.list() == ()
    assert code(await desk.uploads.complete(TICKET)) is ErrorCode.WRONG_STATE


async def test_the_last_header_wins(desk: Desk) -> None:
    await desk.put_header()
    extended = encode_header(MailHeader(SENDER, RECIPIENT))[:-1] + b', "more": 1}'
    assert isinstance(await desk.put("header", extended), Stored)
    assert len(await desk.blobs.list()) == 1
    await desk.uploads.complete(TICKET)
    assert await desk.read(TICKET, "header") == extended


async def test_unknown_tickets_admit_nothing(desk: Desk) -> None:
    assert code(await desk.put("catalog", b"x", "unknown")) is ErrorCode.NOT_FOUND
    assert code(await desk.uploads.complete("unknown")) is ErrorCode.NOT_FOUND
    assert code(await desk.uploads.delete("unknown")) is ErrorCode.NOT_FOUND
    desk.clock.moment = Instant(NOW + CONFIG.ticket_ms)
    assert code(await desk.put("catalog", b"x")) is ErrorCode.EXPIRED


async def test_nothing_uploaded_is_nothing_to_complete_but_can_be_deleted(desk: Desk) -> None:
    assert code(await desk.uploads.complete(TICKET)) is ErrorCode.PROTOCOL_VIOLATION
    assert await desk.uploads.delete(TICKET) is None
    assert code(await desk.put("catalog", b"x")) is ErrorCode.EXPIRED


@pytest.mark.parametrize(
    "name", ["", "block", "block/", "block/../x", "block/.x", "block/a/b", "other", "block/\u00e9"]
)
async def test_parts_have_names(desk: Desk, name: str) -> None:
    assert not is_part_name(name)
    assert code(await desk.put(name, b"x")) is ErrorCode.MALFORMED


async def test_nobody_learns_who_has_a_box(desk: Desk) -> None:
    desk.give("nobody", recipient=STRANGER)
    for ticket in (TICKET, "nobody"):
        await desk.put_header(ticket)
        await desk.put("catalog", b"sealed", ticket)
        assert await desk.uploads.complete(ticket) is None
        assert await desk.uploads.complete(ticket) is None
    assert desk.messages(STRANGER) == []
    await desk.uploads.drop_orphans()
    folders = {blob.name.partition("/")[0] for blob in await desk.blobs.list()}
    assert folders == {message_id()}


@pytest.mark.parametrize("recipient", [RECIPIENT, STRANGER])
async def test_a_full_box_takes_no_more_until_there_is_room(desk: Desk, recipient: bytes) -> None:
    for name in ("one", "two"):
        desk.give(name, recipient=recipient)
        await desk.put_header(name)
        await desk.put("catalog", bytes(90_000), name)
    assert await desk.uploads.complete("one") is None
    for _ in range(2):
        assert code(await desk.uploads.complete("two")) is ErrorCode.QUOTA_EXCEEDED
    if recipient == RECIPIENT:
        assert await desk.mailbox.remove(recipient.hex(), message_id("one"))
        assert code(await desk.uploads.complete("two")) is ErrorCode.QUOTA_EXCEEDED, "who reads is not told"
    await desk.mailbox.sweep(Instant(NOW + 7 * 86_400_000))
    assert await desk.uploads.complete("two") is None


async def test_boxes_have_a_number_of_messages(desk: Desk) -> None:
    for number in range(11):
        desk.give(f"{number}")
        await desk.put_header(f"{number}")
    outcomes = [await desk.uploads.complete(f"{number}") for number in range(11)]
    assert [code(outcome) for outcome in outcomes] == [None] * 10 + [ErrorCode.QUOTA_EXCEEDED]


async def test_a_route_leads_into_the_outbox_for_own_accounts_only(desk: Desk) -> None:
    desk.give("own", purpose=RELAY_PURPOSE)
    for name in ("own", TICKET):
        await desk.put_header(name, route=OTHER)
        assert await desk.uploads.complete(name) is None
    [entry] = desk.outbox.entries()
    assert (entry.message.id, entry.route, entry.stage) == (message_id("own"), OTHER, Stage.WAITING)
    assert desk.messages() == [message_id()], "a stranger's route is not followed"
    assert len(await desk.blobs.list()) == 2


async def test_a_route_to_this_node_is_a_delivery(desk: Desk) -> None:
    desk.give("own", purpose=RELAY_PURPOSE)
    await desk.put_header("own", route=OWN)
    assert await desk.uploads.complete("own") is None
    assert desk.messages() == [message_id("own")]


@pytest.mark.parametrize("route", ["http://10.0.0.1:80", "http://169.254.169.254:80"])
async def test_a_route_into_another_network_is_refused(desk: Desk, route: str) -> None:
    desk.give("own", purpose=RELAY_PURPOSE)
    assert code(await desk.put_header("own", route=Address(route))) is ErrorCode.MALFORMED


async def test_a_full_outbox_takes_no_more(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.give(name, purpose=RELAY_PURPOSE)
        await desk.put_header(name, route=OTHER)
    outcomes = [await desk.uploads.complete(name) for name in ("a", "b", "c", "a")]
    assert [code(outcome) for outcome in outcomes] == [None, None, ErrorCode.QUOTA_EXCEEDED, None]


async def test_a_restart_goes_on_with_what_was_acknowledged(desk: Desk) -> None:
    await desk.put_header()
    await desk.put("catalog", b"sealed")
    after = await desk.restarted()
    assert isinstance(await after.put("block/a", b"block"), Stored)
    assert await after.uploads.complete(TICKET) is None
    assert await after.read(TICKET, "catalog") == b"sealed"


async def test_a_restart_drops_what_nobody_names(desk: Desk) -> None:
    await desk.put_header()
    await desk.blobs.put(f"{message_id()}/orphan", pieces(b"x"), limit_bytes=1)
    await desk.blobs.put("unknown/orphan", pieces(b"x"), limit_bytes=1)
    after = await desk.restarted()
    assert len(await after.blobs.list()) == 1
    assert await after.uploads.complete(TICKET) is None


class Failing:
    """Documents or claims that do not answer when they are told to fail, before or after they have acted."""

    def __init__(self, inner: object, desk_failures: set[tuple[str, str]], *, acts: bool) -> None:
        self._inner, self._failures, self._acts = inner, desk_failures, acts

    def __getattr__(self, name: str) -> object:
        call = getattr(self._inner, name)

        async def guarded(*arguments: object) -> object:
            is_failing = any(
                name == method and arguments and str(arguments[0]).find(what) >= 0 for method, what in self._failures
            )
            if is_failing and not self._acts:
                raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)
            result = await call(*arguments)
            if is_failing:
                raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)
            return result

        return guarded


class FailingStore:
    """A store whose tables fail as told."""

    def __init__(self, inner: object, failures: set[tuple[str, str]], *, acts: bool) -> None:
        self._inner, self._failures, self._acts = inner, failures, acts

    def __getattr__(self, name: str) -> object:
        return Failing(getattr(self._inner, name), self._failures, acts=self._acts)


FAILURES = [
    ("put", "upload/manifests"),
    ("claim", "upload/end"),
    ("put", "upload/boxes"),
    ("put", "upload/tickets"),
    ("delete", "upload/manifests"),
]


@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_store_that_fails_while_completing_delays_it_only(
    failure: tuple[str, str], *, acts: bool, is_restarted: bool
) -> None:
    failures: set[tuple[str, str]] = set()
    first = Desk()
    desk = Desk(store=FailingStore(first.store, failures, acts=acts))  # type: ignore[arg-type]  # forwards every call
    desk.give()
    await desk.put_header()
    failures.add(failure)
    with pytest.raises(UnavailableError):
        await desk.uploads.complete(TICKET)
    failures.clear()
    if is_restarted:
        desk = await desk.restarted()
    assert await desk.uploads.complete(TICKET) is None
    assert desk.messages() == [message_id()]
    assert (await desk.read(TICKET, "header")) is not None
    after = await desk.restarted()
    assert after.messages() == [message_id()]
    assert await after.store.documents.list("upload/manifests") == ()


async def test_what_was_being_completed_is_completed_by_the_restart(desk: Desk) -> None:
    failures = {("claim", "upload/end")}
    broken = Desk(store=FailingStore(desk.store, failures, acts=True), blobs=desk.blobs)  # type: ignore[arg-type]  # forwards every call
    broken.give()
    await broken.put_header()
    with pytest.raises(UnavailableError):
        await broken.uploads.complete(TICKET)
    desk.clock.moment = Instant(NOW + CONFIG.lease_cap_ms)
    after = await desk.restarted()
    assert after.messages() == [message_id()], "its lease held when its completion was asked for"


async def test_a_part_that_could_not_be_written_down_is_not_there(desk: Desk) -> None:
    failures: set[tuple[str, str]] = set()
    broken = Desk(store=FailingStore(desk.store, failures, acts=False))  # type: ignore[arg-type]  # forwards every call
    broken.give()
    await broken.put_header()
    for failure in (("put", "upload/manifests"), ("put", "upload/tickets")):
        failures.add(failure)
        with pytest.raises(UnavailableError):
            await broken.put("catalog", b"lost")
        failures.clear()
    assert await broken.uploads.complete(TICKET) is None
    assert await broken.read(TICKET, "catalog") is None
    after = await broken.restarted()
    assert len(await after.blobs.list()) == 1


async def test_what_was_acknowledged_outlives_a_replacement_that_was_not_written_down(desk: Desk) -> None:
    failures: set[tuple[str, str]] = set()
    broken = Desk(store=FailingStore(desk.store, failures, acts=False))  # type: ignore[arg-type]  # forwards every call
    broken.give()
    await broken.put_header()
    assert isinstance(await broken.put("catalog", b"good"), Stored)
    failures.add(("put", "upload/tickets"))
    with pytest.raises(UnavailableError):
        await broken.put("catalog", b"replacement")
    failures.clear()
    await broken.uploads.drop_orphans()
    assert await broken.uploads.complete(TICKET) is None
    assert await broken.read(TICKET, "catalog") == b"good"


async def test_what_the_sender_breaks_off_leaves_nothing(desk: Desk) -> None:
    async def torn() -> AsyncIterator[bytes]:
        yield b"half"
        raise PeerError(ErrorCode.MALFORMED)

    with pytest.raises(PeerError):
        await desk.uploads.put_part(TICKET, "catalog", torn())
    assert await desk.blobs.list() == ()
    assert desk.uploads.uploading_bytes() == 0
