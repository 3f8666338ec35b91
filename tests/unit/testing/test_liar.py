from __future__ import annotations

from collections.abc import Callable

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ErrorCode
from parley.node.commands import ALL_COMMANDS
from parley.node.identity import Identity
from parley.node.registry import Audience
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Stats
from parley.pool.traversal import LinkAnswered, Traversal
from parley.primitives import schnorr
from parley.primitives.ids import NodeId, RequestId
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.protocol.machine import Blame, drain
from parley.testing.authors import Author
from parley.testing.liar import Lie, lying_registry, main, tell

NOW = Instant(1_700_000_000_000)
QUERY = Query(RequestId(bytes(16)), ("swap", "btc"), 1, 5, None, 5_000)
LIAR = NodeId(b"\7" * 32)


@pytest.fixture
def teller() -> Identity:
    return Identity(SecretKey(b"\1" * 32), SeededEntropy(b"teller"))


def honest(message: Callable[[Author], str]) -> Answer:
    author = Author(SeededEntropy(b"author"))
    record = author.sign(("swap", "btc", "sell"), message(author), now=NOW)
    return Answer((Item("node", record),), Stats(asked=1, answered=1))


def blamed_for(answer: Answer) -> list[ErrorCode]:
    """Return what an honest node charges a link with that gives this answer."""
    traversal = Traversal(
        Query(RequestId(bytes(16)), QUERY.keys, 2, QUERY.size_limit, None, 5_000),
        links=[LIAR],
        own_items=(),
        own_left_out=0,
        own_name="judge",
        config=PoolConfig(),
        verify=schnorr.verify,
        now=NOW,
    )
    traversal.receive(LinkAnswered(LIAR, answer), NOW)
    return [output.code for output in drain(traversal) if isinstance(output, Blame)]


def test_the_honest_answer_costs_nothing() -> None:
    assert blamed_for(honest(lambda _: "{}")) == []


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (Lie.FORGED, ErrorCode.BAD_SIGNATURE),
        (Lie.EXPIRED, ErrorCode.EXPIRED),
        (Lie.UNASKED, ErrorCode.NOT_ASKED_FOR),
        (Lie.CROWDED, ErrorCode.NOT_ASKED_FOR),
    ],
)
@pytest.mark.parametrize("answer", [honest(lambda _: "{}"), Answer()], ids=["records", "none"])
def test_each_lie_is_what_it_says(teller: Identity, lie: Lie, code: ErrorCode, answer: Answer) -> None:
    told = tell(lie, answer, QUERY, teller, NOW)
    assert blamed_for(told) == [code]
    assert (told.stats, told.duplicate) == (answer.stats, False)


def test_a_forgery_puts_the_liar_where_the_author_was(teller: Identity) -> None:
    answer = honest(lambda author: f'{{"walletAddress":"{author.key.hex()}"}}')
    [item] = tell(Lie.FORGED, answer, QUERY, teller, NOW).items
    [genuine] = answer.items
    assert item.record.message == f'{{"walletAddress":"{teller.node_id.hex()}"}}'
    assert (item.record.author, item.record.signature) == (genuine.record.author, genuine.record.signature)


def test_only_queries_are_answered_falsely() -> None:
    registry = lying_registry([Lie.FORGED])
    assert [command.method for command in registry.commands] == [command.method for command in ALL_COMMANDS]
    changed = [
        (command.audience, command.method)
        for command, before in zip(registry.commands, ALL_COMMANDS, strict=True)
        if command.run is not before.run
    ]
    assert changed == [(Audience.FOREIGN, "pool_query")]


def test_a_liar_that_cannot_start_says_why(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(tmp_path), "--http", "nowhere"]) == 1
    assert "HOST:PORT" in capsys.readouterr().err
