"""The echo work and the memory of idle connections: a server on one core, the load on the other."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.environment import Environment
from harness.figures import Figures, Sample, echo_name
from harness.paths import BUILD
from harness.peers import ECHO_SERVERS, EchoServer
from harness.processes import Broken, Cores, Server, complaint, on_core, run_json
from harness.rounds import Measure, interleave
from harness.settings import MANY, Settings

LOAD = str(BUILD / "load")
OPEN_SECONDS = 30  # to open all connections, to end the window, to drain: each


def measure_echo(figures: Figures, environment: Environment, cores: Cores, plan: Settings) -> None:
    """All cells of the grid, one after another, each in interleaved rounds."""
    for cell in plan.cells:
        measures = {
            server.name: echo_measure(server, environment.python, cores, cell, plan)
            for server in present(environment, plan)
        }
        interleave(figures, echo_name(*cell), measures, plan.rounds_of(cell))


def measure_idle(figures: Figures, environment: Environment, cores: Cores, plan: Settings) -> None:
    """The server's memory for each connection that does nothing; it hardly varies: one round."""
    measures = {
        server.name: idle_measure(server, environment.python, cores, plan.idle_connections)
        for server in present(environment, plan)
    }
    interleave(figures, "idle", measures, 1)


def present(environment: Environment, plan: Settings) -> list[EchoServer]:
    absent = environment.weft_absent is not None
    return [
        server
        for server in ECHO_SERVERS
        if plan.wants(server.name) and not (absent and server.name.startswith("weft"))
    ]


def echo_measure(
    server: EchoServer, python: Path, cores: Cores, cell: tuple[int, int], plan: Settings
) -> Measure:
    connections, size = cell
    many = connections >= MANY
    window, warmup = plan.window * (2 if many else 1), plan.warmup * (3 if many else 1)

    def measure() -> Sample:
        with Server(server.command(python), cores.measured) as running:
            command = load_command(running, connections, size)
            command += ["--seconds", str(window), "--warmup", str(warmup)]
            command += ["--pid", str(running.pid)]
            loaded = run_json(command, cores.driver, 4 * OPEN_SECONDS)
            return echo_sample(loaded, running.complaints())

    return measure


def load_command(server: Server, connections: int, size: int) -> list[str]:
    command = [LOAD, "--port", str(server.port), "--limit", str(OPEN_SECONDS)]
    return [*command, "--connections", str(connections), "--size", str(size)]


def echo_sample(loaded: dict[str, float], complaints: str) -> Sample:
    """The load generator's line as figures.

    Raises:
      Broken: not all connections opened, or none was answered within the window.
    """
    requests, errors = loaded["requests"], loaded["errors"]
    if not requests:
        counts = f"{errors:.0f} errors, {loaded['open']:.0f} of {loaded['connections']:.0f} open"
        raise Broken(f"{counts}: {complaint(complaints, 'the server said nothing')}")
    return {
        "cpu_us": loaded["server_cpu_s"] / requests * 1e6,
        "requests_per_s": requests / loaded["seconds"],
        "p50_us": loaded["p50_us"],
        "p99_us": loaded["p99_us"],
        "errors": errors,
        "server_busy": loaded["server_cpu_s"] / loaded["seconds"],
        "load_busy": loaded["load_cpu_s"] / loaded["seconds"],
    }


def idle_measure(server: EchoServer, python: Path, cores: Cores, connections: int) -> Measure:
    def measure() -> Sample:
        with Server(server.command(python), cores.measured) as running:
            command = load_command(running, connections, 64)
            before = running.rss()
            with on_core(cores.driver):
                load = subprocess.Popen(
                    [*command, "--hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            with load:
                assert load.stdin and load.stdout
                load.stdout.readline()  # all are open, or it gave up
                held = running.rss() - before
                load.stdin.close()
            if load.returncode:
                raise Broken(complaint(running.complaints(), "not all connections opened"))
            return {"bytes": held / connections}

    return measure
