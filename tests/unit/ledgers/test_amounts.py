"""Amounts of wei as people write them, exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import LocalError
from parley.ledgers.evm.amounts import WEI_PER_ETHER, WEI_PER_GWEI, parse_wei, show_wei


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("0 wei", 0),
        ("20 gwei", 20_000_000_000),
        ("20gwei", 20_000_000_000),
        (" 20 Gwei ", 20_000_000_000),
        ("0.5 gwei", 500_000_000),
        ("1.000000001 gwei", 1_000_000_001),
        ("1.0 wei", 1),
        ("1_000 gwei", 10**12),
        ("1 eth", 10**18),
        ("0.000000000000000001 ether", 1),
        (f"{2**256 - 1} wei", 2**256 - 1),
    ],
)
def test_an_amount_is_read(text: str, wei: int) -> None:
    assert parse_wei(text) == wei


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "gwei",
        "-1 wei",
        "+1 wei",
        "1e9 wei",
        ".5 gwei",
        "1. gwei",
        "1.5 wei",
        "0.0000000001 gwei",
        "1,5 gwei",
        "1  gwei",
        "1 btc",
        "\u0661 wei",
        f"{2**256} wei",
        "1 gwei\n1 wei",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(LocalError):
        parse_wei(text)


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0 wei"),
        (1, "1 wei"),
        (99_999, "99999 wei"),
        (100_000, "0.0001 gwei"),
        (20 * WEI_PER_GWEI, "20 gwei"),
        (1_500_000_000, "1.5 gwei"),
        (WEI_PER_ETHER // 1_000, "0.001 ether"),
        (12 * WEI_PER_ETHER, "12 ether"),
        (-WEI_PER_GWEI, "-1 gwei"),
    ],
)
def test_an_amount_is_shown_in_the_unit_that_suits_it(wei: int, text: str) -> None:
    assert show_wei(wei) == text


@given(st.integers(0, 2**256 - 1))
def test_what_is_shown_reads_back(wei: int) -> None:
    assert parse_wei(show_wei(wei)) == wei
