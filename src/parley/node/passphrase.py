"""Asking a person for the passphrase of the wallet, when the node starts in a terminal and no file has it."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from typing import Final, TextIO

from parley.errors import ParleyError
from parley.node.payments_config import ChainAccess

__all__ = ["ask_passphrase"]

_PROMPT: Final = "passphrase of the wallet (empty: this node pays nobody and is not paid): "


async def ask_passphrase(
    access: ChainAccess, terminal: TextIO, *, ask: Callable[[str], str] = getpass.getpass
) -> str | None:
    """Ask, where there is somebody to ask and something to open.

    Nothing is asked where a file has the passphrase, where the chain is inside the node or for development, and where
    the chain does not answer yet.

    Args:
        access: to the chain.
        terminal: standard input.
        ask: shows a prompt and reads a line without showing it.

    Returns:
        The passphrase; None where there is none.
    """
    if not access.url or access.passphrase_file or not terminal.isatty():
        return None
    from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
    from parley.node.payments_opening import DEVELOPMENT_CHAIN_ID

    chain = JsonRpcChain(access.url)
    try:
        if await chain.chain_id() == DEVELOPMENT_CHAIN_ID:
            return None
    except ParleyError:
        return None
    finally:
        await chain.close()
    try:
        return await asyncio.to_thread(ask, _PROMPT) or None
    except EOFError:
        return None
