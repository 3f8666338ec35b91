from __future__ import annotations

import pytest

from parley.errors import ConfigError, ErrorCode, Rejected
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from parley.upload.methods import Arithmetic, Captcha, MemoryHard, Subscription, Wait
from parley.upload.policy import alternatives, check_policy, choose

ALL = Registry((ProofOfWork(), MemoryHard(), Arithmetic(), Captcha(), Subscription({}), Wait()))
POLICY = ("pow-memory", "pow", "captcha", "wait")


@pytest.mark.parametrize(
    ("preference", "chosen"),
    [
        ((), "pow-memory"),
        (("pow",), "pow"),
        (("wait", "pow"), "wait"),
        (("payment", "math", "captcha"), "captcha"),
        (("math", "nonsense", "pow", "wait"), "pow"),
    ],
)
def test_the_first_that_the_client_names_and_the_issuer_allows(preference: tuple[str, ...], chosen: str) -> None:
    method = choose(ALL, preference, POLICY)
    assert not isinstance(method, Rejected)
    assert method.name == chosen


@pytest.mark.parametrize("preference", [("math",), ("payment", ""), ("Pow",)])
def test_nothing_in_common_is_a_clear_refusal(preference: tuple[str, ...]) -> None:
    known = "pow-memory,pow,captcha,wait"
    assert choose(ALL, preference, POLICY) == Rejected(ErrorCode.METHOD_UNKNOWN, {"known": known})


def test_what_the_registry_lacks_is_not_chosen() -> None:
    small = Registry((ProofOfWork(),))
    method = choose(small, (), POLICY)
    assert not isinstance(method, Rejected)
    assert method.name == "pow"
    assert choose(Registry(()), (), POLICY) == Rejected(ErrorCode.METHOD_UNKNOWN, {"known": ""})


def beside(preference: tuple[str, ...], policy: tuple[str, ...] = POLICY) -> list[str]:
    chosen = choose(ALL, preference, policy)
    assert not isinstance(chosen, Rejected)
    return [method.name for method in alternatives(ALL, chosen, preference, policy)]


@pytest.mark.parametrize(
    ("preference", "others"),
    [
        (("captcha",), ["pow-memory"]),
        (("captcha", "wait", "pow", "wait"), ["wait", "pow"]),
        (("captcha", "math", "pow"), ["pow"]),
        (("pow", "captcha"), []),
        ((), []),
    ],
)
def test_what_needs_sight_never_stands_alone(preference: tuple[str, ...], others: list[str]) -> None:
    assert beside(preference) == others


def test_a_grant_that_few_have_is_not_enough_beside_a_picture() -> None:
    policy = ("captcha", "subscription", "wait", "pow")
    assert beside((), policy) == ["wait"]
    assert beside(("captcha", "subscription"), policy) == ["subscription", "wait"]


@pytest.mark.parametrize("policy", [("pow",), POLICY, ("captcha", "wait")])
def test_a_policy_that_can_be_kept(policy: tuple[str, ...]) -> None:
    check_policy(ALL, policy)
    assert choose(ALL, (), policy) is ALL.find(policy[0])


@pytest.mark.parametrize("policy", [(), ("captcha",), ("captcha", "subscription"), ("pow", "pow"), ("pow", "payment")])
def test_a_policy_that_cannot_be_kept_does_not_start(policy: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_policy(ALL, policy)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_another_kind_that_needs_senses_is_told_by_name() -> None:
    with pytest.raises(ConfigError):
        check_policy(ALL, ("math",), needs_senses={"math"})
    math = ALL.find("math")
    assert math is not None
    others = alternatives(ALL, math, (), ("math", "captcha"), needs_senses={"math"})
    assert [method.name for method in others] == ["captcha"]
