from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.one_shot import OneShot, SecretKey

SECRET = b"never show these thirty-two byte"

COPIES: list[Callable[[object], object]] = [
    pickle.dumps,
    lambda secret: pickle.dumps(secret, protocol=0),
    copy.copy,
    copy.deepcopy,
]


@dataclasses.dataclass(frozen=True)
class Holder:
    """A value with secrets in it, as a wallet would have."""

    key: SecretKey
    nonce: OneShot


def test_a_one_shot_is_taken_once() -> None:
    nonce = OneShot(SECRET)
    assert nonce.take() == SECRET
    for _ in range(2):
        with pytest.raises(LocalError) as caught:
            nonce.take()
        assert caught.value.code is ErrorCode.SECRET_ALREADY_TAKEN
        assert caught.value.__suppress_context__


def test_of_many_threads_one_gets_it() -> None:
    threads, rounds = 8, 50
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(rounds):
            assert take_in_threads(OneShot(SECRET), threads) == [SECRET]
    finally:
        sys.setswitchinterval(interval)


def take_in_threads(nonce: OneShot, count: int) -> list[bytes]:
    taken: list[bytes] = []
    barrier = Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            taken.append(nonce.take())
        except LocalError:
            return

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def test_a_one_shot_shows_its_state_only() -> None:
    nonce = OneShot(SECRET)
    assert repr(nonce) == str(nonce) == f"{nonce}" == "OneShot(<held>)"
    nonce.take()
    assert repr(nonce) == "OneShot(<taken>)"


def test_one_shots_are_equal_to_themselves_only() -> None:
    left, right = OneShot(SECRET), OneShot(SECRET)
    assert left == left  # noqa: PLR0124 - equality of the object with itself is what is tested
    assert left != right
    assert len({left, right}) == 2


def test_a_secret_key_reveals_itself_when_asked() -> None:
    key = SecretKey(SECRET)
    assert key.reveal() == SECRET
    assert key.reveal() == SECRET


@pytest.mark.parametrize("size_bytes", [0, 31, 33])
def test_a_secret_key_has_32_bytes(size_bytes: int) -> None:
    with pytest.raises(LocalError) as caught:
        SecretKey(bytes(size_bytes))
    assert caught.value.facts == {"size_bytes": size_bytes, "wanted_bytes": 32}


def test_a_secret_key_never_prints_itself() -> None:
    key = SecretKey(SECRET)
    shown = [repr(key), str(key), f"{key}", f"{key!r}", f"{key!s:>40}", repr(Holder(key, OneShot(SECRET)))]
    assert all("redacted" in text for text in shown)
    assert not any("never" in text or SECRET.hex() in text for text in shown)


def test_secret_keys_compare_by_value_and_do_not_hash() -> None:
    assert SecretKey(SECRET) == SecretKey(SECRET)
    assert SecretKey(SECRET) != SecretKey(bytes(32))
    assert SecretKey(SECRET) != SECRET
    with pytest.raises(TypeError, match="unhashable"):
        hash(SecretKey(SECRET))


@pytest.mark.parametrize("make_copy", COPIES)
@pytest.mark.parametrize("secret", [OneShot(SECRET), SecretKey(SECRET)], ids=["OneShot", "SecretKey"])
def test_secrets_are_neither_pickled_nor_copied(secret: object, make_copy: Callable[[object], object]) -> None:
    with pytest.raises(LocalError) as caught:
        make_copy(secret)
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_what_holds_a_secret_is_not_turned_into_plain_values() -> None:
    with pytest.raises(LocalError):
        dataclasses.asdict(Holder(SecretKey(SECRET), OneShot(SECRET)))


@pytest.mark.parametrize("secret", [OneShot(SECRET), SecretKey(SECRET)], ids=["OneShot", "SecretKey"])
def test_secrets_have_no_dictionary_to_look_into(secret: object) -> None:
    with pytest.raises(TypeError, match="__dict__"):
        vars(secret)
