"""Events against an independent encoder, their names against the deployed contract's, and what is refused."""

from __future__ import annotations

import pytest
from eth_abi import encode  # type: ignore[attr-defined]  # built at import from a codec
from eth_utils.crypto import keccak

from parley.errors import ErrorCode, PeerError
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.events import (
    BROKER_TOPICS,
    NEW_ROUND_TOPIC,
    BrokerEvent,
    DepositFunded,
    NewRound,
    ReserveClaimed,
    ReserveFrozen,
    ReserveFunded,
    SignerApproved,
    SignerRevoked,
    TicketRefused,
    Unlock,
    UnlockCancelled,
    WinningTicketRedeemed,
    WinningTicketTransfer,
    Withdrawal,
    parse_event,
    printable,
)
from parley.lottery.tickets import Ticket
from parley.primitives.ids import Address

ONE, TWO = Address(b"\x01" * 20), Address(b"\x02" * 20)
HASH = b"\x41" * 32
TICKET = Ticket(TWO, ONE, 1_500, 2**255, 9, recipient_rand_hash(5), 10, HASH)
AUXILIARY = (10).to_bytes(32, "big") + HASH
REDEEMED_TYPE = "WinningTicketRedeemed(address,address,uint256,uint256,uint256,uint256,bytes)"
REDEEMED_KINDS = ["uint256", "uint256", "uint256", "uint256", "bytes"]


def topics(signature: str, *indexed: tuple[str, object]) -> list[bytes]:
    """Return the topics of an event: its type, and each indexed field."""
    return [bytes(keccak(signature.encode())), *(encode([kind], [value]) for kind, value in indexed)]


CASES: list[tuple[str, list[bytes], bytes, BrokerEvent]] = [
    (
        "5159e237d952190e68d5215430f305831be7c9c8776d1377c76679ae4773413f",
        topics("DepositFunded(address,uint256)", ("address", ONE)),
        encode(["uint256"], [7]),
        DepositFunded(ONE, 7),
    ),
    (
        "b52b99b9e83551fcbd069b559cc3e823e2a1a3bad8ece46561ea77524394c850",
        topics("ReserveFunded(address,uint256)", ("address", ONE)),
        encode(["uint256"], [8]),
        ReserveFunded(ONE, 8),
    ),
    (
        "",
        topics("ReserveFrozen(address,uint256,uint256)", ("address", ONE)),
        encode(["uint256", "uint256"], [3, 4]),
        ReserveFrozen(ONE, 3, 4),
    ),
    (
        "5c2b394723f408a40a60335e24b71829642e35f350cebe2036a96a66e895ea98",
        topics("ReserveClaimed(address,address,uint256)", ("address", ONE)),
        encode(["address", "uint256"], [TWO, 5]),
        ReserveClaimed(ONE, TWO, 5),
    ),
    (
        "8b87351a208c06e3ceee59d80725fd77a23b4129e1b51ca231fc89b40712649c",
        topics("WinningTicketTransfer(address,address,uint256)", ("address", ONE), ("address", TWO)),
        encode(["uint256"], [6]),
        WinningTicketTransfer(ONE, TWO, 6),
    ),
    (
        "c389eb51ed006dbf2528507f010efdf5225ea596e1e1741d74f550dab1925ee7",
        topics(REDEEMED_TYPE, ("address", ONE), ("address", TWO)),
        encode(REDEEMED_KINDS, [1_500, 2**255, 9, 5, AUXILIARY]),
        WinningTicketRedeemed(TICKET, 5),
    ),
    (
        "",
        topics("TicketRefused(bytes32,string)", ("bytes32", HASH)),
        encode(["string"], ["ticket is used"]),
        TicketRefused(HASH, "ticket is used"),
    ),
    (
        "",
        topics("SignerApproved(address,address)", ("address", ONE), ("address", TWO)),
        b"",
        SignerApproved(ONE, TWO),
    ),
    (
        "",
        topics("SignerRevoked(address,address,uint256)", ("address", ONE), ("address", TWO)),
        encode(["uint256"], [12]),
        SignerRevoked(ONE, TWO, 12),
    ),
    (
        "f7870c5b224cbc19873599e46ccfc7103934650509b1af0c3ce90138377c2004",
        topics("Unlock(address,uint256,uint256)", ("address", ONE)),
        encode(["uint256", "uint256"], [3, 5]),
        Unlock(ONE, 3, 5),
    ),
    (
        "fa044b7b93a40365dc68049797c2eb06918523d694e5d56e406cac3eb35578e5",
        topics("UnlockCancelled(address)", ("address", ONE)),
        b"",
        UnlockCancelled(ONE),
    ),
    (
        "df273cb619d95419a9cd0ec88123a0538c85064229baa6363788f743fff90deb",
        topics("Withdrawal(address,uint256,uint256)", ("address", ONE)),
        encode(["uint256", "uint256"], [30, 50]),
        Withdrawal(ONE, 30, 50),
    ),
    (
        "22f2fc17c5daf07db2379b3a03a8ef20a183f761097a58fce219c8a14619e786",
        topics("NewRound(uint256,bytes32)", ("uint256", 77)),
        encode(["bytes32"], [HASH]),
        NewRound(77, HASH),
    ),
]


