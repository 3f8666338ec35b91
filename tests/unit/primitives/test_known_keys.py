"""Every engine gives the verdict of recovery, for whatever a signer can think of."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives import ecdsa, known_keys
from parley.primitives.known_keys import ENGINE, ENGINES, RECOVERY, Engine, KnownKey, NativeEngine, open_engines
from tests.oracles import ecdsa as oracle
from tests.oracles.bip340 import N, P
from tests.oracles.forced_signatures import (
    LAMBDA,
    Forced,
    G,
    Point,
    add,
    force,
    forge_infinity,
    key,
    lift,
    multiply,
    negate,
)

VECTORS = Path(__file__).parents[3] / "vectors"
NATIVE = [engine for engine in ENGINES if isinstance(engine, NativeEngine)]
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)

SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
PUBLIC = oracle.public_key(SECRET)
DIGEST = b"\xc3" * 32
SIGNATURE = oracle.sign(SECRET, DIGEST)


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def flip(signature: bytes) -> bytes:
    return signature[:64] + bytes([55 - signature[64]])


def spoil(right: Forced) -> list[Forced]:
    """Return a right signature, and what is next to it and wrong."""
    digest, signature = right
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return [
        right,
        Forced(digest, flip(signature)),
        Forced(digest, number(r) + number(N - s) + signature[64:]),
        Forced(digest, number(r) + number(N - s) + flip(signature)[64:]),
        Forced(digest, number((r + 1) % N) + signature[32:]),
        Forced(digest, number((N - r) % N) + signature[32:]),
        Forced(number((int.from_bytes(digest, "big") + 1) % N), signature),
        Forced(number((N - int.from_bytes(digest, "big")) % N), signature),
    ]


def check(engine: Engine, public: bytes, asked: Sequence[Forced], expected: Sequence[bool]) -> None:
    """Judge one by one and all at once."""
    known = KnownKey(public, engine=engine)
    assert [known.verify(digest, signature) for digest, signature in asked] == list(expected)
    digests, signatures = [one.digest for one in asked], [one.signature for one in asked]
    assert known.verify_all(digests, signatures) == list(expected)


def check_forced(engine: Engine, point: Point, totals: Sequence[tuple[int, int, Point | None]]) -> None:
    """Force sums u1*G + u2*Q to be what they should not be, and let recovery say what is right."""
    asked: list[Forced] = []
    for u1, u2, total in totals:
        if total is None:
            asked += [forge_infinity(u1, u2, r) for r in (1, G[0] % N, N - 1)]
        else:
            asked += spoil(force(total, u1, u2))
            assert ecdsa.recover(*asked[-8]) == key(point)
    expected = [ecdsa.recover(*one) == key(point) for one in asked]
    assert not all(expected)
    check(engine, key(point), asked, expected)


def check_multipliers(engine: Engine, secret: int, multipliers: Sequence[tuple[int, int]]) -> None:
    """Force the same with the secret of the key, which makes sums quick: u1*G + u2*Q is (u1 + u2*secret)*G."""
    totals = [(u1, u2, to_point((u1 + u2 * secret) % N)) for u1, u2 in multipliers]
    point = to_point(secret)
    assert point is not None
    check_forced(engine, point, totals)


def to_point(scalar: int) -> Point | None:
    if scalar == 0:
        return None
    public = ecdsa.public_key(number(scalar))
    return int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")


@every_engine
def test_a_signature_is_right_and_its_neighbours_are_not(engine: Engine) -> None:
    wrong = spoil(Forced(DIGEST, SIGNATURE))[1:]
    other_key = Forced(DIGEST, oracle.sign(b"\x01" * 32, DIGEST))
    check(engine, PUBLIC, [Forced(DIGEST, SIGNATURE), *wrong, other_key], [True, *[False] * 8])


@every_engine
@pytest.mark.parametrize("place", range(97))
def test_every_byte_counts(engine: Engine, place: int) -> None:
    damaged = bytearray(DIGEST + SIGNATURE)
    damaged[place] ^= 1 << place % 8
    check(engine, PUBLIC, [Forced(bytes(damaged[:32]), bytes(damaged[32:]))], [False])


@every_engine
@pytest.mark.parametrize("v", [0, 1, 2, 3, 26, 29, 30, 31, 154, 155, 255])
def test_v_is_27_or_28(engine: Engine, v: int) -> None:
    check(engine, PUBLIC, [Forced(DIGEST, SIGNATURE[:64] + bytes([v]))], [False])


@every_engine
def test_what_is_out_of_range_is_never_right(engine: Engine) -> None:
    edges = [0, 1, 2, N // 2 - 1, N // 2, N // 2 + 1, N - 1, N, N + 1, P - 1, P, P + 1, 2**256 - 1]
    asked = [
        Forced(digest, number(r) + number(s) + bytes([v]))
        for r, s, v, digest in product(edges, edges, (27, 28), (DIGEST, bytes(32)))
    ]
    expected = [oracle_verdict(PUBLIC, one) for one in asked[:40]] + [False] * (len(asked) - 40)
    check(engine, PUBLIC, asked, expected)


def oracle_verdict(public: bytes, one: Forced) -> bool:
    return oracle.recover(one.digest, one.signature) == public


@every_engine
@pytest.mark.parametrize("digest", [bytes(32), number(1), number(N - 1), number(N), number(N + 1), b"\xff" * 32])
def test_a_digest_is_reduced(engine: Engine, digest: bytes) -> None:
    signature = oracle.sign(SECRET, digest)
    value = int.from_bytes(digest, "big")
    same = number(value - N if value >= N else value + N if value + N < 2**256 else value)
    check(engine, PUBLIC, [Forced(digest, signature), Forced(same, signature)], [True, True])
    check(engine, PUBLIC, [Forced(digest, flip(signature)), Forced(DIGEST, signature)], [False, False])


@every_engine
@pytest.mark.parametrize(
    "secret",
    [1, 2, 3, 15, 16, 17, 31, 32, 128, 2**8, 2**40, 2**80, 2**255, N // 2, LAMBDA, LAMBDA * LAMBDA % N, pow(2, -1, N)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_multiples_that_meet(engine: Engine, secret: int, sign: int) -> None:
    """u1*G is u2*Q, or its opposite, or nothing at all; alone, and where the digits are many."""
    secret = sign * secret % N
    pairs: list[tuple[int, int]] = []
    for u2 in (1, N - 1, 2**40, 0x1111 << 100, 3**150 % N):
        same = u2 * secret % N
        pairs += [(same, u2), (N - same, u2), (0, u2), (2 * same % N, u2), (same + 1, u2), (N - same + 1, u2)]
    check_multipliers(engine, secret, pairs)


@every_engine
@pytest.mark.parametrize("secret", [1, N - 1, 2, N - 2, 2**40, N - 2**40])
def test_partial_sums_that_meet(engine: Engine, secret: int) -> None:
    """Few digits each, of multiples that are powers of two times each other: equal, opposite, gone, and back again."""
    of_generator = [0, 1, 2**40, 1 + 2**40, 1 - 2**40, 1 + 2**40 + 2**80, 2**80 - 1 - 2**40]
    of_key = [1, 2**40, 1 + 2**40, 1 - 2**40, 2**40 - 1, 1 + 2**40 + 2**80, 1 + 2**40 - 2**80]
    check_multipliers(engine, secret, [(u1 % N, u2 % N) for u1, u2 in product(of_generator, of_key)])


@every_engine
def test_digits_at_their_limits(engine: Engine) -> None:
    """Every digit the largest, the smallest, zero; and a carry through all of them."""
    scalars = [sum(digit << place for place in range(0, 250, width)) for width in (5, 8) for digit in (1, 15, 16, 17)]
    scalars += [128 << 240, N // 2, N // 2 + 1, N - 1, 2**255 - 2**200, 2**248 - 1, 2**255 % N, 2**256 % N]
    pairs = list(zip([*scalars, 0, 5], [*reversed(scalars), 1, N - 1], strict=True))
    check_multipliers(engine, int.from_bytes(SECRET, "big"), pairs)


@every_engine
def test_keys_and_points_at_the_ends_of_the_field(engine: Engine) -> None:
    """Their secrets are unknown; a right signature of a digest that one may choose needs none."""
    for end, step in ((0, 1), (P - 1, -1), (N - 1, -1), (N, 1), (2**255, 1), (2**192, -1), (2**64, 1)):
        x = next(x for x in range(end, end + 100 * step, step) if lift(x, odd=0))
        for odd in (0, 1):
            point = lift(x, odd=odd)
            assert point is not None
            multipliers = [(3**99, 5**77), (1, 1), (0, 2)]
            totals = [(u1, u2, add(multiply(G, u1), multiply(point, u2))) for u1, u2 in multipliers]
            check_forced(engine, point, totals)


@every_engine
@pytest.mark.parametrize("odd", [0, 1])
def test_r_is_the_x_of_a_point_and_not_merely_that_modulo_n(engine: Engine, odd: int) -> None:
    """Textbook verification takes r = x - n as well; v of 27 and 28 say that x is below n."""
    for first, is_right in ((1, True), (N - 100, True), (N, False), (P - 100, False)):
        x = next(x for x in range(first, first + 100) if lift(x, odd=odd))
        total = lift(x, odd=odd)
        assert total is not None
        for u1, u2 in ((1, 1), (3**99, 5**77), (0, 2)):
            rest = add(total, multiply(G, -u1))
            assert rest is not None
            point = multiply(rest, pow(u2, -1, N))
            assert point is not None
            one = force(total, u1, u2)
            not_reduced = Forced(one.digest, number(x) + one.signature[32:])
            flipped = Forced(one.digest, flip(one.signature))
            check(engine, key(point), [one, flipped, not_reduced], [is_right, False, is_right])
            assert oracle_verdict(key(point), one) is is_right


@every_engine
def test_the_vectors_of_the_world(engine: Engine) -> None:
    for case in json.loads((VECTORS / "ecdsa" / "rfc6979.json").read_text()):
        secret, *asked = (bytes.fromhex(case[name]) for name in ("secret", "digest", "signature"))
        check(engine, oracle.public_key(secret), spoil(Forced(*asked)), [True, *[False] * 7])
    for case in json.loads((VECTORS / "lottery" / "signatures.json").read_text()):
        one = Forced(bytes.fromhex(case["digest"]), bytes.fromhex(case["signature"]))
        public = oracle.recover(*one)
        assert public is not None
        assert ecdsa.address_of(public).hex() == case["signer"]
        check(engine, public, spoil(one), [True, *[False] * 7])


@every_engine
def test_any_sizes_are_judged(engine: Engine) -> None:
    sizes = [bytes(size) for size in (0, 1, 31, 33, 64, 65, 66, 97, 1000)]
    asked = [Forced(digest, SIGNATURE) for digest in sizes if len(digest) != 32]
    asked += [Forced(DIGEST, signature) for signature in (*sizes, SIGNATURE[:64], SIGNATURE + b"\x00")]
    mixed = [Forced(DIGEST, SIGNATURE), *asked, Forced(DIGEST, SIGNATURE)]
    check(engine, PUBLIC, mixed, [True, *[False] * len(asked), True])


@every_engine
@pytest.mark.parametrize("size", [0, 1, 2, 15, 16, 17, 31, 32, 33, 100])
def test_each_of_many_has_its_own_verdict(engine: Engine, size: int) -> None:
    """Whatever stands beside it, of whatever kind; sizes around those of the groups that are judged at once."""
    digests = [number(3**place) for place in range(size)]
    signatures = [ecdsa.sign(SECRET, digest) for digest in digests]
    signatures = [
        [one, flip(one), one[:32] + bytes(32) + one[64:], one[:64], one][place % 5]
        for place, one in enumerate(signatures)
    ]
    known = KnownKey(PUBLIC, engine=engine)
    assert known.verify_all(digests, signatures) == [place % 5 in {0, 4} for place in range(size)]
    assert known.verify_all(digests[::-1], signatures[::-1]) == [place % 5 in {0, 4} for place in range(size)][::-1]
    assert not any(known.verify_all(digests, [bytes(65)] * size))


@every_engine
def test_threads_judge_with_one_key(engine: Engine) -> None:
    digests = [number(7**place) for place in range(40)]
    signatures = [ecdsa.sign(SECRET, digest) for digest in digests]
    signatures[3::4] = map(flip, signatures[3::4])
    expected = [place % 4 != 3 for place in range(40)]
    known = KnownKey(PUBLIC, engine=engine)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: known.verify_all(digests, signatures), range(12)))
    assert found == [expected] * 12


@every_engine
def test_as_many_signatures_as_digests(engine: Engine) -> None:
    with pytest.raises(LocalError) as caught:
        KnownKey(PUBLIC, engine=engine).verify_all([DIGEST], [])
    assert caught.value.facts == {"digests": 1, "signatures": 0}


@every_engine
def test_a_key_says_what_it_is(engine: Engine) -> None:
    assert KnownKey(PUBLIC, engine=engine).public == PUBLIC


def no_keys() -> list[bytes]:
    x, y = int.from_bytes(PUBLIC[:32], "big"), int.from_bytes(PUBLIC[32:], "big")
    small_x = next(point for x in range(1, 100) if (point := lift(x, odd=0)))
    # p is 7 modulo 9, so c**((p + 2) / 9) is a cube root of c if there is one.
    roots = ((pow(y * y - 7, (P + 2) // 9, P), y) for y in range(1, 100))
    small_y = next((x, y) for x, y in roots if pow(x, 3, P) == y * y - 7)
    wrong = [(0, 0), (x, y ^ 1), (x ^ 1, y), (y, x), (5, 1), (0, 1), (0, P), (P, 0), (P - 1, P - 1), (2**256 - 1, 1)]
    wrong += [(small_x[0] + P, small_x[1]), (small_y[0], small_y[1] + P), (1, 0), (P, P)]
    assert KnownKey(key(small_x)).public == key(small_x)
    assert KnownKey(key(small_y)).public == key(small_y)
    return [b"", PUBLIC[:63], PUBLIC + b"\x00", PUBLIC[:32], b"\x04" + PUBLIC, *map(key, wrong)]


@every_engine
def test_what_is_no_point_is_no_key(engine: Engine) -> None:
    for public in no_keys():
        with pytest.raises(LocalError) as caught:
            KnownKey(public, engine=engine)
        assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@every_engine
def test_the_opposite_of_a_key_is_another_key(engine: Engine) -> None:
    opposite = key(negate((int.from_bytes(PUBLIC[:32], "big"), int.from_bytes(PUBLIC[32:], "big"))))
    check(engine, opposite, [Forced(DIGEST, SIGNATURE), Forced(DIGEST, flip(SIGNATURE))], [False, False])


def test_recovery_is_always_there_and_last() -> None:
    assert ENGINES[-1] == RECOVERY
    assert ENGINES[0] == ENGINE
    assert [engine.name for engine in ENGINES] in (["tables", "recovery"], ["recovery"])
    assert open_engines("parley.primitives.not_compiled") == (RECOVERY,)


@dataclass
class Compiled:
    """A compiled module that says what it is told to."""

    says: list[bytes]

    def make_table(self, public: bytes, /) -> object:
        return public

    def judge(self, table: object, digests: bytes, signatures: bytes, /) -> bytes:
        del table, digests, signatures
        return self.says.pop(0)


@pytest.mark.parametrize(
    ("answers", "is_offered"),
    [
        ((b"\x01\x01", b"\x00\x00", b"\x01\x00", b"\x00\x01"), True),
        ((b"\x01\x01", b"\x00\x00", b"\x01\x00", b"\x01\x01"), False),
        ((b"\x01\x01", b"\x00\x01", b"\x01\x00", b"\x00\x01"), False),
        ((b"\x00\x01", b"\x00\x00", b"\x01\x00", b"\x00\x01"), False),
        ((b"\x01\x01", b"\x01\x01", b"\x01\x01", b"\x01\x01"), False),
        ((b"", b"", b"", b""), False),
    ],
)
def test_a_compiled_module_that_errs_is_not_offered(
    answers: Sequence[bytes], monkeypatch: pytest.MonkeyPatch, *, is_offered: bool
) -> None:
    module, compiled = ModuleType("compiled_elsewhere"), Compiled(list(answers))
    for name in ("make_table", "judge"):
        setattr(module, name, getattr(compiled, name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert len(open_engines(module.__name__)) == 1 + is_offered
    assert compiled.says == []


def test_a_compiled_module_that_takes_a_key_for_none_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_table(_public: bytes) -> object:
        raise ValueError

    module = ModuleType("compiled_elsewhere")
    vars(module).update(make_table=make_table, judge=Compiled([]).judge)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert open_engines(module.__name__) == (RECOVERY,)


@pytest.mark.parametrize("error", [TypeError, ValueError, MemoryError])
def test_a_compiled_module_of_another_version_is_not_offered(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_arguments: object) -> bytes:
        raise error

    module = ModuleType("compiled_elsewhere")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert open_engines(module.__name__) == (RECOVERY,)
    vars(module).update(make_table=Compiled([]).make_table, judge=judge)
    assert open_engines(module.__name__) == (RECOVERY,)


def test_the_known_answers_are_vectors() -> None:
    tickets = json.loads((VECTORS / "lottery" / "signatures.json").read_text())[:2]
    assert [bytes.fromhex(one["digest"]) for one in tickets] == list(known_keys._KNOWN_DIGESTS)
    assert [bytes.fromhex(one["signature"]) for one in tickets] == list(known_keys._KNOWN_SIGNATURES)
    assert oracle.public_key(bytes.fromhex(tickets[0]["secret"])) == known_keys._KNOWN_PUBLIC


@pytest.mark.skipif(not NATIVE, reason="the extension was not built")
class TestCompiled:
    """The compiled module checks what it is given, whoever calls it."""

    def test_keys(self) -> None:
        for public in no_keys():
            with pytest.raises(ValueError, match=r"a key has 64 bytes|no point of the curve"):
                NATIVE[0].module.make_table(public)

    @pytest.mark.parametrize(
        ("digests_bytes", "signatures_bytes"),
        [(0, 65), (32, 0), (31, 65), (33, 65), (32, 64), (32, 66), (64, 65), (32, 130), (65, 32), (1, 0), (0, 1)],
    )
    def test_sizes(self, digests_bytes: int, signatures_bytes: int) -> None:
        table = NATIVE[0].module.make_table(PUBLIC)
        with pytest.raises(ValueError, match="32 bytes of digest and 65 of signature for each"):
            NATIVE[0].module.judge(table, bytes(digests_bytes), bytes(signatures_bytes))
        assert NATIVE[0].module.judge(table, b"", b"") == b""

    def test_what_is_no_table(self) -> None:
        for table in (None, PUBLIC, sys.modules["datetime"].datetime_CAPI):
            with pytest.raises(ValueError, match="PyCapsule_GetPointer"):
                NATIVE[0].module.judge(table, DIGEST, SIGNATURE)

    def test_wrong_types(self) -> None:
        table = NATIVE[0].module.make_table(PUBLIC)
        with pytest.raises(TypeError):
            NATIVE[0].module.make_table("text")  # type: ignore[arg-type]  # on purpose
        with pytest.raises(TypeError):
            NATIVE[0].module.judge(table, bytearray(DIGEST), SIGNATURE)  # type: ignore[arg-type]  # on purpose
