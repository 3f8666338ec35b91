"""Of every kind of work: good for one act, refused when wrong, and calm whatever a remote sends."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from parley.errors import LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import (
    Accepted,
    Evidence,
    Params,
    Pending,
    Registry,
    Solution,
    Verdict,
    WorkMethod,
    challenge_seed,
    encode_challenge,
    parse_challenge,
)
from parley.upload.methods import (
    Arithmetic,
    Captcha,
    IsPaid,
    MemoryHard,
    NameSender,
    NameSubscription,
    PayAmount,
    Payment,
    ReadCaptcha,
    Subscription,
    Wait,
    WaitUntil,
    captcha_text,
)
from parley.upload.methods.roots import MODULUS, follow_back, follow_forward

SENDER = b"s" * 32
SECRET = bytes(range(32))
EXPIRES = Instant(2_000_000)
NOW = Instant(1_999_999)
METHODS: dict[str, WorkMethod] = {
    "linear": ProofOfWork(tries_per_unit=4),
    "bits": ProofOfWork(tries_per_unit=4, form="bits"),
    "memory": MemoryHard(memory_kib=8, tries_min=2, kib_passes_max=8),
    "sum": Arithmetic(roots_from_units=1_000),
    "roots": Arithmetic(roots_from_units=1),
    "captcha": Captcha(),
    "subscription": Subscription({"friends": frozenset({SENDER})}),
    "wait": Wait(),
    "payment": Payment(wei_per_unit=7),
}

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
hashes = st.binary(min_size=32, max_size=32)
ids = st.binary(min_size=16, max_size=16).map(ChallengeId)
units = st.integers(1, 3)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
json_values = st.recursive(
    scalars | st.from_regex(r"[0-9a-f]{64}|[0-9]{1,21}|[0-9A-Z ]{1,20}|-?[0-9]{1,5}", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
param_names = st.sampled_from(
    [
        *("tries", "target", "bits", "data", "puzzle", "steps", "start", "modulus", "length", "until_ms", "amount_wei"),
        *("memory_kib", "passes", "nonce", "salt", "counter_max", "prefix", "signature", "more"),
    ]
)
param_values = (
    st.integers(0, 300)
    | st.integers(0, 2**53 - 1)
    | st.text(max_size=40)
    | st.sampled_from(["roots", "1 + 2 - 3 = ?", "00" * 16, "00" * 32, "00" * 128, f"{MODULUS:0256x}"])
)


def offer(method: WorkMethod, challenge_id: ChallengeId, bound_to: bytes, price: int, secret: bytes) -> Challenge:
    offered = Registry((method,)).challenge(
        wants=(), units=price, binding=bound_to, id=challenge_id, expires_ms=EXPIRES, secret=secret
    )
    assert not isinstance(offered, Rejected)
    return offered[0]


def check(method: WorkMethod, challenge: Challenge, proof: bytes, bound_to: bytes, secret: bytes) -> Verdict:
    """Judge as the issuer's driver does: it knows who sends."""
    registry = Registry((method,))
    verdict = registry.check(challenge, proof, binding=bound_to, now=NOW, secret=secret)
    if isinstance(verdict, Pending):
        answers = (know(verdict.question),)
        return registry.check(challenge, proof, binding=bound_to, now=NOW, secret=secret, answers=answers)
    return verdict


def know(question: object) -> object:
    """Answer as the issuer's driver does: it knows who sends, and what a good payment looks like."""
    match question:
        case NameSender():
            return SENDER
        case IsPaid(amount_wei=amount_wei, payment=payment):
            return payment == b"paid %d" % amount_wei
        case _:
            pytest.fail("an unknown question")


def solve(method: WorkMethod, challenge: Challenge, secret: bytes) -> bytes:
    """Solve as the client's driver does, with a person who reads what the issuer shows."""
    step = method.start(challenge).step(100_000)
    if isinstance(step, Pending):
        step = method.start(challenge, answers=(answer(step.question, challenge, secret),)).step(100_000)
    assert isinstance(step, Solution)
    return step.proof


def answer(question: object, challenge: Challenge, secret: bytes) -> object:
    match question:
        case ReadCaptcha():
            return captcha_text(challenge.params, challenge_seed(challenge, secret)).lower()
        case NameSubscription():
            return "friends"
        case WaitUntil(until_ms=until_ms):
            return until_ms
        case PayAmount(amount_wei=amount_wei):
            return b"paid %d" % amount_wei
        case _:
            pytest.fail("an unknown question")


@every_method
@given(ids, hashes, units, hashes)
def test_an_honest_sender_is_always_let_in(
    method: WorkMethod, challenge_id: ChallengeId, bound_to: bytes, price: int, secret: bytes
) -> None:
    challenge = parse_challenge(encode_challenge(offer(method, challenge_id, bound_to, price, secret)))
    proof = solve(method, challenge, secret)
    sent = json.loads(json.dumps(method.show_result(proof)))
    assert method.parse_result(sent) == proof
    assert len(proof) <= method.proof_max_bytes
    assert check(method, challenge, proof, bound_to, secret) == Accepted()


