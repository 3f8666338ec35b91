"""Whoever presents one result, however often and from wherever, one ticket is earned and all hear the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.adapters.memory.store import MemoryStore
from parley.adapters.sqlite import SqliteStore
from parley.errors import Rejected
from parley.node.metrics import Metrics
from parley.node.tickets import EARNED_NAMESPACE
from parley.upload.messages import TicketAnswer, TicketRequest
from parley.upload.stored import UploadPhase, parse_stored_ticket
from tests.integration import ticket_child
from tests.integration.ticket_child import make_office, outcome, present
from tests.unit.node.ticket_work import ALICE, BOB, bad_counter, good_counter, sum_of, ticket

THREADS = 8
PROCESSES = 4


async def offered_at(path: Path, method: str = "pow") -> TicketAnswer:
    store = await SqliteStore.open(path)
    offered = ticket(await make_office(store).request(TicketRequest(ALICE, BOB, "", (method,)), owner=None, source=""))
    await store.close()
    return offered


async def earned_phases(path: Path) -> list[UploadPhase]:
    store = await SqliteStore.open(path)
    documents = await store.documents.list(EARNED_NAMESPACE)
    await store.close()
    return [parse_stored_ticket(document.value).phase for document in documents]


def valid(offered: TicketAnswer) -> str:
    return repr(
        TicketAnswer(offered.ticket_id, is_valid=True, expires_ms=offered.expires_ms, sender=ALICE, recipient=BOB)
    )


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.booleans())
@settings(max_examples=25, deadline=None)
def test_tasks_with_good_and_wrong_results_earn_one_ticket(results: list[bool], is_guessed: bool) -> None:  # noqa: FBT001
    """A result that can be guessed is spent by the first that comes, so then it may earn none."""

    async def race() -> None:
        store, metrics = MemoryStore(), Metrics()
        office = make_office(store, metrics=metrics)
        method = "math" if is_guessed else "pow"
        offered = ticket(await office.request(TicketRequest(ALICE, BOB, "", (method,)), owner=None, source=""))
        good, wrong = (
            (sum_of(offered), sum_of(offered) + 1) if is_guessed else (good_counter(offered), bad_counter(offered))
        )
        answers = await asyncio.gather(
            *(office.submit(offered.ticket_id, method, good if is_good else wrong, "") for is_good in results)
        )
        valid_ones = {repr(one) for one in answers if isinstance(one, TicketAnswer) and one.is_valid}
        assert valid_ones <= {valid(offered)}
        wanted = int(any(results)) if not is_guessed else int(bool(valid_ones))
        counted = metrics.registry.get_sample_value("parley_upload_tickets_earned_total", {"method": method})
        assert int(counted or 0) == wanted
        assert len(await store.documents.list(EARNED_NAMESPACE)) == wanted
        for one, is_good in zip(answers, results, strict=True):
            if is_good and not is_guessed:
                assert repr(one) == valid(offered)
            elif is_good:
                assert isinstance(one, Rejected) or one.is_valid

    asyncio.run(race())


async def test_threads_with_one_database_earn_one_ticket(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    offered = await offered_at(path)
    result = good_counter(offered)

    def run(_: int) -> str:
        return asyncio.run(present(path, offered.ticket_id, "pow", result))

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(run, range(THREADS)))
    assert sorted(line[0] for line in outcomes) == ["0"] * (THREADS - 1) + ["1"]
    assert {line[2:] for line in outcomes} == {valid(offered)}
    assert await earned_phases(path) == [UploadPhase.EARNED]


def in_processes(path: Path, ticket_id: str, method: str, results: list[int]) -> list[str]:
    """Present all results at once, each from a process of its own."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", ticket_child.__name__, str(path), ticket_id, method, str(result)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for result in results
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return [child.communicate(timeout=60)[0].strip() for child in children]


async def test_processes_with_one_database_earn_one_ticket(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    offered = await offered_at(path)
    outcomes = in_processes(path, offered.ticket_id, "pow", [good_counter(offered)] * PROCESSES)
    assert sorted(line[0] for line in outcomes) == ["0"] * (PROCESSES - 1) + ["1"]
    assert {line[2:] for line in outcomes} == {valid(offered)}
    assert await earned_phases(path) == [UploadPhase.EARNED]


async def test_of_processes_that_guess_differently_the_first_decides(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    offered = await offered_at(path, "math")
    good = sum_of(offered)
    outcomes = in_processes(path, offered.ticket_id, "math", [good, good + 1, good, good + 2])
    earned = sum(int(line[0]) for line in outcomes)
    assert earned == len(await earned_phases(path))
    right = {outcomes[0][2:], outcomes[2][2:]}
    assert right == ({valid(offered)} if earned else {"ALREADY_SPENT"})
    for wrong in (outcomes[1], outcomes[3]):
        assert "is_valid=False" in wrong or wrong == ("0 ALREADY_SPENT") or (earned and wrong[2:] == valid(offered))


@pytest.mark.parametrize("method", ["pow", "math"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_no_change_of_a_ticket_id_is_taken(method: str, data: st.DataObject) -> None:
    async def run() -> None:
        office = make_office(MemoryStore())
        offered = ticket(await office.request(TicketRequest(ALICE, BOB, "", (method,)), owner=None, source=""))
        place = data.draw(st.integers(0, len(offered.ticket_id) - 1))
        letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
        other = offered.ticket_id[:place] + letter + offered.ticket_id[place + 1 :]
        answer = await office.submit(other, "dance", 1, "")
        assert outcome(answer) == ("METHOD_UNKNOWN" if other == offered.ticket_id else "NOT_FOUND")

    asyncio.run(run())


def test_the_child_is_a_program() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite3"
        offered = asyncio.run(offered_at(path))
        assert in_processes(path, "a", "pow", [1]) == ["0 NOT_FOUND"]
        assert not offered.is_valid
