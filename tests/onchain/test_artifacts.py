"""What is shipped is what the sources compile to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from tests.onchain.evm import ROOT, SHIPPED, STAND_INS, signature
from tools.contracts import compiled_files

COMPILED = dict(compiled_files())
MAX_CODE_BYTES = 24_576  # EIP-170

# name of the call, its selector as the deployed broker and its client have it
SELECTORS = (
    ("redeemWinningTicket", "ec8b3cb6"),
    ("batchRedeemWinningTickets", "d01b808e"),
    ("getTicketHash", "b03fa864"),
    ("usedTickets", "59a515ba"),
    ("fundDeposit", "6caa736b"),
    ("fundReserve", "6f9c3c8f"),
    ("fundDepositAndReserve", "511f4073"),
    ("fundDepositAndReserveFor", "989f789c"),
    ("unlock", "a69df4b5"),
    ("cancelUnlock", "c2c4c2c8"),
    ("withdraw", "3ccfd60b"),
    ("isUnlockInProgress", "121cdcc2"),
    ("getSenderInfo", "e1a589da"),
    ("getReserveInfo", "5b6333eb"),
    ("claimableReserve", "81779f38"),
    ("claimedReserve", "4ac826da"),
    ("unlockPeriod", "20d3a0b4"),
    ("ticketValidityPeriod", "856a2cf8"),
    ("setUnlockPeriod", "3d0ddf84"),
    ("setTicketValidityPeriod", "c9297808"),
    ("controller", "f77c4791"),
)
NEIGHBOUR_SELECTORS = (
    ("currentRound", "8a19c8bc"),
    ("currentRoundInitialized", "219bc76c"),
    ("lastInitializedRound", "8807f36e"),
    ("blockHashForRound", "3aa4add4"),
    ("currentRoundStartBlock", "8fa148f2"),
    ("roundLength", "8b649b94"),
    ("getTranscoderPoolSize", "2a4e0d55"),
    ("isActiveTranscoder", "08802374"),
    ("updateTranscoderWithFees", "3aeb512c"),
    ("getContract", "e16c7d98"),
)
# what both brokers have in common, so that one client speaks to both
SHARED = frozenset(
    {
        "usedTickets", "fundDeposit", "fundReserve", "fundDepositAndReserve", "unlock", "cancelUnlock", "withdraw",
        "isUnlockInProgress", "claimableReserve", "claimedReserve", "unlockPeriod", "ticketValidityPeriod",
    }
)  # fmt: skip
ROUND_CALLS = frozenset(name for name, _ in NEIGHBOUR_SELECTORS[:6])

# from the deployed broker's events; both brokers emit them
TOPICS = (
    ("DepositFunded", "5159e237d952190e68d5215430f305831be7c9c8776d1377c76679ae4773413f"),
    ("ReserveFunded", "b52b99b9e83551fcbd069b559cc3e823e2a1a3bad8ece46561ea77524394c850"),
    ("ReserveClaimed", "5c2b394723f408a40a60335e24b71829642e35f350cebe2036a96a66e895ea98"),
    ("WinningTicketTransfer", "8b87351a208c06e3ceee59d80725fd77a23b4129e1b51ca231fc89b40712649c"),
    ("WinningTicketRedeemed", "c389eb51ed006dbf2528507f010efdf5225ea596e1e1741d74f550dab1925ee7"),
    ("Unlock", "f7870c5b224cbc19873599e46ccfc7103934650509b1af0c3ce90138377c2004"),
    ("UnlockCancelled", "fa044b7b93a40365dc68049797c2eb06918523d694e5d56e406cac3eb35578e5"),
    ("Withdrawal", "df273cb619d95419a9cd0ec88123a0538c85064229baa6363788f743fff90deb"),
)


def names(path: Path, kind: str) -> dict[str, str]:
    """Return name and hash of the signature of each function or event in a file."""
    entries = json.loads(path.read_text(encoding="utf-8"))["abi"]
    return {str(entry["name"]): keccak(signature(entry).encode()).hex() for entry in entries if entry["type"] == kind}


@pytest.mark.parametrize(("name", "expected"), SELECTORS)
def test_the_stand_in_answers_to_the_deployed_selectors(name: str, expected: str) -> None:
    assert names(STAND_INS / "LivepeerBroker.json", "function")[name][:8] == expected


@pytest.mark.parametrize(("name", "expected"), NEIGHBOUR_SELECTORS)
def test_its_neighbours_answer_to_the_deployed_selectors(name: str, expected: str) -> None:
    assert names(STAND_INS / "LivepeerProtocol.json", "function")[name][:8] == expected
    if name in ROUND_CALLS:
        assert names(SHIPPED / "Rounds.json", "function")[name][:8] == expected


@pytest.mark.parametrize(("name", "expected"), [row for row in SELECTORS if row[0] in SHARED])
def test_what_both_brokers_have_is_called_alike(name: str, expected: str) -> None:
    assert names(SHIPPED / "TicketBroker.json", "function")[name][:8] == expected


@pytest.mark.parametrize(("name", "expected"), TOPICS)
@pytest.mark.parametrize("path", [SHIPPED / "TicketBroker.json", STAND_INS / "LivepeerBroker.json"])
def test_both_brokers_emit_the_deployed_events(path: Path, name: str, expected: str) -> None:
    assert names(path, "event")[name] == expected


def test_rounds_begin_with_the_deployed_event() -> None:
    expected = "22f2fc17c5daf07db2379b3a03a8ef20a183f761097a58fce219c8a14619e786"
    assert names(SHIPPED / "Rounds.json", "event")["NewRound"] == expected


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_a_committed_file_is_what_its_source_compiles_to(name: str) -> None:
    """Mend with `python -m tools.contracts`."""
    assert (ROOT / name).read_text(encoding="utf-8") == COMPILED[name]


@pytest.mark.parametrize("folder", [SHIPPED, STAND_INS])
def test_no_committed_file_is_without_a_source(folder: Path) -> None:
    found = {path.relative_to(ROOT).as_posix() for path in folder.iterdir()}
    assert found
    assert found <= set(COMPILED)


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_a_contract_is_documented_and_small_enough_to_be_deployed(name: str) -> None:
    document = json.loads(COMPILED[name])
    assert len(document["bytecode"]) // 2 < MAX_CODE_BYTES
    functions = [entry for entry in document["abi"] if entry["type"] == "function"]
    described = {text.partition("(")[0] for text in document["userdoc"].get("methods", {})}
    getters = [entry for entry in functions if entry["stateMutability"] in {"view", "pure"}]
    undocumented = {entry["name"] for entry in functions} - described
    assert undocumented <= {entry["name"] for entry in getters}
