"""Questions to an Ethereum node: JSON-RPC 2.0 over HTTP, with limits.

What a node answers is read up to a limit and a deadline; redirects are not followed, cookies not kept, the
environment's proxies not used. A node's address often holds a key that is paid for, so it stands in no error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Final

import aiohttp
import msgspec
from msgspec import UNSET, Meta, UnsetType
from yarl import URL

from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError

__all__ = ["Refusal", "RpcClient", "RpcLimits", "parse_answer"]

_MS_PER_SECOND: Final = 1_000
_CONNECTIONS_MAX: Final = 32
_KEEP_ALIVE_S: Final = 30
_OK: Final = 200
_TIMEOUT_MAX_MS: Final = 600_000
_ANSWER_MIN_BYTES: Final = 1_024
_ANSWER_MAX_BYTES: Final = 2**30
_TEXT_MAX_CHARACTERS: Final = 2_000
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "parley",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcLimits:
    """What an answer may take.

    Attributes:
        timeout_ms: the longest to wait for one, 1..600,000.
        answer_bytes: the largest that is read, 1024..2**30.
    """

    timeout_ms: int = 10_000
    answer_bytes: int = 8_388_608

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LocalError: a limit is out of its range.
        """
        is_timeout_fit = 1 <= self.timeout_ms <= _TIMEOUT_MAX_MS
        if not is_timeout_fit or not _ANSWER_MIN_BYTES <= self.answer_bytes <= _ANSWER_MAX_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, timeout_ms=self.timeout_ms, answer_bytes=self.answer_bytes)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A node's error instead of a result.

    Attributes:
        code: the node's own number; nodes do not agree on them.
        untrusted_text: the node's words, at most 2000 characters.
        data: what came along, such as what a contract reverted with in hex; empty where none did.
    """

    code: int
    untrusted_text: str
    data: str


class _Error(msgspec.Struct, frozen=True):
    code: int
    message: str = ""
    data: msgspec.Raw | UnsetType = UNSET


class _Answer(msgspec.Struct, frozen=True):
    jsonrpc: str
    id: Annotated[int, Meta(ge=0)] | str | None
    result: msgspec.Raw | UnsetType = UNSET
    error: _Error | None = None


def parse_answer(raw: bytes, number: int) -> bytes | Refusal:
    """Read the answer to a question.

    Args:
        raw: the body of the response.
        number: of the question.

    Returns:
        The result as JSON, or the node's refusal.

    Raises:
        PeerError: MALFORMED: no answer of JSON-RPC 2.0, or one to another question.
    """
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED, value="answer", wanted="JSON-RPC 2.0") from None
    error = answer.error
    if answer.jsonrpc != "2.0" or (answer.id != number and not (error is not None and answer.id is None)):
        raise PeerError(ErrorCode.MALFORMED, value="answer", fault="version or id")
    if error is not None:
        return Refusal(error.code, error.message[:_TEXT_MAX_CHARACTERS], _error_data(error.data))
    if isinstance(answer.result, UnsetType):
        raise PeerError(ErrorCode.MALFORMED, value="answer", fault="neither result nor error")
    return bytes(answer.result)


class RpcClient:
    """Asks one node; connections are kept and shared."""

    def __init__(self, url: str, limits: RpcLimits) -> None:
        """Open nothing yet.

        Args:
            url: http or https, with whatever key the node wants.
            limits: of each answer.

        Raises:
            LocalError: the url is none that could be asked.
        """
        try:
            self._url = URL(url)
        except ValueError:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="url") from None
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="url", wanted="http://… or https://…")
        self._limits = limits
        self._numbers = count(1)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def ask(self, method: str, params: Sequence[object], *, is_repeatable: bool = True) -> bytes | Refusal:
        """Ask a question, once more where a kept connection turns out to be closed.

        Args:
            method: as `eth_call`.
            params: what JSON can hold.
            is_repeatable: False where the second answer would be of what the first question did.

        Returns:
            The result as JSON, or the node's refusal.

        Raises:
            UnavailableError: UNREACHABLE: no answer in time, or none of JSON-RPC under an error of HTTP.
                SHUTTING_DOWN: this client is closed.
            PeerError: TOO_LARGE; MALFORMED: another form.
        """
        number = next(self._numbers)
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        try:
            async with asyncio.timeout(self._limits.timeout_ms / _MS_PER_SECOND):
                try:
                    status, raw = await self._post(body)
                except aiohttp.ServerDisconnectedError:
                    if not is_repeatable:
                        raise
                    status, raw = await self._post(body)
        except TimeoutError:
            raise UnavailableError(ErrorCode.UNREACHABLE, timeout_ms=self._limits.timeout_ms) from None
        except (aiohttp.ClientError, OSError):
            raise UnavailableError(ErrorCode.UNREACHABLE) from None
        try:
            return parse_answer(raw, number)
        except PeerError:
            if status != _OK:
                raise UnavailableError(ErrorCode.UNREACHABLE, status=status) from None
            raise

    def check_open(self) -> None:
        """Refuse to go on once the client is closed.

        Raises:
            UnavailableError: SHUTTING_DOWN.
        """
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)

    async def close(self) -> None:
        """Close all connections; closing twice is harmless."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        async with self._opened().post(self._url, data=body, headers=_HEADERS, allow_redirects=False) as response:
            chunks: list[bytes] = []
            size_bytes = 0
            async for chunk in response.content.iter_any():
                size_bytes += len(chunk)
                if size_bytes > self._limits.answer_bytes:
                    response.close()
                    raise PeerError(ErrorCode.TOO_LARGE, maximum_bytes=self._limits.answer_bytes)
                chunks.append(chunk)
            return response.status, b"".join(chunks)

    def _opened(self) -> aiohttp.ClientSession:
        self.check_open()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=_KEEP_ALIVE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session


def _error_data(raw: msgspec.Raw | UnsetType) -> str:
    """Return the text that came with an error; nodes also send objects, which say nothing here."""
    if isinstance(raw, UnsetType):
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
