from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.amounts import check_amount


@pytest.mark.parametrize("value", [0, 1, 21_000_000])
def test_amounts_within_the_range_pass(value: int) -> None:
    # The answer to a right amount is silence; a wrong bound would raise here.
    check_amount(value, maximum=21_000_000)
    with pytest.raises(LocalError):
        check_amount(-1 - value, maximum=21_000_000)


@pytest.mark.parametrize(("value", "maximum"), [(-1, 10), (11, 10), (1, 0)])
def test_amounts_outside_the_range_are_refused(value: int, maximum: int) -> None:
    with pytest.raises(LocalError) as caught:
        check_amount(value, maximum=maximum)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert caught.value.facts == {"amount": value, "maximum": maximum}


@pytest.mark.parametrize(("value", "name"), [(1.0, "float"), (True, "bool"), ("1", "str"), (None, "NoneType")])
def test_what_is_not_an_integer_is_refused_whatever_its_value(value: object, name: str) -> None:
    with pytest.raises(LocalError) as caught:
        check_amount(value, maximum=10)  # type: ignore[arg-type]  # that is what is tested
    assert caught.value.facts == {"amount_type": name}
