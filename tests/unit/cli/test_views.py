"""Tables for people."""

from __future__ import annotations

import io
from typing import Any

import pytest

from parley.cli.output import StreamOutput
from parley.cli.views import VIEWS, spoken_age, spoken_keys

NOW_MS = 1_800_000_000_000


def shown(method: str, result: dict[str, Any]) -> str:
    stdout = io.StringIO()
    VIEWS[method].show(StreamOutput(stdout, io.StringIO(), is_json=False), result, NOW_MS)
    return stdout.getvalue()


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [
        (-5_000, "0 s"),
        (0, "0 s"),
        (999, "0 s"),
        (1_000, "1 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (3_600_000, "1 h"),
        (90_000_000, "1 d"),
    ],
)
def test_ages_are_told_in_their_largest_unit(age_ms: int, expected: str) -> None:
    assert spoken_age(NOW_MS - age_ms, NOW_MS) == expected


def test_what_is_no_moment_has_no_age() -> None:
    assert spoken_age(None, NOW_MS) == "-"


def test_keys_are_told_from_general_to_particular() -> None:
    assert spoken_keys(["a", "b"]) == "a / b"
    assert spoken_keys("ab") == "-"


def test_records_come_with_node_keys_message_and_age() -> None:
    entry = {"Node": "n", "Keys": ["a", "b"], "Message": "\x1b[1mm", "Record": {"created_ms": NOW_MS - 61_000}}
    assert shown("query_message", {"Ok": [entry, {"Node": "n", "Keys": ["c"], "Message": "m"}]}) == (
        "node\tkeys\tmessage\tage\nn\ta / b\t\\x1b[1mm\t1 min\nn\tc\tm\t-\n2 records\n"
    )


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        ({"asked": 0, "answered": 0, "truncated_by": []}, "0 records\n"),
        ({"asked": 3, "answered": 2}, "0 records; 2 of 3 requests to other nodes were answered\n"),
        (
            {"asked": 1, "answered": 1, "truncated_by": ["n"]},
            "0 records; 1 of 1 requests to other nodes were answered; cut to the size limit\n",
        ),
        ("odd", "0 records\n"),
    ],
)
def test_how_complete_an_answer_is_stands_below_it(stats: object, expected: str) -> None:
    assert shown("query_message", {"Ok": [], "stats": stats}) == expected


def test_one_record_is_one_record() -> None:
    assert shown("query_message", {"Ok": [{"Node": "n", "Keys": ["c"], "Message": "m"}]}).endswith("\n1 record\n")


def test_people_are_asked_for_proofs_and_completeness() -> None:
    assert dict(VIEWS["query_message"].params) == {"stats": True, "proofs": True}


def test_peers_come_with_what_they_did() -> None:
    peer = {
        "address": "http://x",
        "id": "ab" * 32,
        "phase": "linked",
        "outbound": True,
        "static": False,
        "seen_ms": NOW_MS - 5_000,
        "reasons": {"bad_signature": 2, "expired": 1},
    }
    assert shown("peers_list", {"Ok": [peer, {"address": "http://y"}]}) == (
        "address\tid\tphase\tdialled by\tstatic\tseen ago\tmisbehaviour\n"
        "http://x\tabababababababab\tlinked\twe\tno\t5 s\tbad_signature 2, expired 1\n"
        "http://y\t-\t-\tit\t-\t-\t-\n"
    )


def test_an_answer_of_another_form_is_an_empty_table() -> None:
    assert shown("query_message", {"Ok": "odd"}) == "0 records\n"
    assert shown("query_message", {"Ok": ["odd"]}) == "0 records\n"


def test_without_peers_there_is_a_way_to_some() -> None:
    assert shown("peers_list", {"Ok": []}) == "no peers; add one with: parley peers add URL\n"
