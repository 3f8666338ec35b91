"""Compile the contracts, and write what the package ships: interface, bytecode, compiler, hash of the source.

Whoever runs a node needs no compiler: it deploys and calls by these files. `python -m tools.contracts` writes them anew
after a change of a contract; a test compiles again and compares, so a file that does not belong to its source is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import vyper  # type: ignore[import-untyped]  # ships no types

__all__ = ["compiled_files", "main"]

ROOT: Final = Path(__file__).resolve().parents[1]

# Where the sources of a folder are compiled to. What is shipped lies in the package, below all that read it.
FOLDERS: Final = (
    ("contracts", "src/parley/ledgers/evm/artifacts"),
    ("contracts/testing", "contracts/testing/artifacts"),
)


def _compiled(source_path: Path) -> str:
    text = source_path.read_text(encoding="utf-8")
    # the version of the language, of the machine, and the optimisation stand in the source as pragmas
    output = vyper.compile_code(
        text,
        contract_path=source_path.relative_to(ROOT).as_posix(),
        output_formats=["abi", "bytecode", "userdoc", "devdoc"],
    )
    document = {
        "contract": source_path.stem,
        "source": source_path.relative_to(ROOT).as_posix(),
        "source_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "compiler": f"vyper {vyper.__long_version__}",
        "abi": output["abi"],
        "bytecode": output["bytecode"],
        "userdoc": output["userdoc"],
        "devdoc": output["devdoc"],
    }
    return json.dumps(document, indent=1, sort_keys=False) + "\n"


def compiled_files() -> Iterator[tuple[str, str]]:
    """Yield path, relative to the root of the tree, and text of each file that belongs to a contract."""
    for sources, target in FOLDERS:
        for path in sorted((ROOT / sources).glob("*.vy")):
            yield f"{target}/{path.stem}.json", _compiled(path)


def main() -> None:
    """Write the files that changed, and tell which."""
    for name, text in compiled_files():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"updated {name}")


if __name__ == "__main__":
    main()
