"""Whatever is signed, forced or damaged, a known key judges as recovery does, whichever engine it uses."""

from __future__ import annotations

from functools import partial

from hypothesis import example, given, settings
from hypothesis import strategies as st

from parley.primitives import ecdsa
from parley.primitives.known_keys import ENGINES, KnownKey
from tests.oracles import ecdsa as oracle
from tests.oracles.bip340 import N
from tests.oracles.forced_signatures import LAMBDA, Forced, force, forge_infinity

scalars = st.integers(1, N - 1)
signs = st.sampled_from([1, -1])
# Some digits of the width of a table, so that few points are added and often meet.
digits = st.builds(
    lambda width, place, digit, sign: sign * digit << width * (place % (255 // width + 1)),
    st.sampled_from([5, 8]),
    st.integers(0, 51),
    st.sampled_from([1, 1, 1, 2, 3, 4, 8, 15, 16, 127, 128]),
    signs,
)
sparse = st.lists(digits, max_size=5).map(lambda terms: sum(terms) % N)
multipliers = sparse | st.integers(0, N - 1)
# Keys that are short multiples of G, and of the multiples that stand in its table.
secrets = st.one_of(
    scalars,
    st.builds(lambda place, sign: sign * 2**place % N, st.integers(0, 255), signs),
    st.builds(lambda place, sign: sign * pow(2, -place, N) % N, st.integers(0, 255), signs),
    st.builds(lambda above, below, sign: sign * above * pow(below, -1, N) % N, *[st.integers(1, 40)] * 2, signs),
    st.sampled_from([1, 2, 3, N - 1, N - 2, LAMBDA, LAMBDA * LAMBDA % N, N - LAMBDA]),
)
edges = st.sampled_from([0, 1, N // 2, N // 2 + 1, N - 1, N, N + 1, 2**256 - 2**32 - 977, 2**256 - 1])
numbers = (edges | st.integers(0, 2**256 - 1)).map(lambda number: number.to_bytes(32, "big"))


def damage(one: Forced, place: int, bit: int) -> Forced:
    both = bytearray(one.digest + one.signature)
    both[place] ^= 1 << bit
    return Forced(bytes(both[:32]), bytes(both[32:]))


def flip(one: Forced) -> Forced:
    return Forced(one.digest, one.signature[:64] + bytes([55 - one.signature[64]]))


unchanged = st.just(lambda one: one)
changes = st.one_of(
    unchanged,
    unchanged,
    st.just(flip),
    st.builds(lambda place, bit: partial(damage, place=place, bit=bit), st.integers(0, 96), st.integers(0, 7)),
    st.builds(lambda digest: lambda one: Forced(digest, one.signature), numbers),
    st.builds(lambda r: lambda one: Forced(one.digest, r + one.signature[32:]), numbers),
    st.builds(lambda s: lambda one: Forced(one.digest, one.signature[:32] + s + one.signature[64:]), numbers),
    st.builds(lambda v: lambda one: Forced(one.digest, one.signature[:64] + bytes([v])), st.integers(0, 255)),
    st.builds(lambda size: lambda one: Forced(one.digest, one.signature[:size]), st.integers(0, 64)),
    st.builds(lambda size: lambda one: Forced(one.digest[:size], one.signature), st.integers(0, 31)),
    st.builds(lambda more: lambda one: Forced(one.digest, one.signature + more), st.binary(min_size=1, max_size=65)),
)


def to_bytes(number: int) -> bytes:
    return number.to_bytes(32, "big")


def make(secret: int, u1: int, u2: int) -> Forced:
    """Force u1*G + u2*Q: a right signature, or an empty promise where that is infinite."""
    k = (u1 + u2 * secret) % N
    if k == 0:
        return forge_infinity(u1, u2, 1)
    public = ecdsa.public_key(to_bytes(k))
    return force((int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")), u1, u2)


def check(public: bytes, asked: list[Forced]) -> None:
    expected = [ecdsa.recover(*one) == public for one in asked]
    digests, signatures = [one.digest for one in asked], [one.signature for one in asked]
    for engine in ENGINES:
        known = KnownKey(public, engine=engine)
        assert known.verify_all(digests, signatures) == expected, engine.name
        assert [known.verify(*one) for one in asked[:3]] == expected[:3], engine.name


@given(secrets, st.lists(st.tuples(numbers, changes), max_size=40))
def test_signed_and_damaged(secret: int, asked: list[tuple[bytes, partial[Forced]]]) -> None:
    signed = [(Forced(digest, ecdsa.sign(to_bytes(secret), digest)), change) for digest, change in asked]
    check(ecdsa.public_key(to_bytes(secret)), [change(one) for one, change in signed])


@given(secrets, st.lists(st.tuples(multipliers, multipliers.filter(bool), changes), min_size=1, max_size=40))
def test_forced_and_damaged(secret: int, asked: list[tuple[int, int, partial[Forced]]]) -> None:
    check(ecdsa.public_key(to_bytes(secret)), [change(make(secret, u1, u2)) for u1, u2, change in asked])


@given(secrets, multipliers.filter(bool), st.sampled_from([1, -1, 2, -2, 3]), sparse)
@example(1, 1, -1, 0)
@example(2, 1, -1, 2**40)
def test_both_halves_meet(secret: int, u2: int, times: int, beside: int) -> None:
    """u1*G is a multiple of u2*Q, or differs from it by a few points."""
    one = make(secret, (times * u2 * secret + beside) % N, u2)
    check(ecdsa.public_key(to_bytes(secret)), [one, flip(one)])


@given(secrets, secrets, st.lists(numbers, min_size=1, max_size=8))
def test_a_key_knows_only_its_own(secret: int, other: int, digests: list[bytes]) -> None:
    own = [Forced(digest, ecdsa.sign(to_bytes(secret), digest)) for digest in digests]
    foreign = [Forced(digest, ecdsa.sign(to_bytes(other), digest)) for digest in digests]
    public = ecdsa.public_key(to_bytes(secret))
    is_same = public == ecdsa.public_key(to_bytes(other))
    expected = [True] * len(digests) + [is_same] * len(digests)
    for engine in ENGINES:
        known = KnownKey(public, engine=engine)
        assert known.verify_all(digests * 2, [one.signature for one in (*own, *foreign)]) == expected


@settings(max_examples=max(10, settings().max_examples // 10))
@given(scalars, numbers, multipliers, multipliers.filter(bool))
def test_the_formulas_say_so_too(secret: int, digest: bytes, u1: int, u2: int) -> None:
    """libsecp256k1 is asked for most verdicts; here plain integers are."""
    public = oracle.public_key(to_bytes(secret))
    asked = [Forced(digest, oracle.sign(to_bytes(secret), digest)), make(secret, u1, u2)]
    asked += map(flip, asked[:1])
    expected = [oracle.recover(*one) == public for one in asked]
    assert expected[::2] == [True, False]
    for engine in ENGINES:
        known = KnownKey(public, engine=engine)
        assert [known.verify(*one) for one in asked] == expected