@pytest.mark.parametrize(("deployed", "names", "data", "event"), CASES)
def test_an_event_is_read(deployed: str, names: list[bytes], data: bytes, event: BrokerEvent) -> None:
    assert parse_event(names, data) == event
    assert not deployed or names[0].hex() == deployed


@pytest.mark.parametrize(("deployed", "names", "data", "event"), CASES)
def test_an_event_of_another_form_is_refused(
    deployed: str, names: list[bytes], data: bytes, event: BrokerEvent
) -> None:
    del deployed, event
    for wrong_names, wrong_data in [(names[:-1], data), ([*names, HASH], data), (names, data + b"\x00")]:
        if wrong_names == names[:0]:
            continue
        with pytest.raises(PeerError) as caught:
            parse_event(wrong_names, wrong_data)
        assert caught.value.code is ErrorCode.MALFORMED


def test_the_topics_are_those_of_all_events_of_the_brokers() -> None:
    named = {names[0] for _, names, _, _ in CASES}
    assert set(BROKER_TOPICS) | {NEW_ROUND_TOPIC} == named
    assert NEW_ROUND_TOPIC not in BROKER_TOPICS


@pytest.mark.parametrize("names", [[], [bytes(32)], [HASH, HASH]])
def test_other_events_are_none_of_ours(names: list[bytes]) -> None:
    assert parse_event(names, b"whatever") is None


@pytest.mark.parametrize("auxiliary", [b"", AUXILIARY[:63], AUXILIARY + b"\x00"])
def test_a_redemption_with_other_auxiliary_data_is_refused(auxiliary: bytes) -> None:
    names = topics(REDEEMED_TYPE, ("address", ONE), ("address", TWO))
    with pytest.raises(PeerError):
        parse_event(names, encode(REDEEMED_KINDS, [1, 2, 3, 4, auxiliary]))


def test_a_redemption_whose_offset_points_elsewhere_is_refused() -> None:
    names = topics(REDEEMED_TYPE, ("address", ONE), ("address", TWO))
    data = encode(REDEEMED_KINDS, [1_500, 2**255, 9, 5, AUXILIARY])
    moved = data[:128] + (128).to_bytes(32, "big") + data[160:]
    with pytest.raises(PeerError):
        parse_event(names, moved)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(32),
        (32).to_bytes(32, "big") + (1).to_bytes(32, "big"),
        (32).to_bytes(32, "big") + (2**256 - 1).to_bytes(32, "big") + bytes(32),
        bytes(32) + (0).to_bytes(32, "big"),
    ],
)
def test_a_reason_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        parse_event(topics("TicketRefused(bytes32,string)", ("bytes32", HASH)), data)


def test_what_a_contract_says_is_made_printable() -> None:
    raw = "used\x1b[31m\u202e\n".encode() + b"\xff"
    data = (32).to_bytes(32, "big") + len(raw).to_bytes(32, "big") + raw.ljust(32, b"\x00")
    event = parse_event(topics("TicketRefused(bytes32,string)", ("bytes32", HASH)), data)
    assert event == TicketRefused(HASH, "used[31m\ufffd")
    assert printable("x" * 300) == "x" * 256
