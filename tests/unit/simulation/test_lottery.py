"""The simulated recipients obey the closed forms, and their winners come as the tickets' own draws do."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.__main__ import load_registry, main
from parley.errors import ConfigError
from parley.lottery.draws import draw, expected_value
from parley.lottery.quoting import ReserveTooSmall, quote_face_value
from parley.simulation.lottery import LotteryReport, face_values, simulate_lottery
from parley.simulation.lottery_advice import Limit, advise, probability, settings_for
from parley.simulation.lottery_config import LotterySimulation
from parley.simulation.lottery_report import advice_lines, advice_table, lottery_table

GWEI = 10**9
CONFIG = LotterySimulation()
SMALL = ["simulate", "lottery", "--requests", "20000", "--gas-price", "0 wei", "--runs", "20"]


@pytest.fixture(scope="module")
def report() -> LotteryReport:
    return simulate_lottery(CONFIG)


def test_the_defaults_come_to_the_face_value_of_the_formula(report: LotteryReport) -> None:
    # v * (1 + n * 0.05**2) = 100 gwei * 2501, of which three digits are kept.
    advice = report.advice
    assert advice.face_value_wei == 250_000 * GWEI
    assert advice.limit is Limit.VARIANCE
    assert advice.fits
    assert advice.deviation == pytest.approx(math.sqrt(2_499 / 1_000_000))
    assert advice.gas_overhead == pytest.approx(86_542 * 0.1 / 250_000)
    assert advice.cost_multiplier == 28
    assert (advice.median_first, advice.late_first) == (1_733, 7_488)


def test_tickets_are_worth_what_they_cost(report: LotteryReport) -> None:
    for row in report.rows:
        worth = expected_value(face_value=row.face_value_wei, win_prob=row.win_prob)
        assert abs(worth - CONFIG.price_wei) < Fraction(1, 10**9)


def test_the_advised_face_value_is_compared_with_smaller_and_larger_ones(report: LotteryReport) -> None:
    assert [row.face_value_wei / report.advice.face_value_wei for row in report.rows] == [
        1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8,
    ]  # fmt: skip


def test_as_many_win_as_are_to_win(report: LotteryReport) -> None:
    for row in report.rows:
        deviations = (row.winners.mean - 1_000_000 * probability(row.win_prob)) / (row.winners.high - row.winners.mean)
        assert abs(deviations) < 2


def test_income_varies_as_the_closed_form_says(report: LotteryReport) -> None:
    for row in report.rows:
        law = math.sqrt((1 - probability(row.win_prob)) / (1_000_000 * probability(row.win_prob)))
        assert row.deviation_law == pytest.approx(law)
        assert row.deviation.mean == pytest.approx(law, rel=0.15)
    assert sum(row.deviation.holds(row.deviation_law) for row in report.rows) >= 6


def test_the_first_winner_comes_when_the_geometric_law_says(report: LotteryReport) -> None:
    for row in report.rows:
        share = probability(row.win_prob)
        assert row.median_first == pytest.approx(math.log(2) / share, rel=0.25)
        assert row.late_first == pytest.approx(math.log(20) / share, rel=0.25)


def test_winners_find_the_room_that_was_reckoned(report: LotteryReport) -> None:
    for row in report.rows:
        assert row.float_kept >= 0.998
        # Among the 6000 tickets of ten minutes so many win on average, and each of them takes up its face value.
        assert row.float_wei >= row.face_value_wei * (1 + 6_000 * probability(row.win_prob))


def test_gas_takes_less_from_larger_face_values(report: LotteryReport) -> None:
    overheads = [row.gas_overhead for row in report.rows]
    assert overheads == sorted(overheads, reverse=True)
    assert overheads[0] == pytest.approx(8 * overheads[3])


def test_ruin_is_certain_where_gas_eats_the_margin_and_grows_with_the_face_value(report: LotteryReport) -> None:
    ruined = [row.ruined.mean for row in report.rows]
    assert report.rows[0].gas_overhead > 1 - CONFIG.cost_share
    assert ruined[0] == report.rows[0].ruin_law == 1
    assert ruined[1] < ruined[3] < ruined[-1]
    for row in report.rows:
        assert row.ruined.low <= row.ruin_law  # which is however long it goes on


def ballot_ruin(*, tickets: int, share: float, jump: int, held: int) -> float:
    """Return the probability of ruin within some tickets by the ballot theorem, for whole numbers.

    The walk that goes down by one or up by `jump - 1` first meets -(held + 1) at step n with the probability
    (held + 1) / n * P(it is there at step n) (Otter, Dwass, Kemperman).
    """
    down, total, wins = held + 1, 0.0, 0
    while (step := down + jump * wins) <= tickets:
        ways = math.lgamma(step + 1) - math.lgamma(wins + 1) - math.lgamma(step - wins + 1)
        total += down / step * math.exp(ways + wins * math.log(share) + (step - wins) * math.log1p(-share))
        wins += 1
    return total


@pytest.mark.parametrize(("requests", "cushion"), [(3_000, 40), (20_000, 200), (20_000, 900)])
def test_ruin_within_the_requests_is_that_of_the_ballot_theorem(requests: int, cushion: int) -> None:
    config = LotterySimulation(
        price_wei=GWEI,
        requests=requests,
        variance_budget=math.sqrt(249.5 / requests),  # face value: 250 prices
        gas_price_wei=0,
        cost_share=0.5,
        cushion_requests=cushion,
        redemption_minutes=0,
        runs=3_000,
    )
    row = next(row for row in simulate_lottery(config).rows if row.face_value_wei == 250 * GWEI)
    exact = ballot_ruin(tickets=requests, share=1 / 250, jump=500, held=cushion)
    assert row.ruined.mean == pytest.approx(exact, abs=0.03)
    assert exact <= row.ruin_law + 1e-9


def test_money_that_comes_late_is_money_that_must_be_held() -> None:
    prompt = replace(CONFIG, redemption_minutes=0, cushion_requests=14_000, runs=400)
    late = replace(prompt, redemption_minutes=10, cushion_requests=20_000)
    assert advise(prompt).ruin == advise(late).ruin
    assert advise(late).ruin < advise(replace(late, redemption_minutes=20)).ruin


def test_winners_come_as_the_tickets_own_draws_say() -> None:
    """Gaps between winners of real draws are geometric: chi-square over ten classes of equal weight."""
    share, tickets = 1 / 20, 60_000
    win_prob = (2**256 - 1) // 20
    gaps, last = [], 0
    for number in range(1, tickets + 1):
        signature = hashlib.shake_256(number.to_bytes(8, "big")).digest(65)
        if draw(signature, number % 97) < win_prob:
            gaps.append(number - last)
            last = number
    bounds = [math.ceil(math.log1p(-tenth / 10) / math.log1p(-share)) for tenth in range(1, 10)]
    tails = [1.0, *((1 - share) ** bound for bound in bounds), 0.0]
    weights = [high - low for high, low in pairwise(tails)]
    counts = [0] * 10
    for gap in gaps:
        counts[sum(gap > bound for bound in bounds)] += 1
    expected = [weight * len(gaps) for weight in weights]
    square = sum((count - wanted) ** 2 / wanted for count, wanted in zip(counts, expected, strict=True))
    assert square < 27.9  # exceeded once in a thousand by chance, at nine degrees of freedom


def test_paths_end_near_what_was_to_be_expected(report: LotteryReport) -> None:
    assert report.marks[-1] == 1_000_000
    assert list(report.marks) == sorted(set(report.marks))
    early = [abs(path.shares[report.marks.index(10_000)] - 1) for path in report.paths]
    at_last = [abs(path.shares[-1] - 1) for path in report.paths]
    assert max(at_last) < 4 * 0.05
    assert sum(at_last) < sum(early) / 4


def test_the_seed_repeats_a_simulation() -> None:
    short = LotterySimulation(requests=50_000, runs=20)
    assert simulate_lottery(short).document() == simulate_lottery(short).document()
    assert simulate_lottery(short).document() != simulate_lottery(replace(short, seed=2)).document()


def test_a_guaranteed_float_keeps_the_face_value_down() -> None:
    tight = replace(CONFIG, float_limit_wei=1_500_000 * GWEI)
    advice = advise(tight)
    assert advice.limit is Limit.FLOAT
    assert advice.float_wei <= tight.float_limit_wei
    assert 100_000 * GWEI > advice.face_value_wei > advice.least_wei
    assert advise(replace(CONFIG, float_limit_wei=10**18)) == advise(CONFIG)


@given(st.integers(1, 2_000))
def test_whatever_the_float_the_winners_find_room_or_nothing_fits(thousands: int) -> None:
    limit_wei = thousands * 10_000 * GWEI
    advice = advise(replace(CONFIG, float_limit_wei=limit_wei))
    assert CONFIG.price_wei < advice.face_value_wei <= 250_000 * GWEI
    assert advice.float_wei <= limit_wei or not advice.fits


def test_a_float_below_one_ticket_is_said() -> None:
    advice = advise(replace(CONFIG, float_limit_wei=1))
    assert advice.face_value_wei == CONFIG.price_wei + 1
    assert not advice.fits


def test_what_cannot_be_kept_is_said_with_what_it_would_take() -> None:
    dear = simulate_lottery(replace(CONFIG, gas_price_wei=GWEI, runs=2))
    first, reason, remedy = advice_lines(dear)
    assert first.startswith("No face value keeps to all that was asked for. Nearest: face value 250000 gwei")
    # A tenth of a winner pays 86,542 gwei, so it is 865,420 gwei; (8654.2 - 1) / 0.05**2 requests.
    assert "865420 gwei" in reason
    assert "3,461,280 requests to look at, not 1,000,000" in reason
    assert "float of" not in reason
    assert remedy.startswith("So look at more requests")
    enough = replace(CONFIG, gas_price_wei=GWEI, requests=3_500_000)
    assert advise(enough).fits


def test_a_float_that_is_too_small_is_said_with_what_it_would_take() -> None:
    tight = simulate_lottery(replace(CONFIG, float_limit_wei=1_000_000 * GWEI, runs=2))
    _, reason, _ = advice_lines(tight)
    # A winner of 865.42 prices: of 6000 tickets 6.93 win on average, 16 at most by Poisson, and the one that comes.
    assert "a float of 0.001471214 ether, not 0.001 ether" in reason
    assert "requests to look at" not in reason


@given(st.integers(1, 10**15), st.integers(1, 10**12), st.integers(1, 10**9))
def test_a_node_that_is_set_as_advised_asks_for_the_advised_face_value(
    price_wei: int, gas_price_wei: int, requests: int
) -> None:
    config = LotterySimulation(price_wei=price_wei, gas_price_wei=gas_price_wei, requests=requests)
    advice = advise(config)
    settings = settings_for(config, advice)
    if settings is None:
        assert advice.face_value_wei > min(2**63 - 1, 1_000_000 * 150_000 * gas_price_wei)
        return
    asked_wei = quote_face_value(
        expected_value_wei=price_wei,
        redeem_gas=150_000,
        gas_price_wei=gas_price_wei,
        cost_multiplier=settings["lottery.cost_multiplier"],
        max_float_wei=min(10**30, settings["lottery.face_value_max_wei"]),
    )
    # A winner that would not pay for the node's own idea of a redemption is never asked for.
    assert asked_wei == advice.face_value_wei or isinstance(asked_wei, ReserveTooSmall)
    assert isinstance(asked_wei, int) == (advice.face_value_wei >= min(150_000 * gas_price_wei, 150_000 * 3 * GWEI))


def test_the_settings_are_said(report: LotteryReport) -> None:
    # 150,000 gas at 0.1 gwei are 15,000 gwei; 17 times that is the first multiple above 250,000 gwei.
    assert advice_lines(report)[1] == (
        "A node asks for it when set to lottery.cost_multiplier = 17, lottery.face_value_max_wei = 250000000000000."
    )
    free = simulate_lottery(replace(CONFIG, gas_price_wei=0, runs=2))
    assert len(advice_lines(free)) == 1


def test_free_gas_pays_every_face_value() -> None:
    advice = advise(replace(CONFIG, gas_price_wei=0))
    assert (advice.fits, advice.gas_overhead, advice.cost_multiplier) == (True, 0, 0)


def test_without_a_margin_no_cushion_is_enough() -> None:
    assert advise(replace(CONFIG, cost_share=0.99)).safe_cushion is None
    safe = advise(CONFIG).safe_cushion
    assert safe is not None
    assert advise(replace(CONFIG, cushion_requests=safe)).ruin <= 0.01
    assert advise(replace(CONFIG, cushion_requests=safe - 100)).ruin > 0.01


def test_tickets_that_all_but_always_win_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        face_values(replace(CONFIG, requests=10**9), 10 * CONFIG.price_wei)
    assert caught.value.facts["setting"] == "requests"


def test_face_values_at_or_below_the_price_are_left_out() -> None:
    assert face_values(replace(CONFIG, requests=10), 300 * GWEI) == tuple(
        wei * GWEI for wei in (150, 300, 600, 1_200, 2_400)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"price_wei": 0}, {"requests": 0}, {"runs": 1}, {"seed": -1}, {"variance_budget": 0.0},
        {"variance_budget": math.nan}, {"gas_budget": 1.5}, {"cost_share": 0.0}, {"requests": True},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_name(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(CONFIG, **change)  # type: ignore[arg-type] # all of them are numbers
    assert caught.value.facts["setting"] == next(iter(change))


def test_tables_have_a_row_each(report: LotteryReport) -> None:
    table = lottery_table(report)
    assert [row[0] for row in table.rows if str(row[0]).endswith("*")] == ["250000 gwei *"]
    assert len(table.rows) == 7
    for one in (table, advice_table(report)):
        assert all(len(row) == len(one.columns) for row in one.rows)


@pytest.mark.parametrize("words", [["simulate", "lottery"], ["lottery", "simulate"]])
def test_both_names_are_one_command(words: list[str]) -> None:
    (found,) = [command for command in load_registry().commands if list(command.words) == words]
    assert found.summary.startswith("Recommend a face value")


def test_people_get_a_recommendation_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SMALL) == 0
    printed = capsys.readouterr().out
    # 100 gwei * (1 + 20000 * 0.0025) = 5100 gwei.
    assert printed.startswith("Recommended: face value 5100 gwei, which wins 1 time in 51 (win_prob 0x0505")
    assert "100 gwei a request, over 20,000 requests, gas at 0 wei" in printed
    assert "Face values, 20 runs of 20,000 requests each" in printed


def test_programs_get_one_document_and_the_settings_count(capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--price",
        "2 gwei",
        "--gas-price",
        "3 wei",
        "--redeem-gas",
        "7",
        "--seed",
        "9",
        "--variance-budget",
        "0.5",
    ]
    assert main([*SMALL, *options, "--seed", "9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["seed"], found["price_wei"], found["redeem_wei"]) == (9, "2000000000", "21")
    # 2 gwei * (1 + 20000 / 4) = 10002 gwei, of which three digits are kept.
    assert found["advice"]["face_value_wei"] == str(10_000 * GWEI)
    assert int(found["advice"]["win_prob"]) == pytest.approx((2**256 - 1) / 5_000)
    assert [len(path) for path in found["paths"]] == [len(found["marks"])] * 24


@pytest.mark.parametrize("extra", [[], ["--gas-price", "0.1 gwei", "--float-limit", "0.01 ether"]])
def test_a_picture(tmp_path: Path, extra: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "income.png"
    assert main([*SMALL, *extra, "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"drawn: {path}" in capsys.readouterr().out


def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "income.png"
    path.mkdir()
    assert main([*SMALL, "--plot", str(path)]) == 1
    assert "plot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--plot", "income.txt"], 1, "plot"),
        (["--price", "20"], 1, "price"),
        (["--gas-price", "cheap"], 1, "gas_price"),
        (["--float-limit", "0.5 wei"], 1, "float_limit"),
        (["--price", "0 wei"], 1, "price_wei"),
        (["--runs", "1"], 2, "runs"),
    ],
)
def test_wrong_options_are_named(options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, *options]) == code
    assert says in capsys.readouterr().err
