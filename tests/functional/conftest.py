"""Nodes for one test, and nodes that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.nodes import Nodes


def _nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    failed_before = request.session.testsfailed
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.close(keep=request.session.testsfailed > failed_before)


@pytest.fixture
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Give one test its own directory for nodes; it is kept when the test fails."""
    yield from _nodes(request)


@pytest.fixture(scope="module")
def shared_nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Give the tests of a module one directory for nodes; it is kept when one of them fails."""
    yield from _nodes(request)
