from __future__ import annotations

from random import Random
from statistics import fmean, median
from typing import Any

import pytest

from parley.errors import ConfigError, LocalError
from parley.primitives.instants import Instant
from parley.testing.network import (
    Alarm,
    Conditions,
    Delivery,
    Latency,
    LatencyKind,
    VirtualNetwork,
    parse_latency,
    replayable,
)

START = Instant(1_000_000)
DRAWS = 4_000


def network_of(seed: int = 1, **conditions: Any) -> VirtualNetwork[str]:  # noqa: ANN401  # passed on by name
    return VirtualNetwork(Conditions(**conditions), seed=seed, now=START)


def drain(network: VirtualNetwork[str]) -> list[Delivery[str] | Alarm]:
    found: list[Delivery[str] | Alarm] = []
    while (event := network.step()) is not None:
        found.append(event)
    return found


def texts(network: VirtualNetwork[str]) -> list[str]:
    return [event.message for event in drain(network) if isinstance(event, Delivery)]


def test_a_message_arrives_after_its_latency() -> None:
    network = network_of(latency=parse_latency("constant:50"))
    network.send(3, 4, "hello")
    assert network.under_way == 1
    assert network.next_event_at() == START + 50
    assert network.step() == Delivery(3, 4, "hello", Instant(START + 50))
    assert (network.now, network.under_way, network.step()) == (START + 50, 0, None)


def test_messages_of_one_millisecond_arrive_in_the_order_sent() -> None:
    network = network_of(latency=parse_latency("constant:5"))
    for number in range(20):
        network.send(number, 99, str(number))
    assert texts(network) == [str(number) for number in range(20)]


def test_uneven_latency_reorders() -> None:
    network = network_of(latency=parse_latency("uniform:1:1000"))
    for number in range(50):
        network.send(0, 1, str(number))
    got = texts(network)
    assert sorted(got) == sorted(str(number) for number in range(50))
    assert got != [str(number) for number in range(50)]


def test_held_back_messages_are_overtaken_and_wait_no_longer_than_allowed() -> None:
    network = network_of(latency=parse_latency("constant:10"), reordering=0.5, held_back_ms=40)
    for number in range(200):
        network.send(0, 1, str(number))
    arrived = [event.at - START for event in drain(network)]
    assert min(arrived) == 10
    assert 10 < max(arrived) <= 50


def test_loss_is_as_frequent_as_asked_for_and_counted() -> None:
    network = network_of(loss=0.25)
    for _ in range(DRAWS):
        network.send(0, 1, "x")
    delivered = len(texts(network))
    assert abs(delivered / DRAWS - 0.75) < 0.03  # four standard deviations are 0.027
    assert network.traffic.lost == DRAWS - delivered


@pytest.mark.parametrize(("chance", "copies"), [(0.0, 1), (1.0, 2)])
def test_duplication(chance: float, copies: int) -> None:
    network = network_of(duplication=chance)
    network.send(0, 1, "x")
    assert texts(network) == ["x"] * copies


def test_every_message_is_accounted_for() -> None:
    network = network_of(seed=5, loss=0.2, duplication=0.3, reordering=0.2)
    network.crash(7)
    network.partition([[0, 1], [2, 3]])
    source = Random(5)
    for _ in range(500):
        network.send(source.randrange(9), source.randrange(9), "x")
    for _ in range(100):
        network.step()
    network.heal()
    traffic = network.traffic
    assert traffic.sent + traffic.duplicated == traffic.delivered + traffic.lost + network.under_way
    drain(network)
    assert traffic.sent + traffic.duplicated == traffic.delivered + traffic.lost


def test_a_loss_of_everything_and_of_nothing() -> None:
    everything, nothing = network_of(loss=1.0), network_of(loss=0.0)
    for network in (everything, nothing):
        for _ in range(100):
            network.send(0, 1, "x")
    assert (len(texts(everything)), len(texts(nothing))) == (0, 100)


def test_a_crashed_node_neither_sends_nor_receives_nor_wakes() -> None:
    network = network_of()
    network.send(0, 1, "under way to it")
    network.send(1, 0, "sent before")
    network.set_alarm(1, Instant(START + 10))
    network.crash(1)
    network.send(1, 0, "sent while down")
    assert network.is_crashed(1)
    assert texts(network) == ["sent before"]
    network.restart(1)
    network.send(0, 1, "after")
    assert texts(network) == ["after"]


def test_a_partition_cuts_what_is_under_way_too_and_heals() -> None:
    network = network_of()
    network.send(0, 2, "under way")
    network.partition([[0, 1], [2, 3]])
    network.send(0, 3, "across")
    network.send(0, 1, "same side")
    network.send(0, 9, "to nobody's side")
    assert texts(network) == ["same side", "to nobody's side"]
    network.heal()
    network.send(0, 2, "healed")
    assert texts(network) == ["healed"]


