"""A node of the real parts over memory adapters, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.errors import ErrorCode, UnavailableError
from parley.node.config import NodeConfig
from parley.node.data_directory import DataDirectory
from parley.node.wiring import Node, Parts, build_node
from parley.pool.messages import Record, record_id
from parley.ports.store import Store
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant

NOW = Instant(1_800_000_000_000)
SECRET = bytes(31) + b"\x07"


@dataclass
class SetClock:
    """A clock that stands where it is put."""

    moment: Instant = NOW

    def now(self) -> Instant:
        return self.moment

    async def sleep_until(self, moment: Instant) -> None:
        self.moment = Instant(max(self.moment, moment))


class Nowhere:
    """A transport that reaches nobody."""

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        del url, body, headers, timeout_ms, answer_limit_bytes
        raise UnavailableError(ErrorCode.UNREACHABLE)


def make_node(folder: Path, clock: SetClock | None = None, store: Store | None = None, **settings: object) -> Node:
    config = NodeConfig(data_dir=folder, **settings)  # type: ignore[arg-type]  # checked by the class itself
    directory = DataDirectory(folder)
    directory.prepare()
    parts = Parts(clock or SetClock(), SeededEntropy(str(folder).encode()), store or MemoryStore(), Nowhere())
    return build_node(config, (), directory, parts, None)


def signed_record(
    keys: tuple[str, ...], message: str, *, sequence: int = 1, secret: bytes = SECRET, now: int = NOW
) -> Record:
    author = AuthorKey(schnorr.public_key(secret))
    bare = Record(author, keys, message, sequence, Instant(now), Instant(now + 600_000), bytes(64))
    return replace(bare, signature=schnorr.sign(secret, record_id(bare), bytes(32)))
