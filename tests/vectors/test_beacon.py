"""Agreement of the beacon with the files in vectors/beacon/, which a second implementation made."""

from __future__ import annotations

import pytest

from parley.protocol.beacon import (
    Beacon,
    ChainLeaf,
    HashLeaf,
    Leaf,
    Profile,
    Seed,
    SignatureLeaf,
    commit,
    draw_below,
    draw_order,
    draw_weighted,
    wins,
)
from tests.oracles.beacon import files, main
from tests.vectors.lottery_values import Case, load

CASES = [(profile, case) for profile in Profile for case in load(f"beacon/{profile.value}.json")]
SEALED = [pytest.param(profile, case.values[0], id=f"{profile.value} {case.id}") for profile, case in CASES]


def leaf_of(fields: Case) -> Leaf:
    match fields["kind"]:
        case "hash":
            return HashLeaf(bytes.fromhex(fields["commitment"]))
        case "signature":
            return SignatureLeaf(bytes.fromhex(fields["signer"]), bytes.fromhex(fields["digest"]))
        case _:
            return ChainLeaf(fields["chain"].encode(), int(fields["height"]))


def test_the_files_are_what_the_second_implementation_makes() -> None:
    assert sorted(files()) == ["beacon/draws.json", "beacon/evm.json", "beacon/native.json", "lottery/commitments.json"]
    assert main([]) == 0


@pytest.mark.parametrize(("profile", "case"), SEALED)
def test_seeds(profile: Profile, case: Case) -> None:
    beacon = Beacon(bytes.fromhex(case["context"]), tuple(map(leaf_of, case["leaves"])), profile)
    # Signatures first; they stand in front in these files.
    for seat, leaf in enumerate(case["leaves"]):
        assert seat in beacon.missing
        beacon = beacon.reveal(seat, bytes.fromhex(leaf["value"]))
    assert beacon.missing == ()
    assert beacon.seed().hex() == case["seed"]


@pytest.mark.parametrize(("profile", "case"), SEALED)
def test_commitments(profile: Profile, case: Case) -> None:
    context = bytes.fromhex(case["context"])
    seats = [(seat, leaf) for seat, leaf in enumerate(case["leaves"]) if leaf["kind"] == "hash"]
    made = [commit(context, seat, bytes.fromhex(leaf["value"]), profile).hex() for seat, leaf in seats]
    assert made == [leaf["commitment"] for _, leaf in seats]
    assert made


@pytest.mark.parametrize("case", load("beacon/draws.json"))
def test_draws(case: Case) -> None:
    seed = Seed(bytes.fromhex(case["seed"]))
    label = case.get("label", "").encode()
    found: object
    match case["kind"]:
        case "below":
            found = str(draw_below(seed, label, int(case["bound"])))
        case "weighted":
            found = draw_weighted(seed, label, case["weights"])
        case "order":
            found = list(draw_order(seed, label, case["places"]))
        case _:
            found = wins(seed, int(case["threshold"]))
    assert found == case["result"]
