from __future__ import annotations

import pytest

from parley.adapters.system import SystemClock, SystemEntropy
from parley.errors import LocalError
from parley.primitives.instants import Instant

SECOND_NS = 1_000_000_000


class Dials:
    """Two hands that a test sets."""

    def __init__(self) -> None:
        self.civil_ns = 1_000 * SECOND_NS
        self.monotonic_ns = 7 * SECOND_NS

    def clock(self) -> SystemClock:
        return SystemClock(civil_ns=lambda: self.civil_ns, monotonic_ns=lambda: self.monotonic_ns)

    def pass_time(self, seconds: int) -> None:
        self.civil_ns += seconds * SECOND_NS
        self.monotonic_ns += seconds * SECOND_NS


def test_it_follows_the_civil_time() -> None:
    dials = Dials()
    clock = dials.clock()
    assert clock.now() == 1_000_000
    dials.pass_time(5)
    assert clock.now() == 1_005_000
    dials.civil_ns += 3_600 * SECOND_NS
    assert clock.now() == 4_605_000


def test_set_back_it_goes_on_at_half_speed_until_the_civil_time_has_caught_up() -> None:
    dials = Dials()
    clock = dials.clock()
    dials.civil_ns -= 10 * SECOND_NS
    readings = []
    for _ in range(6):
        readings.append(int(clock.now()))
        dials.pass_time(4)
    assert readings == [1_000_000, 1_002_000, 1_004_000, 1_006_000, 1_008_000, 1_010_000]
    dials.pass_time(4)
    assert clock.now() == 1_018_000


async def test_a_sleep_into_the_past_returns() -> None:
    dials = Dials()
    clock = dials.clock()
    await clock.sleep_until(Instant(999_999))
    await clock.sleep_until(Instant(1_000_000))
    assert clock.now() == 1_000_000


@pytest.mark.parametrize("size_bytes", [0, -1])
def test_no_entropy_cannot_be_asked_for(size_bytes: int) -> None:
    with pytest.raises(LocalError):
        SystemEntropy().take(size_bytes)
