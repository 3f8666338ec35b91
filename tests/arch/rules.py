"""Rules that ruff, mypy and import-linter do not know: each takes a source and returns its findings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.arch.sources import Source

__all__ = [
    "MAX_FUNCTION_LINES",
    "MAX_MODULE_LINES",
    "asserts",
    "banned_file_names",
    "broad_handlers",
    "defined_names",
    "exports",
    "input_output",
    "long_functions",
    "long_modules",
    "mocks",
    "module_state",
    "short_forms",
    "vague_names",
]

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40

SUPERVISOR = "src/parley/node/supervise.py"
PURE_FOLDERS = (
    "src/parley/primitives/",
    "src/parley/protocol/",
    "src/parley/ledgers/",
    "src/parley/pool/",
    "src/parley/upload/",
    "src/parley/lottery/",
    "src/parley/errors.py",
)
VAGUE_MODULES = frozenset({"base", "common", "helper", "helpers", "manager", "misc", "service", "util", "utils"})
VAGUE_CLASSES = ("Helper", "Helpers", "Manager", "Service", "Util", "Utils")
READ_ONLY = frozenset({"Mapping", "Sequence", "AbstractSet", "Collection", "Iterable", "frozenset", "tuple"})

# Cut-off words. A glossary entry lifts the ban on one, everywhere.
SHORT_FORMS = frozenset((Path(__file__).parent / "short_forms.txt").read_text(encoding="utf-8").split())


def asserts(source: Source) -> list[str]:
    """Find `assert`: it is gone under -O, so it guards nothing."""
    return [source.at(node, "assert") for node in ast.walk(source.tree) if isinstance(node, ast.Assert)]


def _caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {""}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind).rpartition(".")[2] for kind in kinds}


def broad_handlers(source: Source) -> list[str]:
    """Find handlers for everything; `BaseException` may be caught to clean up, if raised on at the end."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = _caught(node)
        last = node.body[-1]
        passes_on = isinstance(last, ast.Raise) and last.exc is None
        if "" in caught:
            found.append(source.at(node, "bare except"))
        elif "Exception" in caught and source.name != SUPERVISOR:
            found.append(source.at(node, "except Exception"))
        elif "BaseException" in caught and not passes_on:
            found.append(source.at(node, "except BaseException that does not raise on"))
    return found


def mocks(source: Source) -> list[str]:
    """Find mocks: fakes that obey the port's conformance tests are used instead."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        if any(name.startswith(("unittest.mock", "mock.", "pytest_mock")) for name in names):
            found.append(source.at(node, "mock"))
    return found


def input_output(source: Source) -> list[str]:
    """Find built-in input and output in the pure packages; the imports are import-linter's part."""
    if not source.name.startswith(PURE_FOLDERS):
        return []
    banned = {"open", "print", "input", "breakpoint", "eval", "exec", "compile", "__import__"}
    return [
        source.at(node, f"{node.func.id}() in a pure package")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in banned
    ]


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def long_functions(source: Source) -> list[str]:
    """Find functions above the limit; the docstring does not count."""
    return [
        source.at(node, f"{node.name}() has {_length(node)} lines, at most {MAX_FUNCTION_LINES}")
        for node in _functions(source.tree)
        if _length(node) > MAX_FUNCTION_LINES
    ]


def long_modules(source: Source) -> list[str]:
    """Find modules above the limit."""
    lines = source.text.count("\n")
    return [f"{source.name}: {lines} lines, at most {MAX_MODULE_LINES}"] if lines > MAX_MODULE_LINES else []


def module_state(source: Source) -> list[str]:
    """Find lists, dictionaries and sets at module level, and `global`; constants are read-only by type."""
    found = [source.at(node, "global") for node in ast.walk(source.tree) if isinstance(node, ast.Global)]
    displays = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for node in source.tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, displays):
            continue
        target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        kind = re.split(r"[\[.]", ast.unparse(node.annotation)) if isinstance(node, ast.AnnAssign) else []
        if target != "__all__" and READ_ONLY.isdisjoint(kind):
            found.append(source.at(node, f"{target} is module state; make it a tuple, frozenset or Mapping"))
    return found


def exports(source: Source) -> list[str]:
    """Find public modules without `__all__`, and public classes and functions that it does not name."""
    body = source.tree.body[1:] if ast.get_docstring(source.tree) is not None else source.tree.body
    stem = source.name.rpartition("/")[2].removesuffix(".py")
    if not body or (stem.startswith("_") and stem != "__init__"):
        return []
    listed: list[str] | None = None
    for node in body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__":
            value = getattr(node, "value", None)
            listed = [str(name) for name in ast.literal_eval(value)] if value is not None else []
    if listed is None:
        return [f"{source.name}:1: no __all__"]
    return [
        source.at(node, f"{node.name} is public but not in __all__")
        for node in body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not (node.name.startswith("_") or node.name in listed or node.decorator_list)
    ]


def banned_file_names(source: Source) -> list[str]:
    """Find modules and packages whose name says nothing."""
    parts = source.name.removesuffix(".py").split("/")
    return [f"{source.name}: a module called {part}" for part in parts if part in VAGUE_MODULES]


def vague_names(source: Source) -> list[str]:
    """Find classes whose name says nothing."""
    return [
        source.at(node, f"a class called {node.name}")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(VAGUE_CLASSES)
    ]


def defined_names(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line and name of whatever a source gives a name to; imported names are others' choice."""
    yield 1, source.name.rpartition("/")[2].removesuffix(".py")
    for node in ast.walk(source.tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case _:
                pass


def short_forms(source: Source, allowed: frozenset[str]) -> list[str]:
    """Find cut-off words in names, save those that the glossary allows."""
    found = []
    for line, name in defined_names(source):
        if name.startswith("__") and name.endswith("__"):
            continue
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
        found += [
            f"{source.name}:{line}: {word.lower()} in {name}" for word in words if word.lower() in SHORT_FORMS - allowed
        ]
    return found
