"""What every test run shares: how much is tried, what is left out, and the examples in the documents."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

# Deadlines and "too slow" measure the machine, not the code: a busy machine must not fail a true property.
settings.register_profile(
    "push", max_examples=200, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", parent=settings.get_profile("push"), max_examples=25)
settings.register_profile("nightly", parent=settings.get_profile("push"), max_examples=20_000)
settings.load_profile(os.environ.get("PARLEY_HYPOTHESIS", "push"))

# Every Python block of the README and of the documents runs, block after block in one namespace per page.
pytest_collect_file = Sybil(
    parsers=[SkipParser(), PythonCodeBlockParser()],
    patterns=["README.md", "docs/**/*.md"],
    fixtures=["empty_working_directory"],
    name="document",
).pytest()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--nightly`, without which tests marked so are skipped."""
    parser.addoption("--nightly", action="store_true", help="run the tests marked `nightly` as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this run did not ask for, and what this machine cannot do, each with its reason."""
    reasons: dict[str, str] = {}
    if not config.getoption("--nightly"):
        reasons["nightly"] = "needs --nightly"
    if missing := [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]:
        reasons["browser"] = f"not installed: {', '.join(missing)}"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def empty_working_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the examples of a document write files where nobody minds."""
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("document"))
    yield
    os.chdir(here)
