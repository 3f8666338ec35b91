"""The part of protobuf (proto3) that Livepeer's payment messages use: varints and length-delimited fields.

    field   = varint(number << 3 | kind) · value        kind 0: varint, kind 2: varint length · bytes
    varint  = 7 bits a byte, lowest first, top bit set where more follow; at most 10 bytes
    integers of the chain are bytes: big endian, no leading zero, none for 0

Fields are written in ascending order and left out at their default. Read is any order; fields with other numbers are
passed over, as proto3 demands, so that a newer sender is understood. Refused is what proto3 leaves open: a field that
stands twice, a wrong kind, the old groups, a varint longer than it must be, an integer with leading zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError

__all__ = ["Fields", "delimited", "encode_delimited", "encode_varint", "minimal", "parse_fields"]

_VARINT: Final = 0
_DELIMITED: Final = 2
_FIXED_SIZES: Final[Mapping[int, int]] = {1: 8, 5: 4}
_OTHER_KIND: Final = -1
"""Stands for a value of a kind that none of our fields has: known by its number, it is refused as no integer is."""

_KIND_BITS: Final = 3
_VARINT_MAX_BYTES: Final = 10
_UINT64_MAX: Final = 2**64 - 1
_NUMBER_MAX: Final = 2**29 - 1
_MORE: Final = 0x80


def encode_varint(number: int, value: int) -> bytes:
    """Encode an integer field, or nothing for 0.

    Args:
        number: of the field, 1 <= number < 2**29.
        value: 0 <= value < 2**64.
    """
    return b"" if value == 0 else _varint(number << _KIND_BITS | _VARINT) + _varint(value)


def encode_delimited(number: int, raw: bytes) -> bytes:
    """Encode a field of bytes, text or a message, even an empty one."""
    return _varint(number << _KIND_BITS | _DELIMITED) + _varint(len(raw)) + raw


def delimited(number: int, raw: bytes) -> bytes:
    """Encode a field of bytes or text, or nothing where there are none."""
    return encode_delimited(number, raw) if raw else b""


def minimal(value: int) -> bytes:
    """Return an integer of the chain in as few bytes as it needs, big endian; 0 in none."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _varint(value: int) -> bytes:
    if not 0 <= value <= _UINT64_MAX:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, value_bits=value.bit_length(), wanted_bits=64)
    out = bytearray()
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


