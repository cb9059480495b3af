"""Medians, ratios and the way to JSON and back."""

import json

import pytest
from harness.figures import Entry, Figures, echo_name


@pytest.fixture
def figures() -> Figures:
    made = Figures({"date": "today"}, {"weft": "0.1"}, ["a note"])
    for value in (1.0, 9.0, 2.0):
        made.entry("spawn", "weft").samples.append({"cpu_us": value})
        made.entry("spawn", "gevent").samples.append({"cpu_us": 10 * value})
    made.entry("spawn", "eventlet").failure = "it broke"
    return made


def test_one_outlier_does_not_move_the_median(figures: Figures) -> None:
    assert figures.median("spawn", "weft", "cpu_us") == 2.0


def test_largest_is_over_all_rounds(figures: Figures) -> None:
    assert figures.entry("spawn", "weft").largest("cpu_us") == 9.0


def test_ratio_is_taken_within_each_round(figures: Figures) -> None:
    figures.entry("spawn", "weft").samples[0] = {"cpu_us": 8.0}
    # 0.8, 0.1 and 0.1; the medians, 8 and 20, would say 0.4
    assert figures.ratio("spawn", "weft", "gevent", "cpu_us") == pytest.approx(0.1)


def test_ratio_takes_the_rounds_that_both_did(figures: Figures) -> None:
    figures.entry("spawn", "uvloop").samples.append({"cpu_us": 3.0})
    assert figures.ratio("spawn", "uvloop", "weft", "cpu_us") == pytest.approx(3.0)


@pytest.mark.parametrize("peer", ["eventlet", "nobody"])
def test_what_was_not_measured_has_no_figure(figures: Figures, peer: str) -> None:
    assert figures.median("spawn", peer, "cpu_us") is None
    assert figures.ratio("spawn", "weft", peer, "cpu_us") is None
    assert figures.ratio("spawn", peer, "weft", "cpu_us") is None


def test_looking_adds_nothing(figures: Figures) -> None:
    assert figures.find("queue", "weft") is None
    assert list(figures.works) == ["spawn"]


def test_peers_keep_the_order_of_their_first_appearance(figures: Figures) -> None:
    figures.entry("queue", "uvloop")
    figures.entry("queue", "weft")
    assert figures.peers(["spawn", "queue"]) == ["weft", "gevent", "eventlet", "uvloop"]


def test_json_and_back(figures: Figures) -> None:
    assert Figures.from_json(json.loads(json.dumps(figures.to_json()))) == figures


def test_echo_cells_are_found_by_their_names(figures: Figures) -> None:
    for cell in ((100, 1024), (10, 65536), (10, 64)):
        figures.entry(echo_name(*cell), "weft")
    assert figures.echo_cells() == [(10, 64), (10, 65536), (100, 1024)]


def test_an_empty_entry_has_no_median() -> None:
    assert Entry().median("cpu_us") is None
    assert echo_name(100, 1024) == "echo 100 x 1024"
