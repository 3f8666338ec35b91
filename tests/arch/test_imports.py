"""Who may import whom, and that every module can be the first one imported."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

from tests.arch.sources import ROOT, package_sources

CONTRACTS = """
import sys
from importlinter.cli import lint_imports

sys.exit(lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True))
"""

# Forks once per module from an interpreter that has loaded nothing of the package, so that each import starts
# fresh and the cost of a start is paid once. Prints one JSON object: module -> what went wrong.
FIRST_IMPORTS = """
import importlib, json, os, sys, traceback, warnings

def load(name, write_end):
    status = 0
    try:
        warnings.simplefilter("error")
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):
            getattr(module, public)
    except BaseException:
        os.write(write_end, traceback.format_exc()[-2000:].encode())
        status = 1
    os._exit(status)

failures = {}
for name in json.load(sys.stdin):
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        load(name, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        text = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if status:
        failures[name] = text or f"ended with status {status}"
print(json.dumps(failures))
"""


def first_import_failures(modules: list[str]) -> dict[str, str]:
    """Import each module first in a fresh interpreter, and return what went wrong by module."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_IMPORTS],
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    failures: dict[str, str] = json.loads(done.stdout)
    return failures


def contract_identifiers() -> list[str]:
    """Return the identifiers of the contracts that the project declares."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)
    return [contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]]


def test_every_module_can_be_imported_first_and_holds_what_it_exports() -> None:
    assert first_import_failures([source.module for source in package_sources()]) == {}


def test_a_module_that_cannot_be_imported_is_named() -> None:
    failures = first_import_failures(["parley.errors", "parley.no_such_module"])
    assert list(failures) == ["parley.no_such_module"]
    assert "ModuleNotFoundError" in failures["parley.no_such_module"]


def test_the_contracts_of_the_house_are_the_known_ones() -> None:
    assert contract_identifiers() == ["layers", "pure", "curve", "curve_inside", "extra", "client"]


def test_contracts_hold() -> None:
    # In a process of its own: the linter silences all loggers that exist, and later tests look at ours.
    done = subprocess.run([sys.executable, "-c", CONTRACTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(contract_identifiers())} kept, 0 broken" in done.stdout


def test_layers_are_exhaustive_and_in_order() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        layers = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]
    assert layers["exhaustive"] is True
    names = [name.strip() for layer in layers["layers"] for name in layer.split("|")]
    assert names == [
        "__main__", "demo", "cli", "web", "simulation", "testing", "node", "gate", "adapters", "devchains",
        "ports", "pool", "upload", "lottery", "ledgers", "protocol", "primitives", "errors",
    ]  # fmt: skip
