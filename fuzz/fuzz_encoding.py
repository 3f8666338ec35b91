"""The canonical binary reader, driven by the data itself.

The first byte says how many fields follow, two bytes per field say which and how large, the rest is what
they are read from. What was read must encode to the very bytes it was read from.
"""

from __future__ import annotations

from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint

__all__ = ["fuzz_one"]

_LENGTH_SIZES = (1, 2, 4)


def fuzz_one(data: bytes) -> None:
    """Read fields out of `data` and encode them again; only PeerError may escape."""
    count = data[0] % 8 if data else 0
    program, raw = data[1 : 1 + 2 * count], data[1 + 2 * count :]
    reader = Reader(raw)
    again = [_read(reader, kind, size) for kind, size in zip(program[::2], program[1::2], strict=False)]
    reader.finish()
    if b"".join(again) != raw:
        message = "what was read encodes to other bytes"
        raise AssertionError(message)


def _read(reader: Reader, kind: int, size: int) -> bytes:
    length_bytes = _LENGTH_SIZES[size % 3]
    match kind % 4:
        case 0:
            size_bytes = 1 + size % 32
            return encode_uint(reader.uint(size_bytes), size_bytes)
        case 1:
            return reader.fixed(size % 70)
        case 2:
            return encode_bytes(reader.bytes_(length_bytes, size), length_bytes=length_bytes)
        case _:
            return encode_text(reader.text(length_bytes, size), length_bytes=length_bytes)
