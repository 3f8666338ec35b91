"""What every keeper of blobs must do, as a function that any adapter can be run against; no test framework needed.

    await check_blobs(make)         make() opens an empty one, as an async context manager

Raises LocalError naming the rule that the adapter breaks, and returns None where it obeys all of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.ports.blobs import CHUNK_BYTES, WORD_MAX_CHARACTERS, Blob, Blobs, Stored

__all__ = ["check_blobs"]

_LARGE: Final = bytes(range(256)) * (2 * CHUNK_BYTES // 256) + b"end"
_RACERS: Final = 20


async def check_blobs(make: Callable[[], AbstractAsyncContextManager[Blobs]]) -> None:
    """Check a keeper of blobs.

    Args:
        make: opens an empty one.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    for check in (
        _blob_is_put_replaced_and_deleted,
        _large_blob_comes_back_in_chunks,
        _limit_is_kept,
        _interrupted_blob_leaves_no_trace,
        _folders_are_apart_and_listed_in_order,
        _names_have_limits,
        _reader_reads_to_the_end,
        _puts_at_once_are_whole,
        _puts_and_deletes_at_once_do_not_fail,
    ):
        async with make() as blobs:
            await check(blobs)


async def _blob_is_put_replaced_and_deleted(blobs: Blobs) -> None:
    _expect("what was not put is not there", wanted=None, got=await blobs.read("box/key"))
    _expect("nor can it be deleted", wanted=0, got=await blobs.delete("box/key"))
    for content in (b"first", b"", b"second"):
        got = await blobs.put("box/key", _pieces(content, 2), limit_bytes=6)
        wanted = Stored(len(content), hashlib.sha256(content).digest())
        _expect("a put says what was put", wanted=wanted, got=got)
        _expect("the last content is there", wanted=content, got=await _content(blobs, "box/key"))
    _expect("deleting counts", wanted=1, got=await blobs.delete("box/key"))
    _expect("what was deleted is gone", wanted=None, got=await blobs.read("box/key"))


async def _large_blob_comes_back_in_chunks(blobs: Blobs) -> None:
    await blobs.put("box/large", _pieces(_LARGE, 65_537), limit_bytes=len(_LARGE))
    reading = await blobs.read("box/large")
    sizes: list[int] = []
    digest = hashlib.sha256()
    if reading is not None:
        async for chunk in reading:
            sizes.append(len(chunk))
            digest.update(chunk)
    _expect("all comes back", wanted=hashlib.sha256(_LARGE).digest(), got=digest.digest())
    _expect("in chunks that are not too large", wanted=True, got=0 < max(sizes) <= CHUNK_BYTES)


async def _limit_is_kept(blobs: Blobs) -> None:
    await blobs.put("box/key", _pieces(b"before", 9), limit_bytes=6)
    got = await blobs.put("box/key", _pieces(b"1234567", 2), limit_bytes=6)
    _expect("more than the limit is refused", wanted=ErrorCode.TOO_LARGE, got=_code(got))
    _expect("and changes nothing", wanted=b"before", got=await _content(blobs, "box/key"))
    got = await blobs.put("box/none", _pieces(b"", 1), limit_bytes=0)
    _expect("nothing is within every limit", wanted=Stored(0, hashlib.sha256().digest()), got=got)
    refused = blobs.put("box/key", _pieces(b"", 1), limit_bytes=-1)
    await _expect_refusal("limits have limits", LocalError, refused)


async def _interrupted_blob_leaves_no_trace(blobs: Blobs) -> None:
    await blobs.put("box/key", _pieces(b"before", 9), limit_bytes=6)

    async def torn() -> AsyncIterator[bytes]:
        yield b"half"
        raise PeerError(ErrorCode.MALFORMED)

    for name in ("box/key", "box/new", "new/new"):
        refused = blobs.put(name, torn(), limit_bytes=100)
        await _expect_refusal("what the chunks raise passes through", PeerError, refused)
    _expect("half a blob is no blob", wanted=(Blob("box/key", 6),), got=await blobs.list())
    _expect("and replaces none", wanted=b"before", got=await _content(blobs, "box/key"))


