"""httpx is for clients alone: a server needs none, and a client without it is told what to type."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_HTTPX = "import sys; sys.modules['httpx'] = None; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_the_gate_does_not_need_httpx() -> None:
    done = run(f"{WITHOUT_HTTPX}import parley.gate, parley.gate.paying, parley.gate.budget; print('fine')")
    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_without_httpx_the_client_says_what_to_type() -> None:
    done = run(f"{WITHOUT_HTTPX}import parley.gate.httpx_auth")
    assert done.returncode == 1
    assert "ConfigError" in done.stderr
    assert "pip install 'parley[client]'" in done.stderr
