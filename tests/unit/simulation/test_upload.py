from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

import pytest

from parley.__main__ import main
from parley.errors import ConfigError
from parley.simulation.upload import Flood, UploadReport, UploadSimulation, simulate_upload
from parley.simulation.upload_report import upload_table

CONFIG = UploadSimulation(
    senders=120,
    messages_per_hour=10,
    flood_tries_per_second=20_000_000,
    minutes=80,
    flood_from=10,
    flood_until=40,
)
SMALL = [
    "simulate", "upload", "--senders", "20", "--minutes", "8", "--flood-from", "2", "--flood-until", "6",
    "--flood-tries-per-second", "1000000",
]  # fmt: skip


def waits_s(report: UploadReport) -> float:
    return median(wait_s for row in report.during() for wait_s in row.waits_s)


@pytest.fixture(scope="module")
def reports() -> dict[Flood, UploadReport]:
    return {flood: simulate_upload(replace(CONFIG, flood=flood)) for flood in Flood}


def test_honest_load_below_the_target_pays_the_floor_all_the_time(reports: dict[Flood, UploadReport]) -> None:
    report = reports[Flood.NONE]
    assert {row.units for row in report.minutes} == {256}
    assert sum(row.honest for row in report.minutes) > 1_000
    assert sum(row.flood for row in report.minutes) == 0


@pytest.mark.parametrize("flood", [Flood.NAMES, Flood.ONE_NAME, Flood.HOARD])
def test_a_flood_is_held_near_the_target_and_the_price_does_not_swing(
    flood: Flood, reports: dict[Flood, UploadReport]
) -> None:
    report = reports[flood]
    earned = fmean(row.honest + row.flood for row in report.during())
    assert 30 <= earned <= 80
    assert report.reversals == 0
    assert report.minutes[-1].units == 256


def test_under_a_flood_honest_senders_are_served(reports: dict[Flood, UploadReport]) -> None:
    for report in reports.values():
        assert sum(row.given_up for row in report.minutes) == 0
        assert fmean(row.honest for row in report.during()) > 15


def test_a_flood_under_one_name_is_dear_for_that_name_alone(reports: dict[Flood, UploadReport]) -> None:
    one, many = reports[Flood.ONE_NAME], reports[Flood.NAMES]
    highest = max(row.units for row in one.minutes)
    assert highest <= max(row.units for row in many.minutes) / 8
    assert highest <= 4 * 256
    assert waits_s(one) <= waits_s(many) / 4


def test_who_hoards_cheap_tickets_has_no_use_of_them_for_long(reports: dict[Flood, UploadReport]) -> None:
    report = reports[Flood.HOARD]
    holds_minutes = report.config.upload.price_holds_ms // 60_000
    burst = [row.flood for row in report.minutes if 10 <= row.minute < 10 + holds_minutes]
    after = [row.flood for row in report.minutes if 12 + holds_minutes <= row.minute < 40]
    assert min(burst) > 500
    assert max(after) < 100


def test_who_finds_it_too_dear_gives_up() -> None:
    report = simulate_upload(replace(CONFIG, patience_s=1, sender_tries_per_second=1_000, flood=Flood.NONE, minutes=5))
    assert sum(row.given_up for row in report.minutes) > 20
    assert sum(row.honest for row in report.minutes) == 0


def test_the_seed_repeats_a_simulation() -> None:
    short = replace(CONFIG, minutes=12)
    assert simulate_upload(short).document() == simulate_upload(short).document()
    assert simulate_upload(short).document() != simulate_upload(replace(short, seed=2)).document()


@pytest.mark.parametrize("change", [{"senders": -1}, {"minutes": 0}, {"patience_s": 0}, {"flood_from": 1_441}])
def test_what_cannot_be_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        replace(CONFIG, **change)  # type: ignore[arg-type] # all of them are integers


def test_a_table_has_a_row_each(reports: dict[Flood, UploadReport]) -> None:
    table = upload_table(list(reports.values()))
    assert [row[0] for row in table.rows] == ["none", "names", "one-name", "hoard"]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--flood", "one-name"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Tickets at a target of 60 a minute, price from 256 to 65,536 units of work")
    assert "one-name" in printed


def test_programs_get_every_minute_and_the_settings_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--json", "--floor-units", "7", "--ceiling-units", "9", "--seed", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(report["flood"], report["seed"]) for report in found] == [
        ("none", 3), ("names", 3), ("one-name", 3), ("hoard", 3),
    ]  # fmt: skip
    assert all(len(report["minutes"]) == 8 for report in found)
    assert {minute["units"] for report in found for minute in report["minutes"]} == {7, 9}


def test_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "price.png"
    assert main([*SMALL, "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"drawn: {path}" in capsys.readouterr().out


def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "price.png"
    path.mkdir()
    assert main([*SMALL, "--flood", "none", "--plot", str(path)]) == 1
    assert "plot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"), [(["--plot", "price.txt"], "plot"), (["--floor-units", "70000"], "floor")]
)
def test_wrong_options_are_named(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, *options]) == 1
    assert says in capsys.readouterr().err
