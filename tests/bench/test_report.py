"""The page: every figure where it belongs, failures told, no table of what was not measured."""

import pytest
from harness.figures import Figures, echo_name
from harness.report import number, page, table
from harness.targets import HUNDRED


@pytest.fixture
def figures() -> Figures:
    made = Figures({"date": "today", "cpu": "a fast one"}, {"weft": "0.1"}, ["mind the gap"])
    for peer, cost in (("gevent", 15.0), ("C epoll", 5.0), ("weft serve_tcp", 6.0)):
        sample = {"cpu_us": cost, "requests_per_s": 1e5, "p50_us": 500.0, "p99_us": 1000.0}
        made.entry(HUNDRED, peer).samples.append(sample | {"errors": 0.0})
    made.entry(HUNDRED, "eventlet").failure = "no port within 20 s"
    return made


def test_cheapest_first_failed_last(figures: Figures) -> None:
    text = page(figures).split("## TCP echo", 1)[1]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert rows[2:6] == ["C epoll", "**weft serve_tcp**", "gevent", "eventlet"]


def test_a_row_in_full(figures: Figures) -> None:
    assert "| gevent | 15.0 | 3.00 | 100,000 | 500 | 1,000 | 0 |" in page(figures)


def test_machine_versions_notes_and_failures_are_told(figures: Figures) -> None:
    text = page(figures)
    for said in (
        "cpu: a fast one",
        "weft 0.1",
        "**mind the gap**",
        f"{HUNDRED}, eventlet: no port",
    ):
        assert said in text


def test_verdicts_are_on_the_page(figures: Figures) -> None:
    assert "| at most 1.35x C epoll | 1.20x | met |" in page(figures)


def test_what_was_not_measured_has_no_table(figures: Figures) -> None:
    text = page(figures)
    for absent in ("## spawn", "## idle", "## import", "all cells"):
        assert absent not in text


def test_all_cells_are_shown_once_one_has_no_target(figures: Figures) -> None:
    figures.entry(echo_name(10, 1024), "C epoll").samples.append({"cpu_us": 4.0, "errors": 2.0})
    text = page(figures)
    assert "|  | 10 connections, 1 KiB | 100 connections, 1 KiB |" in text
    assert "| C epoll | 4.00 (1.00), 2 errors | 5.00 (1.00) |" in text
    assert "| eventlet | - | failed |" in text


def test_early_timers_have_a_column() -> None:
    made = Figures()
    made.entry("timers", "uvloop").samples += [{"cpu_us": 18.0, "early": 3.0}]
    assert "| uvloop | 18.0 | - | 3 |" in page(made)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.5678, "0.57"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")],
)
def test_number(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_table() -> None:
    assert table(("", "n"), [("a", "1")]) == "|  | n |\n| --- | ---: |\n| a | 1 |"
