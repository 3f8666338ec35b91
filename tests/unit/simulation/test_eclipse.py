from __future__ import annotations

from random import Random

import pytest

from parley.errors import LocalError
from parley.simulation.eclipse import eclipse_by_address, eclipse_by_group, eclipse_with_anchors


def test_hand_counted_draws() -> None:
    assert eclipse_by_address(bad=3, addresses=5, slots=2) == pytest.approx(3 / 10)  # 3/5 * 2/4
    assert eclipse_by_address(bad=5, addresses=5, slots=5) == 1
    assert eclipse_by_address(bad=2, addresses=5, slots=3) == 0
    assert eclipse_by_address(bad=0, addresses=5, slots=1) == 0


def test_groups_are_drawn_as_addresses_are() -> None:
    assert eclipse_by_group(bad_groups=2, groups=4, slots=2) == pytest.approx(1 / 6)


def test_each_anchor_multiplies_by_the_chance_that_it_is_gone() -> None:
    assert eclipse_with_anchors(bad_groups=2, groups=4, slots=2, anchors=0, anchor_loss=0.1) == pytest.approx(1 / 6)
    assert eclipse_with_anchors(bad_groups=2, groups=4, slots=2, anchors=2, anchor_loss=0.1) == pytest.approx(1 / 600)
    assert eclipse_with_anchors(bad_groups=4, groups=4, slots=2, anchors=2, anchor_loss=0.0) == 0


def test_the_formula_agrees_with_drawing() -> None:
    source = Random(3)
    draws = 20_000
    all_bad = sum(all(address < 12 for address in source.sample(range(20), 3)) for _ in range(draws))
    # Four standard deviations of a share around 0.193 are 0.011.
    assert all_bad / draws == pytest.approx(eclipse_by_address(bad=12, addresses=20, slots=3), abs=0.011)


@pytest.mark.parametrize(("bad", "addresses", "slots"), [(-1, 5, 1), (6, 5, 1), (1, 5, 0), (1, 5, 6)])
def test_impossible_numbers_are_refused(bad: int, addresses: int, slots: int) -> None:
    with pytest.raises(LocalError):
        eclipse_by_address(bad=bad, addresses=addresses, slots=slots)


@pytest.mark.parametrize(("anchors", "anchor_loss"), [(-1, 0.5), (3, 0.5), (1, 1.5)])
def test_impossible_anchors_are_refused(anchors: int, anchor_loss: float) -> None:
    with pytest.raises(LocalError):
        eclipse_with_anchors(bad_groups=1, groups=4, slots=2, anchors=anchors, anchor_loss=anchor_loss)
