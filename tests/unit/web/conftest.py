"""One node whose pages are looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.node.wiring import Node
from tests.unit.web.nodes import make_node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """Build a node on the loopback interface, with an empty pool and no peers."""
    node = make_node(tmp_path / "node")
    yield node
    await node.close()
