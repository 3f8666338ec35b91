"""The scripts for shells, and what they ask the program."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parley.cli.commands import COMMANDS
from parley.cli.completion import COMPLETION, PrintCompletion, print_completion
from parley.cli.output import StreamOutput
from parley.node.program import Program
from parley.node.registry import Registry

SHELLS = ("bash", "fish", "zsh")


def script(shell: str, *, is_json: bool = False) -> str:
    stdout, stderr = io.StringIO(), io.StringIO()
    program = Program(
        load_registry=lambda: Registry(()),
        output=StreamOutput(stdout, stderr, is_json=is_json),
        data_dir=None,
        environment={},
    )
    code = print_completion(program, PrintCompletion(shell=shell))  # type: ignore[arg-type]  # one of the three
    assert (code, stderr.getvalue()) == (0, "")
    return stdout.getvalue()


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_that_asks_this_program(shell: str) -> None:
    text = script(shell)
    assert f"_PARLEY_COMPLETE={shell}_complete" in text
    assert "_parley_completion" in text
    assert text.endswith("\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_for_programs_the_script_is_a_text_in_a_document(shell: str) -> None:
    document = json.loads(script(shell, is_json=True))
    assert document["shell"] == shell
    assert document["script"].strip() == script(shell).strip()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_can_read_its_script(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script(shell))
    done = subprocess.run([program, "-n", str(tmp_path / "script")], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("parley po", ["plain,pool"]),
        ("parley pool stat", ["plain,status"]),
        ("parley pool wa", ["plain,watch"]),
        ("parley pool push --mess", ["plain,--message"]),
        ("parley completion f", ["plain,fish"]),
        ("parley pool push --record x", ["file,x"]),
        ("parley --data-dir x", ["dir,x"]),
    ],
)
def test_words_options_and_files_are_completed(line: str, expected: list[str]) -> None:
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "parley"],
        env={**os.environ, "_PARLEY_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.splitlines() == expected


def test_the_command_is_one_of_the_command_lines_own() -> None:
    assert COMPLETION in COMMANDS
