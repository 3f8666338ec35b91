"""How large an answer may be is part of the protocol, so nobody is blamed for what the asker has set for itself."""

from __future__ import annotations

import pytest

from tests.functional.nodes import STILL_GRAPH, Nodes

pytestmark = pytest.mark.functional


def test_a_link_is_not_blamed_for_an_answer_above_the_askers_own_limit(nodes: Nodes) -> None:
    full = nodes.add("full")
    small = nodes.add_linked("small", full, settings=f"{STILL_GRAPH}[pool]\nanswer_bytes_max = 4096\n")
    for number in range(100):
        pushed = full.owner("push_message", {"Keys": ["k", str(number)], "Message": "x" * 1_500, "Expiration": 600})
        assert pushed.ok is None

    found = small.messages("k", deepness=2)

    assert found == ["x" * 1_500] * 2
    (peer,) = small.owner("peers_list", {}).ok
    assert (peer["phase"], peer["points"], peer["reasons"]) == ("linked", 0, {})
