"""The gate: what is offered, in what order work is judged, and what another kind of work can rely on."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace

import pytest

from parley.errors import ErrorCode, LocalError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.claims import Claim
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import (
    Accepted,
    Challenge,
    Pending,
    Registry,
    Solution,
    Verdict,
    WorkMethod,
    binding,
    challenge_seed,
    spend,
)
from tests.unit.protocol.riddles import Riddle

SECRET = bytes(range(32))
BINDING = binding(sender=b"sender", recipient=b"recipient", size_bytes=10, purpose="push")
EXPIRES = Instant(1_000)
POW = ProofOfWork(tries_per_unit=10)
RIDDLE = Riddle()
BOTH = Registry((POW, RIDDLE))


def offer(registry: Registry = BOTH, *, wants: tuple[str, ...] = (), units: int = 5) -> tuple[Challenge, ...]:
    offered = registry.challenge(
        wants=wants,
        units=units,
        binding=BINDING,
        id=ChallengeId(b"i" * 16),
        expires_ms=EXPIRES,
        secret=SECRET,
    )
    assert isinstance(offered, tuple)
    return offered


def check(
    challenge: Challenge,
    proof: bytes,
    *,
    bound_to: bytes = BINDING,
    now: int = 0,
    secret: bytes = SECRET,
    answers: tuple[object, ...] = (),
) -> Verdict:
    return BOTH.check(challenge, proof, binding=bound_to, now=Instant(now), secret=secret, answers=answers)


def solved() -> tuple[Challenge, bytes]:
    (challenge,) = offer(wants=("pow",))
    found = POW.start(challenge).step(1_000_000)
    assert isinstance(found, Solution)
    return challenge, found.proof


@pytest.mark.parametrize(
    ("wants", "methods"),
    [
        ((), ["pow", "riddle"]),
        (("pow",), ["pow"]),
        (("riddle", "pow"), ["riddle", "pow"]),
        (("captcha", "riddle", "payment"), ["riddle"]),
        (("riddle", "riddle", "pow", "riddle"), ["riddle", "pow"]),
    ],
)
def test_one_challenge_per_common_method_in_the_order_of_the_client(wants: tuple[str, ...], methods: list[str]) -> None:
    assert [challenge.method for challenge in offer(wants=wants)] == methods


def test_the_alternatives_are_of_one_act_and_spent_together() -> None:
    assert {(challenge.id, challenge.binding, challenge.expires_ms) for challenge in offer()} == {
        (b"i" * 16, BINDING, 1_000)
    }
    assert len({spend(challenge, b"owner") for challenge in offer()}) == 1


@pytest.mark.parametrize("registry", [BOTH, Registry(())])
def test_no_common_method_is_a_clear_refusal(registry: Registry) -> None:
    refused = registry.challenge(
        wants=("captcha", "Pow"),
        units=1,
        binding=BINDING,
        id=ChallengeId(bytes(16)),
        expires_ms=EXPIRES,
        secret=SECRET,
    )
    known = ",".join(registry.names())
    assert refused == Rejected(ErrorCode.METHOD_UNKNOWN, {"known": known})


def test_the_price_is_in_the_params() -> None:
    assert offer(wants=("pow",), units=5)[0].params == {"tries": 50}
    assert offer(wants=("riddle",), units=5)[0].params["rounds"] == 5


def test_the_same_offer_is_made_again_without_state() -> None:
    assert offer() == offer()


def test_the_seed_differs_from_challenge_to_challenge() -> None:
    kept = SeedKeeper()
    registry = Registry((kept,))
    for index in range(3):
        for bound_to in (BINDING, bytes(32)):
            registry.challenge(
                wants=(),
                units=1,
                binding=bound_to,
                id=ChallengeId(bytes([index]) * 16),
                expires_ms=EXPIRES,
                secret=SECRET,
            )
    offer(Registry((kept,)))
    assert len(set(kept.seeds)) == 7
    assert {len(seed) for seed in kept.seeds} == {32}
    assert offer(Registry((kept,)))[0].mac not in kept.seeds


def test_the_seed_is_the_issuers_secret_applied_to_the_challenge() -> None:
    kept = SeedKeeper()
    offer(Registry((kept,)))
    message = b"\x10parley/work/seed" + b"i" * 16 + b"\x06riddle" + BINDING + (1_000).to_bytes(8, "big")
    assert kept.seeds == [hmac.digest(SECRET, message, "sha256")]


@dataclass(frozen=True)
class SeedKeeper(Riddle):
    """Shows a test the seeds."""

    seeds: list[bytes] = field(default_factory=list, compare=False)

    def issue(self, quoted: object, *, seed: bytes, expires_ms: Instant) -> dict[str, str | int]:
        del quoted
        self.seeds.append(seed)
        return {"rounds": 1, "hint": "", "until": expires_ms}


def test_an_issuer_may_draw_from_the_seed_again() -> None:
    kept = SeedKeeper()
    (challenge,) = offer(Registry((kept,)))
    assert [challenge_seed(challenge, SECRET)] == kept.seeds
    assert challenge_seed(replace(challenge, params={}, mac=bytes(32)), SECRET) == kept.seeds[0]
    with pytest.raises(LocalError):
        challenge_seed(challenge, SECRET[:31])


def test_good_work_is_accepted_however_often_it_is_looked_at() -> None:
    challenge, proof = solved()
    assert [check(challenge, proof) for _ in range(2)] == [Accepted()] * 2


@pytest.mark.parametrize("now", [1_000, 1_001])
def test_work_for_an_expired_challenge_is_refused(now: int) -> None:
    challenge, proof = solved()
    assert check(challenge, proof, now=999) == Accepted()
    assert check(challenge, proof, now=now) == Rejected(ErrorCode.EXPIRED, {"expires_ms": 1_000, "now_ms": now})


def test_work_for_another_act_is_refused() -> None:
    challenge, proof = solved()
    other = binding(sender=b"sender", recipient=b"recipient", size_bytes=11, purpose="push")
    assert check(challenge, proof, bound_to=other) == Rejected(ErrorCode.WORK_REJECTED, {"fault": "binding"})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": b"j" * 16},
        {"params": {"tries": 1}},
        {"params": {"target": "f" * 64}},
        {"binding": bytes(32)},
        {"expires_ms": 1_001},
        {"mac": bytes(32)},
        {"method": "riddle"},
    ],
)
def test_a_changed_challenge_is_not_the_issuers(changes: dict[str, object]) -> None:
    challenge, proof = solved()
    forged = replace(challenge, **changes)  # type: ignore[arg-type]  # one field of its own type
    proof = proof[:4] if forged.method == "riddle" else proof
    assert check(forged, proof) == Rejected(ErrorCode.WORK_REJECTED, {"fault": "mac"})


def test_another_issuers_challenge_is_refused() -> None:
    challenge, proof = solved()
    assert check(challenge, proof, secret=SECRET + b"x") == Rejected(ErrorCode.WORK_REJECTED, {"fault": "mac"})


def test_a_method_that_left_the_registry_is_refused() -> None:
    challenge, proof = solved()
    verdict = Registry((RIDDLE,)).check(challenge, proof, binding=BINDING, now=Instant(0), secret=SECRET)
    assert verdict == Rejected(ErrorCode.METHOD_UNKNOWN, {"known": "riddle"})


def test_the_order_is_size_mac_expiry_binding_cheap_expensive() -> None:
    """Each fault hides all that come after it, so each step is reached only past those before."""
    (challenge,) = offer(wants=("riddle",))
    seed_byte = find_seed_byte(challenge)
    forged = replace(challenge, mac=bytes(32))
    faults = [
        check(forged, b"12345", now=2_000, bound_to=bytes(32)),
        check(forged, b"1234", now=2_000, bound_to=bytes(32)),
        check(challenge, b"1234", now=2_000, bound_to=bytes(32)),
        check(challenge, b"1234", bound_to=bytes(32)),
        check(challenge, b"1234"),
        check(challenge, bytes([seed_byte ^ 1]), answers=(True,)),
    ]
    assert faults == [
        Rejected(ErrorCode.TOO_LARGE, {"size_bytes": 5, "maximum_bytes": 4}),
        Rejected(ErrorCode.WORK_REJECTED, {"fault": "mac"}),
        Rejected(ErrorCode.EXPIRED, {"expires_ms": 1_000, "now_ms": 2_000}),
        Rejected(ErrorCode.WORK_REJECTED, {"fault": "binding"}),
        Rejected(ErrorCode.WORK_REJECTED, {"fault": "form"}),
        Rejected(ErrorCode.WORK_REJECTED, {"fault": "answer"}),
    ]


def find_seed_byte(challenge: Challenge) -> int:
    """Return what the issuer drew, by trying all answers."""
    good = [byte for byte in range(256) if check(challenge, bytes([byte]), answers=(True,)) == Accepted()]
    assert len(good) == 1
    return good[0]


def test_screening_stops_short_of_what_is_expensive() -> None:
    (challenge,) = offer(wants=("riddle",))
    screened = BOTH.screen(challenge, b"?", binding=BINDING, now=Instant(0), secret=SECRET)
    assert screened is RIDDLE


def test_a_method_may_ask_before_it_judges() -> None:
    (challenge,) = offer(wants=("riddle",))
    proof = bytes([find_seed_byte(challenge)])
    assert check(challenge, proof) == Pending(("open", b"i" * 16))
    assert check(challenge, proof, answers=(True,)) == Accepted()
    assert isinstance(check(challenge, proof, answers=(False,)), Rejected)


def test_a_solver_may_ask_before_it_solves() -> None:
    (challenge,) = offer(wants=("riddle",))
    first = RIDDLE.start(challenge).step(1)
    assert first == Pending(("what begins with", challenge.params["hint"]))
    found = RIDDLE.start(challenge, answers=(find_seed_byte(challenge),)).step(1)
    assert isinstance(found, Solution)
    assert check(challenge, found.proof, answers=(True,)) == Accepted()


@pytest.mark.parametrize("methods", [(POW, POW), (Riddle(name="No Name"),), (Riddle(name=""),)])
def test_names_in_a_registry_differ_and_can_travel(methods: tuple[WorkMethod, ...]) -> None:
    with pytest.raises(LocalError):
        Registry(methods)


def test_a_registry_finds_by_name() -> None:
    assert BOTH.names() == ("pow", "riddle")
    assert BOTH.find("riddle") is RIDDLE
    assert BOTH.find("captcha") is None


@pytest.mark.parametrize(("units", "secret"), [(0, SECRET), (-1, SECRET), (1, SECRET[:31])])
def test_an_offer_has_limits(units: int, secret: bytes) -> None:
    with pytest.raises(LocalError):
        BOTH.challenge(
            wants=(),
            units=units,
            binding=BINDING,
            id=ChallengeId(bytes(16)),
            expires_ms=EXPIRES,
            secret=secret,
        )


def test_a_short_secret_checks_nothing() -> None:
    challenge, proof = solved()
    with pytest.raises(LocalError):
        check(challenge, proof, secret=b"short")


def test_a_spent_challenge_is_remembered_an_hour_longer_than_it_lives() -> None:
    challenge, _ = solved()
    assert spend(challenge, b"owner") == Claim(b"i" * 16, b"owner", Instant(1_000 + 3_600_000))
    last = replace(challenge, expires_ms=Instant(INSTANT_MAX_MS))
    assert spend(last, b"owner").expires_ms == INSTANT_MAX_MS