@every_method
@given(ids, hashes, hashes)
def test_no_challenge_verifies_for_another_binding(
    method: WorkMethod, challenge_id: ChallengeId, bound_to: bytes, other: bytes
) -> None:
    assume(bound_to != other)
    challenge = offer(method, challenge_id, bound_to, 1, SECRET)
    proof = solve(method, challenge, SECRET)
    assert isinstance(check(method, challenge, proof, other, SECRET), Rejected)


@pytest.mark.parametrize("name", ["memory", "captcha", "roots"])
@given(ids, hashes, hashes)
def test_the_answer_to_one_act_is_none_to_another(
    name: str, challenge_id: ChallengeId, bound_to: bytes, other: bytes
) -> None:
    """Where chance does not help: not even the same id under another binding takes the same proof."""
    method = METHODS[name]
    first = offer(method, challenge_id, bound_to, 1, SECRET)
    second = offer(method, challenge_id, other, 1, SECRET)
    proof = solve(method, first, SECRET)
    assume(bound_to != other)
    # Two captchas of six characters are the same once in 16 million.
    assume(name != "captcha" or solve(method, second, SECRET) != proof)
    assert isinstance(check(method, second, proof, other, SECRET), Rejected)


@pytest.mark.parametrize("name", ["memory", "sum", "roots", "captcha", "subscription", "wait", "payment"])
@given(ids, st.data())
def test_a_wrong_result_is_never_accepted(name: str, challenge_id: ChallengeId, data: st.DataObject) -> None:
    """Where one proof alone is good; in `pow` each counter has its chance (test_work.py)."""
    method = METHODS[name]
    challenge = offer(method, challenge_id, bytes(32), 1, SECRET)
    good = solve(method, challenge, SECRET)
    near = st.integers(0, max(0, len(good) * 8 - 1)).map(lambda bit: flipped(good, bit))
    wrong = data.draw(near | st.binary(max_size=140) | json_values.map(method.parse_result).filter(is_bytes))
    if wrong is None or wrong == good:
        reject()
    verdict = check(method, challenge, wrong, bytes(32), SECRET)
    assert isinstance(verdict, Rejected)
    direct = method.verify(challenge, Evidence(wrong, NOW, challenge_seed(challenge, SECRET), (SENDER,)))
    assert direct != Accepted()


def is_bytes(value: object) -> bool:
    return isinstance(value, bytes)


def flipped(raw: bytes, bit: int) -> bytes:
    return (int.from_bytes(raw, "big") ^ (1 << bit)).to_bytes(max(len(raw), 1), "big")


@every_method
@given(json_values)
def test_a_result_of_any_form_is_read_or_refused(method: WorkMethod, result: object) -> None:
    proof = method.parse_result(result)
    if proof is None:
        return
    assert len(proof) <= method.proof_max_bytes
    assert method.parse_result(method.show_result(proof)) == proof


@every_method
@given(st.binary(max_size=140))
def test_what_is_shown_is_read_again(method: WorkMethod, proof: bytes) -> None:
    try:
        shown = method.show_result(proof)
    except LocalError:
        return
    assert method.parse_result(shown) == proof


@every_method
@given(st.dictionaries(param_names, param_values, max_size=8))
def test_params_are_ours_or_the_peers_fault(method: WorkMethod, params: Params) -> None:
    challenge = Challenge(ChallengeId(bytes(16)), method.name, params, bytes(32), EXPIRES, bytes(32))
    try:
        method.check_params(params)
        tries = method.expected_tries(params)
        step = method.start(challenge).step(1)
    except PeerError:
        return
    assert tries >= 0
    assert step is not None


@every_method
@given(st.integers(1, 2**31), hashes)
def test_every_price_can_be_issued_and_its_params_pass(method: WorkMethod, price: int, seed: bytes) -> None:
    params = method.issue(method.quote(price), seed=seed, expires_ms=EXPIRES)
    method.check_params(params)
    assert method.issue(method.quote(price), seed=seed, expires_ms=EXPIRES) == params
    dearer = method.issue(method.quote(price + 1), seed=seed, expires_ms=EXPIRES)
    assert method.expected_tries(dearer) >= method.expected_tries(params)


@given(st.integers(0, MODULUS - 1), st.integers(0, 3))
def test_a_chain_leads_back_to_where_it_began(link: int, steps: int) -> None:
    assert follow_back(follow_forward(link, steps), steps) == link


@given(st.integers(0, MODULUS - 1), st.integers(0, 3))
def test_every_end_has_a_beginning(link: int, steps: int) -> None:
    assert follow_forward(follow_back(link, steps), steps) == link
