"""Boxes: what is delivered stays until it is removed, also after a restart."""

from __future__ import annotations

import pytest

from parley.adapters.memory.blobs import MemoryBlobs
from parley.adapters.memory.store import MemoryStore
from parley.errors import ErrorCode
from parley.node.mailbox import QUOTA_MS, Mailbox, Message, Part
from parley.ports.store import Documents
from parley.primitives.instants import Instant
from tests.unit.node.mail_parts import RECIPIENT, SENDER, STRANGER, code, pieces
from tests.unit.node.parts import NOW


def message(number: int, size_bytes: int = 10, recipient: bytes = RECIPIENT) -> Message:
    part = Part("catalog", "leaf", size_bytes, "00" * 32)
    return Message(f"{number:032x}", SENDER.hex(), recipient.hex(), NOW + 9 - number, (part,))


def mailbox(documents: Documents | None = None, blobs: MemoryBlobs | None = None) -> Mailbox:
    async def is_known(account: bytes) -> bool:
        return account == RECIPIENT

    return Mailbox(
        documents or MemoryStore().documents,
        blobs or MemoryBlobs(),
        is_known=is_known,
        box_bytes_max=100,
        box_messages_max=3,
    )


async def test_messages_are_kept_in_order_of_arrival_also_after_a_restart() -> None:
    documents = MemoryStore().documents
    before = mailbox(documents)
    for number in (1, 2, 2):
        await before.deliver(message(number))
    after = mailbox(documents)
    assert after.messages(RECIPIENT.hex()) == ()
    await after.load()
    for box in (before, after):
        assert box.messages(RECIPIENT.hex()) == (message(2), message(1))
        assert box.recipients() == (RECIPIENT.hex(),)
        assert box.kept_blobs() == {f"{number:032x}/leaf" for number in (1, 2)}


async def test_what_is_removed_is_gone_with_its_parts() -> None:
    documents, blobs = MemoryStore().documents, MemoryBlobs()
    box = mailbox(documents, blobs)
    await blobs.put(f"{1:032x}/leaf", pieces(b"content"), limit_bytes=7)
    await box.deliver(message(1))
    reading = await box.read(message(1), "catalog")
    assert reading is not None
    assert b"".join([chunk async for chunk in reading]) == b"content"
    assert await box.read(message(1), "header") is None
    assert not await box.remove(STRANGER.hex(), message(1).id)
    assert await box.remove(RECIPIENT.hex(), message(1).id)
    assert not await box.remove(RECIPIENT.hex(), message(1).id)
    assert (box.recipients(), box.messages(RECIPIENT.hex()), await blobs.list()) == ((), (), ())
    assert await box.sweep(Instant(message(1).received_ms + QUOTA_MS)) == 1
    assert await documents.list("upload/boxes") == ()


async def test_room_is_kept_for_what_is_about_to_be_delivered() -> None:
    box = mailbox()
    assert box.reserve(message(1, 60), NOW) is None
    assert box.reserve(message(1, 60), NOW) is None, "once more is harmless"
    assert code(box.reserve(message(2, 41), NOW)) is ErrorCode.QUOTA_EXCEEDED
    assert box.reserve(message(2, 40), NOW) is None
    assert box.reserve(message(3, 100, STRANGER), NOW) is None, "boxes are apart"
    await box.deliver(message(1, 60))
    box.release(message(1, 60))
    assert code(box.reserve(message(3, 1), NOW)) is ErrorCode.QUOTA_EXCEEDED
    box.release(message(2, 40))
    box.release(message(2, 40))
    assert box.reserve(message(3, 40), NOW) is None


async def test_the_number_of_messages_is_limited_too() -> None:
    box = mailbox()
    for number in range(3):
        assert box.reserve(message(number, 0), NOW) is None
        await box.deliver(message(number, 0))
    assert code(box.reserve(message(3, 0), NOW)) is ErrorCode.QUOTA_EXCEEDED
    assert box.reserve(message(2, 0), NOW) is None, "what is in the box already takes no room"


@pytest.mark.parametrize("deed", ["nothing", "removed", "nobody"])
@pytest.mark.parametrize("later_ms", [0, QUOTA_MS])
async def test_a_full_box_says_the_same_whoever_has_it_and_reads(deed: str, later_ms: int) -> None:
    box = mailbox()
    recipient = STRANGER if deed == "nobody" else RECIPIENT
    filling = message(9, 100, recipient)
    await box.deliver(filling)
    if deed == "removed":
        assert await box.remove(recipient.hex(), filling.id)
    refused = box.reserve(message(1, 1, recipient), Instant(NOW + later_ms))
    assert (refused is None) == (later_ms > 0)


async def test_the_node_has_a_limit_for_all_boxes_together() -> None:
    async def everybody(account: bytes) -> bool:
        return bool(account)

    box = Mailbox(MemoryStore().documents, MemoryBlobs(), is_known=everybody, box_bytes_max=100, boxes_bytes_max=100)
    await box.deliver(message(1, 60))
    await box.deliver(message(1, 60))
    assert code(box.reserve(message(2, 41, STRANGER), NOW)) is ErrorCode.QUOTA_EXCEEDED
    assert box.reserve(message(2, 40, STRANGER), NOW) is None
    assert await box.remove(RECIPIENT.hex(), message(1).id)
    assert box.reserve(message(3, 60, SENDER), NOW) is None


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_messages_to_nobody_count_for_a_while_and_are_not_shown(*, is_restarted: bool) -> None:
    documents = MemoryStore().documents
    box = mailbox(documents)
    await box.deliver(message(9, 100, STRANGER))
    if is_restarted:
        box = mailbox(documents)
        await box.load()
    assert (box.messages(STRANGER.hex()), box.recipients(), box.kept_blobs()) == ((), (), set())
    assert box.find(STRANGER.hex(), message(9).id) is None
    assert code(box.reserve(message(1, 1, STRANGER), NOW)) is ErrorCode.QUOTA_EXCEEDED
    assert await box.sweep(Instant(NOW + QUOTA_MS - 1)) == 0
    assert await box.sweep(Instant(NOW + QUOTA_MS)) == 1
    assert box.reserve(message(1, 1, STRANGER), NOW) is None
    assert await documents.list("upload/boxes") == ()
