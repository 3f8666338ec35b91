"""The chain is a permutation both ways, also in a field that is small enough to look at all of it."""

from __future__ import annotations

import pytest

from parley.upload.methods.roots import MODULUS, MODULUS_BYTES, follow_back, follow_forward


def is_probably_prime(number: int) -> bool:
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13, 17, 19))


def test_the_modulus_is_a_safe_prime_with_easy_roots() -> None:
    assert MODULUS.bit_length() == 8 * MODULUS_BYTES
    assert MODULUS % 4 == 3
    assert is_probably_prime(MODULUS)
    assert is_probably_prime((MODULUS - 1) // 2)


@pytest.mark.parametrize("link", [0, 1, 2, 3, MODULUS - 1, MODULUS - 2, MODULUS - 3, MODULUS // 2])
def test_back_undoes_forward(link: int) -> None:
    for steps in (0, 1, 3):
        end = follow_forward(link, steps)
        assert 0 <= end < MODULUS
        assert follow_back(end, steps) == link


def test_steps_add_up() -> None:
    assert follow_forward(follow_forward(7, 2), 3) == follow_forward(7, 5)


def test_the_swap_between_roots_leaves_no_shortcut_through_exponents() -> None:
    """Plain roots of roots are one power; the chain is not."""
    exponent = pow((MODULUS + 1) // 4, 5, MODULUS - 1)
    short = pow(9, exponent, MODULUS)
    assert follow_forward(9, 5) not in {short, MODULUS - short}
