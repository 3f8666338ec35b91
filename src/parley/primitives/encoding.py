"""The canonical binary form: one value, one sequence of bytes, and no other that decodes to it.

    uint     big endian, fixed size
    bytes    length as a uint of 1, 2 or 4 bytes, then the bytes
    text     as bytes, in strict UTF-8 (no surrogates, no overlong forms)

Encoders are for our own values and raise LocalError; `Reader` is for bytes from outside and raises
PeerError only, before it copies or allocates what the limit forbids.
"""

from __future__ import annotations

from typing import NoReturn

from parley.errors import ErrorCode, LocalError, PeerError

__all__ = ["Reader", "encode_bytes", "encode_text", "encode_uint"]

_LENGTH_SIZES = frozenset({1, 2, 4})


def encode_uint(value: int, size_bytes: int) -> bytes:
    """Encode an unsigned integer, big endian.

    Args:
        value: 0 <= value < 256**size_bytes.
        size_bytes: of the result, 1 or more.

    Raises:
        LocalError: negative, or too large for the size.

    Source: vectors/encoding/uint.json.
    """
    try:
        return value.to_bytes(size_bytes, "big")
    except OverflowError:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, value_bits=value.bit_length(), size_bytes=size_bytes) from None


def encode_bytes(raw: bytes, *, length_bytes: int) -> bytes:
    """Encode bytes behind their length.

    Args:
        raw: fewer than 256**length_bytes bytes.
        length_bytes: size of the length, 1, 2 or 4.

    Raises:
        LocalError: too long for the length, or another size of the length.

    Source: vectors/encoding/bytes.json.
    """
    if length_bytes not in _LENGTH_SIZES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, length_bytes=length_bytes)
    return encode_uint(len(raw), length_bytes) + raw


def encode_text(text: str, *, length_bytes: int) -> bytes:
    """Encode text as UTF-8 behind its length in bytes.

    Args:
        text: without lone surrogates; its UTF-8 form has fewer than 256**length_bytes bytes.
        length_bytes: size of the length, 1, 2 or 4.

    Raises:
        LocalError: a lone surrogate, too long for the length, or another size of the length.

    Source: vectors/encoding/text.json.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, surrogate_at=error.start) from None
    return encode_bytes(raw, length_bytes=length_bytes)


class Reader:
    """Read canonical binary from the front; a failed read leaves the position where it was.

    Every method raises PeerError with MALFORMED or TOO_LARGE and nothing else, whatever the bytes are.
    The arguments (sizes, limits) are the caller's constants, not data.
    """

    __slots__ = ("_offset", "_raw", "_size")

    def __init__(self, raw: bytes) -> None:
        """Start at the first byte of `raw`."""
        self._raw = raw
        self._size = len(raw)
        self._offset = 0

    def uint(self, size_bytes: int) -> int:
        """Read an unsigned integer, big endian, of exactly `size_bytes` bytes.

        Raises:
            PeerError: MALFORMED: fewer bytes are left.
        """
        start = self._offset
        end = start + size_bytes
        if end > self._size:
            self._refuse_short(size_bytes)
        self._offset = end
        return int.from_bytes(self._raw[start:end], "big")

    def fixed(self, size_bytes: int) -> bytes:
        """Read exactly `size_bytes` bytes.

        Raises:
            PeerError: MALFORMED: fewer bytes are left.
        """
        start = self._offset
        end = start + size_bytes
        if end > self._size:
            self._refuse_short(size_bytes)
        self._offset = end
        return self._raw[start:end]

    def bytes_(self, length_bytes: int, maximum_bytes: int) -> bytes:
        """Read bytes behind their length.

        Args:
            length_bytes: size of the length, 1, 2 or 4.
            maximum_bytes: the longest that is accepted, in bytes.

        Raises:
            PeerError: TOO_LARGE: the length is above the maximum. MALFORMED: fewer bytes are left.
        """
        start = self._offset + length_bytes
        if start > self._size:
            self._refuse_short(length_bytes)
        length = int.from_bytes(self._raw[self._offset : start], "big")
        if length > maximum_bytes:
            raise PeerError(ErrorCode.TOO_LARGE, offset=self._offset, size_bytes=length, maximum_bytes=maximum_bytes)
        end = start + length
        if end > self._size:
            self._refuse_short(length_bytes + length)
        self._offset = end
        return self._raw[start:end]

    def text(self, length_bytes: int, maximum_bytes: int) -> str:
        """Read UTF-8 text behind its length.

        Args:
            length_bytes: size of the length, 1, 2 or 4.
            maximum_bytes: the longest UTF-8 form that is accepted, in bytes.

        Raises:
            PeerError: TOO_LARGE: the length is above the maximum. MALFORMED: fewer bytes are left, or
                they are not strict UTF-8.
        """
        start = self._offset
        raw = self.bytes_(length_bytes, maximum_bytes)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            self._offset = start
            raise PeerError(ErrorCode.MALFORMED, not_utf8_at=start + length_bytes + error.start) from None

    def finish(self) -> None:
        """Check that every byte was read.

        Raises:
            PeerError: MALFORMED: bytes are left over.
        """
        if self._offset != self._size:
            raise PeerError(ErrorCode.MALFORMED, trailing_bytes=self._size - self._offset)

    def _refuse_short(self, wanted_bytes: int) -> NoReturn:
        raise PeerError(
            ErrorCode.MALFORMED,
            offset=self._offset,
            wanted_bytes=wanted_bytes,
            left_bytes=self._size - self._offset,
        )
