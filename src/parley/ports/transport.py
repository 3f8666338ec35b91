"""The transport: how the bytes of one request reach a peer and the bytes of its answer come back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from parley.errors import ErrorCode, LocalError
from parley.pool.addresses import Address, parse_address

__all__ = ["Transport", "check_outgoing"]

_URL: Final = re.compile(r"(https?://[^/?#]+)(/[A-Za-z0-9/_.-]*)")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")


class Transport(Protocol):
    """Requests to peers, one answer each; many may be under way at once."""

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        """Send a request and wait for its answer.

        Args:
            url: an address in its normal form (`parley.pool.addresses`) and a path.
            body: to send.
            headers: names and values that go with it, printable ASCII.
            timeout_ms: the longest to wait for the whole answer, 1 or more.
            answer_limit_bytes: no more than this is taken.

        Returns:
            The body of the answer, at most `answer_limit_bytes` long; what it says is not judged.

        Raises:
            LocalError: the url, a header or a number is none that could be sent.
            UnavailableError: UNREACHABLE: no answer in time, or no way to the peer. Whether the peer acted is
                unknown. SHUTTING_DOWN: this transport is closed.
            PeerError: TOO_LARGE: the answer is above the limit. MALFORMED: it is no answer of the protocol.
        """


def check_outgoing(
    url: str, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
) -> tuple[Address, str]:
    """Check what a transport is asked to send.

    Returns:
        The address and the path of the url.

    Raises:
        LocalError: the url is no address in its normal form and a path, a header cannot be sent, or a number is out
            of range.
    """
    match = _URL.fullmatch(url)
    address = parse_address(match.group(1)) if match else None
    if match is None or address != match.group(1):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, expected="an address in its normal form, and a path")
    for name, value in headers.items():
        if _HEADER_NAME.fullmatch(name) is None or _HEADER_VALUE.fullmatch(value) is None:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, expected="headers of printable ASCII")
    if timeout_ms < 1 or answer_limit_bytes < 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, timeout_ms=timeout_ms, answer_limit_bytes=answer_limit_bytes)
    return Address(match.group(1)), match.group(2)
