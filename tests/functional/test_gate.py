"""`parley gate` as a process in front of a server that knows nothing of it."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.functional.program import parley

pytestmark = pytest.mark.functional

UPSTREAM = """
import http.server, functools, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[str]:
    """Serve two files."""
    folder = tmp_path / "files"
    (folder / "paid").mkdir(parents=True)
    (folder / "free.txt").write_text("for everybody")
    (folder / "paid" / "story.txt").write_text("for those who pay")
    with subprocess.Popen(
        [sys.executable, "-c", UPSTREAM, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_what_has_a_price_is_asked_for_and_the_rest_passes(upstream: str, tmp_path: Path) -> None:
    words = ["gate", "--upstream", upstream, "--units", "/paid/*=1", "--http", "127.0.0.1:0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "parley", *words, "--data-dir", str(tmp_path / "gate")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["http"]
        with urlopen(f"{url}/free.txt", timeout=30) as answer:  # noqa: S310  # our own process
            assert answer.read() == b"for everybody"
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{url}/paid/story.txt", timeout=30)  # noqa: S310  # as above
        with caught.value as refusal:
            assert refusal.code == 402
            wanted = json.loads(base64.b64decode(refusal.headers["PAYMENT-REQUIRED"]))
            assert b"for those who pay" not in refusal.read()
        assert [entry["scheme"] for entry in wanted["accepts"]] == ["pow"]
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=30)
        assert process.returncode == 0, (stdout, stderr)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--upstream", "ftp://127.0.0.1:1", "--units", "1"),
        ("--upstream", "http://127.0.0.1:1"),
        ("--upstream", "http://127.0.0.1:1", "--price", "20"),
        ("--upstream", "http://127.0.0.1:1", "--price", "20 gwei"),
        ("--upstream", "http://127.0.0.1:1", "--units", "-1"),
    ],
)
def test_wrong_words_are_told_before_anything_listens(words: tuple[str, ...], tmp_path: Path) -> None:
    done = parley("gate", *words, "--json", data_dir=tmp_path / "gate")
    assert done.code in {1, 2}
    assert json.loads(done.stderr)["error"]["message"]
