"""Draws the figures: ``python -m harness.plot FIGURES.json PLOT.png``, where matplotlib is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from harness.figures import Figures, echo_name, echo_title
from harness.peers import FLOOR
from harness.report import ordered
from harness.settings import HEADLINE, SERVICE_WORKS, WORKS

WEFT, OTHER, GROUND = "#c2410c", "#94a3b8", "#334155"
COLUMNS = 3


def colour(peer: str) -> str:
    if peer.startswith("weft"):
        return WEFT
    return GROUND if peer in (FLOOR, "greenlet alone") else OTHER


def bars(axes: Axes, figures: Figures, work: str, key: str, title: str) -> None:
    """One bar a peer, the cheapest at the top, each with its figure."""
    entries = [(p, e.median(key)) for p, e in ordered(figures.works[work], key)]
    known = [(peer, value) for peer, value in entries if value is not None]
    names = [peer for peer, _ in known]
    values = [value for _, value in known]
    drawn = axes.barh(names, values, color=[colour(peer) for peer in names])
    axes.bar_label(drawn, fmt=lambda v: f"{v:,.0f}" if v >= 100 else f"{v:.3g}", padding=3, size=8)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def lines(axes: Axes, figures: Figures) -> None:
    """CPU per request against the number of connections, a line a peer."""
    columns = [connections for connections, size in figures.echo_cells() if size == 1024]
    works = {connections: echo_name(connections, 1024) for connections in columns}
    hues = iter(matplotlib.color_sequences["tab20"])
    for peer in figures.peers(works[count] for count in columns):
        points = [(c, figures.median(works[c], peer, "cpu_us")) for c in columns]
        known = [(c, v) for c, v in points if v is not None]
        bold = peer.startswith("weft") or peer == FLOOR
        axes.plot(
            [c for c, _ in known],
            [v for _, v in known],
            marker="s" if peer == "weft patched" else "o",
            markersize=4,
            linewidth=2.2 if bold else 1,
            linestyle="--" if peer == "weft patched" else "-",
            color=colour(peer) if bold else next(hues),
            label=peer,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(columns, [f"{c:,}" for c in columns])
    axes.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.set_title("echo, 1 KiB: CPU µs/request by connections", fontsize=10, loc="left")
    axes.legend(fontsize=6, ncols=2)
    axes.tick_params(labelsize=8)


def panels(figures: Figures) -> list[Callable[[Axes], None]]:
    """What there is to draw, each as a function of the axes to draw on."""
    cells = figures.echo_cells()
    works = {**WORKS, **SERVICE_WORKS}
    shown = [cell for cell in cells if cell in HEADLINE] or cells
    wanted = [
        *((echo_name(*c), "cpu_us", f"echo, {echo_title(*c)}: CPU µs/request") for c in shown),
        *((name, work.key, f"{work.title}: {work.unit}") for name, work in works.items()),
        ("idle", "bytes", "memory per idle connection: bytes"),
        ("import", "cpu_ms", "import: CPU ms"),
    ]
    drawn: list[Callable[[Axes], None]] = [
        partial(bars, figures=figures, work=work, key=key, title=title)
        for work, key, title in wanted
        if any(entry.samples for entry in figures.works.get(work, {}).values())
    ]
    if sum(size == 1024 for _, size in cells) > 1:
        drawn.insert(1, partial(lines, figures=figures))
    return drawn


def draw(figures: Figures, target: Path) -> None:
    drawn = panels(figures)
    if not drawn:
        target.unlink(missing_ok=True)  # the last run's, which this page does not describe
        return
    columns = min(COLUMNS, len(drawn))
    rows = -(-len(drawn) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(5.6 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(drawn) :]:
        axes.set_axis_off()
    for axes, panel in zip(grid.flat, drawn, strict=False):
        panel(axes)
    about = figures.machine
    figure.suptitle(
        f"weft beside its peers, less is better; {about['date']}, {about['cpu']}, "
        f"Python {about['python']}",
        fontsize=11,
    )
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    draw(Figures.from_json(json.loads(Path(sys.argv[1]).read_text())), Path(sys.argv[2]))
