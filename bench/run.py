"""Measure and compare: python -m bench.run [--only NAME] [--rounds K] [--strict].

Cases are found in the files `bench/case_*.py`, each with a list `CASES`. What a number means: bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

from bench.measure import Case, Direction, Result, measure

__all__ = ["load_cases", "main", "render", "report"]

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "build" / "bench.json"


def load_cases() -> list[Case]:
    """Return the cases of all files, in the order of the files.

    Raises:
        ValueError: two cases share a name.
    """
    names = sorted(path.stem for path in HERE.glob("case_*.py"))
    cases: list[Case] = [case for name in names for case in import_module(f"bench.{name}").CASES]
    if len({case.name for case in cases}) != len(cases):
        message = "two cases share a name"
        raise ValueError(message)
    return cases


def render(results: list[Result]) -> str:
    """Return the results as a table, one line per case."""
    rows = [("case", "subject/s", "reference/s", "ratio", "range", "target", "")]
    for result in results:
        case = result.case
        rows.append(
            (
                case.name,
                f"{result.subject_per_s:,.0f}",
                f"{result.reference_per_s:,.0f}",
                f"{result.ratio:.3f}",
                f"{result.lowest:.3f}..{result.highest:.3f}",
                f"{case.direction.value} {case.target:g}",
                "met" if result.is_met else "MISSED",
            )
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


def report(results: list[Result], rounds: int) -> dict[str, object]:
    """Return the results as a JSON object, with the machine that they are from."""
    return {
        "machine": {
            "processors": os.cpu_count(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "rounds": rounds,
        "cases": [
            {
                "name": result.case.name,
                "description": result.case.description,
                "ratio": result.ratio,
                "lowest": result.lowest,
                "highest": result.highest,
                "reference_per_s": result.reference_per_s,
                "subject_per_s": result.subject_per_s,
                "target": result.case.target,
                "direction": "at least" if result.case.direction is Direction.AT_LEAST else "at most",
                "met": result.is_met,
            }
            for result in results
        ],
    }


def _parse_arguments(arguments: list[str], names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description="Measure and compare.")
    parser.add_argument("--only", metavar="NAME", choices=names, help=f"one case: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=15, help="how often each side is timed (default 15)")
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write the JSON (build/bench.json)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure the cases asked for; return 1 only if asked to be strict and a target is missed."""
    cases = load_cases()
    options = _parse_arguments(arguments, [case.name for case in cases])
    chosen = [case for case in cases if options.only in {None, case.name}]
    results = [measure(case, rounds=options.rounds, clock_ns=time.perf_counter_ns) for case in chosen]
    print(render(results))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report(results, options.rounds), indent=2) + "\n")
    return 1 if options.strict and not all(result.is_met for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
