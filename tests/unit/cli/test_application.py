"""The program as a person or a script meets it: words, exit codes, streams."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from parley import __version__
from parley.cli.application import run
from parley.cli.tree import Capability
from parley.errors import ConflictError, ErrorCode
from parley.node.program import Program
from parley.node.registry import Audience, Command, NoParameters, Registry
from tests.unit.cli.fake_node import FakeNode

NASTY = "\x1b[31m\u202e[red]x"


class Put(msgspec.Struct, forbid_unknown_fields=True, rename={"keys": "Keys"}):
    keys: Annotated[list[str], Meta(description="under which")]
    size: Annotated[int, Meta(ge=1, le=9, description="how many")] = 1


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[str]
    deepness: int = 1
    budget_ms: int | None = None


class Say(msgspec.Struct, forbid_unknown_fields=True):
    text: str


def never(*_: object) -> None:
    raise RuntimeError


def say(program: Program, parameters: Say) -> int:
    program.output.result({"text": parameters.text, "data_dir": program.data_dir})
    return 0


async def say_later(program: Program, parameters: Say) -> int:
    await asyncio.sleep(0)
    return say(program, parameters) + 1


async def lose(program: Program, parameters: NoParameters) -> int:
    del program, parameters
    raise ConflictError(ErrorCode.ALREADY_SPENT, claim=NASTY)


def interrupt(program: Program, parameters: NoParameters) -> int:
    del program, parameters
    raise KeyboardInterrupt


def command(
    words: str,
    kind: type[msgspec.Struct],
    run: Callable[..., Any] = never,
    *,
    audience: Audience = Audience.LOCAL,
    arguments: tuple[str, ...] = (),
    method: str = "",
    result: str = "null",
) -> Command:
    return Command(
        method=method or words.replace(" ", "_"),
        audience=audience,
        parameters=kind,
        run=run,
        summary=f"Summary of {words}.",
        words=tuple(words.split()),
        arguments=arguments,
        result=result,
    )


COMMANDS = (
    command("box put", Put, audience=Audience.OWNER, arguments=("keys",), method="box_put", result="what was put"),
    command("box ask", Ask, audience=Audience.OWNER, arguments=("keys",), method="query_message"),
    command("box deep say", Say, say, arguments=("text",)),
    command("box later", Say, say_later, arguments=("text",)),
    command("box lose", NoParameters, lose),
    command("box interrupt", NoParameters, interrupt),
    command("box foreign", NoParameters, audience=Audience.FOREIGN),
    command("say", Say, say, arguments=("text",)),
)


@dataclass
class Shell:
    """Runs command lines; remembers which capabilities were loaded."""

    capture: pytest.CaptureFixture[str]
    data_dir: Path

    def __post_init__(self) -> None:
        self.loaded: list[str] = []

    def load(self, word: str) -> Callable[[], tuple[Command, ...]]:
        def load() -> tuple[Command, ...]:
            self.loaded.append(word)
            return COMMANDS

        return load

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        capabilities = [Capability(word, f"About {word}.", self.load(word)) for word in ("box", "say")]
        code = run(arguments, capabilities=capabilities, load_registry=lambda: Registry(COMMANDS))
        captured = self.capture.readouterr()
        return code, captured.out, captured.err

    def at_node(self, *arguments: str) -> tuple[int, str, str]:
        return self("--data-dir", str(self.data_dir), *arguments)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path / "data")


def test_the_help_lists_the_capabilities_and_loads_none(shell: Shell) -> None:
    code, stdout, stderr = shell("--help")
    assert (code, stderr, shell.loaded) == (0, "", [])
    lines = [" ".join(line.split()) for line in stdout.splitlines()]
    assert "box About box." in lines
    assert "say About say." in lines
    assert "Exit codes: 0 done, 1 refused or failed, 2 wrong usage." in lines


def test_the_version_is_told_anywhere(shell: Shell) -> None:
    for arguments in (("--version",), ("box", "--version"), ("box", "put", "--version")):
        assert shell(*arguments) == (0, f"parley {__version__}\n", "")


def test_only_the_capability_that_is_used_is_loaded(shell: Shell) -> None:
    assert shell("say", "x")[0] == 0
    assert shell.loaded == ["say"]


def test_the_help_of_a_word_lists_what_follows(shell: Shell) -> None:
    code, stdout, _ = shell("box", "--help")
    lines = [" ".join(line.split()) for line in stdout.splitlines()]
    assert code == 0
    assert "About box." in lines
    assert "put Summary of box put." in lines
    assert "deep Summary of box deep say." in lines


def test_the_help_of_a_command_tells_parameters_and_result(shell: Shell) -> None:
    code, stdout, _ = shell("box", "put", "--help")
    lines = [" ".join(line.split()) for line in stdout.splitlines()]
    assert code == 0
    assert lines[0] == "Usage: parley box put [OPTIONS] KEYS..."
    assert "KEYS under which" in lines
    assert "Result: what was put." in lines
    assert "--size NUMBER how many [default: 1; 1<=x<=9]" in lines


@pytest.mark.parametrize("arguments", [(), ("box",), ("box", "deep")])
def test_nothing_to_do_is_wrong_usage_and_shows_what_there_is(shell: Shell, arguments: tuple[str, ...]) -> None:
    code, stdout, stderr = shell(*arguments)
    assert (code, stdout) == (2, "")
    assert stderr.startswith("Usage: parley")


@pytest.mark.parametrize(
    ("arguments", "message", "help_of"),
    [
        (("bax",), "No such command 'bax'.", "parley"),
        (("box", "zzz"), "No such command 'zzz'.", "parley box"),
        (("box", "put"), "Missing argument 'KEYS...'.", "parley box put"),
        (("box", "put", "a", "--size", "0"), "0 is not in the range 1<=x<=9", "parley box put"),
        (("box", "put", "a", "--zzz"), "No such option", "parley box put"),
        (("box", "later", "a", NASTY), r"\x1b[31m\u202e[red]x", "parley box later"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: tuple[str, ...], message: str, help_of: str) -> None:
    code, stdout, stderr = shell(*arguments)
    assert (code, stdout) == (2, "")
    assert message in stderr
    assert stderr.endswith(f"  next: see {help_of} --help\n")
    code, stdout, stderr = shell(*arguments, "--json")
    assert (code, stdout) == (2, "")
    assert json.loads(stderr)["error"]["next"] == f"see {help_of} --help"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "--data-dir", "DIR", "box", "deep", "say", "hello"),
        ("box", "--json", "deep", "--data-dir", "DIR", "say", "hello"),
        ("box", "deep", "say", "hello", "--data-dir", "DIR", "--json"),
        ("--data-dir", "ELSEWHERE", "box", "deep", "say", "hello", "--data-dir", "DIR", "--json"),
    ],
)
def test_common_options_may_stand_at_any_word(shell: Shell, arguments: tuple[str, ...]) -> None:
    code, stdout, stderr = shell(*arguments)
    assert (code, stderr) == (0, "")
    assert json.loads(stdout) == {"text": "hello", "data_dir": "DIR"}


def test_a_local_command_runs_here_with_or_without_a_loop(shell: Shell) -> None:
    assert shell("say", NASTY) == (0, "name\tvalue\ntext\t\\x1b[31m\\u202e[red]x\ndata_dir\t-\n", "")
    code, stdout, _ = shell("box", "later", "x", "--json")
    assert (code, json.loads(stdout)) == (1, {"text": "x", "data_dir": None})


def test_a_machine_without_the_fast_loop_takes_the_ordinary_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert shell("box", "later", "x", "--json")[0] == 1


def test_an_error_of_a_local_command_says_what_to_do(shell: Shell) -> None:
    code, stdout, stderr = shell("box", "lose")
    assert (code, stdout) == (1, "")
    assert stderr == (
        "parley: this permission was spent by somebody else (claim=\\x1b[31m\\u202e[red]x)\n"
        "  next: take a fresh challenge\n"
    )


def test_a_foreign_command_is_not_for_the_command_line(shell: Shell) -> None:
    assert shell("box", "foreign")[0] == 1


def test_an_interrupted_command_is_not_done(shell: Shell) -> None:
    code, stdout, stderr = shell("box", "interrupt")
    assert (code, stdout, stderr.strip()) == (1, "", "")


def test_an_owners_command_asks_the_node(shell: Shell, node: FakeNode) -> None:
    node.ok("box_put", None)
    assert shell.at_node("box", "put", "a", "b") == (0, "done\n", "")
    assert shell.at_node("box", "put", "a", "--size", "1", "--json") == (0, "null\n", "")
    assert node.calls == [("box_put", {"Keys": ["a", "b"]}), ("box_put", {"Keys": ["a"], "size": 1})]


def test_programs_get_the_value_alone_or_with_its_siblings(shell: Shell, node: FakeNode) -> None:
    node.ok("query_message", [{"Message": NASTY}])
    code, stdout, stderr = shell.at_node("box", "ask", "a", "--json")
    assert (code, stderr, json.loads(stdout)) == (0, "", [{"Message": NASTY}])
    assert stdout.endswith("\n")
    assert stdout[:-1].isprintable()
    node.ok("query_message", [], stats={"asked": 0})
    code, stdout, _ = shell.at_node("box", "ask", "a", "--json")
    assert json.loads(stdout) == {"Ok": [], "stats": {"asked": 0}}
    assert node.calls == [("query_message", {"keys": ["a"]})] * 2


def test_people_get_the_view_of_the_method(shell: Shell, node: FakeNode) -> None:
    node.ok("query_message", [{"Node": NASTY, "Keys": ["a"], "Message": NASTY}], stats={"asked": 1, "answered": 1})
    code, stdout, stderr = shell.at_node("box", "ask", "a", "--deepness", "2", "--budget-ms", "70")
    assert (code, stderr) == (0, "")
    harmless = r"\x1b[31m\u202e[red]x"
    assert stdout.splitlines() == [
        "node\tkeys\tmessage\tage",
        f"{harmless}\ta\t{harmless}\t-",
        "1 record; 1 of 1 requests to other nodes were answered",
    ]
    assert node.calls[0][1] == {"keys": ["a"], "deepness": 2, "budget_ms": 70, "stats": True, "proofs": True}


@pytest.mark.parametrize(("refusal", "expected"), [(ErrorCode.NOT_FOUND, 1), (ErrorCode.INVALID_PARAMS, 2)])
def test_a_refusal_of_the_node(shell: Shell, node: FakeNode, refusal: ErrorCode, expected: int) -> None:
    node.refuse("box_put", int(refusal), message=NASTY, data={"facts": {"which": NASTY}, "next": NASTY})
    code, stdout, stderr = shell.at_node("box", "put", "a")
    assert (code, stdout) == (expected, "")
    assert stderr == (f"parley: {refusal.summary} (which=\\x1b[31m\\u202e[red]x)\n  next: {refusal.next_step}\n")
    code, stdout, stderr = shell.at_node("box", "put", "a", "--json")
    assert (code, stdout) == (expected, "")
    assert json.loads(stderr)["error"] == {
        "code": int(refusal),
        "name": refusal.name,
        "message": f"{refusal.summary} (which={NASTY})",
        "facts": {"which": NASTY},
        "next": refusal.next_step,
    }


def test_without_a_node_there_is_a_way_to_one(shell: Shell) -> None:
    code, stdout, stderr = shell.at_node("box", "put", "a")
    assert (code, stdout) == (1, "")
    assert "start one with: parley node run" in stderr


def test_a_wrong_setting_is_named(shell: Shell) -> None:
    shell.data_dir.mkdir()
    (shell.data_dir / "parley.toml").write_text("no_such_setting = 1\n")
    code, _, stderr = shell.at_node("box", "put", "a", "--json")
    assert code == 1
    assert json.loads(stderr)["error"]["facts"]["setting"] == "no_such_setting"


PROGRAM = textwrap.dedent(
    """
    import sys
    from parley.cli.application import run
    from parley.cli.tree import Capability
    from parley.node.registry import Audience, Command, NoParameters, Registry

    def flood(program, parameters):
        for number in range(100_000):
            program.output.item(number, f"line {number}")
        return 0

    def coffee(program, parameters):
        program.output.result({"name": "na\\u00efve"})
        return 0

    def make(run):
        return Command(method=run.__name__, audience=Audience.LOCAL, parameters=NoParameters, run=run, summary="S",
                       words=(run.__name__,))

    commands = [make(flood), make(coffee)]
    capabilities = [Capability(one.words[0], "S", lambda: commands) for one in commands]
    sys.exit(run(sys.argv[1:], capabilities=capabilities, load_registry=lambda: Registry(commands)))
    """
)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_has_enough_is_not_complained_about(form: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "flood", *form], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        if process.stdout is None or process.stderr is None:
            pytest.fail("no pipes")
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_even_a_complaint_may_find_nobody() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "no_such_word"], stderr=subprocess.PIPE) as process:
        if process.stderr is None:
            pytest.fail("no pipe")
        process.stderr.close()
        assert process.wait() == 1


def test_a_full_disk_is_told_once() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "coffee"], stdout=full, stderr=subprocess.PIPE, check=False, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "parley: No space left on device: standard output\n  next: make room, or name another\n"


@pytest.mark.parametrize(
    ("form", "expected"), [((), b"name\tvalue\nname\tna\\xefve\n"), (("--json",), b'{"name":"na\\u00efve"}\n')]
)
def test_a_stream_without_unicode_gets_escapes(form: tuple[str, ...], expected: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "coffee", *form],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.stdout == expected


def test_a_stream_that_cannot_be_set_up_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    capabilities = [Capability("say", "S", lambda: COMMANDS)]
    assert run(["say", "é"], capabilities=capabilities, load_registry=lambda: Registry(COMMANDS)) == 0
    assert "é" in stdout.getvalue()
