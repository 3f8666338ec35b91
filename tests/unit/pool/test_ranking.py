from __future__ import annotations

from parley.pool.ranking import Ranking, State


class Crowd:
    """Holders by name: how much they hold, and since when."""

    def __init__(self, **held: tuple[int, int]) -> None:
        self.held = dict(held)
        self.ranking: Ranking[str] = Ranking(self.held, self.state)

    def state(self, name: str) -> State[str] | None:
        if name not in self.held:
            return None
        weight, born = self.held[name]
        return -weight, born, name

    def change(self, name: str, weight: int, born: int) -> None:
        self.held[name] = (weight, born)
        self.ranking.note(name)

    def leave(self, name: str) -> None:
        del self.held[name]
        self.ranking.note(name)

    def first(self, *but: str) -> str | None:
        return self.ranking.first(lambda name: None if name in but else name)


def test_the_heaviest_comes_first_and_among_equals_the_older() -> None:
    crowd = Crowd(a=(1, 1), b=(3, 9), c=(3, 5))
    assert crowd.first() == "c"
    assert crowd.first("c") == "b"
    assert crowd.first("c", "b") == "a"
    assert crowd.first("a", "b", "c") is None
    assert crowd.first() == "c"


def test_changes_count_from_then_on() -> None:
    crowd = Crowd(a=(1, 1), b=(3, 2))
    assert crowd.first() == "b"
    crowd.change("a", 4, 1)
    assert crowd.first() == "a"
    crowd.change("a", 2, 1)
    crowd.change("a", 2, 1)
    assert crowd.first() == "b"
    crowd.leave("b")
    assert crowd.first() == "a"
    crowd.leave("a")
    assert crowd.first() is None
    crowd.change("b", 1, 7)
    assert crowd.first() == "b"


def test_a_return_to_an_old_state_is_seen() -> None:
    crowd = Crowd(a=(5, 1), b=(3, 2))
    assert crowd.first() == "a"
    crowd.change("a", 1, 1)
    assert crowd.first() == "b"
    crowd.change("a", 5, 1)
    assert crowd.first() == "a"
    assert crowd.first("a") == "b"


def test_a_note_of_nothing_new_changes_nothing() -> None:
    crowd = Crowd(a=(5, 1), b=(3, 2))
    assert crowd.first() == "a"
    crowd.change("a", 5, 1)
    assert crowd.first() == "a"
    assert len(crowd.ranking._heap) == 2


def test_states_out_of_date_do_not_pile_up() -> None:
    crowd = Crowd(a=(1, 1), b=(2, 2))
    for number in range(5_000):
        crowd.change("a", number % 7, number)
        assert crowd.first() is not None
        assert len(crowd.ranking._heap) <= 2 * 2 + 64


def test_names_of_those_who_come_and_go_do_not_pile_up() -> None:
    crowd = Crowd(a=(1, 1))
    for number in range(5_000):
        crowd.change(f"guest {number}", 1, number)
        crowd.leave(f"guest {number}")
        assert len(crowd.ranking._changed) <= 2 + 64
    assert crowd.first() == "a"
    assert list(crowd.ranking._current) == ["a"]
