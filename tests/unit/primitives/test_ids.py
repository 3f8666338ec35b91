from __future__ import annotations

from collections.abc import Callable

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.ids import author_key, challenge_id, node_id, record_id, request_id

CONSTRUCTORS: list[tuple[Callable[[bytes], bytes], int]] = [
    (node_id, 32),
    (author_key, 32),
    (record_id, 32),
    (request_id, 16),
    (challenge_id, 16),
]


@pytest.mark.parametrize(("make", "size_bytes"), CONSTRUCTORS)
def test_the_right_size_is_kept_as_it_is(make: Callable[[bytes], bytes], size_bytes: int) -> None:
    raw = bytes(range(size_bytes))
    assert make(raw) == raw


@pytest.mark.parametrize(("make", "size_bytes"), CONSTRUCTORS)
@pytest.mark.parametrize("difference", [-1, 1])
def test_another_size_is_refused(make: Callable[[bytes], bytes], size_bytes: int, difference: int) -> None:
    with pytest.raises(LocalError) as caught:
        make(bytes(size_bytes + difference))
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert caught.value.facts == {"size_bytes": size_bytes + difference, "wanted_bytes": size_bytes}
