from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.instants import INSTANT_MAX_MS, check_instant


def test_the_largest_instant_is_the_largest_integer_that_json_readers_hold() -> None:
    assert INSTANT_MAX_MS == 9_007_199_254_740_991


@pytest.mark.parametrize("value", [0, 1, 1_700_000_000_000, 9_007_199_254_740_991])
def test_instants_within_the_range_are_returned(value: int) -> None:
    assert check_instant(value) == value


@pytest.mark.parametrize("value", [-1, 9_007_199_254_740_992])
def test_instants_outside_the_range_are_refused(value: int) -> None:
    with pytest.raises(LocalError) as caught:
        check_instant(value)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert caught.value.facts["instant_ms"] == value


@pytest.mark.parametrize(("value", "name"), [(1.0, "float"), (False, "bool"), ("1", "str")])
def test_what_is_not_an_integer_is_refused(value: object, name: str) -> None:
    with pytest.raises(LocalError) as caught:
        check_instant(value)  # type: ignore[arg-type]  # that is what is tested
    assert caught.value.facts == {"instant_type": name}
