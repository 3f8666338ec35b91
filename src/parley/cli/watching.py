"""`parley pool watch`: asks again and again, and says which records appeared, changed or went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.documents import RecordDocument
from parley.cli.conventions import DONE, FAILED
from parley.errors import ErrorCode, PeerError, Rejected
from parley.node.program import Output, Program, Tone
from parley.node.registry import Audience, Command

__all__ = ["WATCH", "Completeness", "Entry", "Look", "Sightings", "WatchPool", "watch_pool"]

_MARKS: Final[Mapping[str, tuple[str, Tone]]] = MappingProxyType(
    {"appeared": ("+", Tone.GOOD), "changed": ("~", Tone.PLAIN), "gone": ("-", Tone.FAINT)}
)
_NS_PER_MS: Final = 1_000_000


class WatchPool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `pool watch`."""

    keys: Annotated[list[str], Meta(max_length=8, description="1 to 8 keys of 1 to 64 bytes, a prefix")]
    deepness: Annotated[int, Meta(ge=1, le=16, description="1: this node only; each more: one hop farther")] = 4
    every: Annotated[float, Meta(title="SECONDS", ge=0.1, le=86_400, description="pause between two questions")] = 10.0
    count: Annotated[int, Meta(ge=1, description="stop after so many lines; without it: at Ctrl-C")] | None = None
    size_limit: Annotated[int, Meta(ge=1, le=100_000, description="most records to watch")] = 1_000


class Entry(msgspec.Struct, frozen=True):
    """One record of an answer, with proof."""

    Node: str
    Keys: tuple[str, ...]
    Message: str
    Record: RecordDocument


class Completeness(msgspec.Struct, frozen=True):
    """How complete an answer is; other statistics do not matter here."""

    asked: int
    answered: int
    truncated_by: tuple[str, ...]


class Look(msgspec.Struct, frozen=True):
    """The answer to one question."""

    Ok: tuple[Entry, ...]
    stats: Completeness

    @property
    def is_whole(self) -> bool:
        """Whether every node that was asked answered, and nothing was cut."""
        return self.stats.asked == self.stats.answered and not self.stats.truncated_by


@dataclass(slots=True)
class Sightings:
    """What was seen last at each address (author and keys) of the pool."""

    seen: dict[tuple[str, tuple[str, ...]], Entry] = field(default_factory=dict)

    def note(self, look: Look, now_ms: int) -> Iterator[tuple[str, Entry]]:
        """Take in an answer and yield what is different: (`appeared` | `changed` | `gone`, entry).

        A record that is missing from an answer with holes (a node was silent, or the size limit cut it) may still be
        there, so it is called gone only when a whole answer lacks it or its time is over.

        Args:
            look: an answer.
            now_ms: milliseconds since 1970.
        """
        present = {(entry.Record.author, entry.Keys): entry for entry in look.Ok}
        for address, entry in present.items():
            before = self.seen.get(address)
            if before is None:
                self.seen[address] = entry
                yield "appeared", entry
            elif entry.Record.sequence > before.Record.sequence:
                self.seen[address] = entry
                yield "changed", entry
        for address, entry in list(self.seen.items()):
            if address not in present and (look.is_whole or entry.Record.expires_ms <= now_ms):
                del self.seen[address]
                yield "gone", entry


def watch_pool(program: Program, parameters: WatchPool, *, pause: Callable[[float], None] = time.sleep) -> int:
    """Print records as they appear, change and go, until Ctrl-C or for so many lines."""
    from parley.cli.client import connect  # slow to load

    client, _ = connect(program.data_dir, program.environment)
    params = {
        "keys": parameters.keys,
        "deepness": parameters.deepness,
        "size_limit": parameters.size_limit,
        "stats": True,
        "proofs": True,
    }
    sightings = Sightings()
    left = parameters.count
    try:
        while True:
            result = client.call("query_message", params)
            if isinstance(result, Rejected):
                program.output.refuse(result)
                return FAILED
            for event, entry in sightings.note(_read(result), time.time_ns() // _NS_PER_MS):
                _print(program.output, event, entry)
                left = None if left is None else left - 1
                if left == 0:
                    return DONE
            pause(parameters.every)
    except KeyboardInterrupt:
        return DONE


def _read(result: Mapping[str, Any]) -> Look:
    try:
        return msgspec.convert(result, Look)
    except msgspec.ValidationError as error:
        raise PeerError(ErrorCode.MALFORMED, value="answer to query_message") from error


def _print(output: Output, event: str, entry: Entry) -> None:
    sign, tone = _MARKS[event]
    output.item(
        {"event": event, **msgspec.to_builtins(entry)},
        f"{sign} {event:8}  {' / '.join(entry.Keys)}  {entry.Message}  ({entry.Node})",
        tone,
    )


WATCH: Final = Command(
    method="pool_watch",
    audience=Audience.LOCAL,
    parameters=WatchPool,
    run=watch_pool,
    summary="Print records under a prefix of keys as they appear, change and go.",
    words=("pool", "watch"),
    arguments=("keys",),
    result='one line for each change; with --json {"event", "Node", "Keys", "Message", "Record"}',
)
