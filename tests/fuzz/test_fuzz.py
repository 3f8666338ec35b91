"""A short run of every fuzz target, and proof that the runner finds what is there to find."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from fuzz import run
from parley.errors import ErrorCode, PeerError

ITERATIONS = 2_000


@pytest.mark.parametrize("name", run.target_names())
def test_only_peer_errors_escape(name: str) -> None:
    seed = random.getrandbits(32)
    finding = run.fuzz(run.load_target(name), run.load_corpus(name), ITERATIONS, random.Random(seed))
    assert finding is None, f"seed {seed}, input {finding.data.hex()}: {finding.error!r}"


@pytest.mark.parametrize("name", run.target_names())
def test_each_corpus_holds_inputs_that_decode(name: str) -> None:
    target, accepted = run.load_target(name), 0
    for data in run.load_corpus(name):
        try:
            target(data)
        except PeerError:
            continue
        accepted += 1
    assert accepted > 0


def test_the_targets_are_the_files() -> None:
    assert "encoding" in run.target_names()
    assert "run" not in run.target_names()


def test_every_corpus_has_a_target() -> None:
    folders = {path.name for path in (Path(run.__file__).parent / "corpus").iterdir()}
    assert folders <= set(run.target_names())


def test_a_bug_behind_one_damaged_byte_is_found() -> None:
    def decode(data: bytes) -> None:
        if data[3:4] != b"\x00":
            raise PeerError(ErrorCode.MALFORMED)
        raise IndexError

    finding = run.fuzz(decode, [b"\x07" * 8], ITERATIONS, random.Random(1))
    assert finding is not None
    assert finding.data[3] == 0
    assert isinstance(finding.error, IndexError)


def test_peer_errors_are_no_findings() -> None:
    def decode(_data: bytes) -> None:
        raise PeerError(ErrorCode.MALFORMED)

    assert run.fuzz(decode, [b"good"], 100, random.Random(1)) is None


def test_the_corpus_is_fed_first_and_undamaged() -> None:
    fed: list[bytes] = []
    run.fuzz(fed.append, [b"one", b"two"], 0, random.Random(1))
    assert fed == [b"one", b"two"]


def test_every_byte_of_every_file_is_damaged_in_its_turn() -> None:
    corpus = [bytes(40), b"\x01" * 24]
    by_byte = list(islice(run.mutations(corpus, random.Random(1)), 0, 128, 2))
    for position, damaged in enumerate(by_byte):
        seed, offset = (corpus[0], position) if position < 40 else (corpus[1], position - 40)
        assert damaged[:offset] == seed[:offset]
        assert len(damaged) in {offset, len(seed) - 1, len(seed), len(seed) + 1}


def test_a_seed_repeats_its_run() -> None:
    corpus = [b"good input", b"another"]
    first, second, other = (list(islice(run.mutations(corpus, random.Random(seed)), 200)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_empty_inputs_are_damaged_too() -> None:
    assert any(islice(run.mutations([b""], random.Random(1)), 20))


def test_damaged_inputs_stay_small() -> None:
    assert all(len(data) <= 4_096 for data in islice(run.mutations([bytes(4_096)], random.Random(1)), 1, 400, 2))


def test_the_program_prints_its_seed_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--target", "encoding", "--iterations", "50", "--seed", "7"]) == 0
    printed = capsys.readouterr().out
    assert "seed 7" in printed
    assert "encoding: only PeerError escaped" in printed
