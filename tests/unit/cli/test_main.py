"""The program itself: its words are those of the registry, and its help is quick."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from parley.__main__ import CAPABILITIES, load_registry, main
from parley.cli.tree import make_root
from parley.node.registry import Audience


def test_every_command_has_a_capability_that_loads_it() -> None:
    words = {command.words for command in load_registry().commands if command.words}
    loaded = {
        command.words
        for capability in CAPABILITIES
        for command in capability.load()
        if command.words[:1] == (capability.word,)
    }
    assert loaded == words


def test_every_word_leads_to_a_command_whose_help_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for command in load_registry().commands:
        if command.words:
            assert main([*command.words, "--help"]) == 0
            assert command.summary in " ".join(capsys.readouterr().out.split())


def test_foreign_methods_are_not_on_the_command_line() -> None:
    offered = [command.method for command in load_registry().of(Audience.FOREIGN) if command.words]
    assert offered == []


@pytest.mark.parametrize(
    "words",
    [
        "node run", "node id", "config show", "pool push", "pool query", "pool watch", "pool rm", "pool status",
        "peers add", "peers ls", "verify", "demo", "simulate pool", "completion",
    ],
)  # fmt: skip
def test_the_words_that_scripts_rely_on(words: str) -> None:
    assert tuple(words.split()) in load_registry().by_words


def test_the_words_come_in_the_order_of_the_help() -> None:
    root = make_root(CAPABILITIES, lambda _: 0)
    assert root.list_commands(click.Context(root)) == [
        *("demo", "node", "config", "pool", "peers", "send", "inbox", "outbox", "account", "subscription"),
        *("chain", "lottery", "gate", "verify", "simulate", "completion"),
    ]


def test_help_and_version_load_nothing_slow() -> None:
    script = (
        "import sys; from parley.__main__ import main; main(['--help']); main(['--version']);"
        "slow = {'aiohttp', 'asyncio', 'coincurve', 'jinja2', 'msgspec', 'networkx', 'rich', 'starlette', 'uvicorn'};"
        "sys.exit(', '.join(sorted(slow & sys.modules.keys())) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: parley" in done.stdout


def test_an_owners_command_loads_no_server() -> None:
    script = (
        "import sys; from parley.__main__ import main; main(['pool', 'status', '--data-dir', '/nowhere/at/all']);"
        "slow = {'aiohttp', 'asyncio', 'jinja2', 'networkx', 'prometheus_client', 'rich', 'starlette', 'uvicorn'};"
        "sys.exit(', '.join(sorted(slow & sys.modules.keys())) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert "start one with: parley node run" in done.stderr


def test_the_arguments_of_the_process_are_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parley", "no_such_word"])
    assert main() == 2
    assert "no_such_word" in capsys.readouterr().err
