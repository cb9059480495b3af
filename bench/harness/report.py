"""The figures as a Markdown page. Pure: figures in, text out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.figures import Entry, Figures, echo_name, echo_title
from harness.peers import FLOOR
from harness.settings import HEADLINE, SERVICE_WORKS, WORKS
from harness.targets import verdicts

PREAMBLE = """\
CPU is user and system time of the measured process; every figure is the median of interleaved
rounds, each in fresh processes pinned to one core; a ratio is the median of those within each
round. How they are taken: [README](../README.md)."""


def page(figures: Figures) -> str:
    parts = [
        "# weft beside its peers",
        PREAMBLE,
        machine_table(figures),
        targets_table(figures),
        *echo_tables(figures),
        echo_grid(figures),
        works_table(figures),
        idle_table(figures),
        import_table(figures),
        failures_list(figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first column is text, the others numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def number(value: float | None) -> str:
    """Three significant digits, thousands separated; a dash for what was not measured."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def machine_table(figures: Figures) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in figures.versions.items())
    rows = [*figures.machine.items(), ("versions", versions)]
    lines = [f"- {name}: {value}" for name, value in rows if value]
    return "\n".join(lines + [f"- **{note}**" for note in figures.notes])


def targets_table(figures: Figures) -> str:
    rows = [
        (verdict.target.what, verdict.target.wanted(), verdict.measured, verdict.word)
        for verdict in verdicts(figures)
    ]
    return "## Targets\n\n" + table(("", "target", "measured", ""), rows) if rows else ""


def echo_tables(figures: Figures) -> list[str]:
    """The cells that targets are set for, in full."""
    return [
        echo_table(figures, connections, size)
        for connections, size in HEADLINE
        if echo_name(connections, size) in figures.works
    ]


def echo_table(figures: Figures, connections: int, size: int) -> str:
    work = echo_name(connections, size)
    header = ("", "CPU µs/request", "x C", "requests/s", "p50 µs", "p99 µs", "errors")
    rows = []
    for peer, entry in ordered(figures.works[work], "cpu_us"):
        cells = [number(entry.median(key)) for key in ("requests_per_s", "p50_us", "p99_us")]
        ratio = number(figures.ratio(work, peer, FLOOR, "cpu_us"))
        errors = f"{entry.largest('errors') or 0:.0f}" if entry.samples else "failed"
        rows.append((emphasis(peer), number(entry.median("cpu_us")), ratio, *cells, errors))
    return f"## TCP echo, {echo_title(connections, size)}\n\n{table(header, rows)}"


def ordered(entries: dict[str, Entry], key: str) -> list[tuple[str, Entry]]:
    """Cheapest first, the failed last."""
    infinite = float("inf")

    def cost(item: tuple[str, Entry]) -> float:
        median = item[1].median(key)
        return infinite if median is None else median

    return sorted(entries.items(), key=cost)


def emphasis(peer: str) -> str:
    return f"**{peer}**" if peer.startswith("weft") else peer


def echo_grid(figures: Figures) -> str:
    """CPU per request in every cell, and its ratio to the C server's."""
    cells = [cell for cell in figures.echo_cells() if cell not in HEADLINE]
    if not cells:
        return ""
    parts = ["## TCP echo, all cells: CPU µs/request (x C)"]
    for size in sorted({size for _, size in cells}):
        columns = [cell for cell in figures.echo_cells() if cell[1] == size]
        names = [echo_name(*cell) for cell in columns]
        rows = [
            (emphasis(peer), *(cell_with_ratio(figures, name, peer) for name in names))
            for peer in figures.peers(names)
        ]
        parts.append(table(("", *(echo_title(*cell) for cell in columns)), rows))
    return "\n\n".join(parts)


def cell_with_ratio(figures: Figures, work: str, peer: str) -> str:
    entry = figures.find(work, peer)
    if entry is None or not entry.samples:
        return "failed" if entry else "-"
    errors = entry.largest("errors") or 0
    ratio = figures.ratio(work, peer, FLOOR, "cpu_us")
    shown = f"{number(entry.median('cpu_us'))} ({number(ratio)})"
    return f"{shown}, {errors:.0f} errors" if errors else shown


def works_table(figures: Figures) -> str:
    parts = []
    for name, work in {**WORKS, **SERVICE_WORKS}.items():
        if name not in figures.works:
            continue
        early = name == "timers"
        header = ["", "bytes" if work.key == "bytes" else "CPU µs", "x weft"]
        rows = []
        for peer, entry in ordered(figures.works[name], work.key):
            ratio = figures.ratio(name, peer, "weft", work.key)
            row = [emphasis(peer), number(entry.median(work.key)), number(ratio)]
            woken = entry.largest("early")
            rows.append([*row, "-" if woken is None else f"{woken:.0f}"] if early else row)
        header += ["woken early"] if early else []
        parts.append(f"## {name}: {work.title}\n\n{table(header, rows)}")
    return "\n\n".join(parts)


def idle_table(figures: Figures) -> str:
    if "idle" not in figures.works:
        return ""
    entries = ordered(figures.works["idle"], "bytes")
    rows = [(emphasis(peer), number(entry.median("bytes"))) for peer, entry in entries]
    return "## idle: the server's memory per idle connection\n\n" + table(("", "bytes"), rows)


def import_table(figures: Figures) -> str:
    if "import" not in figures.works:
        return ""
    rows = [
        (emphasis(peer), number(entry.median("cpu_ms")), number(entry.median("wall_ms")))
        for peer, entry in ordered(figures.works["import"], "cpu_ms")
    ]
    header = ("", "CPU ms", "wall ms")
    return "## import: beyond a bare interpreter's start\n\n" + table(header, rows)


def failures_list(figures: Figures) -> str:
    lines = [
        f"- {work}, {peer}: {entry.failure}"
        for work, peers in figures.works.items()
        for peer, entry in peers.items()
        if entry.failure
    ]
    return "## What failed\n\n" + "\n".join(lines) if lines else ""