class Fields:
    """The fields of one message, by number; every method raises PeerError and nothing else."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[int, list[int | bytes]]) -> None:
        """Hold what `parse_fields` found."""
        self._values = values

    def uint(self, number: int, maximum: int) -> int:
        """Return an integer field, 0 where it is left out.

        Raises:
            PeerError: MALFORMED: above the maximum, another kind, or there twice.
        """
        value = self._single(number)
        if value is None:
            return 0
        if not isinstance(value, int) or not 0 <= value <= maximum:
            raise PeerError(ErrorCode.MALFORMED, field_number=number)
        return value

    def bytes_(self, number: int, maximum_bytes: int) -> bytes:
        """Return a field of bytes, empty where it is left out.

        Raises:
            PeerError: TOO_LARGE: longer than the maximum. MALFORMED: another kind, or there twice.
        """
        raw = self.message(number)
        if raw is None:
            return b""
        if len(raw) > maximum_bytes:
            raise PeerError(ErrorCode.TOO_LARGE, field_number=number, size_bytes=len(raw), maximum_bytes=maximum_bytes)
        return raw

    def fixed(self, number: int, size_bytes: int) -> bytes:
        """Return a field of bytes that has exactly one size.

        Raises:
            PeerError: MALFORMED: left out, another size, another kind, or there twice.
        """
        raw = self.message(number)
        if raw is None or len(raw) != size_bytes:
            raise PeerError(ErrorCode.MALFORMED, field_number=number, wanted_bytes=size_bytes)
        return raw

    def uint256(self, number: int) -> int:
        """Return an integer of the chain, 0 where it is left out.

        Raises:
            PeerError: TOO_LARGE: above 32 bytes. MALFORMED: a leading zero, another kind, or there twice.
        """
        raw = self.bytes_(number, 32)
        if raw[:1] == b"\x00":
            raise PeerError(ErrorCode.MALFORMED, field_number=number, fault="leading zero")
        return int.from_bytes(raw, "big")

    def text(self, number: int, maximum_bytes: int) -> str:
        """Return a field of text, empty where it is left out.

        Raises:
            PeerError: TOO_LARGE: longer than the maximum. MALFORMED: not UTF-8, another kind, or there twice.
        """
        try:
            return self.bytes_(number, maximum_bytes).decode()
        except UnicodeDecodeError:
            raise PeerError(ErrorCode.MALFORMED, field_number=number, fault="not UTF-8") from None

    def message(self, number: int) -> bytes | None:
        """Return the bytes of a message inside, None where it is left out.

        Raises:
            PeerError: MALFORMED: another kind, or there twice.
        """
        value = self._single(number)
        if isinstance(value, int):
            raise PeerError(ErrorCode.MALFORMED, field_number=number)
        return value

    def messages(self, number: int, maximum: int) -> list[bytes]:
        """Return the bytes of each of the messages that stand under one number, in their order.

        Raises:
            PeerError: TOO_LARGE: more than the maximum. MALFORMED: one is of another kind.
        """
        values = self._values.get(number, [])
        if len(values) > maximum:
            raise PeerError(ErrorCode.TOO_LARGE, field_number=number, count=len(values), maximum=maximum)
        messages = [value for value in values if isinstance(value, bytes)]
        if len(messages) != len(values):
            raise PeerError(ErrorCode.MALFORMED, field_number=number)
        return messages

    def _single(self, number: int) -> int | bytes | None:
        values = self._values.get(number, [])
        if len(values) > 1:
            raise PeerError(ErrorCode.MALFORMED, field_number=number, fault="stands twice")
        return values[0] if values else None


def parse_fields(raw: bytes) -> Fields:
    """Split a message into its fields; what they mean is not judged.

    Raises:
        PeerError: MALFORMED: cut short, a varint out of form, a kind that proto3 does not have.
    """
    values: dict[int, list[int | bytes]] = {}
    offset = 0
    while offset < len(raw):
        key, offset = _read_varint(raw, offset)
        number, kind = key >> _KIND_BITS, key & 0x07
        if not 1 <= number <= _NUMBER_MAX:
            raise PeerError(ErrorCode.MALFORMED, offset=offset, field_number=number)
        value: int | bytes
        if kind == _VARINT:
            value, offset = _read_varint(raw, offset)
        elif kind == _DELIMITED:
            value, offset = _read_bytes(raw, offset)
        else:
            value, offset = _OTHER_KIND, _skip_fixed(raw, offset, kind)
        values.setdefault(number, []).append(value)
    return Fields(values)


def _read_varint(raw: bytes, start: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(raw[start : start + _VARINT_MAX_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < _MORE:
            if (byte == 0 and index > 0) or value > _UINT64_MAX:
                raise PeerError(ErrorCode.MALFORMED, offset=start, fault="varint longer than it must be")
            return value, start + index + 1
    raise PeerError(ErrorCode.MALFORMED, offset=start, fault="varint without an end")


def _read_bytes(raw: bytes, start: int) -> tuple[bytes, int]:
    size, offset = _read_varint(raw, start)
    end = _end(raw, offset, size)
    return raw[offset:end], end


def _skip_fixed(raw: bytes, offset: int, kind: int) -> int:
    size = _FIXED_SIZES.get(kind)
    if size is None:
        raise PeerError(ErrorCode.MALFORMED, offset=offset, kind=kind)
    return _end(raw, offset, size)


def _end(raw: bytes, offset: int, size: int) -> int:
    end = offset + size
    if end > len(raw):
        raise PeerError(ErrorCode.MALFORMED, offset=offset, wanted_bytes=size, left_bytes=len(raw) - offset)
    return end
