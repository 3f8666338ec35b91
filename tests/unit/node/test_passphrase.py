from __future__ import annotations

import io

import pytest

from parley.adapters.http.server import listen, serve
from parley.node.passphrase import ask_passphrase
from parley.node.payments_config import ChainAccess


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Chain:
    """Says its number to whoever asks, over HTTP."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        self.is_stopping = False

    async def __call__(self, _scope: object, receive: object, send: object) -> None:
        while True:
            message = await receive()  # type: ignore[operator]  # ASGI
            if not message.get("more_body"):
                break
        body = b'{"jsonrpc":"2.0","id":1,"result":"%s"}' % hex(self.chain_id).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})  # type: ignore[operator]  # ASGI
        await send({"type": "http.response.body", "body": body})  # type: ignore[operator]  # ASGI


async def asked(chain_id: int, terminal: io.StringIO, passphrase_file: str = "") -> tuple[str | None, list[str]]:
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return "open sesame"

    server = await serve(Chain(chain_id), await listen("127.0.0.1", 0))  # type: ignore[arg-type]  # a small one
    try:
        said = await ask_passphrase(ChainAccess(url=server.url, passphrase_file=passphrase_file), terminal, ask=ask)
    finally:
        await server.stop(grace_ms=1_000)
    return said, prompts


async def test_a_person_at_a_terminal_is_asked_before_real_money_is_touched() -> None:
    said, prompts = await asked(42_161, Terminal())
    assert said == "open sesame"
    assert len(prompts) == 1


async def test_nobody_is_asked_on_a_development_chain() -> None:
    assert await asked(31_337, Terminal()) == (None, [])


async def test_nobody_is_asked_where_nobody_is() -> None:
    assert await asked(1, io.StringIO()) == (None, [])


async def test_nobody_is_asked_where_a_file_has_it() -> None:
    assert await asked(1, Terminal(), passphrase_file="/somewhere") == (None, [])


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"])
async def test_nobody_is_asked_without_a_chain_that_answers(url: str) -> None:
    assert await ask_passphrase(ChainAccess(url=url), Terminal(), ask=lambda _: "asked") is None
