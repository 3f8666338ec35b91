"""The package obeys the rules of the house, and each rule still finds a known offender."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.arch import rules
from tests.arch.sources import Source, from_text, package_sources, python_sources

Rule = Callable[[Source], list[str]]

LONG_BODY = "\n".join(f"    x{number} = {number}" for number in range(40))

# rule, an offender, something near it that is allowed
CASES: Final[tuple[tuple[Rule, str, str], ...]] = (
    (rules.asserts, "assert x", "x"),
    (rules.broad_handlers, "try:\n    x()\nexcept:\n    raise", "try:\n    x()\nexcept OSError:\n    pass"),
    (
        rules.broad_handlers,
        "try:\n    x()\nexcept (OSError, Exception):\n    pass",
        "try:\n    x()\nexcept BaseException:\n    y()\n    raise",
    ),
    (
        rules.broad_handlers,
        "try:\n    x()\nexcept BaseException:\n    pass",
        "try:\n    x()\nfinally:\n    y()",
    ),
    (rules.mocks, "from unittest import mock", "import unittest"),
    (rules.mocks, "import unittest.mock as m", "from fakes import clock"),
    (
        rules.long_functions,
        f"def f():\n{LONG_BODY}",
        f'def f():\n    """A.\n\n    B.\n    """\n{LONG_BODY[:-20]}',
    ),
    (rules.long_modules, "x = 1\n" * 401, "x = 1\n" * 400),
    (rules.module_state, "cache = {}", "SIZES = (1, 2)"),
    (rules.module_state, "seen: set[int] = {1}", "SIZES: Mapping[str, int] = {'a': 1}"),
    (rules.module_state, "def f():\n    global x\n    x = 1", "__all__ = ['f']"),
    (rules.exports, "def f(): ...", '"""Only a docstring."""'),
    (rules.exports, "__all__ = []\nclass A: ...", "__all__ = ['A']\nclass A: ...\ndef _b(): ..."),
    (rules.vague_names, "class NodeManager: ...", "class Node: ..."),
)


@pytest.mark.parametrize(("rule", "offender", "lawful"), CASES)
def test_rule_finds_the_offender_and_lets_the_lawful_pass(rule: Rule, offender: str, lawful: str) -> None:
    assert len(rule(from_text(offender))) == 1
    assert rule(from_text(lawful)) == []


def test_only_the_supervisor_may_catch_everything() -> None:
    text = "try:\n    x()\nexcept Exception:\n    log()"
    assert rules.broad_handlers(from_text(text, "src/parley/node/supervise.py")) == []
    assert rules.broad_handlers(from_text(text, "src/parley/node/driver.py")) == [
        "src/parley/node/driver.py:3: except Exception"
    ]


def test_only_pure_packages_are_kept_from_opening_files() -> None:
    assert len(rules.input_output(from_text("open('x')", "src/parley/pool/trie.py"))) == 1
    assert rules.input_output(from_text("open('x')", "src/parley/node/config.py")) == []


@pytest.mark.parametrize(
    "rule",
    [
        rules.asserts,
        rules.banned_file_names,
        rules.broad_handlers,
        rules.exports,
        rules.input_output,
        rules.long_functions,
        rules.long_modules,
        rules.mocks,
        rules.module_state,
        rules.vague_names,
    ],
)
def test_package_obeys(rule: Rule) -> None:
    findings = [finding for source in package_sources() for finding in rule(source)]
    assert findings == []


@pytest.mark.parametrize("folder", ["tests", "bench", "fuzz", "examples", "tools"])
def test_nothing_is_mocked_anywhere(folder: str) -> None:
    findings = [finding for source in python_sources(folder) for finding in rules.mocks(source)]
    assert findings == []


def test_a_vague_module_name_is_found() -> None:
    assert rules.banned_file_names(from_text("", "src/parley/node/utils.py")) == [
        "src/parley/node/utils.py: a module called utils"
    ]
    assert rules.banned_file_names(from_text("", "src/parley/node/driver.py")) == []
