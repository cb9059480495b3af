"""Verdicts: the bound's direction, and what is said where nothing was measured."""

import pytest
from harness.figures import Figures
from harness.targets import TARGETS, Target, verdicts

RATIO = Target("echo", "echo", "weft", 1.35, "floor")
FASTER = Target("spawn", "spawn", "weft", 7, "gevent", at_least=True)
BYTES = Target("parked", "parked", "weft", 6400, key="bytes", unit="bytes")
NONE = Target("early", "timers", "weft", 0, key="early")


def figures(work: str, key: str, **values: float) -> Figures:
    made = Figures()
    for peer, value in values.items():
        made.entry(work, peer).samples.append({key: value})
    return made


@pytest.mark.parametrize(("mine", "word"), [(13.5, "met"), (13.6, "MISSED")])
def test_at_most_a_multiple(mine: float, word: str) -> None:
    verdict = RATIO.verdict(figures("echo", "cpu_us", weft=mine, floor=10))
    assert (verdict.word, verdict.measured) == (word, f"{mine / 10:.2f}x")


@pytest.mark.parametrize(("mine", "word"), [(2.0, "met"), (2.1, "MISSED")])
def test_at_least_so_many_times_faster(mine: float, word: str) -> None:
    verdict = FASTER.verdict(figures("spawn", "cpu_us", weft=mine, gevent=14))
    assert (verdict.word, verdict.measured) == (word, f"{14 / mine:.2f}x")


@pytest.mark.parametrize(("mine", "word"), [(6400, "met"), (6401, "MISSED")])
def test_an_absolute_bound(mine: float, word: str) -> None:
    verdict = BYTES.verdict(figures("parked", "bytes", weft=mine))
    assert (verdict.word, verdict.measured) == (word, f"{mine:,} bytes")


def test_a_bound_of_none_looks_at_the_worst_round() -> None:
    made = figures("timers", "early", weft=0)
    assert NONE.verdict(made).word == "met"
    made.entry("timers", "weft").samples += [{"early": 0.0}, {"early": 1.0}]
    assert NONE.verdict(made).word == "MISSED"


def test_not_measured_is_neither_met_nor_missed() -> None:
    verdict = RATIO.verdict(Figures())
    assert (verdict.met, verdict.word, verdict.measured) == (None, "?", "not measured")


def test_a_failure_is_not_called_unmeasured() -> None:
    made = Figures()
    made.entry("echo", "weft").failure = "ImportError: no weft"
    assert (RATIO.verdict(made).met, RATIO.verdict(made).measured) == (None, "failed")


def test_wanted_says_what_verdict_checks() -> None:
    wanted = [target.wanted() for target in (RATIO, FASTER, BYTES, NONE)]
    assert wanted == [
        "at most 1.35x floor",
        "at least 7x faster than gevent",
        "at most 6,400 bytes",
        "none",
    ]


def test_every_target_of_a_measured_work_has_a_verdict() -> None:
    works = [target.work for target in TARGETS]
    made = Figures()
    assert verdicts(made) == []
    for work in works:
        made.entry(work, "gevent")
    assert [verdict.target for verdict in verdicts(made)] == list(TARGETS)
