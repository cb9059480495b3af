"""Interleaving, and what becomes of a peer that breaks."""

from collections.abc import Callable

from harness.figures import Figures, Sample
from harness.processes import Broken
from harness.rounds import interleave


def test_every_peer_once_a_round() -> None:
    calls: list[str] = []

    def peer(name: str) -> Callable[[], Sample]:
        def measure() -> Sample:
            calls.append(name)
            return {"cpu_us": float(len(calls))}

        return measure

    figures = Figures()
    interleave(figures, "spawn", {name: peer(name) for name in "abc"}, rounds=2)
    assert "".join(calls) == "abcabc"
    assert figures.entry("spawn", "b").samples == [{"cpu_us": 2.0}, {"cpu_us": 5.0}]


def test_a_broken_peer_is_noted_and_not_asked_again() -> None:
    calls = 0

    def broken() -> Sample:
        nonlocal calls
        calls += 1
        raise Broken("it fell over")

    figures = Figures()
    interleave(figures, "spawn", {"a": broken, "b": lambda: {"cpu_us": 1.0}}, rounds=3)
    assert calls == 1
    assert figures.entry("spawn", "a").failure == "it fell over"
    assert len(figures.entry("spawn", "b").samples) == 3


def test_a_peer_without_that_work_is_left_out() -> None:
    figures = Figures()
    interleave(figures, "spawn", {"a": lambda: None, "b": lambda: {"cpu_us": 1.0}}, rounds=2)
    assert list(figures.works["spawn"]) == ["b"]
