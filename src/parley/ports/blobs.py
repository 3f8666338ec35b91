"""Blobs: byte strings too large for a document, streamed in and out, each under a name of two words.

**Durability.** When `put` has returned, neither `kill -9` nor, where the disk keeps what it confirmed, a power cut
loses the blob; before that, nobody sees any of it. Deleting a whole folder is one step: after a crash all of it is
there or none. An adapter that keeps everything in memory says so.

**Sharing.** One process uses one place; any number of its tasks may.

Every method raises LocalError for a name or a number out of range, and UnavailableError(STORE_UNAVAILABLE) where the
disk does not do what it is asked.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from parley.errors import ErrorCode, LocalError, Rejected

__all__ = ["CHUNK_BYTES", "WORD_MAX_CHARACTERS", "Blob", "Blobs", "Stored", "check_blob_name", "check_blob_prefix"]

WORD_MAX_CHARACTERS: Final = 100
"""The longest word of a name."""

CHUNK_BYTES: Final = 262_144
"""The most that one step of `read` yields."""

_WORD: Final = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{WORD_MAX_CHARACTERS - 1}}}")
_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob that is kept.

    Attributes:
        name: "folder/leaf".
        size_bytes: 0 or more.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What was put.

    Attributes:
        size_bytes: 0 or more.
        sha256: 32 bytes, of all that came.
    """

    size_bytes: int
    sha256: bytes


class Blobs(Protocol):
    """Byte strings under names "folder/leaf"; a word is 1..100 of a-z 0-9 . _ - and begins with a letter or digit."""

    async def put(self, name: str, chunks: AsyncIterable[bytes], *, limit_bytes: int) -> Stored | Rejected:
        """Keep what comes, in place of what was there, once all of it has come.

        Args:
            name: "folder/leaf".
            chunks: of any sizes; what it raises passes through, and nothing is kept.
            limit_bytes: the most that is taken, 0 or more.

        Returns:
            Size and digest, or Rejected(TOO_LARGE) where more came, and nothing is kept.
        """

    async def read(self, name: str) -> AsyncIterator[bytes] | None:
        """Return the blob in chunks of at most `CHUNK_BYTES`, or None where there is none.

        Who began to read reads to the end, whatever is put or deleted meanwhile.
        """

    async def list(self, prefix: str = "") -> tuple[Blob, ...]:
        """Return the blobs of that name or folder, all for the empty one, ascending by name."""

    async def delete(self, prefix: str) -> int:
        """Drop the blob of that name, or a folder and all in it; return how many went."""


def check_blob_name(name: str) -> tuple[str, str]:
    """Check a name; return folder and leaf.

    Raises:
        LocalError: not two words.
    """
    words = name.split("/")
    if len(words) != _WORDS or not all(_WORD.fullmatch(word) for word in words):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, expected="folder/leaf of a-z 0-9 . _ -")
    return words[0], words[1]


def check_blob_prefix(prefix: str) -> None:
    """Check what is listed or deleted: a name, or a folder.

    Raises:
        LocalError: neither.
    """
    if _WORD.fullmatch(prefix) is None:
        check_blob_name(prefix)
