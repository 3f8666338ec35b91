"""A budget is never passed, whoever takes from it."""

from __future__ import annotations

import threading

import pytest

from parley.errors import ConflictError, ErrorCode, LocalError
from parley.gate.budget import Budget


def test_it_goes_down_by_what_is_taken() -> None:
    budget = Budget(request_tries=10, total_tries=25)
    budget.take(10, request_spent_tries=0)
    budget.take(10, request_spent_tries=0)
    assert (budget.spent_tries, budget.left_tries) == (20, 5)
    assert budget.left_for_request(0) == 5
    with pytest.raises(ConflictError) as raised:
        budget.take(6, request_spent_tries=0)
    assert raised.value.code is ErrorCode.TOO_EXPENSIVE
    assert raised.value.facts == {"expected_tries": 6, "left_tries": 5}
    assert budget.spent_tries == 20


def test_one_request_has_a_limit_over_all_its_repeats() -> None:
    budget = Budget(request_tries=10, total_tries=1_000)
    assert budget.left_for_request(7) == 3
    budget.take(3, request_spent_tries=7)
    with pytest.raises(ConflictError):
        budget.take(4, request_spent_tries=7)
    assert budget.left_for_request(11) == 0


def test_nothing_is_free_of_charge_with_nothing() -> None:
    budget = Budget(request_tries=0, total_tries=0)
    budget.take(0, request_spent_tries=0)
    with pytest.raises(ConflictError):
        budget.take(1, request_spent_tries=0)


@pytest.mark.parametrize(("request_tries", "total_tries"), [(-1, 0), (0, -1)])
def test_a_negative_budget_is_refused(request_tries: int, total_tries: int) -> None:
    with pytest.raises(LocalError):
        Budget(request_tries=request_tries, total_tries=total_tries)


def test_threads_share_it_to_the_last_try() -> None:
    budget = Budget(request_tries=1, total_tries=500)
    refused: list[ConflictError] = []

    def take() -> None:
        for _ in range(100):
            try:
                budget.take(1, request_spent_tries=0)
            except ConflictError as error:
                refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (budget.spent_tries, len(refused)) == (500, 300)
