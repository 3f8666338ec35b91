"""What can be said to `parley gate`."""

from __future__ import annotations

import pytest

from parley.errors import ConfigError
from parley.node.gate_commands import GateRun, gate_order

UPSTREAM = "http://127.0.0.1:8000"


def test_a_plain_price_is_for_every_path() -> None:
    order = gate_order(GateRun(upstream=UPSTREAM, price=["20 gwei"]))
    assert (order.price, order.price_units) == ({"/*": 20 * 10**9}, {})


def test_prices_by_path_in_money_and_in_work() -> None:
    order = gate_order(
        GateRun(upstream=UPSTREAM, price=["/a=1 wei", "/b/*=2 gwei"], units=["16", "/a=0"], ticket="5 gwei")
    )
    assert order.price == {"/a": 1, "/b/*": 2 * 10**9}
    assert order.price_units == {"/*": 16, "/a": 0}
    assert order.till.ticket_wei == 5 * 10**9


def test_what_is_said_of_the_gate_and_the_proxy_gets_there() -> None:
    order = gate_order(
        GateRun(
            upstream=UPSTREAM,
            units=["1"],
            realm="shop.test",
            body_max_bytes=10,
            keep_host=True,
            trust_forwarded=True,
        )
    )
    assert (order.gate.realm, order.gate.body_max_bytes) == ("shop.test", 10)
    assert (order.proxy.keep_host, order.proxy.trust_forwarded) == (True, True)


@pytest.mark.parametrize(
    ("price", "units", "ticket"),
    [
        ([], [], "0 wei"),
        (["20"], [], "0 wei"),
        (["/a=20 dollars"], [], "0 wei"),
        (["1 wei", "2 wei"], [], "0 wei"),
        (["/a=1 wei", "/a=2 wei"], [], "0 wei"),
        ([], ["many"], "0 wei"),
        ([], ["-1"], "0 wei"),
        ([], ["9" * 11], "0 wei"),
        ([], ["\u0661"], "0 wei"),
        (["1 wei"], [], "cheap"),
    ],
)
def test_what_is_no_price_is_refused(price: list[str], units: list[str], ticket: str) -> None:
    with pytest.raises(ConfigError):
        gate_order(GateRun(upstream=UPSTREAM, price=price, units=units, ticket=ticket))
