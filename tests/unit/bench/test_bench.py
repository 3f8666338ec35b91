"""The arithmetic of the benchmarks under a clock of ours, and the program on one real case."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.measure import Case, Direction, measure
from bench.run import load_cases, main, render, report


class Workshop:
    """Two loops whose durations are given, and the clock that shows them."""

    def __init__(self, reference_ns: list[int], subject_ns: list[int]) -> None:
        self.now_ns = 0
        self.order: list[str] = []
        # The first run of each is the warm-up.
        self._durations_ns = {"reference": [7, *reference_ns], "subject": [9, *subject_ns]}

    def loop(self, name: str, operations: int) -> Callable[[], int]:
        def run() -> int:
            self.order.append(name)
            self.now_ns += self._durations_ns[name].pop(0)
            return operations

        return run

    def clock_ns(self) -> int:
        return self.now_ns


def make_case(shop: Workshop, target: float, direction: Direction = Direction.AT_LEAST) -> Case:
    return Case("works", "a case", shop.loop("reference", 10), shop.loop("subject", 10), target, direction)


def test_the_result_is_the_median_of_the_ratios_of_the_rounds() -> None:
    shop = Workshop(reference_ns=[100, 100, 400], subject_ns=[200, 100, 100])
    result = measure(make_case(shop, 1.0), rounds=3, clock_ns=shop.clock_ns)
    assert (result.lowest, result.ratio, result.highest) == (0.5, 1.0, 4.0)
    assert result.reference_per_s == result.subject_per_s == 100_000_000


def test_the_two_sides_take_turns_and_turns_in_starting() -> None:
    shop = Workshop(reference_ns=[1, 1], subject_ns=[1, 1])
    measure(make_case(shop, 1.0), rounds=2, clock_ns=shop.clock_ns)
    assert shop.order == ["reference", "subject", "reference", "subject", "subject", "reference"]


def test_a_loop_too_short_for_the_clock_counts_as_one_nanosecond() -> None:
    shop = Workshop(reference_ns=[10], subject_ns=[0])
    assert measure(make_case(shop, 1.0), rounds=1, clock_ns=shop.clock_ns).ratio == 10.0


def test_the_collector_is_on_again_even_after_a_failure() -> None:
    def fail_when_timed() -> int:
        if not gc.isenabled():
            raise OSError
        return 1

    case = Case("fails", "a case", fail_when_timed, lambda: 1, 1.0)
    with pytest.raises(OSError, match=r"^$"):
        measure(case, rounds=1, clock_ns=lambda: 0)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("target", "direction", "expected"),
    [
        (0.5, Direction.AT_LEAST, True),
        (0.51, Direction.AT_LEAST, False),
        (0.5, Direction.AT_MOST, True),
        (0.49, Direction.AT_MOST, False),
    ],
)
def test_targets_have_a_direction(target: float, direction: Direction, *, expected: bool) -> None:
    shop = Workshop(reference_ns=[100], subject_ns=[200])
    result = measure(make_case(shop, target, direction), rounds=1, clock_ns=shop.clock_ns)
    assert result.is_met is expected
    assert ("MISSED" in render([result])) is not expected


def test_the_report_names_the_machine_and_the_case() -> None:
    shop = Workshop(reference_ns=[100], subject_ns=[200])
    result = measure(make_case(shop, 0.4), rounds=1, clock_ns=shop.clock_ns)
    written = json.loads(json.dumps(report([result], rounds=1)))
    assert set(written["machine"]) == {"processors", "platform", "python"}
    assert written["cases"][0]["name"] == "works"
    assert written["cases"][0]["ratio"] == 0.5
    assert written["cases"][0]["met"] is True


def test_every_case_runs_and_counts_its_work() -> None:
    for case in load_cases():
        assert case.reference() > 0
        assert case.subject() > 0
        assert case.description


def test_the_program_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "deep" / "bench.json"
    assert main(["--only", "schnorr_verify", "--rounds", "1", "--output", str(output)]) == 0
    assert "schnorr_verify" in capsys.readouterr().out
    assert [case["name"] for case in json.loads(output.read_text())["cases"]] == ["schnorr_verify"]


def test_an_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "no_such_case"])
    assert "no_such_case" in capsys.readouterr().err