def test_a_node_on_two_sides_is_refused() -> None:
    with pytest.raises(LocalError):
        network_of().partition([[0, 1], [1, 2]])


def test_alarms_ring_at_their_moment_and_late_ones_at_once() -> None:
    network = network_of()
    network.set_alarm(4, Instant(START + 30))
    network.set_alarm(5, Instant(START - 30))
    assert drain(network) == [Alarm(5, START), Alarm(4, Instant(START + 30))]


def test_waiting_stops_before_what_is_to_come() -> None:
    network = network_of()
    network.wait_until(Instant(START + 5))
    assert network.now == START + 5
    network.wait_until(START)
    assert network.now == START + 5
    network.set_alarm(0, Instant(START + 10))
    with pytest.raises(LocalError):
        network.wait_until(Instant(START + 11))
    network.wait_until(Instant(START + 10))


def test_the_same_seed_gives_the_same_events_and_another_seed_others() -> None:
    def events(seed: int) -> list[Delivery[str] | Alarm]:
        network = network_of(seed, latency=parse_latency("lognormal:50:1"), loss=0.1, duplication=0.1, reordering=0.1)
        for number in range(100):
            network.send(number % 7, number % 5, str(number))
        return drain(network)

    assert events(1) == events(1)
    assert events(1) != events(2)


def test_the_seed_is_shown_where_something_fails() -> None:
    assert "seed=42" in repr(network_of(42))
    with pytest.raises(LookupError) as caught, replayable(42):
        raise LookupError
    assert caught.value.__notes__ == ["seed: 42"]


def test_a_link_keeps_its_latency_in_both_directions() -> None:
    network = network_of(latency=parse_latency("uniform:1:100000"), is_latency_of_link=True)
    for _ in range(3):
        network.send(0, 1, "there")
        network.send(1, 0, "back")
        network.send(0, 2, "elsewhere")
    arrived = {event.message: set[Instant]() for event in drain(network) if isinstance(event, Delivery)}
    again = network_of(latency=parse_latency("uniform:1:100000"), is_latency_of_link=True)
    for _ in range(3):
        again.send(0, 1, "there")
        again.send(1, 0, "back")
        again.send(0, 2, "elsewhere")
    for event in drain(again):
        assert isinstance(event, Delivery)
        arrived[event.message].add(event.at)
    assert arrived["there"] == arrived["back"]
    assert len(arrived["there"]) == 1
    assert arrived["elsewhere"] != arrived["there"]


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        ("constant:70", Latency(LatencyKind.CONSTANT, 70)),
        ("uniform:20:80", Latency(LatencyKind.UNIFORM, 20, 80)),
        ("lognormal:50:0.5", Latency(LatencyKind.LOGNORMAL, 50, sigma=0.5)),
        ("tor", Latency(LatencyKind.TOR)),
    ],
)
def test_latencies_are_read_and_written(text: str, latency: Latency) -> None:
    assert parse_latency(text) == latency
    assert str(latency) == text


@pytest.mark.parametrize(
    "text",
    ["", "fast", "constant", "constant:x", "constant:-1", "uniform:80:20", "uniform:1", "lognormal:50:-1",
     "lognormal:50:9", "tor:1", "constant:50:50", "constant:700000", "lognormal:50:nan"],
)  # fmt: skip
def test_other_latencies_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_latency(text)


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.1}, {"loss": -0.1}, {"duplication": 2.0}, {"reordering": -1.0}, {"held_back_ms": -1}]
)
def test_other_conditions_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Conditions(**wrong)  # type: ignore[arg-type]  # by name


def test_uniform_latency_stays_within_its_ends_and_reaches_them() -> None:
    source = Random(1)
    draws = {parse_latency("uniform:20:24").draw_ms(source) for _ in range(DRAWS)}
    assert draws == {20, 21, 22, 23, 24}


def test_lognormal_latency_has_its_median_and_its_mean() -> None:
    source = Random(1)
    draws = [parse_latency("lognormal:50:1").draw_ms(source) for _ in range(20 * DRAWS)]
    assert median(draws) == pytest.approx(50, rel=0.03)
    assert fmean(draws) == pytest.approx(82.4, rel=0.03)  # 50 * exp(1/2)


def test_tor_is_slow_and_sometimes_stalls() -> None:
    source = Random(1)
    draws = [parse_latency("tor").draw_ms(source) for _ in range(5 * DRAWS)]
    assert 200 < median(draws) < 400
    # Six relays never take a second in this model; what does is a stall, in 2 of 100.
    assert sum(draw > 1_200 for draw in draws) / len(draws) == pytest.approx(0.02, abs=0.005)
