"""Whatever the network and the liars do: no forged record, no honest node blamed, every query answered in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.testing.network import replayable
from tests.sim.scenario import findings, play

SEEDS = 50
NIGHTLY_SEEDS = 5_000
NIGHTLY_STEP = 50


def kept_seeds() -> list[int]:
    """Read the seeds that failed once."""
    lines = (Path(__file__).parent / "seeds.txt").read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("seed", sorted({*range(1, SEEDS + 1), *kept_seeds()}))
def test_nothing_that_must_hold_is_broken(seed: int) -> None:
    with replayable(seed):
        assert findings(play(seed)) == []


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(SEEDS + 1, NIGHTLY_SEEDS, NIGHTLY_STEP))
def test_nothing_that_must_hold_is_broken_in_many_more(first: int) -> None:
    for seed in range(first, first + NIGHTLY_STEP):
        with replayable(seed):
            assert findings(play(seed)) == []


def test_a_seed_repeats_everything() -> None:
    assert play(7).transcript() == play(7).transcript()


def test_seeds_differ() -> None:
    assert play(7).transcript() != play(8).transcript()


def test_the_scenarios_hold_what_they_promise() -> None:
    plays = [play(seed) for seed in range(1, SEEDS + 1)]
    answers = [answer for stage in plays for answer in stage.answers()]
    assert len(answers) > 3 * SEEDS
    assert any(stage.network.traffic.lost for stage in plays)
    assert any(stage.network.traffic.duplicated for stage in plays)
    assert any(node.blames for stage in plays for node in stage.honest_nodes())
    assert any(stage.lives[number] for stage in plays for number in stage.honest)
    assert any(answer.items for _, answer, _ in answers if not hasattr(answer, "code"))
    assert any(answer.stats.timed_out for _, answer, _ in answers if not hasattr(answer, "code"))
    assert any(answer.stats.duplicates for _, answer, _ in answers if not hasattr(answer, "code"))


def test_without_the_signature_check_forged_records_come_through_and_are_found() -> None:
    def verify_anything(author: bytes, message: bytes, signature: bytes) -> bool:
        return bool(author and message and signature)

    found = [what for seed in range(1, SEEDS + 1) for what in findings(play(seed, verify=verify_anything))]
    assert any("nobody signed" in what for what in found)


def test_with_a_signature_check_that_refuses_at_random_honest_nodes_are_blamed_and_that_is_found() -> None:
    def verify_some(author: bytes, message: bytes, signature: bytes) -> bool:
        return bool(author and signature) and message[0] % 8 > 0

    found = [what for seed in range(1, 11) for what in findings(play(seed, verify=verify_some))]
    assert any(" blamed " in what for what in found)
