"""Records appear, change and go; silence of a node is not a record's end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from parley.adapters.jsonrpc.documents import RecordDocument
from parley.cli.output import StreamOutput
from parley.cli.watching import Completeness, Entry, Look, Sightings, WatchPool, watch_pool
from parley.errors import ErrorCode, PeerError
from parley.node.program import Program
from parley.node.registry import Registry
from tests.unit.cli.fake_node import FakeNode

NOW_MS = 1_000
FAR_MS = 4_000_000_000_000
WHOLE = Completeness(asked=1, answered=1, truncated_by=())


def entry_of(key: str, sequence: int = 1, *, author: str = "aa", expires_ms: int = FAR_MS) -> Entry:
    record = RecordDocument(
        author=author * 32,
        keys=(key,),
        message=f"m{sequence}",
        sequence=sequence,
        created_ms=0,
        expires_ms=expires_ms,
        signature="00" * 64,
    )
    return Entry(Node="n", Keys=(key,), Message=f"m{sequence}", Record=record)


def events(sightings: Sightings, *entries: Entry, stats: Completeness = WHOLE, now_ms: int = NOW_MS) -> list[str]:
    return [f"{event} {one.Keys[0]} {one.Message}" for event, one in sightings.note(Look(entries, stats), now_ms)]


def test_a_record_appears_changes_and_goes() -> None:
    sightings = Sightings()
    assert events(sightings, entry_of("a")) == ["appeared a m1"]
    assert events(sightings, entry_of("a")) == []
    assert events(sightings, entry_of("a", 2)) == ["changed a m2"]
    assert events(sightings) == ["gone a m2"]
    assert events(sightings, entry_of("a", 3)) == ["appeared a m3"]


def test_an_older_copy_from_another_node_changes_nothing() -> None:
    sightings = Sightings()
    events(sightings, entry_of("a", 2))
    assert events(sightings, entry_of("a", 1)) == []
    assert events(sightings, entry_of("a", 2)) == []


def test_two_authors_under_one_key_are_two_records() -> None:
    sightings = Sightings()
    assert events(sightings, entry_of("a"), entry_of("a", author="bb")) == ["appeared a m1", "appeared a m1"]


@pytest.mark.parametrize(
    "stats",
    [
        Completeness(asked=2, answered=1, truncated_by=()),
        Completeness(asked=1, answered=1, truncated_by=("n",)),
    ],
)
def test_an_answer_with_holes_ends_no_record_before_its_time(stats: Completeness) -> None:
    sightings = Sightings()
    events(sightings, entry_of("a", expires_ms=NOW_MS + 1))
    assert events(sightings, stats=stats) == []
    assert events(sightings, stats=stats, now_ms=NOW_MS + 1) == ["gone a m1"]


def pushed(key: str, sequence: int = 1) -> dict[str, Any]:
    record = {
        "author": "aa" * 32,
        "keys": [key],
        "message": f"m{sequence}",
        "sequence": sequence,
        "created_ms": 0,
        "expires_ms": FAR_MS,
        "signature": "00" * 64,
    }
    return {"Node": "n\x1b", "Keys": [key], "Message": f"m{sequence}", "Record": record}


def script(node: FakeNode, *answers: list[dict[str, Any]]) -> None:
    """Let the node give one answer after the other, the last one for ever."""
    stats = {"asked": 0, "answered": 0, "truncated_by": [], "hops": 0}
    left: Iterator[list[dict[str, Any]]] = iter(answers)
    node.answers["query_message"] = lambda _: {"result": {"Ok": next(left, answers[-1]), "stats": stats}}


def watch(
    node: FakeNode, parameters: WatchPool, *, is_json: bool = False, pause: Callable[[float], None] = lambda _: None
) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    program = Program(
        load_registry=lambda: Registry(()),
        output=StreamOutput(stdout, stderr, is_json=is_json),
        data_dir=str(node.data_dir),
        environment={},
    )
    return watch_pool(program, parameters, pause=pause), stdout.getvalue(), stderr.getvalue()


def test_people_see_a_line_for_each_change(node: FakeNode) -> None:
    script(node, [], [pushed("a")], [pushed("a")], [pushed("a", 2)], [])
    code, stdout, stderr = watch(node, WatchPool(keys=["a"], deepness=2, count=3))
    assert (code, stderr) == (0, "")
    assert stdout.splitlines() == [
        r"+ appeared  a  m1  (n\x1b)",
        r"~ changed   a  m2  (n\x1b)",
        r"- gone      a  m2  (n\x1b)",
    ]
    asked = {"keys": ["a"], "deepness": 2, "size_limit": 1_000, "stats": True, "proofs": True}
    assert node.calls == [("query_message", asked)] * 5


def test_programs_get_a_document_on_each_line(node: FakeNode) -> None:
    script(node, [pushed("a"), pushed("b")])
    code, stdout, _ = watch(node, WatchPool(keys=["a"], count=1), is_json=True)
    assert code == 0
    assert [json.loads(line) for line in stdout.splitlines()] == [{"event": "appeared", **pushed("a")}]


def test_it_pauses_as_long_as_asked_and_ends_at_ctrl_c(node: FakeNode) -> None:
    script(node, [])
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    assert watch(node, WatchPool(keys=["a"], every=0.5), pause=pause) == (0, "", "")
    assert pauses == [0.5, 0.5]


def test_a_refusal_ends_it(node: FakeNode) -> None:
    node.refuse("query_message", 2007)
    code, stdout, stderr = watch(node, WatchPool(keys=[""]))
    assert (code, stdout) == (1, "")
    assert "the keys are not 1 to 8 texts" in stderr


def test_an_answer_of_another_form_is_not_guessed_at(node: FakeNode) -> None:
    node.ok("query_message", [{"Node": 1}], stats={})
    with pytest.raises(PeerError) as caught:
        watch(node, WatchPool(keys=["a"]))
    assert caught.value.code is ErrorCode.MALFORMED