async def _folders_are_apart_and_listed_in_order(blobs: Blobs) -> None:
    for name in ("b/z", "b/a", "a/z", "b-/a", "b.c/a"):
        await blobs.put(name, _pieces(name.encode(), 9), limit_bytes=9)
    wanted = tuple(Blob(name, len(name)) for name in ("a/z", "b-/a", "b.c/a", "b/a", "b/z"))
    _expect("all are listed, by name", wanted=wanted, got=await blobs.list())
    _expect("a folder is listed", wanted=(Blob("b/a", 3), Blob("b/z", 3)), got=await blobs.list("b"))
    _expect("one name is listed", wanted=(Blob("b/z", 3),), got=await blobs.list("b/z"))
    _expect("an unknown folder is empty", wanted=(), got=await blobs.list("none"))
    _expect("a folder is deleted whole", wanted=2, got=await blobs.delete("b"))
    _expect("and nothing else", wanted=3, got=len(await blobs.list()))
    _expect("deleting twice finds nothing", wanted=0, got=await blobs.delete("b"))


async def _names_have_limits(blobs: Blobs) -> None:
    longest = "n" * WORD_MAX_CHARACTERS
    got = await blobs.put(f"{longest}/{longest}", _pieces(b"x", 1), limit_bytes=1)
    _expect("the longest name is taken", wanted=1, got=got.size_bytes if isinstance(got, Stored) else got)
    bad = (
        "",
        "a",
        "/a",
        "a/",
        "a/b/c",
        "../a",
        "a/..",
        "./a",
        ".unfinished/a",
        "a/.b",
        "A/b",
        "a/b\n",
        "a/b\x00",
        "a\\b/c",
        "\u00e9/a",
        f"{longest}n/a",
    )
    for name in bad:
        refused = blobs.put(name, _pieces(b"x", 1), limit_bytes=1)
        await _expect_refusal("names have a form", LocalError, refused)
        await _expect_refusal("names have a form", LocalError, blobs.read(name))
    for prefix in ("..", ".", "/", "a/b/c", ".unfinished", "a/", "../a"):
        await _expect_refusal("what is listed has a form", LocalError, blobs.list(prefix))
        await _expect_refusal("what is deleted has a form", LocalError, blobs.delete(prefix))
    await _expect_refusal("all cannot be deleted at once", LocalError, blobs.delete(""))
    _expect("what is refused leaves no trace", wanted=1, got=len(await blobs.list()))


async def _reader_reads_to_the_end(blobs: Blobs) -> None:
    await blobs.put("box/key", _pieces(_LARGE, len(_LARGE)), limit_bytes=len(_LARGE))
    reading = await blobs.read("box/key")
    if reading is None:
        raise LocalError(ErrorCode.WRONG_STATE, rule="what was put is there")
    content = bytearray(await anext(reading))
    await blobs.put("box/key", _pieces(b"other", 9), limit_bytes=9)
    await blobs.delete("box")
    async for chunk in reading:
        content += chunk
    _expect("who began to read reads to the end", wanted=_LARGE, got=bytes(content))


async def _puts_at_once_are_whole(blobs: Blobs) -> None:
    contents = [b"%d" % number * 1_000 for number in range(_RACERS)]
    await asyncio.gather(*(blobs.put("box/key", _pieces(content, 99), limit_bytes=9_999) for content in contents))
    got = await _content(blobs, "box/key")
    _expect("one of many puts is there, whole", wanted=True, got=got in contents)


async def _puts_and_deletes_at_once_do_not_fail(blobs: Blobs) -> None:
    async def put(number: int) -> None:
        got = await blobs.put(f"box/{number}", _pieces(b"content", 3), limit_bytes=7)
        _expect("a put beside deletes is taken", wanted=True, got=isinstance(got, Stored))

    await asyncio.gather(
        *(put(number) for number in range(_RACERS)), *(blobs.delete("box") for _ in range(_RACERS // 4))
    )
    await blobs.delete("box")
    _expect("a deleted folder is empty", wanted=(), got=await blobs.list())


async def _pieces(content: bytes, size_bytes: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size_bytes):
        await asyncio.sleep(0)
        yield content[start : start + size_bytes]


async def _content(blobs: Blobs, name: str) -> bytes | None:
    reading = await blobs.read(name)
    return None if reading is None else b"".join([chunk async for chunk in reading])


def _code(got: Stored | Rejected) -> object:
    return got.code if isinstance(got, Rejected) else got


def _expect(rule: str, *, wanted: object, got: object) -> None:
    if got != wanted:
        raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=repr(wanted)[:200], got=repr(got)[:200])


async def _expect_refusal(rule: str, kind: type[Exception], call: Awaitable[object]) -> None:
    try:
        got = await call
    except kind:
        return
    raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=kind.__name__, got=repr(got)[:200])
